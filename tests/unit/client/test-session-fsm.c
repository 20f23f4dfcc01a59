/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/latency.h"
#include "client/core/session-fsm.h"

#include "testing.h"

#include <limits.h>
#include <string.h>

#define ON(event) BERTH_CLIENT_ON_##event
#define DO(action) BERTH_CLIENT_DO_##action

static int
walk(int state, int event, int expected_action)
{
    int action = -1;

    assert_berth_ok(berth_fsm_step(&berth_client_fsm, &state, event, &action));
    assert_int_equal(action, expected_action);
    return state;
}

static void
the_table_is_whole(void **state)
{
    char *why = NULL;
    int code = berth_fsm_check(&berth_client_fsm, &why);

    if (code != BERTH_OK) {
        print_error("%s\n", why);
    }
    assert_berth_ok(code);
    for (int i = 0; i < BERTH_N_CLIENT_STATES; i++) {
        assert_non_null(berth_client_fsm.states[i]);
    }
    for (int i = 0; i < BERTH_N_CLIENT_EVENTS; i++) {
        assert_non_null(berth_client_fsm.events[i]);
    }
}

static void
a_login_leads_to_a_desktop(void **state)
{
    int now = BERTH_CLIENT_IDLE;

    now = walk(now, ON(LOGIN), DO(LOGIN));
    now = walk(now, ON(LOGIN_OK), DO(ASK_LIST));
    now = walk(now, ON(LIST_OK), DO(SHOW_LIST));
    now = walk(now, ON(CHOOSE), DO(ASK_DESKTOP));
    now = walk(now, ON(TICKET), DO(DIAL_TICKET));
    now = walk(now, ON(OPENED), DO(SHOW_DESKTOP));
    assert_int_equal(now, BERTH_CLIENT_OPEN);
}

static void
a_lost_connection_comes_back_by_token_or_by_ticket(void **state)
{
    int now = BERTH_CLIENT_OPEN;

    now = walk(now, ON(LOST), DO(SCHEDULE));
    now = walk(now, ON(RETRY_TOKEN), DO(DIAL_TOKEN));
    now = walk(now, ON(LOST), DO(SCHEDULE));
    now = walk(now, ON(RETRY_TOKEN), DO(DIAL_TOKEN));
    now = walk(now, ON(TOKEN_REFUSED), DO(ASK_DESKTOP));
    now = walk(now, ON(UNREACHABLE), DO(SCHEDULE));
    now = walk(now, ON(RETRY_TICKET), DO(ASK_DESKTOP));
    now = walk(now, ON(TICKET), DO(DIAL_TICKET));
    now = walk(now, ON(OPENED), DO(SHOW_DESKTOP));
    assert_int_equal(now, BERTH_CLIENT_OPEN);
}

static void
the_user_gets_out_of_every_state_that_works_on_something(void **state)
{
    static const int busy[] = {
        BERTH_CLIENT_LOGIN, BERTH_CLIENT_LIST, BERTH_CLIENT_CONNECT, BERTH_CLIENT_DIAL,
        BERTH_CLIENT_OPEN,  BERTH_CLIENT_WAIT, BERTH_CLIENT_RESUME,  BERTH_CLIENT_RENEW,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(busy); i++) {
        int now = walk(busy[i], ON(CLOSE), DO(LEAVE));

        assert_true(now == BERTH_CLIENT_IDLE || now == BERTH_CLIENT_PICK ||
                    now == BERTH_CLIENT_ENDED);
    }
}

static void
a_resume_ends_when_its_time_is_over_in_each_of_its_states(void **state)
{
    assert_int_equal(walk(BERTH_CLIENT_WAIT, ON(GIVE_UP), DO(END)), BERTH_CLIENT_ENDED);
    assert_int_equal(walk(BERTH_CLIENT_RESUME, ON(GIVE_UP), DO(END)), BERTH_CLIENT_ENDED);
    assert_int_equal(walk(BERTH_CLIENT_RENEW, ON(GIVE_UP), DO(END)), BERTH_CLIENT_ENDED);
}

static void
events_out_of_place_change_nothing(void **state)
{
    int now = BERTH_CLIENT_IDLE;

    assert_berth_error(berth_fsm_step(&berth_client_fsm, &now, ON(OPENED), NULL), BERTH_ERR_STATE);
    assert_berth_error(berth_fsm_step(&berth_client_fsm, &now, ON(TICKET), NULL), BERTH_ERR_STATE);
    assert_int_equal(now, BERTH_CLIENT_IDLE);
    now = BERTH_CLIENT_OPEN;
    assert_berth_error(berth_fsm_step(&berth_client_fsm, &now, ON(CHOOSE), NULL), BERTH_ERR_STATE);
}

