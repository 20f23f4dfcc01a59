/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/task-plan.h"

BerthTaskPlan
berth_task_plan(const BerthTaskFacts *facts)
{
    if (!facts->is_listed && !facts->is_safe_mode) {
        return facts->is_finished ? BERTH_TASK_PLAN_FORGET : BERTH_TASK_PLAN_CANCEL;
    }
    if (facts->is_finished || facts->is_working) {
        return BERTH_TASK_PLAN_KEEP;
    }
    if (facts->n_starts >= BERTH_TASK_STARTS_MAX) {
        return BERTH_TASK_PLAN_GIVE_UP;
    }
    bool can_start = facts->is_room && !facts->is_machine_busy;
    return can_start ? BERTH_TASK_PLAN_START : BERTH_TASK_PLAN_KEEP;
}
