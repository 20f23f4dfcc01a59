/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A tile has one box of lossy pixels, and the worst quality in it.  Exact pixels shrink the box
 * when they cover all of one of its sides; a box that is larger than what is lossy only costs
 * bytes.
 */
#include "display/encode/refiner.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "display/pixels/frame.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define TILE ((int)BERTH_LIMIT_TILE_PX)
/* How long a tile stands still before it gets better, and exact. */
#define HIGH_US 200000
#define EXACT_US 600000
/* Estimates of what a pixel costs, in tenths of a byte. */
#define EXACT_COST 15
#define HIGH_COST 3

typedef struct {
    int64_t change_us;
    BerthRect box; /* of the lossy pixels; empty if all are exact */
    uint8_t quality;
} Tile;

struct BerthRefiner {
    int width;
    int height;
    int n_columns;
    size_t n_tiles;
    size_t n_lossy;
    Tile *tiles;
};

/* A tile that may be refined, and how much it matters. */
typedef struct {
    size_t index;
    int64_t distance;
    int64_t change_us;
} Candidate;

BerthRefiner *
berth_refiner_new(void)
{
    return g_try_new0(BerthRefiner, 1);
}

void
berth_refiner_free(BerthRefiner *self)
{
    if (self != NULL) {
        g_free(self->tiles);
        g_free(self);
    }
}

