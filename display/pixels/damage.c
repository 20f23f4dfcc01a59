/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One tile is four bytes: the half open box of its damage, relative to the tile.  Rows of a source
 * are compared and copied in one pass over whole rows, which is how memory is read fastest; the
 * kernel answers with one bit a pixel, and the bits of 64 rows are gathered into boxes at the end
 * of each row of tiles.
 */
#include "display/pixels/damage.h"

#include "display/pixels/kernels.h"
#include "display/pixels/prefetch.h"

#include "berth/errors.h"
#include "berth/limits.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

#define TILE ((int)BERTH_LIMIT_TILE_PX)
/* One more than fit: a row that starts within a tile touches one more of them. */
#define MAX_COLUMNS (BERTH_LIMIT_HEAD_SIDE_PX / BERTH_LIMIT_TILE_PX + 1)

_Static_assert(BERTH_LIMIT_TILE_PX == 64, "a row of a tile is one word of bits");

/* Empty if x0 == x1. */
typedef struct {
    uint8_t x0, y0, x1, y1;
} Tile;

struct BerthDamage {
    int width;
    int height;
    int n_columns;
    int n_rows;
    size_t n_dirty;
    Tile *tiles;
};

/* What differed within one row of tiles: bits a column, and the rows. */
typedef struct {
    uint64_t bits[MAX_COLUMNS];
    uint8_t first_row[MAX_COLUMNS];
    uint8_t last_row[MAX_COLUMNS];
} Band;

static int
n_tiles_for(int side_px)
{
    return (side_px + TILE - 1) / TILE;
}

static Tile *
get_tile(const BerthDamage *self, int column, int row)
{
    return &self->tiles[(size_t)row * (size_t)self->n_columns + (size_t)column];
}

static bool
tile_is_empty(const Tile *tile)
{
    return tile->x0 == tile->x1;
}

static void
extend_tile(BerthDamage *self, Tile *tile, Tile box)
{
    if (tile_is_empty(tile)) {
        *tile = box;
        self->n_dirty++;
        return;
    }
    tile->x0 = MIN(tile->x0, box.x0);
    tile->y0 = MIN(tile->y0, box.y0);
    tile->x1 = MAX(tile->x1, box.x1);
    tile->y1 = MAX(tile->y1, box.y1);
}

static BerthRect
tile_rect(const Tile *tile, int column, int row)
{
    return (BerthRect){ column * TILE + tile->x0, row * TILE + tile->y0, tile->x1 - tile->x0,
                        tile->y1 - tile->y0 };
}

BerthDamage *
berth_damage_new(int width, int height)
{
    if (!berth_frame_size_is_allowed(width, height)) {
        return NULL;
    }
    BerthDamage *self = g_try_new0(BerthDamage, 1);
    if (self == NULL) {
        return NULL;
    }
    if (berth_damage_resize(self, width, height) != 0) {
        g_free(self);
        return NULL;
    }
    berth_damage_clear(self);
    return self;
}

void
berth_damage_free(BerthDamage *self)
{
    if (self != NULL) {
        g_free(self->tiles);
        g_free(self);
    }
}

