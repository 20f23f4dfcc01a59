/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What only the main thread knows, as one copy: for answers that are made in other threads.
 */
#pragma once

#include "broker/agents.h"
#include "broker/inventory.h"
#include "broker/stampede.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct BerthBroker BerthBroker;

typedef struct {
    bool is_safe_mode;
    int64_t cluster_epoch;
    int n_strangers;
    BerthStampede stampede;
    /* Of one host: */
    bool has_usage;
    BerthHostUsage usage;
    BerthInventory *inventory; /* what it reported last; NULL without a link to it */
} BerthLive;

/*
 * A copy of how things are.
 *
 * host:  id of the host that is asked about, "" for none
 *
 * Thread: main.  Cost: O(links).
 */
BerthLive *berth_live_new(const BerthBroker *broker, const char *host);

/* NULL is allowed.  Thread: any. */
void berth_live_free(BerthLive *live);
