/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/disks/disk-plan.h"

/* Nothing is made where something was: what was formatted, or handed out once, is missing. */
static bool
may_make(const BerthDiskFacts *facts)
{
    if (facts->has_journal && facts->is_formatted) {
        return false;
    }
    /* The agent was killed between its note and the file: no machine ever had it. */
    bool was_never_made = facts->has_journal && facts->journal_epoch == 0;
    return facts->is_new || was_never_made;
}

BerthDiskStep
berth_disk_plan(const BerthDiskFacts *facts)
{
    if (facts->has_journal && facts->journal_epoch > facts->wish_epoch) {
        return BERTH_DISK_STEP_STALE;
    }
    if (!facts->has_file) {
        return may_make(facts) ? BERTH_DISK_STEP_MAKE : BERTH_DISK_STEP_MISSING;
    }
    if (!facts->is_header_good) {
        return BERTH_DISK_STEP_DAMAGED;
    }
    if (facts->was_open) {
        return BERTH_DISK_STEP_CHECK;
    }
    return facts->size_mib < facts->wish_size_mib ? BERTH_DISK_STEP_GROW : BERTH_DISK_STEP_OPEN;
}
