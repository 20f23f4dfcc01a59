/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/task-plan.h"

#include "testing.h"

typedef struct {
    const char *name;
    BerthTaskFacts facts;
    BerthTaskPlan plan;
} Row;

/* clang-format off */
static const Row rows[] = {
    { "new and listed begins",     { .is_listed = true, .is_room = true }, BERTH_TASK_PLAN_START },
    { "without room it waits",     { .is_listed = true }, BERTH_TASK_PLAN_KEEP },
    { "one a machine",             { .is_listed = true, .is_room = true, .is_machine_busy = true }, BERTH_TASK_PLAN_KEEP },
    { "working goes on",           { .is_listed = true, .is_room = true, .is_working = true, .n_starts = 1 }, BERTH_TASK_PLAN_KEEP },
    { "taken up after a kill",     { .is_listed = true, .is_room = true, .n_starts = 1 }, BERTH_TASK_PLAN_START },
    { "often, but not for ever",   { .is_listed = true, .is_room = true, .n_starts = BERTH_TASK_STARTS_MAX - 1 }, BERTH_TASK_PLAN_START },
    { "given up at last",          { .is_listed = true, .is_room = true, .n_starts = BERTH_TASK_STARTS_MAX }, BERTH_TASK_PLAN_GIVE_UP },
    { "the last try may end well", { .is_listed = true, .is_working = true, .n_starts = BERTH_TASK_STARTS_MAX }, BERTH_TASK_PLAN_KEEP },
    { "an end is kept",            { .is_listed = true, .is_finished = true }, BERTH_TASK_PLAN_KEEP },
    { "until it was taken",        { .is_finished = true }, BERTH_TASK_PLAN_FORGET },
    { "not wanted any more",       { .is_working = true, .n_starts = 1 }, BERTH_TASK_PLAN_CANCEL },
    { "nor begun yet",             { .is_room = true }, BERTH_TASK_PLAN_CANCEL },
    { "safe mode stops nothing",   { .is_working = true, .is_safe_mode = true, .n_starts = 1 }, BERTH_TASK_PLAN_KEEP },
    { "nor forgets an end",        { .is_finished = true, .is_safe_mode = true }, BERTH_TASK_PLAN_KEEP },
};

/* clang-format on */

static void
every_row_gives_its_plan(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        BerthTaskPlan plan = berth_task_plan(&rows[i].facts);
        if (plan != rows[i].plan) {
            fail_msg("%s: plan %d", rows[i].name, (int)plan);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_row_gives_its_plan) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
