/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/memory-plan.h"

#include <glib.h>
#include <stdint.h>

/* What a fork uses soon after its start, and QEMU beside it. */
#define FIRST_STEPS_MIB 128
#define GROWTH_DIVISOR 10

int
berth_memory_plan_committed_mib(const BerthMemoryFacts *facts)
{
    return facts->promised_mib + facts->templates_mib;
}

int
berth_memory_plan_free_mib(const BerthMemoryFacts *facts)
{
    int64_t promisable_mib = (int64_t)facts->limit_mib * facts->overcommit_pct / 100;
    int64_t free_mib = promisable_mib - berth_memory_plan_committed_mib(facts);
    if (facts->overcommit_pct > 100) {
        int64_t room_mib = (int64_t)facts->limit_mib - facts->private_mib - facts->templates_mib;
        bool may_start = room_mib >= facts->limit_mib / GROWTH_DIVISOR + FIRST_STEPS_MIB;
        free_mib = may_start ? free_mib : MIN(free_mib, 0);
    }
    return (int)CLAMP(free_mib, INT_MIN, INT_MAX);
}

bool
berth_memory_plan_must_give_way(int free_mib, int wanted_mib, int spare_mib)
{
    return spare_mib > 0 && free_mib < wanted_mib &&
           (int64_t)free_mib + spare_mib >= (int64_t)wanted_mib;
}
