/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/probe-action.h"
#include "client/probe/probe-options.h"

#include "testing.h"

#include <linux/input-event-codes.h>
#include <string.h>

static void
lines_of_a_script_become_actions(void **state)
{
    BerthProbeAction *action;

    action = berth_probe_action_parse_line("type Hello, world!", NULL);
    assert_int_equal(action->row->kind, BERTH_PROBE_TYPE);
    assert_string_equal(action->text, "Hello, world!");
    berth_probe_action_free(action);
    action = berth_probe_action_parse_line("type \xe6\x97\xa5 \xc3\xa4", NULL);
    assert_string_equal(action->text, "\xe6\x97\xa5 \xc3\xa4");
    berth_probe_action_free(action);
    action = berth_probe_action_parse_line("click 10,20,right", NULL);
    assert_int_equal(action->x, 10);
    assert_int_equal(action->y, 20);
    assert_int_equal(action->button, BERTH_BUTTON_RIGHT);
    berth_probe_action_free(action);
    action = berth_probe_action_parse_line("resize 1024x768", NULL);
    assert_int_equal(action->x, 1024);
    assert_int_equal(action->y, 768);
    berth_probe_action_free(action);
    action = berth_probe_action_parse_line("wait-pixel 1,2,ff8000", NULL);
    assert_int_equal(action->rgb, 0xff8000);
    berth_probe_action_free(action);
    action = berth_probe_action_parse_line("wait-echo", NULL);
    assert_int_equal(action->value, 0);
    berth_probe_action_free(action);
    action = berth_probe_action_parse_line("hold 1.5", NULL);
    assert_int_equal(action->value, 1500);
    berth_probe_action_free(action);
    action = berth_probe_action_parse_line("key ctrl+c", NULL);
    assert_int_equal(action->keys.n_keys, 2);
    assert_int_equal(action->keys.evdev[1], KEY_C);
    berth_probe_action_free(action);
}

static void
lines_that_mean_nothing_are_refused(void **state)
{
    static const char *const lines[] = {
        "",
        " ",
        "fly",
        "type",
        "type \xc3", /* half a character */
        "type a\tb",
        "key",
        "key nothing",
        "click 1",
        "click 1,2,tail",
        "click 1,2,left,3",
        "click -1,2",
        "click 99999,2",
        "move 1,2,3",
        "resize 10",
        "resize 10x",
        "resize 0x10",
        "wait-stable",
        "wait-stable -1",
        "wait-stable 99999999999999999999",
        "wait-pixel 1,2",
        "wait-pixel 1,2,12345g",
        "hold nan",
        "hold -1",
        "hold 1s",
        "wheel",
        "hash x",
        "stats now",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        GError *error = NULL;

        if (berth_probe_action_parse_line(lines[i], &error) != NULL) {
            print_error("'%s' was accepted\n", lines[i]);
            fail();
        }
        assert_int_equal(error->code, BERTH_ERR_INVALID);
        g_clear_error(&error);
    }
}

static void
actions_keep_the_order_of_the_command_line(void **state)
{
    static const char *const argv[] = {
        "probe",  "--broker",    "https://h:1",   "--user",    "ada",
        "--type", "ab",          "--password-fd", "3",         "--wait-stable",
        "100",    "--key=enter", "--logoff",      "--timeout", "5"
    };
    BerthProbeOptions options;
    GError *error = NULL;

    assert_true(berth_probe_options_parse(G_N_ELEMENTS(argv), argv, &options, &error));
    assert_null(error);
    assert_string_equal(options.login.address.host, "h");
    assert_int_equal(options.login.password_fd, 3);
    assert_int_equal(options.actions->len, 4);
    for (guint i = 0; i < 4; i++) {
        static const BerthProbeKind kinds[] = { BERTH_PROBE_TYPE, BERTH_PROBE_WAIT_STABLE,
                                                BERTH_PROBE_KEY, BERTH_PROBE_LOGOFF };
        const BerthProbeAction *action = g_ptr_array_index(options.actions, i);

        assert_int_equal(action->row->kind, kinds[i]);
    }
    berth_probe_options_clear(&options);
}

static void
wrong_command_lines_are_refused(void **state)
{
    static const char *const cases[][8] = {
        { "probe" },
        { "probe", "--broker", "http://h", "--user", "a", "--password-fd", "3" },
        { "probe", "--broker", "https://h", "--password-fd", "3" },
        { "probe", "--broker", "https://h", "--user", "a" },
        { "probe", "--nonsense" },
        { "probe", "--key", "nothing" },
        { "probe", "stray", "--broker", "https://h", "--user", "a", "--password-fd", "3" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        BerthProbeOptions options;
        GError *error = NULL;
        int argc = 0;

        while (argc < 8 && cases[i][argc] != NULL) {
            argc++;
        }
        assert_false(berth_probe_options_parse(argc, cases[i], &options, &error));
        assert_int_equal(error->code, BERTH_ERR_INVALID);
        g_clear_error(&error);
        berth_probe_options_clear(&options);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_a_script_become_actions),
        cmocka_unit_test(lines_that_mean_nothing_are_refused),
        cmocka_unit_test(actions_keep_the_order_of_the_command_line),
        cmocka_unit_test(wrong_command_lines_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
