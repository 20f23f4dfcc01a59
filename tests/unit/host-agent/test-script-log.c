/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/script-log.h"

#include "testing.h"

#include <string.h>

#define LOOK(text, ret) berth_script_log_read((text), strlen(text), (ret))

static void
states_are_told_apart(void **state)
{
    BerthScriptLook look;
    assert_true(LOOK("runs\nhello\n", &look));
    assert_int_equal(look.state, BERTH_SCRIPT_RUNS);
    assert_int_equal(look.n_output_bytes, 6);
    assert_true(LOOK("ended 3\n", &look));
    assert_int_equal(look.state, BERTH_SCRIPT_ENDED);
    assert_int_equal(look.status, 3);
    assert_int_equal(look.n_output_bytes, 0);
    assert_true(LOOK("unknown\n", &look));
    assert_int_equal(look.state, BERTH_SCRIPT_UNKNOWN);
}

static void
anything_else_is_none_of_ours(void **state)
{
    BerthScriptLook look;
    assert_false(LOOK("", &look));
    assert_false(LOOK("runs", &look));
    assert_false(LOOK("sh: not found\n", &look));
    assert_true(LOOK("ended -99999999999999999999\n", &look));
    assert_int_equal(look.status, 0);
}

static void
the_last_line_is_shown(void **state)
{
    static const char *const rows[][2] = {
        { "", "" },
        { "\n \n", "" },
        { "one", "one" },
        { "a\nb\n", "b" },
        { "a\nb c  \n\n\n", "b c" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = berth_script_log_dup_last_line(rows[i][0], strlen(rows[i][0]));
        assert_string_equal(line, rows[i][1]);
    }
}

/* The shell of this machine understands what a guest's shell is given. */
static void
a_shell_understands_them(void **state)
{
    g_autofree char *begin = berth_script_log_dup_begin("0011", "echo 'a \"b\" $c'\nexit 3");
    g_autofree char *look = berth_script_log_dup_look("0011");
    g_autofree char *forget = berth_script_log_dup_forget("0011");
    const char *const scripts[] = { begin, look, forget };
    for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++) {
        int status = -1;
        const char *const argv[] = { "sh", "-n", "-c", scripts[i], NULL };
        assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                                 NULL, &status, NULL));
        assert_int_equal(status, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_are_told_apart),
        cmocka_unit_test(anything_else_is_none_of_ours),
        cmocka_unit_test(the_last_line_is_shown),
        cmocka_unit_test(a_shell_understands_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
