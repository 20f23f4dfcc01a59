/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frame window of one client: decides when the next frame may be encoded and sent.
 *
 * At most BERTH_LIMIT_FRAMES_IN_FLIGHT frames are not acknowledged, and a second frame starts only
 * while the bytes in flight are at most 1.25 times the bandwidth-delay product.  That product is
 * the best delivery rate of the last seconds, as the acknowledgements show it, times the smallest
 * round trip.  Damage that cannot be sent waits merged at the caller: the latest frame wins.
 * A client that stops acknowledging stops getting frames, one that comes back is served at once.
 *
 * Pure engine; now_us is any monotonic clock.  Thread: session.
 */
#pragma once

#include "display/wire/msg-display.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BerthFlow BerthFlow;

typedef struct {
    uint32_t n_in_flight; /* frames sent and not acknowledged */
    uint64_t bytes_in_flight;
    uint64_t rate_kbps;       /* delivery estimate, kilobits a second; 0 is unknown */
    int64_t rtt_us;           /* smallest round trip of the last 10 s; 0 is unknown */
    uint64_t n_sent, n_acked; /* frames since the beginning */
    uint32_t decode_us;       /* of the last acknowledged frame */
    uint32_t present_delay_us;
} BerthFlowStats;

BerthFlow *berth_flow_new(void);

/* NULL is allowed. */
void berth_flow_free(BerthFlow *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthFlow, berth_flow_free)

/* Returns true if a frame may be captured, encoded and sent now. */
bool berth_flow_can_send(const BerthFlow *self, int64_t now_us);

/*
 * Notes a frame that was put into the wire.  n_bytes: all of its messages.
 * Errors: BERTH_ERR_STATE: the window is full.
 */
int berth_flow_sent(BerthFlow *self, uint32_t frame, size_t n_bytes, int64_t now_us);

/*
 * Notes the client's acknowledgement; it covers older frames too.
 * Errors: BERTH_ERR_PROTOCOL: no such frame is in flight.
 */
int berth_flow_acked(BerthFlow *self, const BerthMsgFrameAck *ack, int64_t now_us);

/* Returns how long the oldest frame has been in flight, in microseconds; 0 if none is. */
int64_t berth_flow_get_waiting_us(const BerthFlow *self, int64_t now_us);

/* Forgets everything: a new connection took over. */
void berth_flow_reset(BerthFlow *self);

void berth_flow_get_stats(const BerthFlow *self, BerthFlowStats *ret);
