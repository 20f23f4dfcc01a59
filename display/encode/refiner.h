/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which pixels of a viewer's picture are not exact, and which of them to make better now.
 *
 * Each 64x64 tile has the box of its lossy pixels, their quality and the time of the last change.
 * A tile that has stood still for 200 ms gets high quality if it is below; after 600 ms it gets
 * exact.  Every tile has its own clock, so a caret or a clock that ticks somewhere holds up nothing
 * else.  Nearest to the pointer first, then the oldest.
 *
 * Use: berth_refiner_copy() for the copies of a frame, then berth_refiner_paint() for everything
 * that is painted, in order.  berth_refiner_plan() hands out steps; what is then sent is told by
 * berth_refiner_paint() with the step's quality and is_change false.
 *
 * State: 24 bytes a tile.  Thread: one at a time.
 */
#pragma once

#include "display/pixels/copy.h"
#include "display/pixels/rect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Quality of pixels: 0 is video or unknown, 1..100 that of a photo, above all: exact. */
#define BERTH_QUALITY_VIDEO 0
#define BERTH_QUALITY_EXACT 255
/* The quality that a tile gets at its first refinement. */
#define BERTH_QUALITY_HIGH 92

typedef struct {
    BerthRect rect;  /* the lossy box of a tile */
    uint8_t quality; /* BERTH_QUALITY_HIGH or BERTH_QUALITY_EXACT */
} BerthRefineStep;

typedef struct BerthRefiner BerthRefiner;

/* Errors: NULL if memory ran out. */
BerthRefiner *berth_refiner_new(void);

/* NULL is allowed. */
void berth_refiner_free(BerthRefiner *self);

/*
 * A new screen size: everything counts as exact.
 *
 * Errors: BERTH_ERR_TOO_LARGE, BERTH_ERR_NO_MEMORY (nothing changes).
 */
int berth_refiner_configure(BerthRefiner *self, int width, int height);

/*
 * A rectangle was painted.
 *
 * rect: inside the picture
 * quality: of its pixels now
 * is_change: the picture changed there; false for a better version of the same picture
 */
void berth_refiner_paint(BerthRefiner *self, BerthRect rect, uint8_t quality, bool is_change,
                         int64_t now_us);

/*
 * Pixels were moved, all at once; they take their quality with them.
 *
 * Errors: BERTH_ERR_NO_MEMORY (the targets count as lossy).
 */
int berth_refiner_copy(BerthRefiner *self, const BerthMove *moves, size_t n_moves, int64_t now_us);

/* True if all pixels of the rectangle are exact. */
bool berth_refiner_is_exact(const BerthRefiner *self, BerthRect rect);

/* True if nothing is left to do. */
bool berth_refiner_is_all_exact(const BerthRefiner *self);

/* True if a step is due now or later; ret_due_us: the earliest time, set on true only. */
bool berth_refiner_get_due(const BerthRefiner *self, int64_t *ret_due_us);

/*
 * Chooses what to make better now.
 *
 * pointer_x, pointer_y: any values
 * budget_bytes: what may be sent; the first step is always given out, further ones while the
 *               estimate (1.5 bytes a pixel for exact, 0.3 for high quality) fits
 * steps: room for max_steps; each within one tile, in order of importance
 *
 * Returns the number of steps; nothing changes until berth_refiner_paint().
 */
size_t berth_refiner_plan(const BerthRefiner *self, int64_t now_us, int pointer_x, int pointer_y,
                          size_t budget_bytes, BerthRefineStep *steps, size_t max_steps);
