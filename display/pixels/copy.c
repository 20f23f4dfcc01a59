/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/pixels/copy.h"

#include "berth/errors.h"
#include "display/pixels/format.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* Moves that are compared pair by pair to find an order for them. */
#define MAX_PAIRWISE 256

static BerthRect
get_target(const BerthMove *move)
{
    return (BerthRect){ move->x, move->y, move->source.w, move->source.h };
}

static bool
do_overlap(BerthRect a, BerthRect b)
{
    return !berth_rect_is_empty(berth_rect_intersect(a, b));
}

/* True if move a has to be done before move b so that the result is that of all at once. */
static bool
must_precede(const BerthMove *moves, size_t a, size_t b)
{
    BerthRect target = get_target(&moves[b]);
    return do_overlap(target, moves[a].source) ||
           (a < b && do_overlap(target, get_target(&moves[a])));
}

/*
 * Does the moves that have nothing to wait for, and those that waited for them, until only rings
 * are left: moves that each want the pixels which another one is about to overwrite.
 *
 * moves: at most MAX_PAIRWISE; those that were not done are in front afterwards, in their order
 *
 * Returns how many were not done.
 */
static size_t
apply_in_order(BerthFrame *frame, BerthMove *moves, size_t n_moves)
{
    uint16_t n_before[MAX_PAIRWISE] = { 0 };
    size_t ready[MAX_PAIRWISE];
    bool is_done[MAX_PAIRWISE] = { false };
    size_t n_ready = 0;
    size_t n_left = 0;
    for (size_t i = 0; i < n_moves; i++) {
        for (size_t other = 0; other < n_moves; other++) {
            n_before[i] += (uint16_t)(other != i && must_precede(moves, other, i));
        }
        if (n_before[i] == 0) {
            ready[n_ready++] = i;
        }
    }
    for (size_t next = 0; next < n_ready; next++) {
        size_t done = ready[next];
        berth_frame_move(frame, moves[done].source, moves[done].x, moves[done].y);
        is_done[done] = true;
        for (size_t i = 0; i < n_moves; i++) {
            if (i != done && must_precede(moves, done, i) && --n_before[i] == 0) {
                ready[n_ready++] = i;
            }
        }
    }
    for (size_t i = 0; i < n_moves; i++) {
        if (!is_done[i]) {
            moves[n_left++] = moves[i];
        }
    }
    return n_left;
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
    if (n_moves > MAX_PAIRWISE) {
        return apply_through_memory(frame, moves, n_moves);
    }
    BerthMove left[MAX_PAIRWISE];
    memcpy(left, moves, n_moves * sizeof left[0]);
    size_t n_left = apply_in_order(frame, left, n_moves);
    return n_left > 0 ? apply_through_memory(frame, left, n_left) : BERTH_OK;
}
