/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/pixels/frame.h"

#include "display/pixels/format.h"
#include "display/pixels/kernels.h"

#include "berth/limits.h"

#include <assert.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT_BYTES 64
#define BLACK 0xff000000u

static size_t
row_bytes(BerthRect rect)
{
    return (size_t)rect.w * BERTH_PIXEL_BYTES;
}

static void
fill_row(uint8_t *row, uint32_t word, int n_pixels)
{
    for (int i = 0; i < n_pixels; i++) {
        memcpy(row + (size_t)i * BERTH_PIXEL_BYTES, &word, sizeof word);
    }
}

bool
berth_frame_size_is_allowed(int64_t width, int64_t height)
{
    return width > 0 && height > 0 && width <= BERTH_LIMIT_HEAD_SIDE_PX &&
           height <= BERTH_LIMIT_HEAD_SIDE_PX && width * height <= BERTH_LIMIT_HEAD_AREA_PX;
}

static size_t
get_stride_bytes(int width)
{
    size_t row = (size_t)width * BERTH_PIXEL_BYTES;
    return (row + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
}

size_t
berth_frame_size_bytes(int width, int height)
{
    return get_stride_bytes(width) * (size_t)height;
}

BerthFrame *
berth_frame_new_in(uint8_t *data, int width, int height, void (*release)(void *user_data),
                   void *user_data)
{
    if (!berth_frame_size_is_allowed(width, height)) {
        return NULL;
    }
    BerthFrame *self = g_try_new0(BerthFrame, 1);
    if (self == NULL) {
        return NULL;
    }
    self->stride_bytes = get_stride_bytes(width);
    self->data = data;
    self->width = width;
    self->height = height;
    self->ref_count = 1;
    self->release = release;
    self->user_data = user_data;
    fill_row(data, BLACK, (int)(berth_frame_size_bytes(width, height) / BERTH_PIXEL_BYTES));
    return self;
}

BerthFrame *
berth_frame_new(int width, int height)
{
    if (!berth_frame_size_is_allowed(width, height)) {
        return NULL;
    }
    uint8_t *data = aligned_alloc(ALIGNMENT_BYTES, berth_frame_size_bytes(width, height));
    if (data == NULL) {
        return NULL;
    }
    BerthFrame *self = berth_frame_new_in(data, width, height, free, data);
    if (self == NULL) {
        free(data);
    }
    return self;
}

BerthFrame *
berth_frame_ref(BerthFrame *self)
{
    g_atomic_int_inc(&self->ref_count);
    return self;
}

void
berth_frame_unref(BerthFrame *self)
{
    if (self != NULL && g_atomic_int_dec_and_test(&self->ref_count)) {
        self->release(self->user_data);
        g_free(self);
    }
}

BerthRect
berth_frame_get_rect(const BerthFrame *self)
{
    return (BerthRect){ 0, 0, self->width, self->height };
}

uint8_t *
berth_frame_pixel(const BerthFrame *self, int x, int y)
{
    assert(x >= 0 && y >= 0 && x < self->width && y < self->height);
    return self->data + (size_t)y * self->stride_bytes + (size_t)x * BERTH_PIXEL_BYTES;
}

void
berth_frame_fill(BerthFrame *self, BerthRect rect, uint32_t xrgb)
{
    assert(berth_rect_is_inside(rect, self->width, self->height));
    uint8_t *first = berth_frame_pixel(self, rect.x, rect.y);
    fill_row(first, xrgb | BLACK, rect.w);
    for (int y = 1; y < rect.h; y++) {
        memcpy(first + (size_t)y * self->stride_bytes, first, row_bytes(rect));
    }
}

void
berth_frame_move(BerthFrame *self, BerthRect source, int x, int y)
{
    BerthRect target = { x, y, source.w, source.h };
    assert(berth_rect_is_inside(source, self->width, self->height));
    assert(berth_rect_is_inside(target, self->width, self->height));
    /* Downwards the last row goes first; within a row memmove sees to the overlap. */
    bool is_down = target.y > source.y;
    for (int i = 0; i < source.h; i++) {
        int row = is_down ? source.h - 1 - i : i;
        memmove(berth_frame_pixel(self, target.x, target.y + row),
                berth_frame_pixel(self, source.x, source.y + row), row_bytes(source));
    }
}

void
berth_frame_copy_rect(BerthFrame *dst, const BerthFrame *src, BerthRect rect)
{
    assert(berth_rect_is_inside(rect, dst->width, dst->height));
    assert(berth_rect_is_inside(rect, src->width, src->height));
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        memcpy(berth_frame_pixel(dst, rect.x, y), berth_frame_pixel(src, rect.x, y),
               row_bytes(rect));
    }
}

bool
berth_frame_rect_equal(const BerthFrame *a, const BerthFrame *b, BerthRect rect)
{
    assert(berth_rect_is_inside(rect, a->width, a->height));
    assert(berth_rect_is_inside(rect, b->width, b->height));
    /* X is 0xff in every frame, so bytes decide. */
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        if (memcmp(berth_frame_pixel(a, rect.x, y), berth_frame_pixel(b, rect.x, y),
                   row_bytes(rect)) != 0) {
            return false;
        }
    }
    return true;
}

bool
berth_frame_get_solid(const BerthFrame *self, BerthRect rect, uint32_t *ret_xrgb)
{
    assert(berth_rect_is_inside(rect, self->width, self->height));
    const uint8_t *first = berth_frame_pixel(self, rect.x, rect.y);
    /* A row that equals itself one pixel further on has one colour. */
    if (memcmp(first, first + BERTH_PIXEL_BYTES, row_bytes(rect) - BERTH_PIXEL_BYTES) != 0) {
        return false;
    }
    for (int y = 1; y < rect.h; y++) {
        if (memcmp(first, first + (size_t)y * self->stride_bytes, row_bytes(rect)) != 0) {
            return false;
        }
    }
    uint32_t word;
    memcpy(&word, first, sizeof word);
    *ret_xrgb = word & ~BLACK;
    return true;
}
