/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two regimes, after the bandwidth estimator of neatvnc and the filters of BBR (Cardwell et al.,
 * 2016):
 *
 * - The path was idle when a frame left: it was on the way for a round trip and its own length, so
 *   its rate is its bytes over what it took beyond the round trip.
 * - The path was busy: the frame followed right behind the one before, so its rate is its bytes
 *   over the time between the two arrivals.
 *
 * The first is as good as the round trip is known, the second needs none; so the second is believed
 * where it is known, and tells how much of a frame's way was its own length, which gives the round
 * trip.  Otherwise a frame of a few kilobytes shows no rate, it arrives in less than the clocks can
 * tell; but it shows the round trip.
 *
 * Acknowledgements come late and then together when one of the two ends is held up.  So arrivals
 * less than a millisecond apart count as one, what arrived is never taken for faster than all that
 * was in flight could have been, and the second best sample is believed, not the best.
 */
#include "display/wire/rate-estimator.h"

#include <glib.h>

/* From so many samples on, one may be wrong. */
#define MIN_ROBUST_SAMPLES 4
/* From so many samples of a busy path on, only they count. */
#define MIN_BUSY_SAMPLES 2
/* Smaller deliveries do not show what the path can carry. */
#define MEANINGFUL_BYTES (4u * 1024)
/* Only samples that are at most so much older than the newest count. */
#define RATE_WINDOW_US (1500LL * 1000)
#define RTT_BUCKET_US (1000LL * 1000)
/* A frame alone took no less than this part of its way, and nothing took less than this time. */
#define MIN_SPAN_PART 6
#define MIN_SPAN_US 100
/* What passes in less than this time shows no lower rate: so much is jitter. */
#define JITTER_US 8000
/* From so many small frames on, or so many of any size, the round trip is believed; one PING to a
 * client that starts is not enough to go by.  A rate that is too high soon makes the path busy, and
 * is known then; one that is too low would stay. */
#define ENOUGH_SMALL 3
#define ENOUGH_SEEN 8
/* Arrivals that are closer cannot be told apart. */
#define MIN_GAP_US 1000
/* So late behind what the rate promises, the rate is wrong. */
#define LATE_US (50LL * 1000)
/* No path is faster than 100 Gbit/s; products of rate and time stay in 64 bits. */
#define MAX_BYTES_PER_S 12500000000LL
/* Weight of a new wait in the smoothed one: 1/4. */
#define QUEUE_WEIGHT 4

void
berth_rate_estimator_init(BerthRateEstimator *self)
{
    *self = (BerthRateEstimator){ .last_arrived_us = INT64_MIN };
    for (int i = 0; i < BERTH_RATE_N_BUCKETS; i++) {
        self->rtts[i].second = -1;
    }
}

void
berth_rate_estimator_forget_rate(BerthRateEstimator *self)
{
    self->n_samples = 0;
    self->next = 0;
    self->last_arrived_us = INT64_MIN;
    self->queue_us = 0;
}

static const BerthRateSample *
get_newest(const BerthRateEstimator *self)
{
    return &self->samples[(self->next + BERTH_RATE_N_SAMPLES - 1) % BERTH_RATE_N_SAMPLES];
}

/* The best rate of the window, or the second best of many; ret_n: of how many samples. */
static int64_t
find_rate(const BerthRateEstimator *self, bool is_busy_only, unsigned *ret_n)
{
    int64_t best = 0, second = 0;
    unsigned n = 0;
    for (unsigned i = 0; i < self->n_samples; i++) {
        const BerthRateSample *sample = &self->samples[i];
        if (get_newest(self)->at_us - sample->at_us > RATE_WINDOW_US ||
            (is_busy_only && !sample->is_busy)) {
            continue;
        }
        n++;
        second = MAX(second, MIN(best, sample->bytes_per_s));
        best = MAX(best, sample->bytes_per_s);
    }
    *ret_n = n;
    return n >= MIN_ROBUST_SAMPLES ? second : best;
}

int64_t
berth_rate_estimator_get_rate(const BerthRateEstimator *self)
{
    unsigned n_busy, n_all;
    int64_t busy = find_rate(self, true, &n_busy);
    int64_t any = find_rate(self, false, &n_all);
    return n_busy >= MIN_BUSY_SAMPLES ? busy : any;
}

/* The smallest round trip of the window, 0 if nothing was measured in it. */
static int64_t
find_rtt_us(const BerthRateEstimator *self, int64_t now_us)
{
    int64_t now_second = now_us / RTT_BUCKET_US;
    int64_t best = INT64_MAX;
    for (int i = 0; i < BERTH_RATE_N_BUCKETS; i++) {
        const BerthRttBucket *bucket = &self->rtts[i];
        if (bucket->second >= 0 && now_second - bucket->second < BERTH_RATE_N_BUCKETS) {
            best = MIN(best, bucket->rtt_us);
        }
    }
    return best == INT64_MAX ? 0 : best;
}

int64_t
berth_rate_estimator_get_rtt_us(const BerthRateEstimator *self, int64_t now_us)
{
    int64_t rtt_us = find_rtt_us(self, now_us);
    return rtt_us > 0 ? rtt_us : self->last_rtt_us;
}

void
berth_rate_estimator_note_rtt(BerthRateEstimator *self, int64_t rtt_us, int64_t now_us)
{
    int64_t second = now_us / RTT_BUCKET_US;
    BerthRttBucket *bucket = &self->rtts[second % BERTH_RATE_N_BUCKETS];
    if (bucket->second != second || rtt_us < bucket->rtt_us) {
        *bucket = (BerthRttBucket){ second, MAX(rtt_us, 1) };
    }
    self->last_rtt_us = find_rtt_us(self, now_us);
}

