/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tiles that a client keeps because the session said so: the client's half of the tile cache.
 *
 * The session names the slots and is not trusted: a slot that was never stored, or holds a tile of
 * another size, cannot be drawn.
 *
 * State: up to 16 KiB a slot, taken when it is first stored.  Thread: one at a time.
 */
#pragma once

#include "display/pixels/frame.h"

typedef struct BerthTileStore BerthTileStore;

/*
 * n_slots: 0..BERTH_LIMIT_CACHE_TILES
 *
 * Errors: NULL if the number is not allowed or memory ran out.
 */
BerthTileStore *berth_tile_store_new(unsigned n_slots);

/* NULL is allowed. */
void berth_tile_store_free(BerthTileStore *self);

/*
 * Keeps what a tile shows.
 *
 * slot: any value;  tile: inside the canvas, at most BERTH_LIMIT_TILE_PX on a side
 *
 * Errors: BERTH_ERR_INVALID (no such slot), BERTH_ERR_NO_MEMORY.
 */
int berth_tile_store_put(BerthTileStore *self, unsigned slot, const BerthFrame *canvas,
                         BerthRect tile);

/*
 * Draws a kept tile.
 *
 * slot: any value;  tile: as above
 *
 * Errors: BERTH_ERR_INVALID: no such slot, nothing in it, or a tile of another size.
 */
int berth_tile_store_draw(const BerthTileStore *self, unsigned slot, BerthFrame *canvas,
                          BerthRect tile);
