/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything that the client reports is clamped to what we measured ourselves, so a lying client
 * only changes how fast it is served itself, and what it can make us hold stays two frames.
 */
#include "display/wire/flow.h"

#include "base/error.h"
#include "berth/limits.h"
#include "display/wire/rate-estimator.h"

#include <string.h>

/* The window lets this part of the bandwidth-delay product be in flight: 1.25. */
#define GAIN_NUM 5
#define GAIN_DEN 4
/* On short paths the window is what passes in this time instead: more than a client's jitter. */
#define MIN_WINDOW_US (16LL * 1000)
/* What passes in this time may always be in flight, within these bounds: a fast path must not wait
 * for small frames, a slow one must not queue them. */
#define FREE_US (100LL * 1000)
#define FREE_BYTES (16u * 1024)
#define FREE_MIN_BYTES (4u * 1024)
/* What a frame may have while nothing is known of the path: about two TCP initial windows. */
#define FIRST_BYTES (32u * 1024)
/* How long frames may fill the path. */
#define FRESH_US (40LL * 1000)
#define BULK_US (25LL * 1000)
/* Bytes of the display channel that may follow the end of a frame: a picture check. */
#define TRAILING_BYTES 2048u
/* So long without an acknowledgement, a client stands still; what is learnt from it is nothing. */
#define STALL_US (2000LL * 1000)
/* Longer round trips count as this one. */
#define MAX_RTT_US (2000LL * 1000)
/* After so long an idle path may carry less than it did: this part of it is tried first. */
#define IDLE_US (30LL * 1000 * 1000)
#define IDLE_PART 2

typedef struct {
    uint32_t frame;
    size_t n_bytes;
    uint64_t ahead_bytes; /* in flight before it */
    int64_t sent_us;
} InFlight;

struct BerthFlow {
    InFlight frames[BERTH_LIMIT_FRAMES_IN_FLIGHT];
    unsigned n_frames;
    uint64_t bytes_in_flight;
    size_t n_unsent_bytes;
    BerthRateEstimator estimator;
    int64_t now_us; /* of the last call that changed something */
    uint64_t n_sent, n_acked;
    uint32_t decode_us, present_delay_us;
};

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
    berth_rate_estimator_init(&self->estimator);
}

/* Bytes that pass in a time, at most a minute, at the present rate. */
static uint64_t
bytes_in(const BerthFlow *self, int64_t time_us)
{
    uint64_t rate = (uint64_t)berth_rate_estimator_get_rate(&self->estimator);
    return rate * (uint64_t)time_us / 1000000u;
}

/* Bytes that may be in flight before another frame waits. */
static uint64_t
window_bytes(const BerthFlow *self, int64_t now_us)
{
    if (berth_rate_estimator_get_rate(&self->estimator) == 0) {
        return FREE_BYTES;
    }
    int64_t rtt_us = MIN(berth_rate_estimator_get_rtt_us(&self->estimator, now_us), MAX_RTT_US);
    uint64_t window = bytes_in(self, MAX(rtt_us * GAIN_NUM / GAIN_DEN, MIN_WINDOW_US));
    return MAX(window, CLAMP(bytes_in(self, FREE_US), FREE_MIN_BYTES, FREE_BYTES));
}

bool
berth_flow_can_send(const BerthFlow *self, BerthFlowUse use, int64_t now_us)
{
    if (self->n_frames == 0) {
        return true;
    }
    return use != BERTH_FLOW_REFINE && self->n_frames < BERTH_LIMIT_FRAMES_IN_FLIGHT &&
           self->bytes_in_flight <= window_bytes(self, now_us);
}

size_t
berth_flow_get_budget_bytes(const BerthFlow *self, BerthFlowUse use, int64_t now_us)
{
    if (berth_rate_estimator_get_rate(&self->estimator) == 0) {
        return FIRST_BYTES;
    }
    uint64_t window = window_bytes(self, now_us);
    uint64_t budget = use == BERTH_FLOW_FRESH ? MAX(bytes_in(self, FRESH_US), window)
                                              : MAX(bytes_in(self, BULK_US), window / 2);
    return (size_t)CLAMP(budget, FREE_MIN_BYTES, BERTH_LIMIT_OUTPUT_QUEUE_BYTES / 2);
}

