/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rebuilds the pictures of a session from its display messages.  The session is not trusted.
 *
 * Every rectangle is checked against its head, every EXACT must give exactly the bytes that its
 * rectangles need, and nothing is allocated by a number of the peer before that number is checked
 * against limits.  The first error is sticky: the connection must end.
 *
 * State: 4 bytes a pixel of every head (all heads together at most BERTH_LIMIT_HEAD_AREA_PX), the
 * zstd contexts (8.9 MB at window log 23, 1.5 MB at 20, each when it is first used), 16 KiB for
 * each kept tile, and for a COPY whose parts overlap as much again as it moves.  Thread: one at a
 * time.
 */
#pragma once

#include "display/decode/photo-batch.h"
#include "display/pixels/catch-up.h"
#include "display/pixels/frame.h"
#include "display/pixels/rect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthFrameDecoder BerthFrameDecoder;

typedef enum {
    BERTH_DECODED_NOTHING = 0, /* the message was part of a frame */
    BERTH_DECODED_HEAD = 1,    /* a head got a new size: its canvas is a new, black one */
    BERTH_DECODED_FRAME = 2,   /* a frame is complete */
    BERTH_DECODED_WRONG = 3,   /* a picture check failed: the head should be asked for again */
} BerthDecodedKind;

typedef struct {
    BerthDecodedKind kind;
    uint16_t head;
    /* Of a finished frame: */
    uint32_t frame_id;
    uint32_t input_serial;
    int64_t capture_us;
    uint32_t encode_us;
    bool is_exact;          /* the session says that nothing lossy is left in the head */
    uint64_t n_bytes;       /* payload bytes of its messages, as received */
    const BerthRect *rects; /* what changed; borrowed until the next call; may overlap */
    size_t n_rects;         /* 0 if nothing changed, at most 64 */
} BerthDecodedEvent;

/* What a client offered in its HELLO; nothing else is decoded. */
typedef struct {
    int max_width; /* of a head in pixels, within the limits of limits.h */
    int max_height;
    int window_log;          /* of the plain stream, 10..BERTH_LIMIT_ZSTD_WINDOW_LOG */
    int gradient_window_log; /* 10..BERTH_LIMIT_GRADIENT_WINDOW_LOG; 0: no gradient stream */
    unsigned n_cache_tiles;  /* 0..BERTH_LIMIT_CACHE_TILES */
    uint8_t photo_mask;      /* BERTH_PHOTO_BIT() of each codec */
    uint8_t video_mask;      /* BERTH_VIDEO_BIT() of each codec */
    int n_threads;           /* that a video may use; 0 is 1 */
} BerthFrameDecoderCaps;

/*
 * Makes a decoder for a new connection.
 *
 * Errors: NULL if a value is not allowed or memory ran out.
 */
BerthFrameDecoder *berth_frame_decoder_new(const BerthFrameDecoderCaps *caps);

/* NULL is allowed. */
void berth_frame_decoder_free(BerthFrameDecoder *self);

/*
 * Lets the photos of a frame be decoded side by side, at the latest when the frame ends; before
 * the first message.  A photo that cannot be decoded is then told with a later message.
 *
 * run, runner: see photo-batch.h; runner is borrowed
 *
 * Errors: BERTH_ERR_NO_MEMORY.
 */
int berth_frame_decoder_set_runner(BerthFrameDecoder *self, BerthRunParts run, void *runner);

/*
 * Chooses the frame that the next picture of a head is drawn in.
 *
 * canvas:    the picture until now; borrowed
 * catch_up:  begun with what another frame lacks of that picture
 *
 * Returns a reference to the canvas, or to another frame of its size.
 */
typedef BerthFrame *(*BerthChooseCanvas)(uint16_t head, BerthFrame *canvas, BerthCatchUp *catch_up,
                                         void *user_data);

/*
 * Lets somebody else say where pictures are drawn, such as in memory that a screen shows; before
 * the first message.  A frame that was chosen is the canvas until another one is.
 */
void berth_frame_decoder_set_choose_canvas(BerthFrameDecoder *self, BerthChooseCanvas choose,
                                           void *user_data);

/*
 * Takes one message of the display channel.
 *
 * type:      a BERTH_MSG_* of the display channel from the session
 * ret_event: always set; kind is BERTH_DECODED_NOTHING on error
 *
 * Errors: sticky.  BERTH_ERR_TRUNCATED, BERTH_ERR_TRAILING, BERTH_ERR_TOO_LARGE (sizes over the
 * limits), BERTH_ERR_INVALID (rectangles), BERTH_ERR_STATE (order), BERTH_ERR_CORRUPT (zstd),
 * BERTH_ERR_UNSUPPORTED (type, or what was not offered), BERTH_ERR_NO_MEMORY.
 */
int berth_frame_decoder_handle(BerthFrameDecoder *self, uint8_t type, const uint8_t *payload,
                               size_t len, BerthDecodedEvent *ret_event);

/*
 * The picture of a head; NULL if it is not configured.  It changes while the messages of a frame
 * are handled; between BERTH_DECODED_FRAME and the next message it is a whole frame.
 *
 * Ownership: borrowed; take a reference to keep it over a BERTH_DECODED_HEAD.
 */
BerthFrame *berth_frame_decoder_get_canvas(const BerthFrameDecoder *self, uint16_t head);

/* True while a frame is begun and not ended. */
bool berth_frame_decoder_is_in_frame(const BerthFrameDecoder *self);
