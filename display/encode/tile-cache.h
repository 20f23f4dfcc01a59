/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which tiles a viewer keeps, by what they show: the session's half of the tile cache.
 *
 * The session alone decides what is kept where and tells the client, so both ends agree without
 * any rule of replacement in the protocol.  Slots are taken over in a circle; one that was of use
 * since the last round is passed over once.
 *
 * State: 32 bytes a slot.  Thread: one at a time.
 */
#pragma once

#include "display/pixels/tile-hash.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct BerthTileCache BerthTileCache;

/*
 * n_slots: 1..BERTH_LIMIT_CACHE_TILES
 *
 * Errors: NULL if memory ran out.
 */
BerthTileCache *berth_tile_cache_new(unsigned n_slots);

/* NULL is allowed. */
void berth_tile_cache_free(BerthTileCache *self);

/* Forgets all tiles. */
void berth_tile_cache_clear(BerthTileCache *self);

/* Finds the slot of a tile and marks it as of use; ret_slot is set on true only. */
bool berth_tile_cache_find(BerthTileCache *self, BerthTileHash hash, uint16_t *ret_slot);

/* Takes a slot for a tile that is not in the cache; what was in it is forgotten. */
uint16_t berth_tile_cache_store(BerthTileCache *self, BerthTileHash hash);
