/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/pixels/copy.h"

#include "berth/errors.h"
#include "display/pixels/format.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* Moves that are compared pair by pair before memory is taken for all of them. */
#define MAX_PAIRWISE 64

static BerthRect
get_target(const BerthMove *move)
{
    return (BerthRect){ move->x, move->y, move->source.w, move->source.h };
}

/* True if one after the other gives the same picture as all at once. */
static bool
can_go_in_order(const BerthMove *moves, size_t n_moves)
{
    if (n_moves > MAX_PAIRWISE) {
        return false;
    }
    for (size_t i = 0; i < n_moves; i++) {
        for (size_t later = i + 1; later < n_moves; later++) {
            BerthRect common = berth_rect_intersect(get_target(&moves[i]), moves[later].source);
            if (!berth_rect_is_empty(common)) {
                return false;
            }
        }
    }
    return true;
}

/* Copies rows between a frame and packed memory; returns the end of what was used there. */
static uint8_t *
transfer(BerthFrame *frame, BerthRect rect, uint8_t *packed, bool is_store)
{
    size_t row_bytes = (size_t)rect.w * BERTH_PIXEL_BYTES;
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        uint8_t *row = berth_frame_pixel(frame, rect.x, y);
        memcpy(is_store ? row : packed, is_store ? packed : row, row_bytes);
        packed += row_bytes;
    }
    return packed;
}

static int
apply_through_memory(BerthFrame *frame, const BerthMove *moves, size_t n_moves)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < n_moves; i++) {
        n_bytes += (size_t)berth_rect_area_px(moves[i].source) * BERTH_PIXEL_BYTES;
    }
    g_autofree uint8_t *memory = g_try_malloc(n_bytes);
    if (memory == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    uint8_t *at = memory;
    for (size_t i = 0; i < n_moves; i++) {
        at = transfer(frame, moves[i].source, at, false);
    }
    at = memory;
    for (size_t i = 0; i < n_moves; i++) {
        at = transfer(frame, get_target(&moves[i]), at, true);
    }
    return BERTH_OK;
}

int
berth_copy_apply(BerthFrame *frame, const BerthMove *moves, size_t n_moves)
{
    if (!can_go_in_order(moves, n_moves)) {
        return apply_through_memory(frame, moves, n_moves);
    }
    for (size_t i = 0; i < n_moves; i++) {
        berth_frame_move(frame, moves[i].source, moves[i].x, moves[i].y);
    }
    return BERTH_OK;
}