int
berth_refiner_configure(BerthRefiner *self, int width, int height)
{
    if (!berth_frame_size_is_allowed(width, height)) {
        return BERTH_ERR_TOO_LARGE;
    }
    int n_columns = (width + TILE - 1) / TILE;
    size_t n_tiles = (size_t)n_columns * (size_t)((height + TILE - 1) / TILE);
    Tile *tiles = g_try_new0(Tile, n_tiles);
    if (tiles == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    g_free(self->tiles);
    *self = (BerthRefiner){
        .width = width, .height = height, .n_columns = n_columns, .n_tiles = n_tiles, .tiles = tiles
    };
    return BERTH_OK;
}

/* What is left of a box when a rectangle is taken away: the smallest box around it. */
static BerthRect
subtract(BerthRect box, BerthRect rect)
{
    BerthRect common = berth_rect_intersect(box, rect);
    if (berth_rect_is_empty(common)) {
        return box;
    }
    if (common.w == box.w && common.y == box.y) {
        return (BerthRect){ box.x, box.y + common.h, box.w, box.h - common.h };
    }
    if (common.w == box.w && common.y + common.h == box.y + box.h) {
        return (BerthRect){ box.x, box.y, box.w, box.h - common.h };
    }
    if (common.h == box.h && common.x == box.x) {
        return (BerthRect){ box.x + common.w, box.y, box.w - common.w, box.h };
    }
    if (common.h == box.h && common.x + common.w == box.x + box.w) {
        return (BerthRect){ box.x, box.y, box.w - common.w, box.h };
    }
    return box;
}

static void
paint_tile(BerthRefiner *self, Tile *tile, BerthRect part, uint8_t quality)
{
    bool was_lossy = !berth_rect_is_empty(tile->box);
    if (quality == BERTH_QUALITY_EXACT) {
        tile->box = subtract(tile->box, part);
    } else if (was_lossy && !berth_rect_contains(part, tile->box)) {
        tile->box = berth_rect_union(tile->box, part);
        tile->quality = MIN(tile->quality, quality);
    } else {
        tile->box = part;
        tile->quality = quality;
    }
    bool is_lossy = !berth_rect_is_empty(tile->box);
    self->n_lossy = self->n_lossy + is_lossy - was_lossy;
}

/* The tiles that a rectangle touches. */
typedef struct {
    int first_column, last_column;
    int first_row, last_row;
} Span;

static Span
get_span(BerthRect rect)
{
    return (Span){ rect.x / TILE, (rect.x + rect.w - 1) / TILE, rect.y / TILE,
                   (rect.y + rect.h - 1) / TILE };
}

static Tile *
get_tile(const BerthRefiner *self, int column, int row)
{
    return &self->tiles[(size_t)row * (size_t)self->n_columns + (size_t)column];
}

void
berth_refiner_paint(BerthRefiner *self, BerthRect rect, uint8_t quality, bool is_change,
                    int64_t now_us)
{
    Span span = get_span(rect);
    for (int row = span.first_row; row <= span.last_row; row++) {
        for (int column = span.first_column; column <= span.last_column; column++) {
            BerthRect area = { column * TILE, row * TILE, TILE, TILE };
            Tile *tile = get_tile(self, column, row);
            if (is_change) {
                tile->change_us = now_us;
            }
            if (quality != BERTH_QUALITY_EXACT || !berth_rect_is_empty(tile->box)) {
                paint_tile(self, tile, berth_rect_intersect(area, rect), quality);
            }
        }
    }
}

/* A lossy part of a source, where it comes to lie. */
typedef struct {
    BerthRect rect;
    uint8_t quality;
} Moved;

static void
collect_moved(const BerthRefiner *self, const BerthMove *move, GArray *moved)
{
    Span span = get_span(move->source);
    for (int row = span.first_row; row <= span.last_row; row++) {
        for (int column = span.first_column; column <= span.last_column; column++) {
            const Tile *tile = get_tile(self, column, row);
            BerthRect part = berth_rect_intersect(tile->box, move->source);
            if (berth_rect_is_empty(part)) {
                continue;
            }
            part.x += move->x - move->source.x;
            part.y += move->y - move->source.y;
            Moved entry = { part, tile->quality };
            g_array_append_val(moved, entry);
        }
    }
}

int
berth_refiner_copy(BerthRefiner *self, const BerthMove *moves, size_t n_moves, int64_t now_us)
{
    g_autoptr(GArray) moved = g_array_new(FALSE, FALSE, sizeof(Moved));
    for (size_t i = 0; self->n_lossy > 0 && i < n_moves; i++) {
        collect_moved(self, &moves[i], moved);
    }
    for (size_t i = 0; i < n_moves; i++) {
        BerthRect target = { moves[i].x, moves[i].y, moves[i].source.w, moves[i].source.h };
        berth_refiner_paint(self, target, BERTH_QUALITY_EXACT, true, now_us);
    }
    for (size_t i = 0; i < moved->len; i++) {
        const Moved *entry = &g_array_index(moved, Moved, i);
        berth_refiner_paint(self, entry->rect, entry->quality, true, now_us);
    }
    return BERTH_OK;
}

bool
berth_refiner_is_exact(const BerthRefiner *self, BerthRect rect)
{
    Span span = get_span(rect);
    for (int row = span.first_row; self->n_lossy > 0 && row <= span.last_row; row++) {
        for (int column = span.first_column; column <= span.last_column; column++) {
            if (!berth_rect_is_empty(
                    berth_rect_intersect(get_tile(self, column, row)->box, rect))) {
                return false;
            }
        }
    }
    return true;
}

bool
berth_refiner_is_all_exact(const BerthRefiner *self)
{
    return self->n_lossy == 0;
}

/* When a lossy tile is due next. */
static int64_t
get_tile_due_us(const Tile *tile)
{
    return tile->change_us + (tile->quality < BERTH_QUALITY_HIGH ? HIGH_US : EXACT_US);
}

bool
berth_refiner_get_due(const BerthRefiner *self, int64_t *ret_due_us)
{
    int64_t due_us = INT64_MAX;
    for (size_t i = 0; self->n_lossy > 0 && i < self->n_tiles; i++) {
        if (!berth_rect_is_empty(self->tiles[i].box)) {
            due_us = MIN(due_us, get_tile_due_us(&self->tiles[i]));
        }
    }
    if (due_us == INT64_MAX) {
        return false;
    }
    *ret_due_us = due_us;
    return true;
}

static int
compare_candidates(const void *a, const void *b)
{
    const Candidate *left = a;
    const Candidate *right = b;
    if (left->distance != right->distance) {
        return left->distance < right->distance ? -1 : 1;
    }
    if (left->change_us != right->change_us) {
        return left->change_us < right->change_us ? -1 : 1;
    }
    return left->index < right->index ? -1 : 1;
}

/* Distances are counted in tiles, so that age decides among those about as near. */
static int64_t
get_distance(const BerthRefiner *self, size_t index, int pointer_x, int pointer_y)
{
    if (pointer_x < 0 || pointer_y < 0) {
        return 0;
    }
    int64_t dx = (int64_t)(index % (size_t)self->n_columns) - pointer_x / TILE;
    int64_t dy = (int64_t)(index / (size_t)self->n_columns) - pointer_y / TILE;
    return dx * dx + dy * dy;
}

size_t
berth_refiner_plan(const BerthRefiner *self, int64_t now_us, int pointer_x, int pointer_y,
                   size_t budget_bytes, BerthRefineStep *steps, size_t max_steps)
{
    g_autoptr(GArray) candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
    for (size_t i = 0; self->n_lossy > 0 && i < self->n_tiles; i++) {
        const Tile *tile = &self->tiles[i];
        if (!berth_rect_is_empty(tile->box) && get_tile_due_us(tile) <= now_us) {
            Candidate candidate = { i, get_distance(self, i, pointer_x, pointer_y),
                                    tile->change_us };
            g_array_append_val(candidates, candidate);
        }
    }
    g_array_sort(candidates, compare_candidates);
    size_t n_steps = 0;
    int64_t left = (int64_t)MIN(budget_bytes, (size_t)INT32_MAX) * 10;
    for (size_t i = 0; i < candidates->len && n_steps < max_steps; i++) {
        const Tile *tile = &self->tiles[g_array_index(candidates, Candidate, i).index];
        bool is_exact = now_us - tile->change_us >= EXACT_US;
        left -= berth_rect_area_px(tile->box) * (is_exact ? EXACT_COST : HIGH_COST);
        if (left < 0 && n_steps > 0) {
            break;
        }
        steps[n_steps++] =
            (BerthRefineStep){ tile->box, is_exact ? BERTH_QUALITY_EXACT : BERTH_QUALITY_HIGH };
    }
    return n_steps;
}
