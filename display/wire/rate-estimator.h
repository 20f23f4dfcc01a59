/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a path carries, learnt from the frames that it delivered.
 *
 * Round trip: the smallest of the last ten seconds, of small frames and of PING.  Rate: what the
 * path carried at its best in the last second and a half in which something was measured; it stays
 * while the path is idle, is forgotten after a stall, and falls at once when frames arrive far too
 * late.
 *
 * A value; pure.  Thread: one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_RATE_N_SAMPLES 16
#define BERTH_RATE_N_BUCKETS 10

/* Frames that arrived together. */
typedef struct {
    size_t n_bytes;       /* of all of them */
    uint64_t ahead_bytes; /* in flight before them when they were sent */
    int64_t sent_us;      /* the first */
    int64_t arrived_us;   /* when the acknowledgement of the last would have come from a client
                             that needs no time; at least sent_us */
} BerthDelivery;

typedef struct {
    int64_t at_us;
    int64_t bytes_per_s;
    bool is_busy; /* of a busy path */
} BerthRateSample;

typedef struct {
    int64_t second; /* number of the bucket since time 0, -1 is empty */
    int64_t rtt_us;
} BerthRttBucket;

typedef struct {
    BerthRateSample samples[BERTH_RATE_N_SAMPLES]; /* ring, newest before next */
    unsigned n_samples, next;
    BerthRttBucket rtts[BERTH_RATE_N_BUCKETS];
    int64_t last_rtt_us;     /* what was known when the last bucket expired; 0 is nothing */
    unsigned n_small;        /* frames that showed the round trip, up to enough */
    unsigned n_seen;         /* all deliveries, up to enough */
    int64_t last_arrived_us; /* of the last delivery; INT64_MIN is none */
    int64_t busy_since_us;   /* since this arrival the path was never idle ... */
    uint64_t busy_bytes;     /* ... and brought this */
    int64_t queue_us;        /* smoothed wait behind other bytes */
} BerthRateEstimator;

/* An estimator that knows nothing. */
void berth_rate_estimator_init(BerthRateEstimator *self);

/* Learns from a delivery. */
void berth_rate_estimator_note(BerthRateEstimator *self, const BerthDelivery *delivery);

/* Learns a round trip from elsewhere.  rtt_us: at least 0. */
void berth_rate_estimator_note_rtt(BerthRateEstimator *self, int64_t rtt_us, int64_t now_us);

/* Lowers what is known to a rate that is certain.  bytes_per_s: at least 1. */
void berth_rate_estimator_limit(BerthRateEstimator *self, int64_t bytes_per_s);

/* Forgets the rate, but not the round trip: the path stood still. */
void berth_rate_estimator_forget_rate(BerthRateEstimator *self);

/* Returns bytes a second, 0 if unknown. */
int64_t berth_rate_estimator_get_rate(const BerthRateEstimator *self);

/* Returns the smallest round trip, 0 if unknown. */
int64_t berth_rate_estimator_get_rtt_us(const BerthRateEstimator *self, int64_t now_us);
