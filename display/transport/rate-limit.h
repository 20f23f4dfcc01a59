/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long to wait so that bytes stay under a rate.  Pure.
 *
 * Time that was not used is not saved up, but for BERTH_RATE_LIMIT_BURST_US: a pause gives no
 * right to flood.  Thread: whoever holds its owner's lock.
 */
#pragma once

#include <stdint.h>

#define BERTH_RATE_LIMIT_BURST_US (100LL * 1000)

typedef struct {
    int64_t kbps;    /* 0: no limit */
    int64_t free_us; /* when all that was taken would be through */
} BerthRateLimit;

/* Takes n bytes; returns microseconds to wait before they may be moved, 0 for now. */
int64_t berth_rate_limit_take(BerthRateLimit *self, uint64_t n_bytes, int64_t now_us);
