/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"

#include "testing.h"

static void
the_monotonic_clock_never_goes_back(void **state)
{
    int64_t last_us = berth_monotonic_us();
    for (int i = 0; i < 1000; i++) {
        int64_t now_us = berth_clock_now_us(&berth_clock_monotonic);
        assert_true(now_us >= last_us);
        last_us = now_us;
    }
}

static void
the_wall_clock_counts_microseconds_since_1970(void **state)
{
    const int64_t year_2020_us = 1577836800LL * 1000000;
    const int64_t year_2100_us = 4102444800LL * 1000000;
    assert_true(berth_wall_us() > year_2020_us);
    assert_true(berth_clock_now_us(&berth_clock_wall) < year_2100_us);
}

static void
a_fake_clock_shows_what_the_test_says(void **state)
{
    BerthFakeClock fake = { .now_us = 5 };
    BerthClock clock = berth_fake_clock(&fake);
    assert_int_equal(berth_clock_now_us(&clock), 5);
    fake.now_us += 100;
    assert_int_equal(berth_clock_now_us(&clock), 105);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(the_wall_clock_counts_microseconds_since_1970),
        cmocka_unit_test(a_fake_clock_shows_what_the_test_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