int
berth_flow_sent(BerthFlow *self, uint32_t frame, size_t n_bytes, int64_t now_us)
{
    if (self->n_frames == BERTH_LIMIT_FRAMES_IN_FLIGHT) {
        return BERTH_ERR_STATE;
    }
    if (now_us - self->now_us > IDLE_US) {
        int64_t rate = berth_rate_estimator_get_rate(&self->estimator);
        berth_rate_estimator_limit(&self->estimator, MAX(rate / IDLE_PART, 1));
    }
    self->frames[self->n_frames] = (InFlight){ frame, n_bytes, self->bytes_in_flight, now_us };
    self->n_frames++;
    self->bytes_in_flight += n_bytes;
    self->n_sent++;
    self->now_us = now_us;
    return BERTH_OK;
}

void
berth_flow_note_unsent(BerthFlow *self, size_t n_bytes)
{
    self->n_unsent_bytes = n_bytes;
}

/* Learns from the first n frames, which arrived together. */
static void
take_samples(BerthFlow *self, unsigned n, uint32_t decode_us, int64_t now_us)
{
    const InFlight *first = &self->frames[0];
    int64_t elapsed_us = MAX(now_us - first->sent_us, 1);
    if (elapsed_us >= STALL_US) {
        berth_rate_estimator_forget_rate(&self->estimator);
        return;
    }
    /* A client that says it needed more than that lies, or has another clock. */
    int64_t held_us = MIN((int64_t)decode_us, elapsed_us * 7 / 8);
    BerthDelivery delivery = {
        .ahead_bytes = first->ahead_bytes,
        .sent_us = first->sent_us,
        .arrived_us = first->sent_us + elapsed_us - held_us,
    };
    for (unsigned i = 0; i < n; i++) {
        delivery.n_bytes += self->frames[i].n_bytes;
    }
    berth_rate_estimator_note(&self->estimator, &delivery);
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
        if (self->frames[i].frame != ack->frame) {
            continue;
        }
        if (i + 1 == self->n_frames && self->n_unsent_bytes > TRAILING_BYTES) {
            return BERTH_ERR_PROTOCOL;
        }
        take_samples(self, i + 1, ack->decode_us, now_us);
        remove_oldest(self, i + 1);
        self->now_us = now_us;
        self->decode_us = ack->decode_us;
        self->present_delay_us = ack->present_delay_us;
        return BERTH_OK;
    }
    return BERTH_ERR_PROTOCOL;
}

void
berth_flow_note_rtt(BerthFlow *self, int64_t rtt_us, int64_t now_us)
{
    if (rtt_us >= 0) {
        berth_rate_estimator_note_rtt(&self->estimator, rtt_us, now_us);
    }
}

int64_t
berth_flow_get_waiting_us(const BerthFlow *self, int64_t now_us)
{
    return self->n_frames > 0 ? MAX(now_us - self->frames[0].sent_us, 0) : 0;
}

bool
berth_flow_is_stalled(const BerthFlow *self, int64_t now_us)
{
    return berth_flow_get_waiting_us(self, now_us) >= STALL_US;
}

void
berth_flow_get_stats(const BerthFlow *self, BerthFlowStats *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->n_in_flight = self->n_frames;
    ret->bytes_in_flight = self->bytes_in_flight;
    ret->rate_kbps = (uint64_t)berth_rate_estimator_get_rate(&self->estimator) * 8 / 1000;
    ret->rtt_us = berth_rate_estimator_get_rtt_us(&self->estimator, self->now_us);
    ret->queue_us = self->estimator.queue_us;
    ret->n_sent = self->n_sent;
    ret->n_acked = self->n_acked;
    ret->decode_us = self->decode_us;
    ret->present_delay_us = self->present_delay_us;
}
