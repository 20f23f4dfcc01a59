/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long sound has to wait at the receiver so that it never runs out: the engine of a jitter
 * buffer.
 *
 * A packet that took longer than the quickest of the last minute is late by the difference; what
 * is played is held back by as much as the latest packet of the last five minutes was late, and
 * by a third of what that is over BERTH_DELAY_FIRST_US, because stalls differ.  So the
 * first stall of a network may be heard, the next ones like it are not, and a quiet network gets
 * the short delay back.  A packet later than BERTH_DELAY_MAX_US counts as a break, not as
 * lateness: no delay would make up for it.
 *
 * When everything is later than that for half a second the sender has stood still: that is the new
 * quickest way.
 *
 * A value, pure.  Clocks: sent_us of the sender, now_us of the receiver; only differences count.
 */
#pragma once

#include <stdint.h>

/* No sound waits longer by plan. */
#define BERTH_DELAY_MAX_US (200 * 1000)
/* Of a perfect network. */
#define BERTH_DELAY_FIRST_US (20 * 1000)

/* How long everything is too late before that is how it is. */
#define BERTH_DELAY_BREAK_US (500 * 1000)

#define BERTH_DELAY_BUCKET_US (10LL * 1000 * 1000)
#define BERTH_DELAY_BUCKETS 30
/* Of these the quickest packet is taken. */
#define BERTH_DELAY_QUICK_BUCKETS 6

typedef struct {
    int64_t quickest_us; /* least now - sent; INT64_MAX: no packet */
    int64_t slowest_us;  /* most; INT64_MIN: no packet */
} BerthDelayBucket;

typedef struct {
    BerthDelayBucket buckets[BERTH_DELAY_BUCKETS];
    unsigned at;        /* of the present bucket */
    int64_t until_us;   /* of the present bucket; INT64_MIN before the first packet */
    int64_t broken_us;  /* since when all packets are too late; INT64_MAX if they are not */
    int64_t transit_us; /* of the quickest packet; INT64_MAX before the first one */
} BerthDelayPlan;

void berth_delay_plan_init(BerthDelayPlan *self);

/* Notes a packet that arrives.  sent_us: its place in time at the sender. */
void berth_delay_plan_note(BerthDelayPlan *self, int64_t sent_us, int64_t now_us);

/* How long what was sent is to wait, over the quickest way: 0..BERTH_DELAY_MAX_US. */
int64_t berth_delay_plan_get_wait_us(const BerthDelayPlan *self);

/* Over the quickest way, how late it is to play now what was sent then. */
int64_t berth_delay_plan_get_lag_us(const BerthDelayPlan *self, int64_t sent_us, int64_t now_us);
