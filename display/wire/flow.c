/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Estimates, after BBR (Cardwell et al., 2016) cut down to a window of two frames:
 *
 * - Round trip: acknowledgement minus send, without the time that the client says it decoded; the
 *   smallest of the last ten seconds.
 * - Rate: bytes of a frame over the time in which they arrived; the largest of the last ten
 *   seconds.  A frame that was sent while another was in flight arrived after that one's
 *   acknowledgement.  One that was alone needed a round trip on top, which is taken off as far as
 *   it is known from small frames: what a large frame took is mostly its own length.
 *
 * Everything that the client reports is clamped to what we measured, so a lying client only
 * changes how fast it is served itself.
 */
#include "display/wire/flow.h"

#include "base/error.h"
#include "berth/limits.h"

#include <string.h>

/* How long an estimate counts. */
#define WINDOW_US (10LL * 1000 * 1000)
#define N_BUCKETS 10
#define BUCKET_US (WINDOW_US / N_BUCKETS)
/* The window lets this part of the bandwidth-delay product be in flight: 1.25. */
#define GAIN_NUM 5
#define GAIN_DEN 4
/* A second frame may always start beside so many bytes: less than a TCP initial window. */
#define FREE_BYTES (10u * 1024)
/* Smaller frames do not show what the path can carry. */
#define MEANINGFUL_BYTES (8u * 1024)
/* A frame arrived in no less than this part of its time on the way, whatever the clocks say. */
#define MIN_SPAN_PART 8

/* Best value of each second of the window; a second that is not of the window is skipped. */
typedef struct {
    int64_t second; /* number of the bucket since time 0, -1 is empty */
    int64_t value;
} Bucket;

typedef struct {
    uint32_t frame;
    size_t n_bytes;
    int64_t sent_us;
    bool was_alone; /* nothing else was in flight */
} InFlight;

struct BerthFlow {
    InFlight frames[BERTH_LIMIT_FRAMES_IN_FLIGHT];
    unsigned n_frames;
    uint64_t bytes_in_flight;
    int64_t last_acked_us;
    Bucket rates[N_BUCKETS];      /* largest, bytes a second */
    Bucket rtts[N_BUCKETS];       /* smallest, microseconds; of all frames */
    Bucket small_rtts[N_BUCKETS]; /* the same of small frames */
    int64_t now_us;               /* of the last call that changed something */
    uint64_t n_sent, n_acked;
    uint32_t decode_us, present_delay_us;
};

static void
buckets_clear(Bucket *buckets)
{
    for (int i = 0; i < N_BUCKETS; i++) {
        buckets[i].second = -1;
    }
}

/* Notes a sample; the larger or the smaller value of its bucket stays. */
static void
buckets_note(Bucket *buckets, int64_t now_us, int64_t value, bool is_max)
{
    int64_t second = now_us / BUCKET_US;
    Bucket *bucket = &buckets[second % N_BUCKETS];
    bool is_better = is_max ? value > bucket->value : value < bucket->value;
    if (bucket->second != second || is_better) {
        bucket->second = second;
        bucket->value = value;
    }
}

/* Returns the best value of the window, 0 if there is none. */
static int64_t
buckets_best(const Bucket *buckets, int64_t now_us, bool is_max)
{
    int64_t best = 0;
    bool has_any = false;
    int64_t second = now_us / BUCKET_US;
    for (int i = 0; i < N_BUCKETS; i++) {
        const Bucket *bucket = &buckets[i];
        if (bucket->second < 0 || second - bucket->second >= N_BUCKETS) {
            continue;
        }
        bool is_better = is_max ? bucket->value > best : bucket->value < best;
        if (!has_any || is_better) {
            best = bucket->value;
            has_any = true;
        }
    }
    return best;
}

BerthFlow *
berth_flow_new(void)
{
    BerthFlow *self = g_new0(BerthFlow, 1);
    berth_flow_reset(self);
    return self;
}

void
berth_flow_free(BerthFlow *self)
{
    g_free(self);
}

void
berth_flow_reset(BerthFlow *self)
{
    memset(self, 0, sizeof *self);
    buckets_clear(self->rates);
    buckets_clear(self->rtts);
    buckets_clear(self->small_rtts);
}

