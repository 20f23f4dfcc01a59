/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/machine-plan.h"

static BerthPlan
plan_running(const BerthWantedFacts *wanted, const BerthRunningFacts *running, int64_t wanted_us)
{
    if (!wanted->is_listed) {
        bool is_long_absent = running->absent_since_us != 0 &&
                              wanted_us - running->absent_since_us >= BERTH_ABSENCE_US;
        return running->is_ours && is_long_absent ? BERTH_PLAN_STOP : BERTH_PLAN_KEEP;
    }
    if (wanted->epoch < running->epoch) {
        return BERTH_PLAN_STALE;
    }
    if (wanted->is_broken) {
        return BERTH_PLAN_KEEP;
    }
    if (wanted->want_absent || wanted->epoch > running->epoch) {
        return BERTH_PLAN_STOP;
    }
    return BERTH_PLAN_KEEP;
}

static BerthPlan
plan_missing(const BerthWantedFacts *wanted, const BerthHostRoom *room)
{
    if (!wanted->is_listed || wanted->want_absent || wanted->is_broken) {
        return BERTH_PLAN_KEEP;
    }
    if (wanted->memory_mib > room->free_memory_mib) {
        return BERTH_PLAN_NO_MEMORY;
    }
    return room->n_free_slots > 0 ? BERTH_PLAN_START : BERTH_PLAN_WAIT_SLOT;
}

BerthPlan
berth_machine_plan(const BerthWantedFacts *wanted, const BerthRunningFacts *running,
                   const BerthHostRoom *room)
{
    return running->exists ? plan_running(wanted, running, room->wanted_us)
                           : plan_missing(wanted, room);
}

int64_t
berth_machine_absence(bool is_listed, int64_t absent_since_us, int64_t now_us)
{
    if (is_listed) {
        return 0;
    }
    return absent_since_us != 0 ? absent_since_us : now_us;
}
