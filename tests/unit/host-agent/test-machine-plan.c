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
    /*                           listed absent broken epoch  MiB      exists ours  epoch absent     slots  MiB  now */
    { "missing is started",     { true, false, false, 1, 512 }, { false, false, 0, 0 }, { 1, 512, 0 }, BERTH_PLAN_START },
    { "no slot waits",          { true, false, false, 1, 512 }, { false, false, 0, 0 }, { 0, 512, 0 }, BERTH_PLAN_WAIT_SLOT },
    { "slots overdrawn wait",   { true, false, false, 1, 512 }, { false, false, 0, 0 }, { -2, 512, 0 }, BERTH_PLAN_WAIT_SLOT },
    { "no memory",              { true, false, false, 1, 512 }, { false, false, 0, 0 }, { 1, 511, 0 }, BERTH_PLAN_NO_MEMORY },
    { "memory overdrawn",       { true, false, false, 1, 512 }, { false, false, 0, 0 }, { 1, -1, 0 }, BERTH_PLAN_NO_MEMORY },
    { "absent and missing",     { true, true, false, 1, 512 },  { false, false, 0, 0 }, { 1, 512, 0 }, BERTH_PLAN_KEEP },
    { "broken is not started",  { true, false, true, 1, 0 },    { false, false, 0, 0 }, { 1, 512, 0 }, BERTH_PLAN_KEEP },
    { "same epoch stays",       { true, false, false, 3, 512 }, { true, true, 3, 0 },   { 0, 0, 0 },   BERTH_PLAN_KEEP },
    { "higher epoch recycles",  { true, false, false, 4, 512 }, { true, true, 3, 0 },   { 0, 0, 0 },   BERTH_PLAN_STOP },
    { "lower epoch is stale",   { true, false, false, 2, 512 }, { true, true, 3, 0 },   { 9, 9, 0 },   BERTH_PLAN_STALE },
    { "stale absence too",      { true, true, false, 2, 512 },  { true, true, 3, 0 },   { 9, 9, 0 },   BERTH_PLAN_STALE },
    { "absence goes at once",   { true, true, false, 3, 512 },  { true, true, 3, 0 },   { 0, 0, 0 },   BERTH_PLAN_STOP },
    { "broken keeps what runs", { true, false, true, 9, 0 },    { true, true, 3, 0 },   { 0, 0, 0 },   BERTH_PLAN_KEEP },
    { "unlisted once stays",    { false, false, false, 0, 0 },  { true, true, 3, 1 },   { 0, 0, 5 * MINUTE_US }, BERTH_PLAN_KEEP },
    { "unlisted long goes",     { false, false, false, 0, 0 },  { true, true, 3, 1 },   { 0, 0, 5 * MINUTE_US + 1 }, BERTH_PLAN_STOP },
    { "unlisted never missed",  { false, false, false, 0, 0 },  { true, true, 3, 0 },   { 0, 0, 9 * MINUTE_US }, BERTH_PLAN_KEEP },
    { "a stranger stays",       { false, false, false, 0, 0 },  { true, false, 3, 1 },  { 0, 0, 99 * MINUTE_US }, BERTH_PLAN_KEEP },
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_gives_its_plan),
        cmocka_unit_test(an_absence_counts_from_its_first_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
