/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/pixels/diff.h"

#include "display/pixels/kernels.h"

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

static void
check_arguments(const BerthFrame *a, const BerthFrame *b, BerthRect rect)
{
    assert(rect.w <= BERTH_DIFF_MAX_WIDTH_PX);
    assert(berth_rect_is_inside(rect, a->width, a->height));
    assert(berth_rect_is_inside(rect, b->width, b->height));
}

BerthRect
berth_diff_find(const BerthFrame *a, const BerthFrame *b, BerthRect rect)
{
    check_arguments(a, b, rect);
    const BerthPixelKernels *kernels = berth_pixel_kernels();
    Marks marks = { 0 };
    for (int row = 0; row < rect.h; row++) {
        uint64_t mask;
        kernels->compare_row(berth_frame_pixel(a, rect.x, rect.y + row),
                             berth_frame_pixel(b, rect.x, rect.y + row), (size_t)rect.w, &mask);
        add_row(&marks, mask, row);
    }
    return get_box(&marks, rect);
}

BerthRect
berth_diff_take(BerthFrame *dst, const BerthFrame *src, BerthRect rect)
{
    check_arguments(dst, src, rect);
    const BerthPixelKernels *kernels = berth_pixel_kernels();
    Marks marks = { 0 };
    for (int row = 0; row < rect.h; row++) {
        uint64_t mask;
        kernels->compare_copy_row(berth_frame_pixel(dst, rect.x, rect.y + row),
                                  berth_frame_pixel(src, rect.x, rect.y + row), (size_t)rect.w,
                                  &mask);
        add_row(&marks, mask, row);
    }
    return get_box(&marks, rect);
}
