/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Turns cursor shapes into cursor messages for one client: a shape travels once.
 *
 * Guests define the same few shapes again and again.  A shape is recognised by its content; the
 * client keeps up to n_shapes of them under the ids 0..n_shapes - 1, and a new shape takes the
 * place of the one that was not shown for longest.
 *
 * State for one client: at most n_shapes times 100 bytes, plus the pixels of the last shapes
 * (64x64: 16 KiB each).  Thread: one at a time.
 */
#pragma once

#include "display/encode/emit.h"

#include <stdbool.h>

typedef struct BerthCursorEncoder BerthCursorEncoder;

/* A pointer shape: rows of BGRA, not premultiplied, without gaps. */
typedef struct {
    int width;
    int height;
    int hot_x; /* 0..width - 1 */
    int hot_y; /* 0..height - 1 */
    const uint8_t *pixels;
    size_t size_bytes; /* must be width * height * 4 */
} BerthCursorShape;

/*
 * Makes an encoder for a new connection.
 *
 * n_shapes: shapes that the client remembers, >= 1; lowered to BERTH_LIMIT_CURSOR_SHAPES
 *
 * Errors: NULL if n_shapes is 0 or memory ran out.
 */
BerthCursorEncoder *berth_cursor_encoder_new(size_t n_shapes);

/* NULL is allowed. */
void berth_cursor_encoder_free(BerthCursorEncoder *self);

/*
 * Shows a shape: DEFINE if the client does not have it, then SET unless it is shown already.
 *
 * A hot spot outside of the shape is moved to its edge: guests do that.
 * Errors: BERTH_ERR_INVALID if a side is not positive or size_bytes is wrong, BERTH_ERR_TOO_LARGE
 * if a side is over BERTH_LIMIT_CURSOR_SIDE_PX (nothing is emitted), BERTH_ERR_NO_MEMORY, those of
 * emit.
 */
int berth_cursor_encoder_show(BerthCursorEncoder *self, const BerthCursorShape *shape,
                              BerthMessageFunc emit, void *user_data);

/* Hides the pointer: HIDE, unless it is hidden already.  Errors: those of emit. */
int berth_cursor_encoder_hide(BerthCursorEncoder *self, BerthMessageFunc emit, void *user_data);

/*
 * Says that the guest moved the pointer: MOVE, unless it is there already.
 *
 * x, y: pixels of the head, of the hot spot
 *
 * Errors: those of emit.
 */
int berth_cursor_encoder_move(BerthCursorEncoder *self, int32_t x, int32_t y, BerthMessageFunc emit,
                              void *user_data);
