/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rectangle of pixels: a value, half open, empty when a side is not positive.
 *
 * All functions are pure and never overflow for coordinates and sides within +-2^30.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int x;
    int y;
    int w;
    int h;
} BerthRect;

/* True if the rectangle holds no pixel. */
bool berth_rect_is_empty(BerthRect rect);

/* Pixels in the rectangle; 0 if it is empty. */
int64_t berth_rect_area_px(BerthRect rect);

bool berth_rect_equal(BerthRect a, BerthRect b);

/* True if every pixel of inner lies in outer.  An empty inner is contained in everything. */
bool berth_rect_contains(BerthRect outer, BerthRect inner);

/* True if the rectangle is not empty and lies in a picture of width x height, hostile values too.
 */
bool berth_rect_is_inside(BerthRect rect, int width, int height);

/* The common part; {0, 0, 0, 0} if there is none. */
BerthRect berth_rect_intersect(BerthRect a, BerthRect b);

/* The smallest rectangle around both; an empty one counts for nothing. */
BerthRect berth_rect_union(BerthRect a, BerthRect b);