static void
the_end_of_a_connection_is_read_right(void **state)
{
    static const struct {
        int code;
        bool is_bye, is_token;
        BerthClientEvent event;
    } cases[] = {
        { BERTH_ERR_CLOSED, false, false, ON(LOST) },
        { BERTH_ERR_IO, false, true, ON(LOST) },
        { BERTH_ERR_TIMEOUT, false, false, ON(LOST) },
        { BERTH_ERR_TIMEOUT, true, false, ON(LOST) },
        { BERTH_ERR_NOT_FOUND, true, true, ON(TOKEN_REFUSED) },
        { BERTH_ERR_NOT_FOUND, false, true, ON(LOST) },
        { BERTH_ERR_EXPIRED, true, true, ON(TOKEN_REFUSED) },
        { BERTH_ERR_EXPIRED, true, false, ON(OVER) },
        { BERTH_ERR_UNTRUSTED, false, false, ON(OVER) },
        { BERTH_ERR_UNTRUSTED, false, true, ON(TOKEN_REFUSED) },
        { BERTH_ERR_TAKEN_OVER, true, false, ON(OVER) },
        { BERTH_ERR_TAKEN_OVER, true, true, ON(OVER) },
        { BERTH_ERR_LOGGED_OFF, true, true, ON(OVER) },
        { BERTH_ERR_DISCONNECTED, true, false, ON(OVER) },
        { BERTH_ERR_PROTOCOL, false, false, ON(OVER) },
        { BERTH_ERR_CORRUPT, false, false, ON(OVER) },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        assert_int_equal(
            berth_client_event_of_close(cases[i].code, cases[i].is_bye, cases[i].is_token),
            cases[i].event);
    }
    assert_int_equal(berth_client_event_of_refusal(BERTH_ERR_CLOSED), ON(UNREACHABLE));
    assert_int_equal(berth_client_event_of_refusal(BERTH_ERR_HOST_DOWN), ON(UNREACHABLE));
    assert_int_equal(berth_client_event_of_refusal(BERTH_ERR_EXPIRED), ON(REFUSED));
    assert_int_equal(berth_client_event_of_refusal(BERTH_ERR_NO_DESKTOP), ON(REFUSED));
}

static void
the_broker_is_asked_when_the_session_is_not_there(void **state)
{
    assert_int_equal(berth_client_plan_retry(0, true), ON(RETRY_TOKEN));
    assert_int_equal(berth_client_plan_retry(1, true), ON(RETRY_TOKEN));
    assert_int_equal(berth_client_plan_retry(2, true), ON(RETRY_TICKET));
    assert_int_equal(berth_client_plan_retry(UINT_MAX, true), ON(RETRY_TICKET));
    assert_int_equal(berth_client_plan_retry(0, false), ON(RETRY_TICKET));
}

static void
attempts_slow_down_with_time(void **state)
{
    static const struct {
        int64_t lost_for_us, wait_us;
    } cases[] = {
        { 0, 200000 },          { 29999999, 200000 },   { 30000000, 1000000 },
        { 299999999, 1000000 }, { 300000000, 5000000 }, { INT64_MAX, 5000000 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        int64_t longest_us = cases[i].wait_us + cases[i].wait_us / 4;

        assert_int_equal(berth_client_backoff_us(cases[i].lost_for_us, 0), cases[i].wait_us);
        assert_true(berth_client_backoff_us(cases[i].lost_for_us, UINT32_MAX) <= longest_us);
        assert_int_equal(
            berth_client_backoff_us(cases[i].lost_for_us, (uint32_t)(cases[i].wait_us / 4)),
            longest_us);
    }
}

static void
a_press_is_answered_by_the_first_changed_frame_that_covers_it(void **state)
{
    BerthLatency latency = { .last_us = -1 };
    BerthLatencySummary summary;

    berth_latency_summarize(&latency, &summary);
    assert_int_equal(summary.p50_us, -1);
    berth_latency_sent(&latency, 7, 1000);
    berth_latency_frame(&latency, 6, true, 2000);  /* captured before */
    berth_latency_frame(&latency, 7, false, 3000); /* nothing changed */
    assert_int_equal(latency.n_samples, 0);
    berth_latency_frame(&latency, 8, true, 5000);
    assert_int_equal(latency.n_samples, 1);
    assert_int_equal(latency.last_us, 4000);
    berth_latency_frame(&latency, 8, true, 9000);
    assert_int_equal(latency.n_samples, 1);
    berth_latency_summarize(&latency, &summary);
    assert_int_equal(summary.min_us, 4000);
    assert_int_equal(summary.max_us, 4000);
}

static void
old_presses_are_forgotten_and_serials_wrap(void **state)
{
    BerthLatency latency = { .last_us = -1 };

    berth_latency_sent(&latency, UINT32_MAX, 0);
    berth_latency_frame(&latency, 1, true, 100);
    assert_int_equal(latency.last_us, 100);
    berth_latency_sent(&latency, 5, 1000);
    berth_latency_frame(&latency, 5, true, 10000000);
    assert_int_equal(latency.n_samples, 1);
    assert_int_equal(latency.n_pending, 0);
    for (uint32_t i = 0; i < 3 * BERTH_LATENCY_MAX_PENDING; i++) {
        berth_latency_sent(&latency, 100 + i, 20000000);
    }
    assert_int_equal(latency.n_pending, BERTH_LATENCY_MAX_PENDING);
    berth_latency_forget(&latency);
    assert_int_equal(latency.n_pending, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(a_login_leads_to_a_desktop),
        cmocka_unit_test(a_lost_connection_comes_back_by_token_or_by_ticket),
        cmocka_unit_test(the_user_gets_out_of_every_state_that_works_on_something),
        cmocka_unit_test(a_resume_ends_when_its_time_is_over_in_each_of_its_states),
        cmocka_unit_test(events_out_of_place_change_nothing),
        cmocka_unit_test(the_end_of_a_connection_is_read_right),
        cmocka_unit_test(the_broker_is_asked_when_the_session_is_not_there),
        cmocka_unit_test(attempts_slow_down_with_time),
        cmocka_unit_test(a_press_is_answered_by_the_first_changed_frame_that_covers_it),
        cmocka_unit_test(old_presses_are_forgotten_and_serials_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
