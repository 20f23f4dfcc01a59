/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/kiosk-plan.h"

#include "testing.h"

static void
each_state_shows_a_desktop_or_says_something(void **state)
{
    for (int i = 0; i < BERTH_N_CLIENT_STATES; i++) {
        BerthKioskStep good = berth_kiosk_plan((BerthClientState)i, false);
        BerthKioskStep bad = berth_kiosk_plan((BerthClientState)i, true);

        assert_int_equal(good.text == NULL, i == BERTH_CLIENT_OPEN);
        assert_int_equal(bad.text == NULL, i == BERTH_CLIENT_OPEN);
    }
}

static void
only_what_rests_begins_anew(void **state)
{
    static const struct {
        BerthClientState state;
        bool has_error, starts_anew, has_failed, is_over_it;
    } cases[] = {
        { BERTH_CLIENT_IDLE, false, true, true, false },
        { BERTH_CLIENT_IDLE, true, true, true, false },
        { BERTH_CLIENT_LOGIN, false, false, false, false },
        { BERTH_CLIENT_PICK, false, false, false, false },
        { BERTH_CLIENT_PICK, true, true, true, false },
        { BERTH_CLIENT_CONNECT, false, false, false, false },
        { BERTH_CLIENT_OPEN, true, false, false, false },
        { BERTH_CLIENT_WAIT, true, false, false, true },
        { BERTH_CLIENT_RESUME, false, false, false, true },
        { BERTH_CLIENT_RENEW, false, false, false, true },
        { BERTH_CLIENT_ENDED, false, true, false, false },
        { BERTH_CLIENT_ENDED, true, true, true, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        BerthKioskStep step = berth_kiosk_plan(cases[i].state, cases[i].has_error);

        assert_int_equal(step.starts_anew, cases[i].starts_anew);
        assert_int_equal(step.has_failed, cases[i].has_failed);
        assert_int_equal(step.is_over_it, cases[i].is_over_it);
    }
}

static void
failures_in_a_row_take_longer_each_time(void **state)
{
    static const int64_t waits_ms[] = { 1000, 1000, 2000, 4000, 8000, 16000, 30000, 30000 };

    for (unsigned i = 0; i < G_N_ELEMENTS(waits_ms); i++) {
        assert_int_equal(berth_kiosk_wait_ms(i), waits_ms[i]);
    }
    assert_int_equal(berth_kiosk_wait_ms(UINT32_MAX), 30000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_shows_a_desktop_or_says_something),
        cmocka_unit_test(only_what_rests_begins_anew),
        cmocka_unit_test(failures_in_a_row_take_longer_each_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
