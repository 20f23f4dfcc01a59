/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small set of rectangles that covers at least all pixels added to it.
 *
 * The number of rectangles never exceeds the budget given at the start: when it would, the two
 * whose common box wastes the fewest pixels become that box.  Rectangles may overlap.  It answers
 * "what has to be drawn again", where too much is harmless and too little is not.
 *
 * The struct is a value without allocation; initialise it with berth_region_init().
 */
#pragma once

#include "display/pixels/rect.h"

#include <stddef.h>

/* The largest budget. */
#define BERTH_REGION_MAX_RECTS 64

typedef struct {
    BerthRect rects[BERTH_REGION_MAX_RECTS];
    size_t n_rects;
    size_t budget;
} BerthRegion;

/*
 * Makes an empty region.
 *
 * budget: most rectangles, 1..BERTH_REGION_MAX_RECTS
 */
void berth_region_init(BerthRegion *self, size_t budget);

/* Forgets all rectangles. */
void berth_region_clear(BerthRegion *self);

/* Adds a rectangle; an empty one is ignored. */
void berth_region_add(BerthRegion *self, BerthRect rect);

bool berth_region_is_empty(const BerthRegion *self);

/* The smallest rectangle around everything. */
BerthRect berth_region_get_bounds(const BerthRegion *self);
