/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decodes the display messages of one connection in a thread of its own.
 *
 * Messages go in from the main thread; finished frames land in a BerthPicture, and news of them
 * come back in the main context.  At most BERTH_LIMIT_CLIENT_DECODE_QUEUE_BYTES wait: a session
 * that sends more without waiting for acknowledgements is cut off.  Only head 0 is shown.
 * Thread: main, but for what is said to run in the worker.
 */
#pragma once

#include "client/core/picture.h"

#include "display/decode/frame-decoder.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthDecodeWorker BerthDecodeWorker;

/* A finished frame.  Borrowed for the time of the callback. */
typedef struct {
    int error; /* BERTH_OK, or why decoding stopped for good; nothing else is set then */
    uint16_t head;
    uint32_t frame_id;
    uint32_t input_serial;
    uint32_t encode_us;
    uint32_t decode_us;  /* first message of the frame received to pixels ready */
    int64_t received_us; /* monotonic time of its last message */
    uint64_t n_bytes;
    bool is_changed; /* some pixel differs */
    bool is_resized; /* the picture has a new size */
    BerthRect rects[64];
    size_t n_rects;
} BerthFrameNews;

typedef void (*BerthFrameNewsFunc)(const BerthFrameNews *news, void *user_data);

/*
 * Starts the thread.
 *
 * picture: gets the frames of head 0; takes a reference
 * caps:    what HELLO offered
 * func:    called in the main context
 */
BerthDecodeWorker *berth_decode_worker_new(BerthPicture *picture, const BerthFrameDecoderCaps *caps,
                                           BerthFrameNewsFunc func, void *user_data);

/* Stops at the next message, joins the thread and frees; no news come any more. */
void berth_decode_worker_free(BerthDecodeWorker *self);

/*
 * Gives a message of the display channel to the thread.
 *
 * payload: copied
 *
 * Errors: BERTH_ERR_TOO_LARGE if too much waits.
 */
int berth_decode_worker_push(BerthDecodeWorker *self, uint8_t type, const uint8_t *payload,
                             size_t len, int64_t now_us);

/* Frames that are received and not decoded. */
unsigned berth_decode_worker_get_n_waiting(const BerthDecodeWorker *self);
