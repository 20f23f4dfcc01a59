/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a host has the memory for one more desktop.  Pure.
 *
 * A desktop, a fork as well, may come to use all that it was promised: so that is what it reserves,
 * and RAM templates, which all their forks share, count once.  A host may be told to promise more
 * than it has (memory_overcommit_pct); then what is really used counts too: a start is refused as
 * soon as the desktops that run could not grow by a tenth of the limit and the new one's first
 * steps any more.
 */
#pragma once

#include <stdbool.h>

typedef struct {
    int limit_mib;      /* what desktops may have together */
    int overcommit_pct; /* of that which may be promised; 100: all and no more */
    int templates_mib;  /* memory of RAM templates, each once */
    int promised_mib;   /* to the desktops that run or start */
    int private_mib;    /* what those really use alone */
} BerthMemoryFacts;

/* MiB that are given away: what is promised, and the templates. */
int berth_memory_plan_committed_mib(const BerthMemoryFacts *facts);

/* MiB that one more desktop may be promised; may be negative. */
int berth_memory_plan_free_mib(const BerthMemoryFacts *facts);

/*
 * Whether RAM templates that are only kept in case of need have to go for a desktop: it has no room
 * beside them, and has some without them.
 */
bool berth_memory_plan_must_give_way(int free_mib, int wanted_mib, int spare_mib);
