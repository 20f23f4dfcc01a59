/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/decode/tile-store.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "display/pixels/format.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

#define SLOT_BYTES (BERTH_LIMIT_TILE_PX * BERTH_LIMIT_TILE_PX * BERTH_PIXEL_BYTES)

typedef struct {
    uint8_t *pixels; /* SLOT_BYTES; NULL if nothing was stored */
    int w;
    int h;
} Slot;

struct BerthTileStore {
    unsigned n_slots;
    Slot slots[];
};

BerthTileStore *
berth_tile_store_new(unsigned n_slots)
{
    if (n_slots > BERTH_LIMIT_CACHE_TILES) {
        return NULL;
    }
    BerthTileStore *self = g_try_malloc0(sizeof *self + n_slots * sizeof(Slot));
    if (self != NULL) {
        self->n_slots = n_slots;
    }
    return self;
}

void
berth_tile_store_free(BerthTileStore *self)
{
    for (unsigned i = 0; self != NULL && i < self->n_slots; i++) {
        g_free(self->slots[i].pixels);
    }
    g_free(self);
}

int
berth_tile_store_put(BerthTileStore *self, unsigned slot_index, const BerthFrame *canvas,
                     BerthRect tile)
{
    assert(tile.w <= (int)BERTH_LIMIT_TILE_PX && tile.h <= (int)BERTH_LIMIT_TILE_PX);
    if (slot_index >= self->n_slots) {
        return BERTH_ERR_INVALID;
    }
    Slot *slot = &self->slots[slot_index];
    if (slot->pixels == NULL) {
        slot->pixels = g_try_malloc(SLOT_BYTES);
        if (slot->pixels == NULL) {
            return BERTH_ERR_NO_MEMORY;
        }
    }
    size_t row_bytes = (size_t)tile.w * BERTH_PIXEL_BYTES;
    slot->w = tile.w;
    slot->h = tile.h;
    for (int row = 0; row < tile.h; row++) {
        memcpy(slot->pixels + (size_t)row * row_bytes,
               berth_frame_pixel(canvas, tile.x, tile.y + row), row_bytes);
    }
    return BERTH_OK;
}

int
berth_tile_store_draw(const BerthTileStore *self, unsigned slot_index, BerthFrame *canvas,
                      BerthRect tile)
{
    if (slot_index >= self->n_slots) {
        return BERTH_ERR_INVALID;
    }
    const Slot *slot = &self->slots[slot_index];
    if (slot->pixels == NULL || slot->w != tile.w || slot->h != tile.h) {
        return BERTH_ERR_INVALID;
    }
    size_t row_bytes = (size_t)tile.w * BERTH_PIXEL_BYTES;
    for (int row = 0; row < tile.h; row++) {
        memcpy(berth_frame_pixel(canvas, tile.x, tile.y + row),
               slot->pixels + (size_t)row * row_bytes, row_bytes);
    }
    return BERTH_OK;
}