int
berth_damage_resize(BerthDamage *self, int width, int height)
{
    if (!berth_frame_size_is_allowed(width, height)) {
        return BERTH_ERR_TOO_LARGE;
    }
    int n_columns = n_tiles_for(width);
    int n_rows = n_tiles_for(height);
    Tile *tiles = g_try_new0(Tile, (size_t)n_columns * (size_t)n_rows);
    if (tiles == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    g_free(self->tiles);
    *self = (BerthDamage){
        .width = width,
        .height = height,
        .n_columns = n_columns,
        .n_rows = n_rows,
        .tiles = tiles,
    };
    berth_damage_add_all(self);
    return 0;
}

int
berth_damage_get_width(const BerthDamage *self)
{
    return self->width;
}

int
berth_damage_get_height(const BerthDamage *self)
{
    return self->height;
}

void
berth_damage_clear(BerthDamage *self)
{
    if (self->n_dirty > 0) {
        memset(self->tiles, 0, (size_t)self->n_columns * (size_t)self->n_rows * sizeof(Tile));
        self->n_dirty = 0;
    }
}

void
berth_damage_add_rect(BerthDamage *self, BerthRect rect)
{
    /* In 64 bits, so that no hostile rectangle can overflow. */
    int64_t x0 = MAX((int64_t)rect.x, 0);
    int64_t y0 = MAX((int64_t)rect.y, 0);
    int64_t x1 = MIN((int64_t)rect.x + rect.w, self->width);
    int64_t y1 = MIN((int64_t)rect.y + rect.h, self->height);
    if (x0 >= x1 || y0 >= y1) {
        return;
    }
    for (int row = (int)y0 / TILE; row * TILE < y1; row++) {
        for (int column = (int)x0 / TILE; column * TILE < x1; column++) {
            Tile box = {
                .x0 = (uint8_t)MAX(x0 - column * TILE, 0),
                .y0 = (uint8_t)MAX(y0 - row * TILE, 0),
                .x1 = (uint8_t)MIN(x1 - column * TILE, TILE),
                .y1 = (uint8_t)MIN(y1 - row * TILE, TILE),
            };
            extend_tile(self, get_tile(self, column, row), box);
        }
    }
}

void
berth_damage_add_all(BerthDamage *self)
{
    berth_damage_add_rect(self, (BerthRect){ 0, 0, self->width, self->height });
}

void
berth_damage_cut_rect(BerthDamage *self, BerthRect rect)
{
    BerthRect whole = { 0, 0, self->width, self->height };
    BerthRect part = berth_rect_intersect(rect, whole);
    if (self->n_dirty == 0 || berth_rect_is_empty(part)) {
        return;
    }
    for (int row = part.y / TILE; row * TILE < part.y + part.h; row++) {
        for (int column = part.x / TILE; column * TILE < part.x + part.w; column++) {
            Tile *tile = get_tile(self, column, row);
            if (!tile_is_empty(tile) && berth_rect_contains(part, tile_rect(tile, column, row))) {
                *tile = (Tile){ 0 };
                self->n_dirty--;
            }
        }
    }
}

bool
berth_damage_touches(const BerthDamage *self, BerthRect rect)
{
    assert(berth_rect_is_inside(rect, self->width, self->height));
    if (self->n_dirty == 0) {
        return false;
    }
    for (int row = rect.y / TILE; row * TILE < rect.y + rect.h; row++) {
        for (int column = rect.x / TILE; column * TILE < rect.x + rect.w; column++) {
            const Tile *tile = get_tile(self, column, row);
            if (!tile_is_empty(tile) &&
                !berth_rect_is_empty(berth_rect_intersect(tile_rect(tile, column, row), rect))) {
                return true;
            }
        }
    }
    return false;
}

int
berth_damage_merge(BerthDamage *self, const BerthDamage *other)
{
    if (self->width != other->width || self->height != other->height) {
        return BERTH_ERR_INVALID;
    }
    size_t n_tiles = (size_t)self->n_columns * (size_t)self->n_rows;
    for (size_t i = 0; other->n_dirty > 0 && i < n_tiles; i++) {
        if (!tile_is_empty(&other->tiles[i])) {
            extend_tile(self, &self->tiles[i], other->tiles[i]);
        }
    }
    return 0;
}

bool
berth_damage_is_empty(const BerthDamage *self)
{
    return self->n_dirty == 0;
}

int64_t
berth_damage_get_area_px(const BerthDamage *self)
{
    size_t n_tiles = (size_t)self->n_columns * (size_t)self->n_rows;
    int64_t area_px = 0;
    for (size_t i = 0; self->n_dirty > 0 && i < n_tiles; i++) {
        const Tile *tile = &self->tiles[i];
        area_px += (int64_t)(tile->x1 - tile->x0) * (tile->y1 - tile->y0);
    }
    return area_px;
}

size_t
berth_damage_get_n_tiles(const BerthDamage *self)
{
    return self->n_dirty;
}

BerthRect
berth_damage_get_tile(const BerthDamage *self, int column, int row)
{
    assert(column >= 0 && row >= 0 && column < self->n_columns && row < self->n_rows);
    const Tile *tile = get_tile(self, column, row);
    if (tile_is_empty(tile)) {
        return (BerthRect){ 0, 0, 0, 0 };
    }
    return tile_rect(tile, column, row);
}

/* Takes the crops of a row from *column on that make one rectangle, and moves *column behind. */
static BerthRect
take_run(const BerthDamage *self, int row, int *column)
{
    BerthRect rect = tile_rect(get_tile(self, *column, row), *column, row);
    for (++*column; *column < self->n_columns; ++*column) {
        const Tile *tile = get_tile(self, *column, row);
        BerthRect next = tile_rect(tile, *column, row);
        bool is_joined = !tile_is_empty(tile) && next.x == rect.x + rect.w && next.y == rect.y &&
                         next.h == rect.h;
        if (!is_joined) {
            break;
        }
        rect.w += next.w;
    }
    return rect;
}

size_t
berth_damage_get_rects(const BerthDamage *self, BerthRect *rects, size_t max_rects)
{
    size_t n_rects = 0;
    for (int row = 0; self->n_dirty > 0 && row < self->n_rows; row++) {
        int column = 0;
        while (column < self->n_columns) {
            if (tile_is_empty(get_tile(self, column, row))) {
                column++;
                continue;
            }
            BerthRect rect = take_run(self, row, &column);
            if (n_rects < max_rects) {
                rects[n_rects] = rect;
            }
            n_rects++;
        }
    }
    return n_rects;
}

int
berth_pixel_source_crop(const BerthPixelSource *source, int width, int height, BerthRect rect,
                        BerthPixelSource *ret_source)
{
    if (!berth_rect_is_inside(rect, width, height)) {
        return BERTH_ERR_INVALID;
    }
    size_t offset;
    if (!g_size_checked_mul(&offset, (size_t)rect.y, source->stride_bytes) ||
        !g_size_checked_add(&offset, offset, (size_t)rect.x * source->format->pixel_bytes) ||
        offset > source->size_bytes) {
        return BERTH_ERR_TRUNCATED;
    }
    *ret_source = (BerthPixelSource){
        .data = source->data + offset,
        .size_bytes = source->size_bytes - offset,
        .stride_bytes = source->stride_bytes,
        .format = source->format,
    };
    return 0;
}

static int
check_source(const BerthDamage *self, const BerthFrame *dst, BerthRect hint,
             const BerthPixelSource *source)
{
    if (dst->width != self->width || dst->height != self->height ||
        !berth_rect_is_inside(hint, dst->width, dst->height)) {
        return BERTH_ERR_INVALID;
    }
    size_t row_bytes = (size_t)hint.w * source->format->pixel_bytes;
    if (source->stride_bytes < row_bytes) {
        return BERTH_ERR_INVALID;
    }
    size_t needed;
    if (!g_size_checked_mul(&needed, (size_t)hint.h - 1, source->stride_bytes) ||
        !g_size_checked_add(&needed, needed, row_bytes) || needed > source->size_bytes) {
        return BERTH_ERR_TRUNCATED;
    }
    return 0;
}

static void
clear_band(Band *band, int n_columns)
{
    memset(band->bits, 0, (size_t)n_columns * sizeof band->bits[0]);
}

static void
gather_row(Band *band, int column, uint64_t bits, int row)
{
    if (bits == 0) {
        return;
    }
    if (band->bits[column] == 0) {
        band->first_row[column] = (uint8_t)row;
    }
    band->bits[column] |= bits;
    band->last_row[column] = (uint8_t)row;
}

static void
mark_band(BerthDamage *self, const Band *band, int first_column, int last_column, int row)
{
    for (int column = first_column; column <= last_column; column++) {
        uint64_t bits = band->bits[column];
        if (bits == 0) {
            continue;
        }
        Tile box = {
            .x0 = (uint8_t)__builtin_ctzll(bits),
            .y0 = band->first_row[column],
            .x1 = (uint8_t)(64 - __builtin_clzll(bits)),
            .y1 = (uint8_t)(band->last_row[column] + 1),
        };
        extend_tile(self, get_tile(self, column, row), box);
    }
}

/* Compares and copies one row that is BGRX already. */
static void
take_bgrx_row(Band *band, uint8_t *dst, const uint8_t *src, BerthRect row)
{
    const BerthPixelKernels *kernels = berth_pixel_kernels();
    uint64_t masks[MAX_COLUMNS];
    int x = row.x;
    int end = row.x + row.w;
    int column = x / TILE;
    int n_head = MIN(TILE - x % TILE, row.w) % TILE;
    if (n_head > 0) {
        kernels->compare_copy_row(dst, src, (size_t)n_head, masks);
        gather_row(band, column++, masks[0] << (x % TILE), row.y % TILE);
        x += n_head;
    }
    if (x == end) {
        return;
    }
    size_t skipped = (size_t)n_head * BERTH_PIXEL_BYTES;
    kernels->compare_copy_row(dst + skipped, src + skipped, (size_t)(end - x), masks);
    for (int i = 0; x < end; i++, x += TILE) {
        gather_row(band, column++, masks[i], row.y % TILE);
    }
}

/* The same for other formats: tile by tile through a small buffer. */
static void
take_foreign_row(Band *band, uint8_t *dst, const uint8_t *src, BerthRect row,
                 const BerthPixelFormat *format)
{
    uint8_t converted[BERTH_LIMIT_TILE_PX * BERTH_PIXEL_BYTES];
    int end = row.x + row.w;
    for (int x = row.x; x < end;) {
        int n = MIN(TILE - x % TILE, end - x);
        berth_pixel_format_convert_row(format, converted, src, (size_t)n);
        take_bgrx_row(band, dst, converted, (BerthRect){ x, row.y, n, 1 });
        dst += (size_t)n * BERTH_PIXEL_BYTES;
        src += (size_t)n * format->pixel_bytes;
        x += n;
    }
}

int
berth_damage_compare_copy(BerthDamage *self, BerthFrame *dst, BerthRect hint,
                          const BerthPixelSource *source)
{
    int error = check_source(self, dst, hint, source);
    if (error != 0) {
        return error;
    }
    Band band;
    bool is_bgrx = berth_pixel_format_is_bgrx(source->format);
    int end = hint.y + hint.h;
    int last_column = (hint.x + hint.w - 1) / TILE;
    clear_band(&band, self->n_columns);
    for (int y = hint.y; y < end; y++) {
        BerthRect row = { hint.x, y, hint.w, 1 };
        uint8_t *dst_row = berth_frame_pixel(dst, hint.x, y);
        const uint8_t *src = source->data + (size_t)(y - hint.y) * source->stride_bytes;
        if (y + 1 < end) {
            berth_prefetch(dst_row + dst->stride_bytes, (size_t)hint.w * BERTH_PIXEL_BYTES);
            berth_prefetch(src + source->stride_bytes,
                           (size_t)hint.w * source->format->pixel_bytes);
        }
        if (is_bgrx) {
            take_bgrx_row(&band, dst_row, src, row);
        } else {
            take_foreign_row(&band, dst_row, src, row, source->format);
        }
        if (y % TILE == TILE - 1 || y == end - 1) {
            mark_band(self, &band, hint.x / TILE, last_column, y / TILE);
            clear_band(&band, self->n_columns);
        }
    }
    return 0;
}
