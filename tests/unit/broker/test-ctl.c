/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/ctl/command.h"
#include "broker/ctl/table.h"

#include <string.h>

static int
parse(const char *line, char *ret_body, size_t size)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    g_autoptr(GError) error = NULL;
    BerthCtlCall call = { 0 };
    int code =
        berth_ctl_parse((int)g_strv_length(words), words, &call, &error) ? BERTH_OK : error->code;
    char *text = call.body != NULL ? json_dumps(call.body, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    g_strlcpy(ret_body, text != NULL ? text : "", size);
    free(text);
    berth_ctl_call_clear(&call);
    return code;
}

static void
command_lines_become_bodies(void **state)
{
    char body[256];
    assert_berth_ok(
        parse("create pool office --image demo --size 4 --template", body, sizeof body));
    assert_string_equal(body,
                        "{\"image\":\"demo\",\"name\":\"office\",\"size\":4,\"template\":true}");
    assert_berth_ok(parse("entitle office --as-user anna", body, sizeof body));
    assert_string_equal(body, "{\"pool\":\"office\",\"user\":\"anna\"}");
    assert_berth_ok(parse("set pool office --enabled no", body, sizeof body));
    assert_string_equal(body, "{\"enabled\":false}");
    assert_berth_ok(parse("get machines", body, sizeof body));
    assert_string_equal(body, "");
}

static void
wrong_command_lines_are_refused(void **state)
{
    static const char *const lines[] = {
        "nothing",
        "pools fly",
        "get",
        "get clouds",
        "create",
        "create pool",
        "create pool a b",
        "create pool a --size x",
        "create pool a --size 1 --size 2",
        "create pool a --image",
        "create pool a --policy /nonexistent",
        "set pool a --enabled maybe",
        "get machines --wide",
        "logoff",
        "apply",
    };
    char body[256];
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        assert_berth_error(parse(lines[i], body, sizeof body), BERTH_ERR_CONFIG);
    }
}

static void
help_names_every_command(void **state)
{
    char *help = berth_ctl_help();
    bool is_complete = true;
    for (size_t i = 0; i < berth_ctl_n_commands; i++) {
        is_complete = is_complete && strstr(help, berth_ctl_commands[i].doc) != NULL;
    }
    g_free(help);
    assert_true(is_complete);
}

/* Those of the program itself are taken away before a command sees its options. */
static void
no_command_has_an_option_of_the_program(void **state)
{
    static const char *const taken[] = { "broker",  "ca",   "socket",  "user", "password-fd",
                                         "code-fd", "json", "version", "help", NULL };
    for (size_t i = 0; i < berth_ctl_n_commands; i++) {
        const BerthCtlOption *option = berth_ctl_commands[i].options;
        for (; option != NULL && option->kind != BERTH_CTL_OPTION_END; option++) {
            assert_false(g_strv_contains(taken, option->name));
        }
    }
}

static void
a_table_is_aligned_and_cannot_move_the_cursor(void **state)
{
    json_t *rows = json_pack("[{s:s, s:b, s:n}, {s:s, s:b, s:I}]", "name", "a\x1b[2J", "ok", 1, "n",
                             "name", "longer name", "ok", 0, "n", (json_int_t)7);
    char *text = berth_ctl_format_table(rows, "name ok n");
    json_decref(rows);
    bool is_same = strcmp(text, "NAME         OK   N\n"
                                "a?[2J        yes  -\n"
                                "longer name  no   7\n") == 0;
    g_free(text);
    assert_true(is_same);
}

static void
a_tree_shows_lists_of_flat_things_as_tables(void **state)
{
    json_t *trace = json_pack("{s:s, s:[{s:f, s:s}, {s:f, s:s}], s:[], s:[{s:{s:i}}]}", "user",
                              "anna", "steps", "ms", 1.25, "step", "claim", "ms", 20.0, "step",
                              "ticket", "why", "deep", "a", "b", 1);
    char *text = berth_ctl_format_tree(trace);
    json_decref(trace);
    bool is_same = strcmp(text, "user: anna\n"
                                "steps:\n"
                                "  STEP    MS\n"
                                "  claim   1.2\n"
                                "  ticket  20.0\n"
                                "why: []\n"
                                "deep:\n"
                                "  -:\n"
                                "    a:\n"
                                "      b: 1\n") == 0;
    if (!is_same) {
        print_message("%s", text);
    }
    g_free(text);
    assert_true(is_same);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_lines_become_bodies),
        cmocka_unit_test(wrong_command_lines_are_refused),
        cmocka_unit_test(help_names_every_command),
        cmocka_unit_test(no_command_has_an_option_of_the_program),
        cmocka_unit_test(a_table_is_aligned_and_cannot_move_the_cursor),
        cmocka_unit_test(a_tree_shows_lists_of_flat_things_as_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
