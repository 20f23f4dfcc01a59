/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A picture in memory: BGRX rows, first byte and every row aligned to 64 bytes.
 *
 * width, height and stride_bytes never change after berth_frame_new() and are within the limits
 * of limits.h.  The X byte of every pixel is 0xff.  Pixels between width and the end of a row are
 * padding of any value.  References are counted atomically; the pixels themselves belong to one
 * thread at a time.
 */
#pragma once

#include "display/pixels/rect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *data;
    int width;
    int height;
    size_t stride_bytes;
    int ref_count;                    /* private */
    void (*release)(void *user_data); /* private */
    void *user_data;                  /* private */
} BerthFrame;

/* True if a picture of this size is within BERTH_LIMIT_HEAD_SIDE_PX and _AREA_PX; any values. */
bool berth_frame_size_is_allowed(int64_t width, int64_t height);

/*
 * Makes a black picture.
 *
 * Ownership: one reference for the caller.  Errors: NULL if the size is not allowed or memory ran
 * out.
 */
BerthFrame *berth_frame_new(int width, int height);

/* Bytes that a picture of an allowed size needs, rows padded. */
size_t berth_frame_size_bytes(int width, int height);

/*
 * Makes a black picture in memory of somebody else, such as a shared segment.
 *
 * data:     berth_frame_size_bytes(), aligned to 64
 * release:  called with user_data when the last reference is given back; on failure it is not
 *
 * Ownership: one reference for the caller.  Errors: NULL if the size is not allowed or memory ran
 * out.
 */
BerthFrame *berth_frame_new_in(uint8_t *data, int width, int height,
                               void (*release)(void *user_data), void *user_data);

/* Takes one more reference.  Thread: any. */
BerthFrame *berth_frame_ref(BerthFrame *self);

/* Gives one reference back; NULL is allowed.  Thread: any. */
void berth_frame_unref(BerthFrame *self);

/* The whole picture as a rectangle. */
BerthRect berth_frame_get_rect(const BerthFrame *self);

/* The address of the pixel x, y; they must be inside. */
uint8_t *berth_frame_pixel(const BerthFrame *self, int x, int y);

/* Paints a rectangle, which must be inside the picture, in one colour 0xRRGGBB. */
void berth_frame_fill(BerthFrame *self, BerthRect rect, uint32_t xrgb);

/*
 * Copies a rectangle within one picture, as if through a temporary one: the two may overlap.
 *
 * source: inside the picture;  x, y: where it goes, inside as well
 */
void berth_frame_move(BerthFrame *self, BerthRect source, int x, int y);

/* Copies a rectangle, inside both pictures, to the same place of another picture. */
void berth_frame_copy_rect(BerthFrame *dst, const BerthFrame *src, BerthRect rect);

/* True if the rectangle, inside both pictures, has the same colours in both. */
bool berth_frame_rect_equal(const BerthFrame *a, const BerthFrame *b, BerthRect rect);

/*
 * True if a rectangle, inside the picture, has one colour only.
 *
 * ret_xrgb: 0x00RRGGBB; set on true only
 */
bool berth_frame_get_solid(const BerthFrame *self, BerthRect rect, uint32_t *ret_xrgb);
