/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/machine-plan.h"

#include <glib.h>

#define RESTART_FIRST_US (5LL * 1000 * 1000)
#define RESTART_LAST_US (300LL * 1000 * 1000)
#define RESTART_DOUBLINGS 6

static BerthPlan
plan_start(const BerthWantedFacts *wanted, const BerthHostRoom *room, BerthPlan start)
{
    if (wanted->memory_mib > room->free_memory_mib) {
        return BERTH_PLAN_NO_MEMORY;
    }
    return room->n_free_slots > 0 ? start : BERTH_PLAN_WAIT_SLOT;
}

static BerthPlan
plan_unlisted(const BerthRunningFacts *running, const BerthHostRoom *room)
{
    bool is_long_absent = running->absent_since_us != 0 &&
                          room->wanted_us - running->absent_since_us >= BERTH_ABSENCE_US;
    bool may_go = running->is_ours && !running->is_kept && !room->is_safe_mode;
    return may_go && is_long_absent ? BERTH_PLAN_STOP : BERTH_PLAN_KEEP;
}

static BerthPlan
plan_power(const BerthWantedFacts *wanted, const BerthRunningFacts *running,
           const BerthHostRoom *room)
{
    bool can_rest =
        running->runs == BERTH_RUNS_ON || (running->runs == BERTH_RUNS_FAILED && running->is_kept);
    if (wanted->is_wanted_off) {
        return can_rest ? BERTH_PLAN_POWER_OFF : BERTH_PLAN_KEEP;
    }
    return running->runs == BERTH_RUNS_OFF ? plan_start(wanted, room, BERTH_PLAN_POWER_ON)
                                           : BERTH_PLAN_KEEP;
}

static BerthPlan
plan_running(const BerthWantedFacts *wanted, const BerthRunningFacts *running,
             const BerthHostRoom *room)
{
    if (!wanted->is_listed) {
        return plan_unlisted(running, room);
    }
    if (wanted->epoch < running->epoch) {
        return BERTH_PLAN_STALE;
    }
    if (wanted->is_broken) {
        return BERTH_PLAN_KEEP;
    }
    if (wanted->epoch > running->epoch && wanted->needs_its_disk && !wanted->want_absent) {
        return BERTH_PLAN_NO_DISK;
    }
    if (wanted->want_absent || wanted->epoch > running->epoch) {
        return BERTH_PLAN_STOP;
    }
    return plan_power(wanted, running, room);
}

static BerthPlan
plan_missing(const BerthWantedFacts *wanted, const BerthHostRoom *room)
{
    if (!wanted->is_listed || wanted->want_absent || wanted->is_broken) {
        return BERTH_PLAN_KEEP;
    }
    if (wanted->needs_its_disk) {
        return BERTH_PLAN_NO_DISK;
    }
    if (wanted->is_wanted_off) {
        return room->n_free_slots > 0 ? BERTH_PLAN_MAKE_OFF : BERTH_PLAN_WAIT_SLOT;
    }
    return plan_start(wanted, room, BERTH_PLAN_START);
}

BerthPlan
berth_machine_plan(const BerthWantedFacts *wanted, const BerthRunningFacts *running,
                   const BerthHostRoom *room)
{
    return running->exists ? plan_running(wanted, running, room) : plan_missing(wanted, room);
}

int64_t
berth_machine_restart_delay_us(int n_before)
{
    int64_t delay_us = RESTART_FIRST_US << CLAMP(n_before, 0, RESTART_DOUBLINGS);
    return MIN(delay_us, RESTART_LAST_US);
}

int64_t
berth_machine_absence(bool is_listed, int64_t absent_since_us, int64_t now_us)
{
    if (is_listed) {
        return 0;
    }
    return absent_since_us != 0 ? absent_since_us : now_us;
}
