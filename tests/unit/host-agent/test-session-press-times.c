/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/press-times.h"

static void
parts_follow_each_other(void **state)
{
    BerthPressTimes times = { 0 };
    const BerthPressAnswer answer = {
        .input_serial = 7, .capture_us = 1500, .begun_us = 1700, .now_us = 2000
    };
    BerthMsgInputTimes told;

    berth_press_times_note(&times, 5, 1000);
    berth_press_times_note(&times, 7, 1200);
    berth_press_times_note(&times, 8, 1400);
    assert_true(berth_press_times_take(&times, &answer, &told));
    assert_int_equal(told.serial, 7); /* the newest of those that it answers */
    assert_int_equal(told.guest_us, 300);
    assert_int_equal(told.wait_us, 200);
    assert_int_equal(told.encode_us, 300);
    assert_false(berth_press_times_take(&times, &answer, &told)); /* 8 is not answered yet */
    assert_int_equal(times.n, 1);
}

/* What was captured before the press came may still be marked with it: no time is negative. */
static void
no_time_is_negative(void **state)
{
    BerthPressTimes times = { 0 };
    const BerthPressAnswer answer = {
        .input_serial = 1, .capture_us = 900, .begun_us = 950, .now_us = 940
    };
    BerthMsgInputTimes told;

    berth_press_times_note(&times, 1, 1000);
    assert_true(berth_press_times_take(&times, &answer, &told));
    assert_int_equal(told.guest_us, 0);
    assert_int_equal(told.wait_us, 0);
    assert_int_equal(told.encode_us, 0);
}

static void
serials_wrap_around(void **state)
{
    BerthPressTimes times = { 0 };
    const BerthPressAnswer answer = { .input_serial = 2, .now_us = 10 };
    BerthMsgInputTimes told;

    berth_press_times_note(&times, UINT32_MAX - 1, 1);
    berth_press_times_note(&times, 2, 2);
    berth_press_times_note(&times, 3, 3);
    assert_true(berth_press_times_take(&times, &answer, &told));
    assert_int_equal(told.serial, 2);
    assert_int_equal(times.n, 1);
}

static void
of_many_presses_the_newest_are_kept(void **state)
{
    BerthPressTimes times = { 0 };
    BerthMsgInputTimes told;
    const BerthPressAnswer answer = { .input_serial = 1000, .now_us = 5000 };

    for (uint32_t i = 1; i <= 1000; i++) {
        berth_press_times_note(&times, i, i);
    }
    assert_int_equal(times.n, BERTH_PRESS_TIMES_MAX);
    assert_true(berth_press_times_take(&times, &answer, &told));
    assert_int_equal(told.serial, 1000);
    assert_int_equal(times.n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_follow_each_other),
        cmocka_unit_test(no_time_is_negative),
        cmocka_unit_test(serials_wrap_around),
        cmocka_unit_test(of_many_presses_the_newest_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
