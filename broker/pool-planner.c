/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/pool-planner.h"

/* Machines that are free or will be without anyone's help. */
static bool
is_spare(const BerthPlanMachine *machine)
{
    switch (machine->state) {
    case BERTH_MACHINE_PLANNED:
    case BERTH_MACHINE_CREATING:
    case BERTH_MACHINE_STARTING:
    case BERTH_MACHINE_READY:
    case BERTH_MACHINE_RECYCLING:
        return !machine->is_owned;
    default:
        return false;
    }
}

/* The less a machine is worth, the earlier it goes; 0 keeps it. */
static int
expendability(const BerthPlanMachine *machine)
{
    if (machine->is_owned) {
        return 0;
    }
    switch (machine->state) {
    case BERTH_MACHINE_FAILED:
        return 5;
    case BERTH_MACHINE_RECYCLING:
        return 4;
    case BERTH_MACHINE_CREATING:
        return 3;
    case BERTH_MACHINE_STARTING:
        return 2;
    case BERTH_MACHINE_READY:
        return 1;
    default:
        return 0;
    }
}

static void
add(GArray *actions, BerthPlanKind kind, const char *id)
{
    BerthPlanAction action = { .kind = kind, .id = id };
    g_array_append_val(actions, action);
}

static void
plan_deletes(GArray *actions, const BerthPlanMachine *machines, size_t n_machines, int64_t n_over)
{
    for (int worth = 5; worth >= 1 && n_over > 0; worth--) {
        for (size_t i = 0; i < n_machines && n_over > 0; i++) {
            if (expendability(&machines[i]) == worth) {
                add(actions, BERTH_PLAN_DELETE, machines[i].id);
                n_over--;
            }
        }
    }
}

GArray *
berth_plan_pool(const BerthPlanPool *pool, const BerthPlanMachine *machines, size_t n_machines)
{
    GArray *actions = g_array_new(FALSE, FALSE, sizeof(BerthPlanAction));
    int64_t n_total = 0;
    int64_t n_spare = 0;
    for (size_t i = 0; i < n_machines; i++) {
        const BerthPlanMachine *machine = &machines[i];
        if (machine->state != BERTH_MACHINE_DELETED) {
            n_total += machine->state != BERTH_MACHINE_DELETING ? 1 : 0;
            n_spare += is_spare(machine) ? 1 : 0;
        }
        if (machine->is_dirty && !machine->is_owned &&
            (machine->state == BERTH_MACHINE_CREATING ||
             machine->state == BERTH_MACHINE_STARTING)) {
            add(actions, BERTH_PLAN_RECYCLE, machine->id);
        }
    }
    int64_t n_gap = MIN(pool->spares_hot + pool->n_queued - n_spare, pool->size - n_total);
    for (int64_t i = 0; i < n_gap; i++) {
        add(actions, BERTH_PLAN_CREATE, NULL);
    }
    plan_deletes(actions, machines, n_machines, n_total - pool->size);
    return actions;
}
