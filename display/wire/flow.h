/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frame window of one client: when the next frame may be sent, and how large it may be.
 *
 * At most BERTH_LIMIT_FRAMES_IN_FLIGHT frames are not acknowledged, and a second one starts only
 * while the bytes in flight are at most 1.25 times the bandwidth-delay product.  Bandwidth and
 * round trip are what the acknowledgements show.  Damage that cannot be sent waits merged at the
 * caller: the latest frame wins.  What is too large for the path is cut into frames of a budget,
 * most urgent pixels first, so that nothing that was given to the wire is ever old.
 * A client that stops acknowledging stops getting frames, one that comes back is served at once.
 *
 * Pure engine; now_us is any monotonic clock.  Thread: one at a time.
 */
#pragma once

#include "display/wire/msg-display.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BerthFlow BerthFlow;

/* What a frame is for, from the most urgent on. */
typedef enum {
    BERTH_FLOW_FRESH,  /* what the host just showed */
    BERTH_FLOW_BULK,   /* the rest of a frame that was over its budget, a catch-up */
    BERTH_FLOW_REFINE, /* better pixels of a still picture */
} BerthFlowUse;

typedef struct {
    uint32_t n_in_flight; /* frames sent and not acknowledged */
    uint64_t bytes_in_flight;
    uint64_t rate_kbps;       /* delivery estimate, kilobits a second; 0 is unknown */
    int64_t rtt_us;           /* smallest round trip of the last 10 s; 0 is unknown */
    int64_t queue_us;         /* how long the last frames waited behind others; smoothed */
    uint64_t n_sent, n_acked; /* frames since the beginning */
    uint32_t decode_us;       /* of the last acknowledged frame, as the client says */
    uint32_t present_delay_us;
} BerthFlowStats;

BerthFlow *berth_flow_new(void);

/* NULL is allowed. */
void berth_flow_free(BerthFlow *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthFlow, berth_flow_free)

/*
 * Returns true if a frame may be captured, encoded and sent now.  Refinement needs a path that is
 * empty.
 */
bool berth_flow_can_send(const BerthFlow *self, BerthFlowUse use, int64_t now_us);

/*
 * Returns the bytes that a frame may have now.  An encoder stops a frame where it gets larger and
 * keeps the rest as damage; the first message may go over it.  Always at least 4 KiB.
 *
 * A fresh frame may fill the window, or the path for 40 ms, so that a scroll arrives in one piece;
 * bulk and refinement half a window, or 25 ms, so that a letter typed meanwhile waits little.
 */
size_t berth_flow_get_budget_bytes(const BerthFlow *self, BerthFlowUse use, int64_t now_us);

/*
 * Notes a frame that was put into the wire.  n_bytes: all of its messages.
 * Errors: BERTH_ERR_STATE: the window is full.
 */
int berth_flow_sent(BerthFlow *self, uint32_t frame, size_t n_bytes, int64_t now_us);

/*
 * Notes display bytes that have not left us yet, not even to the kernel; before an acknowledgement
 * is taken.  What was not sent cannot have been seen.
 */
void berth_flow_note_unsent(BerthFlow *self, size_t n_bytes);

/*
 * Notes the client's acknowledgement; it covers older frames too.
 * Errors: BERTH_ERR_PROTOCOL: no such frame is in flight, or it has not left us yet.
 */
int berth_flow_acked(BerthFlow *self, const BerthMsgFrameAck *ack, int64_t now_us);

/* Notes a round trip that PING measured; negative ones are ignored. */
void berth_flow_note_rtt(BerthFlow *self, int64_t rtt_us, int64_t now_us);

/* Returns how long the oldest frame has been in flight, in microseconds; 0 if none is. */
int64_t berth_flow_get_waiting_us(const BerthFlow *self, int64_t now_us);

/* Returns true if the client has not acknowledged anything for two seconds although it should. */
bool berth_flow_is_stalled(const BerthFlow *self, int64_t now_us);

/* Forgets everything: a new connection took over. */
void berth_flow_reset(BerthFlow *self);

void berth_flow_get_stats(const BerthFlow *self, BerthFlowStats *ret);