/* Bytes that may be in flight before another frame waits. */
static uint64_t
window_bytes(const BerthFlow *self, int64_t now_us)
{
    int64_t rate = buckets_best(self->rates, now_us, true);
    int64_t rtt_us = buckets_best(self->rtts, now_us, false);
    uint64_t bdp = (uint64_t)rate * (uint64_t)rtt_us / 1000000u;
    return MAX(bdp * GAIN_NUM / GAIN_DEN, FREE_BYTES);
}

bool
berth_flow_can_send(const BerthFlow *self, int64_t now_us)
{
    if (self->n_frames == 0) {
        return true;
    }
    return self->n_frames < BERTH_LIMIT_FRAMES_IN_FLIGHT &&
           self->bytes_in_flight <= window_bytes(self, now_us);
}

int
berth_flow_sent(BerthFlow *self, uint32_t frame, size_t n_bytes, int64_t now_us)
{
    if (self->n_frames == BERTH_LIMIT_FRAMES_IN_FLIGHT) {
        return BERTH_ERR_STATE;
    }
    self->frames[self->n_frames] = (InFlight){ frame, n_bytes, now_us, self->n_frames == 0 };
    self->n_frames++;
    self->bytes_in_flight += n_bytes;
    self->n_sent++;
    self->now_us = now_us;
    return BERTH_OK;
}

/* Learns from the frame that was acknowledged. */
static void
take_samples(BerthFlow *self, const InFlight *sent, uint32_t decode_us, int64_t now_us)
{
    int64_t on_the_way_us = MAX(now_us - sent->sent_us - (int64_t)decode_us, 1);
    int64_t small_rtt_us = buckets_best(self->small_rtts, now_us, false);
    int64_t span_us = sent->was_alone ? on_the_way_us - small_rtt_us : now_us - self->last_acked_us;
    span_us = MAX(span_us, on_the_way_us / MIN_SPAN_PART + 1);
    buckets_note(self->rtts, now_us, on_the_way_us, false);
    if (sent->n_bytes < MEANINGFUL_BYTES) {
        buckets_note(self->small_rtts, now_us, on_the_way_us, false);
        span_us = on_the_way_us; /* all that it shows is that the path carries at least this */
    }
    buckets_note(self->rates, now_us, (int64_t)(sent->n_bytes * 1000000u / (uint64_t)span_us),
                 true);
}

static void
remove_oldest(BerthFlow *self, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        self->bytes_in_flight -= self->frames[i].n_bytes;
    }
    memmove(self->frames, self->frames + n, (self->n_frames - n) * sizeof self->frames[0]);
    self->n_frames -= n;
    self->n_acked += n;
}

int
berth_flow_acked(BerthFlow *self, const BerthMsgFrameAck *ack, int64_t now_us)
{
    for (unsigned i = 0; i < self->n_frames; i++) {
        if (self->frames[i].frame == ack->frame) {
            take_samples(self, &self->frames[i], ack->decode_us, now_us);
            remove_oldest(self, i + 1);
            self->last_acked_us = self->now_us = now_us;
            self->decode_us = ack->decode_us;
            self->present_delay_us = ack->present_delay_us;
            return BERTH_OK;
        }
    }
    return BERTH_ERR_PROTOCOL;
}

int64_t
berth_flow_get_waiting_us(const BerthFlow *self, int64_t now_us)
{
    return self->n_frames > 0 ? MAX(now_us - self->frames[0].sent_us, 0) : 0;
}

void
berth_flow_get_stats(const BerthFlow *self, BerthFlowStats *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->n_in_flight = self->n_frames;
    ret->bytes_in_flight = self->bytes_in_flight;
    ret->rate_kbps = (uint64_t)buckets_best(self->rates, self->now_us, true) * 8 / 1000;
    ret->rtt_us = buckets_best(self->rtts, self->now_us, false);
    ret->n_sent = self->n_sent;
    ret->n_acked = self->n_acked;
    ret->decode_us = self->decode_us;
    ret->present_delay_us = self->present_delay_us;
}
