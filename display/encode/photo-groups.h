/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Joins neighbouring boxes of tiles into the few rectangles that become one photo each: a photo of
 * one tile costs 600 bytes of tables, one of a whole picture keeps all processors but one waiting.
 *
 * Boxes are joined only where they meet along a whole side.  Their ends may differ by a few
 * pixels, which then count as photo: a photo's edge is ragged where its pixels happen to be those
 * of what was there before.
 */
#pragma once

#include "display/pixels/rect.h"

#include <stddef.h>
#include <stdint.h>

/* Most pixels on a side of a photo. */
#define BERTH_PHOTO_GROUP_SIDE_PX 512

/*
 * Joins boxes in place.
 *
 * rects: boxes of tiles, at most one each, top row of tiles first, left to right
 *
 * Returns how many are left.
 */
size_t berth_photo_groups_join(BerthRect *rects, size_t n_rects);

/*
 * Joins rectangles, in place, that are near each other, gaps and all, where that is cheaper than
 * the tables of one more photo: for films, whose changes are ragged everywhere.
 *
 * rects:        inside the picture
 * tile_classes: BerthTileClass of every tile, row by row; only what lies in BERTH_TILE_PHOTO tiles
 *               becomes part of a photo
 * n_columns:    tiles in a row
 *
 * Returns how many are left.
 */
size_t berth_photo_groups_merge(BerthRect *rects, size_t n_rects, const uint8_t *tile_classes,
                                int n_columns);
