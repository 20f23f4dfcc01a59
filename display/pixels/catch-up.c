/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/pixels/catch-up.h"

#include <glib.h>
#include <string.h>

#define TILE ((int)BERTH_LIMIT_TILE_PX)

/* The tiles that a rectangle touches: columns and rows, the ends not included. */
typedef struct {
    int left, top, right, bottom;
} Tiles;

static Tiles
tiles_of(BerthRect rect)
{
    return (Tiles){ rect.x / TILE, rect.y / TILE, (rect.x + rect.w + TILE - 1) / TILE,
                    (rect.y + rect.h + TILE - 1) / TILE };
}

static size_t
index_of(const BerthCatchUp *self, int column, int row)
{
    return (size_t)row * (size_t)self->n_columns + (size_t)column;
}

static bool
is_owed(const BerthCatchUp *self, int column, int row)
{
    size_t index = index_of(self, column, row);

    return self->owed[index / 64] >> (index % 64) & 1;
}

static void
owe(BerthCatchUp *self, int column, int row)
{
    size_t index = index_of(self, column, row);

    self->owed[index / 64] |= UINT64_C(1) << (index % 64);
    self->n_owed++;
}

static void
settle(BerthCatchUp *self, int column, int row)
{
    size_t index = index_of(self, column, row);

    self->owed[index / 64] &= ~(UINT64_C(1) << (index % 64));
    self->n_owed--;
}

/* Pixels of tiles side by side. */
static BerthRect
get_rect(const BerthCatchUp *self, int column, int row, int n_columns)
{
    return berth_rect_intersect((BerthRect){ column * TILE, row * TILE, n_columns * TILE, TILE },
                                berth_frame_get_rect(self->target));
}

void
berth_catch_up_begin(BerthCatchUp *self, BerthFrame *target, BerthFrame *source,
                     const BerthRegion *missed)
{
    g_return_if_fail(target->width == source->width && target->height == source->height);
    berth_frame_ref(target);
    berth_frame_ref(source);
    berth_catch_up_clear(self);
    self->target = target;
    self->source = source;
    self->n_columns = (target->width + TILE - 1) / TILE;
    memset(self->owed, 0, sizeof self->owed);
    for (size_t i = 0; i < missed->n_rects; i++) {
        Tiles tiles = tiles_of(missed->rects[i]);

        for (int row = tiles.top; row < tiles.bottom; row++) {
            for (int column = tiles.left; column < tiles.right; column++) {
                if (!is_owed(self, column, row)) {
                    owe(self, column, row);
                }
            }
        }
    }
}

void
berth_catch_up_write(BerthCatchUp *self, BerthRect rect)
{
    Tiles tiles = tiles_of(rect);

    for (int row = tiles.top; self->n_owed > 0 && row < tiles.bottom; row++) {
        for (int column = tiles.left; column < tiles.right; column++) {
            BerthRect tile = get_rect(self, column, row, 1);

            if (!is_owed(self, column, row)) {
                continue;
            }
            if (!berth_rect_contains(rect, tile)) {
                berth_frame_copy_rect(self->target, self->source, tile);
            }
            settle(self, column, row);
        }
    }
}

/* Copies what is owed of a row from a column on, up to a tile that is not; returns its column. */
static int
copy_run(BerthCatchUp *self, int column, int row, int end)
{
    int first = column;

    while (column < end && is_owed(self, column, row)) {
        settle(self, column, row);
        column++;
    }
    if (column > first) {
        berth_frame_copy_rect(self->target, self->source,
                              get_rect(self, first, row, column - first));
    }
    return column;
}

void
berth_catch_up_read(BerthCatchUp *self, BerthRect rect)
{
    Tiles tiles = tiles_of(rect);

    for (int row = tiles.top; self->n_owed > 0 && row < tiles.bottom; row++) {
        for (int column = tiles.left; column < tiles.right; column++) {
            column = copy_run(self, column, row, tiles.right);
        }
    }
}

void
berth_catch_up_finish(BerthCatchUp *self)
{
    if (self->target != NULL) {
        berth_catch_up_read(self, berth_frame_get_rect(self->target));
    }
    berth_catch_up_clear(self);
}

void
berth_catch_up_clear(BerthCatchUp *self)
{
    g_clear_pointer(&self->target, berth_frame_unref);
    g_clear_pointer(&self->source, berth_frame_unref);
    self->n_owed = 0;
}
