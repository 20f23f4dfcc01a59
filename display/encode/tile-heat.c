/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/tile-heat.h"

#include "berth/limits.h"

#include <glib.h>

#define TILE ((int)BERTH_LIMIT_TILE_PX)
#define N_CHANGES 8

/* Offsets within the tile; the right and bottom ends are exclusive. */
typedef struct {
    uint8_t left, top, right, bottom;
} Box;

typedef struct {
    int64_t last_us;
    uint32_t times_ms[N_CHANGES]; /* wraps; what is older than the window is never compared */
    Box boxes[N_CHANGES];
    uint8_t n;        /* remembered */
    uint8_t next;     /* where the next one goes */
    uint8_t is_photo; /* one bit a change */
} Tile;

struct BerthTileHeat {
    int columns, rows;
    Tile *tiles;
};

BerthTileHeat *
berth_tile_heat_new(int width, int height)
{
    BerthTileHeat *self = g_try_new0(BerthTileHeat, 1);
    if (self == NULL) {
        return NULL;
    }
    self->columns = (width + TILE - 1) / TILE;
    self->rows = (height + TILE - 1) / TILE;
    size_t n_tiles = (size_t)self->columns * (size_t)self->rows;
    self->tiles = g_try_new0(Tile, n_tiles);
    if (self->tiles == NULL) {
        g_free(self);
        return NULL;
    }
    for (size_t i = 0; i < n_tiles; i++) {
        self->tiles[i].last_us = INT64_MIN;
    }
    return self;
}

void
berth_tile_heat_free(BerthTileHeat *self)
{
    if (self != NULL) {
        g_free(self->tiles);
        g_free(self);
    }
}

int
berth_tile_heat_get_columns(const BerthTileHeat *self)
{
    return self->columns;
}

int
berth_tile_heat_get_rows(const BerthTileHeat *self)
{
    return self->rows;
}

void
berth_tile_heat_add(BerthTileHeat *self, unsigned tile, BerthRect rect, bool is_photo,
                    int64_t now_us)
{
    Tile *entry = &self->tiles[tile];
    int x = rect.x - (int)tile % self->columns * TILE;
    int y = rect.y - (int)tile / self->columns * TILE;
    unsigned at = entry->next;
    /* A pause longer than the window ends the story, so that wrapped times never meet. */
    if (entry->n > 0 && now_us - entry->last_us > BERTH_TILE_HEAT_WINDOW_US) {
        entry->n = 0;
    }
    entry->last_us = now_us;
    entry->times_ms[at] = (uint32_t)(now_us / 1000);
    entry->boxes[at] =
        (Box){ (uint8_t)x, (uint8_t)y, (uint8_t)(x + rect.w), (uint8_t)(y + rect.h) };
    entry->is_photo = (uint8_t)((entry->is_photo & ~(1u << at)) | (unsigned)is_photo << at);
    entry->next = (uint8_t)((at + 1) % N_CHANGES);
    entry->n = (uint8_t)MIN(entry->n + 1, N_CHANGES);
}

/* The place of the i-th last change if it is within the window; -1 if there is none. */
static int
find_recent(const Tile *tile, int i, int64_t now_us)
{
    if (i >= tile->n || now_us - tile->last_us > BERTH_TILE_HEAT_WINDOW_US) {
        return -1;
    }
    int at = (tile->next + N_CHANGES - 1 - i) % N_CHANGES;
    uint32_t age_ms = (uint32_t)(now_us / 1000) - tile->times_ms[at];
    return age_ms <= BERTH_TILE_HEAT_WINDOW_US / 1000 ? at : -1;
}

int
berth_tile_heat_count(const BerthTileHeat *self, unsigned tile, int64_t now_us, int *ret_n_photo)
{
    const Tile *entry = &self->tiles[tile];
    int n = 0;
    *ret_n_photo = 0;
    for (int at = find_recent(entry, 0, now_us); at >= 0; at = find_recent(entry, n, now_us)) {
        *ret_n_photo += entry->is_photo >> at & 1;
        n++;
    }
    return n;
}

BerthRect
berth_tile_heat_get_box(const BerthTileHeat *self, unsigned tile, int64_t now_us)
{
    const Tile *entry = &self->tiles[tile];
    int x = (int)tile % self->columns * TILE;
    int y = (int)tile / self->columns * TILE;
    int n = 0;
    BerthRect box = { 0, 0, 0, 0 };
    for (int at = find_recent(entry, 0, now_us); at >= 0; at = find_recent(entry, n, now_us)) {
        Box part = entry->boxes[at];
        box = berth_rect_union(box, (BerthRect){ x + part.left, y + part.top,
                                                 part.right - part.left, part.bottom - part.top });
        n++;
    }
    return box;
}

int64_t
berth_tile_heat_get_last_us(const BerthTileHeat *self, unsigned tile)
{
    return self->tiles[tile].last_us;
}
