/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/audio/delay-plan.h"

#include <glib.h>
#include <stdbool.h>

/*
 * A third more than the latest packet was late, because a stall is seen only from the packet on
 * that met it: the next one of the same length may catch a packet earlier.
 */
#define RESERVE 3

static void
clear_bucket(BerthDelayBucket *bucket)
{
    *bucket = (BerthDelayBucket){ INT64_MAX, INT64_MIN };
}

void
berth_delay_plan_init(BerthDelayPlan *self)
{
    for (unsigned i = 0; i < BERTH_DELAY_BUCKETS; i++) {
        clear_bucket(&self->buckets[i]);
    }
    self->at = 0;
    self->until_us = INT64_MIN;
    self->transit_us = INT64_MAX;
    self->broken_us = INT64_MAX;
}

/* The quickest way of the last buckets. */
static int64_t
find_quickest(const BerthDelayPlan *self)
{
    int64_t quickest_us = INT64_MAX;

    for (unsigned i = 0; i < BERTH_DELAY_QUICK_BUCKETS; i++) {
        unsigned at = (self->at + BERTH_DELAY_BUCKETS - i) % BERTH_DELAY_BUCKETS;

        quickest_us = MIN(quickest_us, self->buckets[at].quickest_us);
    }
    return quickest_us;
}

/* Goes to the bucket of now; after a long silence all of them are as good as never filled. */
static void
turn(BerthDelayPlan *self, int64_t now_us)
{
    if (self->until_us == INT64_MIN) {
        self->until_us = now_us + BERTH_DELAY_BUCKET_US;
    }
    for (unsigned i = 0; i < BERTH_DELAY_BUCKETS && now_us >= self->until_us; i++) {
        self->at = (self->at + 1) % BERTH_DELAY_BUCKETS;
        clear_bucket(&self->buckets[self->at]);
        self->until_us += BERTH_DELAY_BUCKET_US;
    }
    self->until_us = MAX(self->until_us, now_us);
}

/*
 * What comes after a break comes late, too, until the last of it is here: that says nothing about
 * the network.  Returns true for such a packet.
 */
static bool
is_of_break(BerthDelayPlan *self, int64_t late_us, int64_t now_us)
{
    if (late_us > BERTH_DELAY_MAX_US) {
        self->broken_us = MIN(self->broken_us, now_us);
    } else if (late_us <= berth_delay_plan_get_wait_us(self)) {
        self->broken_us = INT64_MAX;
    }
    return self->broken_us != INT64_MAX;
}

void
berth_delay_plan_note(BerthDelayPlan *self, int64_t sent_us, int64_t now_us)
{
    int64_t transit_us = now_us - sent_us;
    BerthDelayBucket *bucket;

    if (now_us - BERTH_DELAY_BREAK_US >= self->broken_us) {
        berth_delay_plan_init(self); /* that is how it is now */
    }
    turn(self, now_us);
    bucket = &self->buckets[self->at];
    bucket->quickest_us = MIN(bucket->quickest_us, transit_us);
    self->transit_us = find_quickest(self);
    if (!is_of_break(self, transit_us - self->transit_us, now_us)) {
        bucket->slowest_us = MAX(bucket->slowest_us, transit_us);
    }
}

int64_t
berth_delay_plan_get_wait_us(const BerthDelayPlan *self)
{
    int64_t wait_us = BERTH_DELAY_FIRST_US;

    for (unsigned i = 0; i < BERTH_DELAY_BUCKETS; i++) {
        if (self->buckets[i].slowest_us != INT64_MIN) {
            wait_us = MAX(wait_us, self->buckets[i].slowest_us - self->transit_us);
        }
    }
    wait_us += (wait_us - BERTH_DELAY_FIRST_US) / RESERVE;
    return MIN(wait_us, BERTH_DELAY_MAX_US);
}

int64_t
berth_delay_plan_get_lag_us(const BerthDelayPlan *self, int64_t sent_us, int64_t now_us)
{
    return now_us - sent_us - self->transit_us;
}
