/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/pool-planner.h"

#include <string.h>

static const char *const power_names[] = {
    [BERTH_POWER_ON] = "on",
    [BERTH_POWER_FROZEN] = "frozen",
    [BERTH_POWER_OFF] = "off",
};

typedef struct {
    const BerthPlanPool *pool;
    const BerthPlanMachine *machines;
    size_t n_machines;
    bool *is_taken; /* one a machine: an action of this plan is about it */
    GArray *actions;
    int64_t n_total; /* machines that will be there */
    int64_t have[BERTH_N_POWERS];
} Plan;

const char *
berth_power_name(BerthPower power)
{
    return power_names[power];
}

BerthPower
berth_power_from_name(const char *name)
{
    for (int power = 0; power < BERTH_N_POWERS; power++) {
        if (g_strcmp0(power_names[power], name) == 0) {
            return (BerthPower)power;
        }
    }
    return BERTH_POWER_ON;
}

/* Nobody has it, nobody's data is on it, no administrator holds it back. */
static bool
is_free(const BerthPlanMachine *machine)
{
    return !machine->is_owned && !machine->is_kept && !machine->is_held;
}

/* Machines that are free or will be without anyone's help. */
static bool
is_spare(const BerthPlanMachine *machine)
{
    switch (machine->state) {
    case BERTH_MACHINE_PLANNED:
    case BERTH_MACHINE_CREATING:
    case BERTH_MACHINE_STARTING:
    case BERTH_MACHINE_READY:
    case BERTH_MACHINE_STOPPED:
    case BERTH_MACHINE_RECYCLING:
        return is_free(machine);
    default:
        return false;
    }
}

/* The less a machine is worth, the earlier it goes; 0 keeps it. */
static int
expendability(const BerthPlanMachine *machine)
{
    if (!is_free(machine)) {
        return 0;
    }
    switch (machine->state) {
    case BERTH_MACHINE_FAILED:
        return 8;
    case BERTH_MACHINE_PLANNED:
        return 7;
    case BERTH_MACHINE_RECYCLING:
        return 6;
    case BERTH_MACHINE_CREATING:
        return 5;
    case BERTH_MACHINE_STOPPED:
        return machine->power == BERTH_POWER_FROZEN ? 3 : 4;
    case BERTH_MACHINE_STARTING:
        return 2;
    case BERTH_MACHINE_READY:
        return 1;
    default:
        return 0;
    }
}

static void
add(Plan *plan, BerthPlanKind kind, BerthPower power, const char *id, const char *reason)
{
    BerthPlanAction action = { .kind = kind, .power = power, .id = id, .reason = reason };
    g_array_append_val(plan->actions, action);
}

static void
take(Plan *plan, size_t i, BerthPlanKind kind, BerthPower power, const char *reason)
{
    const BerthPlanMachine *machine = &plan->machines[i];
    plan->is_taken[i] = true;
    if (is_spare(machine)) {
        plan->have[machine->power]--;
    }
    if (kind == BERTH_PLAN_DELETE) {
        plan->n_total--;
    } else if (kind != BERTH_PLAN_RECYCLE) {
        plan->have[power]++;
    }
    add(plan, kind, power, machine->id, reason);
}

static void
count(Plan *plan)
{
    for (size_t i = 0; i < plan->n_machines; i++) {
        const BerthPlanMachine *machine = &plan->machines[i];
        if (machine->state != BERTH_MACHINE_DELETED && machine->state != BERTH_MACHINE_DELETING) {
            plan->n_total++;
        }
        if (is_spare(machine)) {
            plan->have[machine->power]++;
        }
    }
}

/* What nobody may have any more is scrubbed; what stands where it should not goes. */
static void
plan_repairs(Plan *plan)
{
    for (size_t i = 0; i < plan->n_machines; i++) {
        const BerthPlanMachine *machine = &plan->machines[i];
        if (!is_free(machine)) {
            continue;
        }
        bool is_starting =
            machine->state == BERTH_MACHINE_CREATING || machine->state == BERTH_MACHINE_STARTING;
        if (machine->is_stranded && !plan->pool->is_physical && expendability(machine) > 0) {
            take(plan, i, BERTH_PLAN_DELETE, machine->power, "host-unfit");
        } else if (machine->is_dirty && is_starting) {
            take(plan, i, BERTH_PLAN_RECYCLE, machine->power, "dirty");
            plan->have[machine->power]++;
        }
    }
}

/* Over the size: the least valuable first. */
static void
plan_shrink(Plan *plan)
{
    for (int worth = 8; worth >= 1; worth--) {
        for (size_t i = 0; i < plan->n_machines && plan->n_total > plan->pool->size; i++) {
            if (!plan->is_taken[i] && expendability(&plan->machines[i]) == worth) {
                take(plan, i, BERTH_PLAN_DELETE, plan->machines[i].power, "pool-shrunk");
            }
        }
    }
}

