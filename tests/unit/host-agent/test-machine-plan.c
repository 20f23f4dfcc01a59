/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/machine-plan.h"

#include "testing.h"

#define MINUTE_US (60LL * 1000 * 1000)

typedef struct {
    const char *name;
    BerthWantedFacts wanted;
    BerthRunningFacts running;
    BerthHostRoom room;
    BerthPlan plan;
} Row;

/* clang-format off */
static const Row rows[] = {
    /* wanted; what is here; slots, MiB, now, safe mode; plan */
    { "missing is started",     { true, .epoch = 1, .memory_mib = 512 }, { false }, { 1, 512 }, BERTH_PLAN_START },
    { "no slot waits",          { true, .epoch = 1, .memory_mib = 512 }, { false }, { 0, 512 }, BERTH_PLAN_WAIT_SLOT },
    { "slots overdrawn wait",   { true, .epoch = 1, .memory_mib = 512 }, { false }, { -2, 512 }, BERTH_PLAN_WAIT_SLOT },
    { "no memory",              { true, .epoch = 1, .memory_mib = 512 }, { false }, { 1, 511 }, BERTH_PLAN_NO_MEMORY },
    { "memory overdrawn",       { true, .epoch = 1, .memory_mib = 512 }, { false }, { 1, -1 }, BERTH_PLAN_NO_MEMORY },
    { "off is made only",       { true, .is_wanted_off = true, .memory_mib = 512 }, { false }, { 1, 0 }, BERTH_PLAN_MAKE_OFF },
    { "off waits for a slot",   { true, .is_wanted_off = true }, { false }, { 0, 512 }, BERTH_PLAN_WAIT_SLOT },
    { "a lost disk is not made", { true, .needs_its_disk = true }, { false }, { 1, 512 }, BERTH_PLAN_NO_DISK },
    { "nor in another's place", { true, .needs_its_disk = true, .epoch = 4 }, { true, true, .is_kept = true, .runs = BERTH_RUNS_ON, .epoch = 3 }, { 1, 512 }, BERTH_PLAN_NO_DISK },
    { "but it may be removed",  { true, .want_absent = true, .needs_its_disk = true, .epoch = 4 }, { true, true, .is_kept = true, .runs = BERTH_RUNS_ON, .epoch = 3 }, { 1, 512 }, BERTH_PLAN_STOP },
    { "absent and missing",     { true, .want_absent = true }, { false }, { 1, 512 }, BERTH_PLAN_KEEP },
    { "broken is not started",  { true, .is_broken = true }, { false }, { 1, 512 }, BERTH_PLAN_KEEP },
    { "same epoch stays",       { true, .epoch = 3, .memory_mib = 512 }, { true, true, .runs = BERTH_RUNS_ON, .epoch = 3 }, { 0, 0 }, BERTH_PLAN_KEEP },
    { "higher epoch recycles",  { true, .epoch = 4 }, { true, true, .runs = BERTH_RUNS_ON, .epoch = 3 }, { 0, 0 }, BERTH_PLAN_STOP },
    { "also when it is off",    { true, .epoch = 4, .is_wanted_off = true }, { true, true, .runs = BERTH_RUNS_OFF, .epoch = 3 }, { 0, 0 }, BERTH_PLAN_STOP },
    { "also when it is kept",   { true, .epoch = 4 }, { true, true, .is_kept = true, .runs = BERTH_RUNS_ON, .epoch = 3 }, { 0, 0 }, BERTH_PLAN_STOP },
    { "lower epoch is stale",   { true, .epoch = 2 }, { true, true, .runs = BERTH_RUNS_ON, .epoch = 3 }, { 9, 9 }, BERTH_PLAN_STALE },
    { "stale absence too",      { true, .want_absent = true, .epoch = 2 }, { true, true, .epoch = 3 }, { 9, 9 }, BERTH_PLAN_STALE },
    { "stale power off too",    { true, .is_wanted_off = true, .epoch = 2 }, { true, true, .runs = BERTH_RUNS_ON, .epoch = 3 }, { 9, 9 }, BERTH_PLAN_STALE },
    { "absence goes at once",   { true, .want_absent = true, .epoch = 3 }, { true, true, .epoch = 3 }, { 0, 0 }, BERTH_PLAN_STOP },
    { "broken keeps what runs", { true, .is_broken = true, .epoch = 9 }, { true, true, .epoch = 3 }, { 0, 0 }, BERTH_PLAN_KEEP },
    { "on is powered off",      { true, .is_wanted_off = true, .epoch = 3 }, { true, true, .runs = BERTH_RUNS_ON, .epoch = 3 }, { 0, 0 }, BERTH_PLAN_POWER_OFF },
    { "off stays off",          { true, .is_wanted_off = true, .epoch = 3 }, { true, true, .runs = BERTH_RUNS_OFF, .epoch = 3 }, { 0, 0 }, BERTH_PLAN_KEEP },
    { "changing is let alone",  { true, .is_wanted_off = true, .epoch = 3 }, { true, true, .runs = BERTH_RUNS_CHANGING, .epoch = 3 }, { 0, 0 }, BERTH_PLAN_KEEP },
    { "failed is a tombstone",  { true, .is_wanted_off = true, .epoch = 3 }, { true, true, .runs = BERTH_RUNS_FAILED, .epoch = 3 }, { 0, 0 }, BERTH_PLAN_KEEP },
    { "a kept one is laid off", { true, .is_wanted_off = true, .epoch = 3 }, { true, true, .is_kept = true, .runs = BERTH_RUNS_FAILED, .epoch = 3 }, { 0, 0 }, BERTH_PLAN_POWER_OFF },
    { "off is powered on",      { true, .epoch = 3, .memory_mib = 5 }, { true, true, .runs = BERTH_RUNS_OFF, .epoch = 3 }, { 1, 5 }, BERTH_PLAN_POWER_ON },
    { "if there is a slot",     { true, .epoch = 3, .memory_mib = 5 }, { true, true, .runs = BERTH_RUNS_OFF, .epoch = 3 }, { 0, 5 }, BERTH_PLAN_WAIT_SLOT },
    { "and memory",             { true, .epoch = 3, .memory_mib = 5 }, { true, true, .runs = BERTH_RUNS_OFF, .epoch = 3 }, { 1, 4 }, BERTH_PLAN_NO_MEMORY },
    { "unlisted once stays",    { false }, { true, true, .epoch = 3, .absent_since_us = 1 }, { 0, 0, 5 * MINUTE_US }, BERTH_PLAN_KEEP },
    { "unlisted long goes",     { false }, { true, true, .epoch = 3, .absent_since_us = 1 }, { 0, 0, 5 * MINUTE_US + 1 }, BERTH_PLAN_STOP },
    { "not in safe mode",       { false }, { true, true, .epoch = 3, .absent_since_us = 1 }, { 0, 0, 99 * MINUTE_US, true }, BERTH_PLAN_KEEP },
    { "not if it is kept",      { false }, { true, true, .is_kept = true, .epoch = 3, .absent_since_us = 1 }, { 0, 0, 99 * MINUTE_US }, BERTH_PLAN_KEEP },
    { "unlisted never missed",  { false }, { true, true, .epoch = 3 }, { 0, 0, 9 * MINUTE_US }, BERTH_PLAN_KEEP },
    { "a stranger stays",       { false }, { true, false, .epoch = 3, .absent_since_us = 1 }, { 0, 0, 99 * MINUTE_US }, BERTH_PLAN_KEEP },
};

/* clang-format on */

static void
every_row_gives_its_plan(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        BerthPlan plan = berth_machine_plan(&rows[i].wanted, &rows[i].running, &rows[i].room);
        if (plan != rows[i].plan) {
            fail_msg("%s: plan %d, expected %d", rows[i].name, (int)plan, (int)rows[i].plan);
        }
    }
}

static void
an_absence_counts_from_its_first_message(void **state)
{
    assert_int_equal(berth_machine_absence(true, 0, 50), 0);
    assert_int_equal(berth_machine_absence(false, 0, 50), 50);
    assert_int_equal(berth_machine_absence(false, 50, 90), 50);
    assert_int_equal(berth_machine_absence(true, 50, 90), 0);
}

static void
who_ends_again_and_again_waits_longer(void **state)
{
    assert_int_equal(berth_machine_restart_delay_us(0), 5000000);
    assert_int_equal(berth_machine_restart_delay_us(1), 10000000);
    assert_int_equal(berth_machine_restart_delay_us(5), 160000000);
    assert_int_equal(berth_machine_restart_delay_us(1000), 300000000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_gives_its_plan),
        cmocka_unit_test(who_ends_again_and_again_waits_longer),
        cmocka_unit_test(an_absence_counts_from_its_first_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
