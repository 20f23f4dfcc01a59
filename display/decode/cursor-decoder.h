/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rebuilds the pointer from cursor messages.  The session is not trusted.
 *
 * State: at most BERTH_LIMIT_CURSOR_SHAPES shapes of 4 bytes a pixel.  The first error is sticky.
 * Thread: one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthCursorDecoder BerthCursorDecoder;

/* A shape that the client remembers: rows of BGRA, not premultiplied, without gaps. */
typedef struct {
    int width;
    int height;
    int hot_x; /* 0..width - 1 */
    int hot_y; /* 0..height - 1 */
    const uint8_t *pixels;
    uint64_t generation; /* differs for every DEFINE: key for what the caller makes of the shape */
} BerthCursorImage;

typedef enum {
    BERTH_CURSOR_NOTHING = 0, /* a shape was stored */
    BERTH_CURSOR_SHAPE = 1,   /* show another shape, or hide the pointer: get_image() */
    BERTH_CURSOR_MOVED = 2,   /* the guest moved the pointer: get_position() */
} BerthCursorEvent;

/*
 * Makes a decoder for a new connection; the pointer is hidden.
 *
 * n_shapes: what HELLO offered, 1..BERTH_LIMIT_CURSOR_SHAPES
 *
 * Errors: NULL if n_shapes is not allowed or memory ran out.
 */
BerthCursorDecoder *berth_cursor_decoder_new(size_t n_shapes);

/* NULL is allowed. */
void berth_cursor_decoder_free(BerthCursorDecoder *self);

/*
 * Takes one message of the cursor channel.
 *
 * ret_event: set on success only
 *
 * Errors: sticky.  BERTH_ERR_TRUNCATED, BERTH_ERR_TRAILING, BERTH_ERR_TOO_LARGE (a side, the id),
 * BERTH_ERR_INVALID (empty, hot spot outside), BERTH_ERR_NOT_FOUND (SET of an unknown id),
 * BERTH_ERR_CORRUPT (zstd), BERTH_ERR_UNSUPPORTED (type), BERTH_ERR_NO_MEMORY.
 */
int berth_cursor_decoder_handle(BerthCursorDecoder *self, uint8_t type, const uint8_t *payload,
                                size_t len, BerthCursorEvent *ret_event);

/* The shape to show; NULL if the pointer is hidden.  Borrowed until the next message. */
const BerthCursorImage *berth_cursor_decoder_get_image(const BerthCursorDecoder *self);

/* Where the guest put the hot spot last; 0, 0 before the first MOVE. */
void berth_cursor_decoder_get_position(const BerthCursorDecoder *self, int32_t *ret_x,
                                       int32_t *ret_y);
