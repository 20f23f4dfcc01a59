/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a client measured: times of every step, frames, bytes and latency.
 *
 * Filled in by the session controller and its parts; -1 is "did not happen".  Times are
 * durations in microseconds.  Thread: main.
 */
#pragma once

#include "client/core/decode-worker.h"
#include "client/core/input-split.h"
#include "client/core/latency.h"
#include "client/core/traffic.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t tcp_us;           /* to the broker: connect */
    int64_t tls_us;           /* to the broker: handshake after that */
    int64_t login_us;         /* the whole login request */
    int64_t list_us;          /* the whole list request */
    int64_t connect_us;       /* first connect request to the launch, waiting included */
    int64_t session_tcp_us;   /* to the session: connect */
    int64_t session_tls_us;   /* to the session: handshake after that */
    int64_t welcome_us;       /* end of that handshake to WELCOME */
    int64_t first_frame_us;   /* desktop chosen to the first frame */
    int64_t first_picture_us; /* desktop chosen to the first frame of more than one colour */
    int64_t rtt_us;           /* last round trip to the session */
    int64_t last_resume_us;   /* connection lost to the first frame afterwards */
    uint64_t n_resumes;
    uint64_t n_frames;
    uint64_t n_changed_frames; /* that changed pixels */
    uint32_t exact_heads;      /* bit n: after its last frame nothing lossy was left in head n */
    uint64_t frame_bytes;      /* payload of all frames */
    uint64_t bytes_in;         /* of all connections to sessions, before encryption */
    uint64_t bytes_out;
    uint64_t decode_us;  /* sums over all frames: first message received to pixels ready */
    uint64_t present_us; /* last message received to picture shown, as far as known */
    uint64_t encode_us;
    uint32_t max_decode_us;
    uint32_t max_present_us;
    uint64_t n_failed_checks; /* of the session, that found a wrong picture */
    uint64_t n_shadow_asks;   /* questions whether somebody may watch */
    uint64_t n_notices;       /* sentences of the site */
    uint64_t n_observers;     /* who watch now */
    bool is_recorded;
    bool may_save_pictures;     /* of the desktop; as the session said last */
    BerthTraffic traffic;       /* what the frames carried */
    uint32_t last_input_serial; /* of the last frame */
    int64_t last_change_us;     /* monotonic time of the last changed frame; -1 before */
    BerthLatency latency;       /* of key presses and clicks */
    BerthInputSplit split;      /* of those that the session told of */
    BerthMsgHostState host;     /* as the session told last */
    bool has_host;              /* it did */
    uint64_t pixels_us;         /* sum over all frames: last message received to pixels ready */
} BerthStats;

void berth_stats_init(BerthStats *self);

/* Notes a frame that was shown present_us after its last message; now_us is monotonic. */
void berth_stats_frame(BerthStats *self, const BerthFrameNews *news, uint32_t present_us,
                       int64_t now_us);

/* Everything as an object with the names above; times that did not happen are null.  Owned. */
json_t *berth_stats_to_json(const BerthStats *self);
