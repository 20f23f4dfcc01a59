/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Brings a frame up to another one while it is drawn on: tiles that it lacks are copied only when
 * they are read or written in part.  What is written whole is never copied.
 *
 * A value without allocation but for two references; initialise it with zeros.  Without
 * berth_catch_up_begin() nothing is owed and all calls do nothing.  Thread: one at a time; the
 * source must not change meanwhile.
 */
#pragma once

#include "berth/limits.h"
#include "display/pixels/frame.h"
#include "display/pixels/region.h"

#include <stddef.h>
#include <stdint.h>

/* Tiles of the largest picture, cropped ones at two edges included. */
#define BERTH_CATCH_UP_MAX_TILES                                              \
    (BERTH_LIMIT_HEAD_AREA_PX / (BERTH_LIMIT_TILE_PX * BERTH_LIMIT_TILE_PX) + \
     2 * (BERTH_LIMIT_HEAD_SIDE_PX / BERTH_LIMIT_TILE_PX) + 1)

typedef struct {
    BerthFrame *target; /* owned; NULL: nothing is going on */
    BerthFrame *source; /* owned */
    int n_columns;
    size_t n_owed; /* tiles */
    uint64_t owed[(BERTH_CATCH_UP_MAX_TILES + 63) / 64];
} BerthCatchUp;

/*
 * Begins, and forgets what went on before.
 *
 * target, source: two frames of one size; takes references
 * missed:         where the target may lack something
 */
void berth_catch_up_begin(BerthCatchUp *self, BerthFrame *target, BerthFrame *source,
                          const BerthRegion *missed);

/* All pixels of a rectangle of the target are about to be written; inside the frame. */
void berth_catch_up_write(BerthCatchUp *self, BerthRect rect);

/* Pixels of a rectangle of the target are about to be read, or written in part. */
void berth_catch_up_read(BerthCatchUp *self, BerthRect rect);

/* Copies all that is still owed, and ends. */
void berth_catch_up_finish(BerthCatchUp *self);

/* Ends without copying: the target is worth nothing. */
void berth_catch_up_clear(BerthCatchUp *self);
