/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/rate-limit.h"

#include <glib.h>

#define BITS_PER_BYTE 8
#define US_PER_MS 1000

int64_t
berth_rate_limit_take(BerthRateLimit *self, uint64_t n_bytes, int64_t now_us)
{
    if (self->kbps <= 0) {
        return 0;
    }
    int64_t start_us = MAX(self->free_us, now_us - BERTH_RATE_LIMIT_BURST_US);
    self->free_us = start_us + (int64_t)n_bytes * BITS_PER_BYTE * US_PER_MS / self->kbps;
    return MAX(0, start_us - now_us);
}
