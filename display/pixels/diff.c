/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/pixels/diff.h"

#include "display/pixels/format.h"
#include "display/pixels/kernels.h"
#include "display/pixels/prefetch.h"

#include <assert.h>

/* The columns and rows that differed so far, relative to a rectangle. */
typedef struct {
    uint64_t columns;
    int first_row;
    int last_row;
} Marks;

static void
add_row(Marks *marks, uint64_t mask, int row)
{
    if (mask == 0) {
        return;
    }
    if (marks->columns == 0) {
        marks->first_row = row;
    }
    marks->columns |= mask;
    marks->last_row = row;
}

static BerthRect
get_box(const Marks *marks, BerthRect rect)
{
    if (marks->columns == 0) {
        return (BerthRect){ 0, 0, 0, 0 };
    }
    int left = __builtin_ctzll(marks->columns);
    int right = 64 - __builtin_clzll(marks->columns);
    return (BerthRect){ rect.x + left, rect.y + marks->first_row, right - left,
                        marks->last_row - marks->first_row + 1 };
}

/* The rows that the rectangles have in all. */
static BerthRect
get_bounds(const BerthRect *rects, size_t n_rects)
{
    BerthRect bounds = { 0, 0, 0, 0 };
    for (size_t i = 0; i < n_rects; i++) {
        bounds = berth_rect_union(bounds, rects[i]);
    }
    return bounds;
}

void
berth_diff_take_row(BerthFrame *dst, const BerthFrame *src, BerthRect *rects, size_t n_rects)
{
    assert(n_rects <= BERTH_DIFF_MAX_RECTS);
    const BerthPixelKernels *kernels = berth_pixel_kernels();
    Marks marks[BERTH_DIFF_MAX_RECTS];
    BerthRect bounds = get_bounds(rects, n_rects);
    for (size_t i = 0; i < n_rects; i++) {
        if (!berth_rect_is_empty(rects[i])) {
            assert(rects[i].w <= BERTH_DIFF_MAX_WIDTH_PX);
            assert(berth_rect_is_inside(rects[i], dst->width, dst->height));
            assert(berth_rect_is_inside(rects[i], src->width, src->height));
        }
        marks[i] = (Marks){ 0 };
    }
    for (int y = bounds.y; y < bounds.y + bounds.h; y++) {
        for (size_t i = 0; i < n_rects; i++) {
            BerthRect rect = rects[i];
            if (rect.w <= 0 || y < rect.y || y >= rect.y + rect.h) {
                continue;
            }
            const uint8_t *from = berth_frame_pixel(src, rect.x, y);
            uint8_t *to = berth_frame_pixel(dst, rect.x, y);
            if (y + 1 < rect.y + rect.h) {
                berth_prefetch(from + src->stride_bytes, (size_t)rect.w * BERTH_PIXEL_BYTES);
                berth_prefetch(to + dst->stride_bytes, (size_t)rect.w * BERTH_PIXEL_BYTES);
            }
            uint64_t mask;
            kernels->compare_copy_row(to, from, (size_t)rect.w, &mask);
            add_row(&marks[i], mask, y - rect.y);
        }
    }
    for (size_t i = 0; i < n_rects; i++) {
        rects[i] = get_box(&marks[i], rects[i]);
    }
}
