/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/disks/disk-plan.h"

BerthDiskStep
berth_disk_plan(const BerthDiskFacts *facts)
{
    if (facts->has_journal && facts->journal_epoch > facts->wish_epoch) {
        return BERTH_DISK_STEP_STALE;
    }
    if (!facts->has_file) {
        bool had_data = facts->has_journal && facts->is_formatted;
        return facts->is_new && !had_data ? BERTH_DISK_STEP_MAKE : BERTH_DISK_STEP_MISSING;
    }
    if (!facts->is_header_good) {
        return BERTH_DISK_STEP_DAMAGED;
    }
    if (facts->was_open) {
        return BERTH_DISK_STEP_CHECK;
    }
    return facts->size_mib < facts->wish_size_mib ? BERTH_DISK_STEP_GROW : BERTH_DISK_STEP_OPEN;
}
