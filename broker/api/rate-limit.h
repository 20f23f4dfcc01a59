/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Token buckets by key: how often a login or a source may ask.
 *
 * A key that was never seen has a full bucket; a full bucket is forgotten, so the table holds only
 * who asked of late, and at most max_keys of them: beyond that the oldest is forgotten, which errs
 * to the side of serving.  State: about 150 bytes a key.  Clock: now_us is a parameter, monotonic.
 * Thread: main.
 */
#pragma once

#include <stdint.h>

typedef struct BerthRateLimit BerthRateLimit;

/*
 * New limiter.
 *
 * per_second:  tokens that come back; 0 is no limit at all
 * burst:       tokens of a full bucket
 */
BerthRateLimit *berth_rate_limit_new(int64_t per_second, int64_t burst, unsigned max_keys);

/* Frees; NULL is allowed. */
void berth_rate_limit_free(BerthRateLimit *limit);

/* Takes a token; NULL is no limit.  Returns 0, or the microseconds until there is one (nothing was
 * taken then). */
int64_t berth_rate_limit_take(BerthRateLimit *limit, const char *key, int64_t now_us);
