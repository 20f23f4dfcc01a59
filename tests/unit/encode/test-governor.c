/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "display/encode/governor.h"

/* Notes a job every 16 ms for a time. */
static void
run(BerthGovernor *governor, int64_t *now_us, int64_t late_us, int64_t run_us, int64_t for_us)
{
    for (int64_t end_us = *now_us + for_us; *now_us < end_us;) {
        *now_us += 16000;
        berth_governor_note(governor, late_us, run_us, *now_us);
    }
}

static void
a_calm_host_does_everything(void **state)
{
    BerthGovernor governor;
    int64_t now_us = 0;
    berth_governor_init(&governor, now_us);
    run(&governor, &now_us, 500, 4000, 10 * 1000000);
    assert_int_equal(berth_governor_get_effort(&governor), BERTH_EFFORT_ALL);
    assert_int_equal(berth_governor_get_min_interval_us(&governor), 0);
}

static void
a_busy_host_does_less_step_by_step(void **state)
{
    BerthGovernor governor;
    int64_t now_us = 0;
    berth_governor_init(&governor, now_us);
    for (int effort = BERTH_EFFORT_ALL - 1; effort >= BERTH_EFFORT_LEAST; effort--) {
        run(&governor, &now_us, 20000, 4000, 17 * 16000);
        assert_int_equal(berth_governor_get_effort(&governor), effort);
    }
    run(&governor, &now_us, 20000, 4000, 1000000);
    assert_int_equal(berth_governor_get_effort(&governor), BERTH_EFFORT_LEAST);
    assert_int_equal(berth_governor_get_min_interval_us(&governor), 50000);
}

static void
jobs_that_take_too_long_count_too(void **state)
{
    BerthGovernor governor;
    int64_t now_us = 0;
    berth_governor_init(&governor, now_us);
    run(&governor, &now_us, 0, 60000, 500000);
    assert_true(berth_governor_get_effort(&governor) < BERTH_EFFORT_ALL);
}

static void
some_late_jobs_are_no_reason(void **state)
{
    BerthGovernor governor;
    int64_t now_us = 0;
    berth_governor_init(&governor, now_us);
    for (int i = 0; i < 20; i++) {
        run(&governor, &now_us, 100, 4000, 39 * 16000);
        run(&governor, &now_us, 90000, 4000, 16000);
    }
    assert_int_equal(berth_governor_get_effort(&governor), BERTH_EFFORT_ALL);
}

static void
effort_comes_back_when_it_is_calm(void **state)
{
    BerthGovernor governor;
    int64_t now_us = 0;
    berth_governor_init(&governor, now_us);
    run(&governor, &now_us, 20000, 4000, 2 * 1000000);
    assert_int_equal(berth_governor_get_effort(&governor), BERTH_EFFORT_LEAST);
    run(&governor, &now_us, 5000, 4000, 20 * 1000000); /* neither busy nor calm */
    assert_int_equal(berth_governor_get_effort(&governor), BERTH_EFFORT_LEAST);
    run(&governor, &now_us, 100, 4000, 5 * 1000000);
    assert_true(berth_governor_get_effort(&governor) > BERTH_EFFORT_LEAST);
    run(&governor, &now_us, 100, 4000, 10 * 1000000);
    assert_int_equal(berth_governor_get_effort(&governor), BERTH_EFFORT_ALL);
}

/* A host that is busy whenever all is done and calm otherwise: tries get rare. */
static void
tries_that_fail_get_rare(void **state)
{
    BerthGovernor governor;
    int64_t now_us = 0;
    int64_t all_us = 0;
    berth_governor_init(&governor, now_us);
    while (now_us < 120 * 1000000LL) {
        bool is_all = berth_governor_get_effort(&governor) == BERTH_EFFORT_ALL;
        all_us += is_all ? 16000 : 0;
        run(&governor, &now_us, is_all ? 20000 : 100, 4000, 16000);
    }
    assert_in_range(all_us, 16000, 5 * 1000000);
}

static void
strange_times_do_no_harm(void **state)
{
    BerthGovernor governor;
    int64_t now_us = 0;
    berth_governor_init(&governor, now_us);
    run(&governor, &now_us, INT64_MIN / 2, -1, 1000000);
    assert_int_equal(berth_governor_get_effort(&governor), BERTH_EFFORT_ALL);
    run(&governor, &now_us, INT64_MAX, INT64_MAX, 1000000);
    assert_int_equal(berth_governor_get_effort(&governor), BERTH_EFFORT_LEAST);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_calm_host_does_everything),
        cmocka_unit_test(a_busy_host_does_less_step_by_step),
        cmocka_unit_test(jobs_that_take_too_long_count_too),
        cmocka_unit_test(some_late_jobs_are_no_reason),
        cmocka_unit_test(effort_comes_back_when_it_is_calm),
        cmocka_unit_test(tries_that_fail_get_rare),
        cmocka_unit_test(strange_times_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
