/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/login-flow.h"

#include "berth/errors.h"
#include "testing.h"

#define ON(event) BERTH_LOGIN_ON_##event
#define DO(action) BERTH_LOGIN_DO_##action

static int
walk(int state, int event, int expected_action)
{
    int action = -1;

    assert_berth_ok(berth_fsm_step(&berth_login_fsm, &state, event, &action));
    assert_int_equal(action, expected_action);
    return state;
}

static void
the_table_is_whole(void **state)
{
    char *why = NULL;
    int code = berth_fsm_check(&berth_login_fsm, &why);

    if (code != BERTH_OK) {
        print_error("%s\n", why);
    }
    assert_berth_ok(code);
}

static void
a_password_and_a_code_log_in(void **state)
{
    int now = walk(BERTH_LOGIN_IDLE, ON(PROOF), DO(NOTHING));

    assert_int_equal(walk(now, ON(TOKEN), DO(DONE)), BERTH_LOGIN_IDLE);
    now = walk(now, ON(OWED), DO(ASK));
    now = walk(now, ON(ANSWER), DO(CHECK));
    now = walk(now, ON(WRONG), DO(ASK));
    now = walk(now, ON(ANSWER), DO(CHECK));
    assert_int_equal(walk(now, ON(TOKEN), DO(DONE)), BERTH_LOGIN_IDLE);
}

static void
a_browser_and_a_new_factor_log_in(void **state)
{
    int now = walk(BERTH_LOGIN_IDLE, ON(PROVIDER), DO(START));

    now = walk(now, ON(STARTED), DO(BROWSE));
    now = walk(now, ON(BACK), DO(FINISH));
    now = walk(now, ON(NO_FACTOR), DO(ENROL));
    now = walk(now, ON(ENROLLED), DO(ASK));
    now = walk(now, ON(ANSWER), DO(CHECK));
    assert_int_equal(walk(now, ON(TOKEN), DO(DONE)), BERTH_LOGIN_IDLE);
}

static void
every_step_can_fail_or_be_left(void **state)
{
    for (int now = BERTH_LOGIN_IDLE + 1; now < BERTH_N_LOGIN_STATES; now++) {
        assert_int_equal(walk(now, ON(FAILED), DO(FAIL)), BERTH_LOGIN_IDLE);
        assert_int_equal(walk(now, ON(CANCEL), DO(NOTHING)), BERTH_LOGIN_IDLE);
    }
}

static void
what_comes_too_late_changes_nothing(void **state)
{
    static const int late[] = { ON(TOKEN), ON(BACK), ON(ANSWER), ON(STARTED), ON(FAILED) };

    for (size_t i = 0; i < G_N_ELEMENTS(late); i++) {
        int now = BERTH_LOGIN_IDLE;

        assert_berth_error(berth_fsm_step(&berth_login_fsm, &now, late[i], NULL), BERTH_ERR_STATE);
    }
}

static void
only_a_wrong_code_is_asked_for_again(void **state)
{
    assert_true(berth_login_is_code_wrong(BERTH_ERR_BAD_CREDENTIALS));
    assert_true(berth_login_is_code_wrong(BERTH_ERR_THROTTLED));
    assert_false(berth_login_is_code_wrong(BERTH_ERR_EXPIRED));
    assert_false(berth_login_is_code_wrong(BERTH_ERR_CLOSED));
    assert_false(berth_login_is_code_wrong(BERTH_ERR_UNTRUSTED));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(a_password_and_a_code_log_in),
        cmocka_unit_test(a_browser_and_a_new_factor_log_in),
        cmocka_unit_test(every_step_can_fail_or_be_left),
        cmocka_unit_test(what_comes_too_late_changes_nothing),
        cmocka_unit_test(only_a_wrong_code_is_asked_for_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