void
berth_rate_estimator_limit(BerthRateEstimator *self, int64_t bytes_per_s)
{
    for (unsigned i = 0; i < self->n_samples; i++) {
        self->samples[i].bytes_per_s = MIN(self->samples[i].bytes_per_s, bytes_per_s);
    }
}

static void
add_sample(BerthRateEstimator *self, int64_t now_us, uint64_t n_bytes, int64_t span_us,
           bool is_busy)
{
    int64_t bytes_per_s = (int64_t)(n_bytes * 1000000u / (uint64_t)span_us);
    bytes_per_s = CLAMP(bytes_per_s, 1, MAX_BYTES_PER_S);
    self->samples[self->next] = (BerthRateSample){ now_us, bytes_per_s, is_busy };
    self->next = (self->next + 1) % BERTH_RATE_N_SAMPLES;
    self->n_samples = MIN(self->n_samples + 1, BERTH_RATE_N_SAMPLES);
}

/* Takes a delivery on a path that was idle when it left. */
static void
note_alone(BerthRateEstimator *self, const BerthDelivery *delivery, int64_t rtt_us)
{
    int64_t way_us = delivery->arrived_us - delivery->sent_us;
    bool is_known = self->n_small >= ENOUGH_SMALL || self->n_seen >= ENOUGH_SEEN;
    int64_t sure_us = is_known ? rtt_us : rtt_us / 2;
    int64_t span_us = MAX(way_us - sure_us, MAX(way_us / MIN_SPAN_PART, MIN_SPAN_US));
    int64_t rate = berth_rate_estimator_get_rate(self);
    bool is_jitter = rate > 0 && delivery->n_bytes < (uint64_t)rate * JITTER_US / 1000000u &&
                     delivery->n_bytes * 1000000u / (uint64_t)span_us < (uint64_t)rate;
    if (delivery->n_bytes >= MEANINGFUL_BYTES && !is_jitter) {
        add_sample(self, delivery->arrived_us, delivery->n_bytes, span_us, false);
    }
}

/* Takes a delivery that may have followed right behind the last one. */
static void
note_behind(BerthRateEstimator *self, const BerthDelivery *delivery, int64_t rtt_us, bool was_busy)
{
    /* So long it took at least for what was ahead and for itself, if all of it still waited. */
    int64_t way_us = delivery->arrived_us - delivery->sent_us - rtt_us;
    uint64_t way_bytes = delivery->ahead_bytes + delivery->n_bytes;
    if (!was_busy) {
        self->busy_since_us = delivery->arrived_us;
        self->busy_bytes = 0;
        return;
    }
    self->busy_bytes += delivery->n_bytes;
    int64_t span_us = delivery->arrived_us - self->busy_since_us;
    if (span_us >= MIN_GAP_US && self->busy_bytes >= MEANINGFUL_BYTES) {
        if (way_us > 0 && way_bytes * (uint64_t)span_us < self->busy_bytes * (uint64_t)way_us) {
            add_sample(self, delivery->arrived_us, way_bytes, way_us, true);
        } else {
            add_sample(self, delivery->arrived_us, self->busy_bytes, span_us, true);
        }
        self->busy_since_us = delivery->arrived_us;
        self->busy_bytes = 0;
    }
}

/* Takes the round trip out of a delivery: what its way was without its own length. */
static void
note_way(BerthRateEstimator *self, const BerthDelivery *delivery, bool was_busy)
{
    unsigned n_busy;
    int64_t rate = find_rate(self, true, &n_busy);
    int64_t way_us = delivery->arrived_us - delivery->sent_us;
    int64_t own_us = 0;
    if (delivery->n_bytes >= MEANINGFUL_BYTES) {
        if (n_busy == 0 || was_busy) {
            return;
        }
        own_us = (int64_t)(delivery->n_bytes * 1000000u / (uint64_t)rate);
    }
    berth_rate_estimator_note_rtt(self, way_us - MIN(own_us, way_us / 2), delivery->arrived_us);
    self->n_small = MIN(self->n_small + 1, ENOUGH_SMALL);
}

/* Follows how long deliveries waited, and gives up a rate that promised far too much. */
static void
note_wait(BerthRateEstimator *self, const BerthDelivery *delivery, int64_t rtt_us)
{
    int64_t rate = berth_rate_estimator_get_rate(self);
    int64_t way_us = delivery->arrived_us - delivery->sent_us;
    if (rate == 0) {
        return;
    }
    int64_t own_us = (int64_t)(delivery->n_bytes * 1000000u / (uint64_t)rate);
    int64_t ahead_us = (int64_t)(delivery->ahead_bytes * 1000000u / (uint64_t)rate);
    int64_t wait_us = MAX(way_us - rtt_us - own_us, 0);
    self->queue_us += (wait_us - self->queue_us) / QUEUE_WEIGHT;
    if (wait_us > ahead_us + LATE_US && delivery->n_bytes >= MEANINGFUL_BYTES) {
        self->n_samples = 0;
        self->next = 0;
    }
}

void
berth_rate_estimator_note(BerthRateEstimator *self, const BerthDelivery *delivery)
{
    int64_t known_us = berth_rate_estimator_get_rtt_us(self, delivery->arrived_us);
    bool was_busy =
        self->last_arrived_us != INT64_MIN && delivery->sent_us < self->last_arrived_us - known_us;
    note_way(self, delivery, was_busy);
    int64_t rtt_us = berth_rate_estimator_get_rtt_us(self, delivery->arrived_us);
    note_wait(self, delivery, rtt_us);
    note_alone(self, delivery, rtt_us);
    note_behind(self, delivery, rtt_us, was_busy);
    self->last_arrived_us = MAX(self->last_arrived_us, delivery->arrived_us);
    self->n_seen = MIN(self->n_seen + 1, ENOUGH_SEEN);
}