static int64_t
gap(const Plan *plan, BerthPower power)
{
    int64_t n_queued = power == BERTH_POWER_ON ? plan->pool->n_queued : 0;
    return plan->pool->spares[power] + n_queued - plan->have[power];
}

/* A stopped machine of that power, the one that was stopped first; n_machines if there is none. */
static size_t
find_stopped(const Plan *plan, BerthPower power)
{
    size_t i = 0;
    while (i < plan->n_machines) {
        const BerthPlanMachine *machine = &plan->machines[i];
        if (!plan->is_taken[i] && machine->state == BERTH_MACHINE_STOPPED && is_free(machine) &&
            machine->power == power) {
            break;
        }
        i++;
    }
    return i;
}

/* Hot ones are short: what is switched off is quicker than what must be made. */
static void
plan_wake(Plan *plan)
{
    static const BerthPower order[] = { BERTH_POWER_FROZEN, BERTH_POWER_OFF };
    for (size_t o = 0; o < G_N_ELEMENTS(order); o++) {
        size_t i = find_stopped(plan, order[o]);
        while (gap(plan, BERTH_POWER_ON) > 0 && i < plan->n_machines) {
            take(plan, i, BERTH_PLAN_START, BERTH_POWER_ON, "spare-wanted");
            i = find_stopped(plan, order[o]);
        }
    }
}

/* Hot ones are too many: they fill what is short below, at once. */
static void
plan_cool(Plan *plan)
{
    static const BerthPower order[] = { BERTH_POWER_FROZEN, BERTH_POWER_OFF };
    for (size_t o = 0; o < G_N_ELEMENTS(order); o++) {
        for (size_t i = 0;
             i < plan->n_machines && gap(plan, BERTH_POWER_ON) < 0 && gap(plan, order[o]) > 0;
             i++) {
            const BerthPlanMachine *machine = &plan->machines[i];
            if (!plan->is_taken[i] && machine->state == BERTH_MACHINE_READY && is_free(machine)) {
                take(plan, i, BERTH_PLAN_STOP, order[o], "spare-cooled");
            }
        }
    }
    size_t i = find_stopped(plan, BERTH_POWER_FROZEN);
    while (gap(plan, BERTH_POWER_FROZEN) < 0 && gap(plan, BERTH_POWER_OFF) > 0 &&
           i < plan->n_machines) {
        take(plan, i, BERTH_PLAN_STOP, BERTH_POWER_OFF, "spare-cooled");
        i = find_stopped(plan, BERTH_POWER_FROZEN);
    }
}

static bool
is_useless(const Plan *plan, const BerthPlanMachine *machine)
{
    switch (machine->state) {
    case BERTH_MACHINE_PLANNED:
        return true;
    case BERTH_MACHINE_READY:
    case BERTH_MACHINE_STOPPED:
        return plan->pool->now_us - machine->since_us >= BERTH_PLAN_SURPLUS_US;
    default:
        return false;
    }
}

/* What nobody wants goes: at once if it was not begun, else when it has rested too long. */
static void
plan_surplus(Plan *plan)
{
    for (size_t i = 0; i < plan->n_machines; i++) {
        const BerthPlanMachine *machine = &plan->machines[i];
        if (!plan->is_taken[i] && is_free(machine) && gap(plan, machine->power) < 0 &&
            is_useless(plan, machine)) {
            take(plan, i, BERTH_PLAN_DELETE, machine->power, "surplus");
        }
    }
}

static void
plan_growth(Plan *plan)
{
    for (int power = 0; power < BERTH_N_POWERS; power++) {
        int64_t n_gap = MIN(gap(plan, (BerthPower)power), plan->pool->size - plan->n_total);
        for (int64_t i = 0; i < n_gap; i++) {
            add(plan, BERTH_PLAN_CREATE, (BerthPower)power, NULL, "spare-wanted");
            plan->n_total++;
        }
    }
}

GArray *
berth_plan_pool(const BerthPlanPool *pool, const BerthPlanMachine *machines, size_t n_machines)
{
    g_autofree bool *is_taken = g_new0(bool, MAX(n_machines, 1));
    Plan plan = { .pool = pool,
                  .machines = machines,
                  .n_machines = n_machines,
                  .is_taken = is_taken,
                  .actions = g_array_new(FALSE, FALSE, sizeof(BerthPlanAction)) };
    count(&plan);
    plan_repairs(&plan);
    if (pool->is_physical) {
        return plan.actions;
    }
    plan_shrink(&plan);
    if (pool->is_enabled) {
        plan_wake(&plan);
    }
    plan_cool(&plan);
    plan_surplus(&plan);
    if (pool->is_enabled) {
        plan_growth(&plan);
    }
    return plan.actions;
}
