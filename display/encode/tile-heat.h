/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How often each tile of a screen changed lately, where in the tile, and with what.
 *
 * The last eight changes of a tile are remembered, for half a second.
 *
 * State: 72 bytes a tile.  Thread: one at a time.
 */
#pragma once

#include "display/pixels/rect.h"

#include <stdbool.h>
#include <stdint.h>

/* Changes older than this are forgotten. */
#define BERTH_TILE_HEAT_WINDOW_US 500000

typedef struct BerthTileHeat BerthTileHeat;

/*
 * width, height: of the screen in pixels, an allowed size
 *
 * Errors: NULL if memory ran out.
 */
BerthTileHeat *berth_tile_heat_new(int width, int height);

/* NULL is allowed. */
void berth_tile_heat_free(BerthTileHeat *self);

int berth_tile_heat_get_columns(const BerthTileHeat *self);
int berth_tile_heat_get_rows(const BerthTileHeat *self);

/*
 * Notes a change.
 *
 * rect: not empty, inside the tile with this row-major index;  is_photo: with many colours
 */
void berth_tile_heat_add(BerthTileHeat *self, unsigned tile, BerthRect rect, bool is_photo,
                         int64_t now_us);

/* How often a tile changed lately (0..8), and how often of these with many colours. */
int berth_tile_heat_count(const BerthTileHeat *self, unsigned tile, int64_t now_us,
                          int *ret_n_photo);

/* The box around what changed in a tile lately; empty if nothing did. */
BerthRect berth_tile_heat_get_box(const BerthTileHeat *self, unsigned tile, int64_t now_us);

/* When a tile last changed; INT64_MIN if it never did. */
int64_t berth_tile_heat_get_last_us(const BerthTileHeat *self, unsigned tile);
