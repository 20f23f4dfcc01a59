/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What changed in a picture: a grid of 64x64 tiles, each with the exact box of its changed pixels.
 *
 * berth_damage_compare_copy() is how pixels of a capture source enter a frame.  The source may be
 * memory that a hostile guest writes to at the same time: each byte of it is read once, so the
 * frame and the damage always agree.
 *
 * State: 4 bytes a tile.  Thread: one at a time.
 */
#pragma once

#include "display/pixels/format.h"
#include "display/pixels/frame.h"
#include "display/pixels/rect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthDamage BerthDamage;

/* Pixels of a capture source: rows of some format; nothing in it is trusted. */
typedef struct {
    const uint8_t *data;
    size_t size_bytes;   /* readable bytes at data */
    size_t stride_bytes; /* from one row to the next */
    const BerthPixelFormat *format;
} BerthPixelSource;

/*
 * Makes empty damage for a picture of width x height.
 *
 * Errors: NULL if the size is not allowed (berth_frame_size_is_allowed) or memory ran out.
 */
BerthDamage *berth_damage_new(int width, int height);

/* NULL is allowed. */
void berth_damage_free(BerthDamage *self);

/*
 * Changes the size of the picture.  The damage is the whole new picture afterwards.
 *
 * Errors: BERTH_ERR_TOO_LARGE (nothing changes), BERTH_ERR_NO_MEMORY (nothing changes).
 */
int berth_damage_resize(BerthDamage *self, int width, int height);

int berth_damage_get_width(const BerthDamage *self);
int berth_damage_get_height(const BerthDamage *self);

/* Forgets all damage. */
void berth_damage_clear(BerthDamage *self);

/* Marks a rectangle; what is outside of the picture is cut off, any values. */
void berth_damage_add_rect(BerthDamage *self, BerthRect rect);

/* Marks the whole picture. */
void berth_damage_add_all(BerthDamage *self);

/*
 * Forgets the damage of tiles whose box lies in the rectangle as a whole; other boxes stay as they
 * are, so there may be more damage left than pixels.
 */
void berth_damage_cut_rect(BerthDamage *self, BerthRect rect);

/* True if the rectangle, which must be inside the picture, touches a box. */
bool berth_damage_touches(const BerthDamage *self, BerthRect rect);

/*
 * Adds the damage of another one, tile by tile.
 *
 * Errors: BERTH_ERR_INVALID if the two are not of the same size (nothing changes).
 */
int berth_damage_merge(BerthDamage *self, const BerthDamage *other);

bool berth_damage_is_empty(const BerthDamage *self);

/* Pixels in all crops together. */
int64_t berth_damage_get_area_px(const BerthDamage *self);

/* Number of tiles with damage: what berth_damage_get_rects() can return at most. */
size_t berth_damage_get_n_tiles(const BerthDamage *self);

/*
 * Lists the crops, from the top row of tiles to the bottom, left to right.  Crops that touch each
 * other side by side and have the same top and bottom are one rectangle.  They never overlap.
 *
 * rects: room for max_rects
 *
 * Returns the number of rectangles; if it is larger than max_rects, only max_rects were written.
 */
size_t berth_damage_get_rects(const BerthDamage *self, BerthRect *rects, size_t max_rects);

/*
 * The changed box of one tile in pixels of the picture; an empty rectangle if there is none.
 *
 * column, row: inside the grid of (width + 63) / 64 by (height + 63) / 64 tiles
 */
BerthRect berth_damage_get_tile(const BerthDamage *self, int column, int row);

/*
 * Cuts a rectangle out of a source, for sources that hold a whole picture.
 *
 * source: whose data is the pixel 0, 0 of a picture of width x height
 * ret_source: begins at rect's first pixel
 *
 * Errors: BERTH_ERR_INVALID if rect is empty or not inside, BERTH_ERR_TRUNCATED if it lies behind
 * the end of the data.
 */
int berth_pixel_source_crop(const BerthPixelSource *source, int width, int height, BerthRect rect,
                            BerthPixelSource *ret_source);

/*
 * Brings the pixels of a source into a frame and marks exactly what differs.
 *
 * dst:    of the size of the damage
 * hint:   where the pixels go; must be inside dst
 * source: begins at hint's first pixel; every byte is read at most once
 *
 * Errors (nothing changes): BERTH_ERR_INVALID if hint is empty or outside, if dst has another size
 * or the stride is smaller than a row; BERTH_ERR_TRUNCATED if the source is too short.
 */
int berth_damage_compare_copy(BerthDamage *self, BerthFrame *dst, BerthRect hint,
                              const BerthPixelSource *source);
