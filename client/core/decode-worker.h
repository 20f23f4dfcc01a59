/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decodes the display and cursor messages of one connection in a thread of its own.
 *
 * Messages go in from the main thread; finished frames land in the BerthPicture of their head, and
 * news of them come back in the main context.  What waits, in and out, is at most
 * BERTH_LIMIT_CLIENT_DECODE_QUEUE_BYTES: a session that sends more without waiting for
 * acknowledgements is cut off.  Thread: main, but for what is said to run in the worker.
 */
#pragma once

#include "client/core/picture.h"
#include "client/core/traffic.h"

#include "berth/protocol.h"
#include "display/decode/cursor-decoder.h"
#include "display/decode/frame-decoder.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthDecodeWorker BerthDecodeWorker;

/* A finished frame.  Borrowed for the time of the callback. */
typedef struct {
    uint16_t head;
    uint32_t frame_id;
    uint32_t input_serial;
    uint32_t encode_us;
    uint32_t decode_us;  /* first message of the frame received to pixels ready */
    int64_t received_us; /* monotonic time of its last message */
    int64_t ready_us;    /* monotonic time when it was decoded */
    int64_t shown_us;    /* monotonic time when the screen had it; 0: it has to be drawn */
    uint64_t n_bytes;
    bool is_changed; /* some pixel differs */
    bool is_resized; /* the picture has a new size */
    bool is_exact;   /* nothing lossy is left in it */
    BerthRect rects[64];
    size_t n_rects;
    BerthTraffic traffic; /* of all messages since the frame before */
} BerthFrameNews;

/* All are called in the main context, what is passed is borrowed until return. */
typedef struct {
    void (*frame)(const BerthFrameNews *news, void *user_data);
    /* A head is gone, its picture is empty. */
    void (*head_gone)(unsigned head, void *user_data);
    /* A check of the session found that a picture is wrong. */
    void (*head_wrong)(unsigned head, void *user_data);
    /* Another pointer; NULL hides it. */
    void (*cursor)(const BerthCursorImage *image, void *user_data);
    /* Decoding stopped for good: BERTH_ERR_*; the last callback. */
    void (*failed)(int error, void *user_data);
} BerthDecodeCallbacks;

/*
 * Starts the thread.
 *
 * pictures:         of BERTH_LIMIT_HEADS heads; takes references
 * caps, n_shapes:   what HELLO offered
 */
BerthDecodeWorker *berth_decode_worker_new(BerthPicture *const *pictures,
                                           const BerthFrameDecoderCaps *caps, size_t n_shapes,
                                           const BerthDecodeCallbacks *callbacks, void *user_data);

/* Stops at the next message, joins the thread and frees; no news come any more. */
void berth_decode_worker_free(BerthDecodeWorker *self);

/*
 * Gives a message to the thread.
 *
 * channel: BERTH_CHANNEL_DISPLAY or _CURSOR
 * payload: copied
 *
 * Errors: BERTH_ERR_TOO_LARGE if too much waits.
 */
int berth_decode_worker_push(BerthDecodeWorker *self, BerthChannel channel, uint8_t type,
                             const uint8_t *payload, size_t len, int64_t now_us);

/* Frames that are received and not decoded. */
unsigned berth_decode_worker_get_n_waiting(const BerthDecodeWorker *self);
