/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Voting in two dimensions.  Anchors (display/pixels/anchors.h) are places that content chooses, so
 * what moved has them in both pictures.  Each anchor of the new picture whose 16x16 pixels occur
 * exactly once among the anchors of the old one votes for the distance between the two.  For the
 * distances with most votes the new picture is compared with the moved old one in cells of 16x16
 * pixels; cells that are equal become rectangles, which then grow by single rows and columns to
 * where the motion really ends.
 */
#include "display/encode/motion-finder.h"

#include "display/pixels/anchors.h"
#include "display/pixels/kernels.h"
#include "display/pixels/prefetch.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define TILE ((int)BERTH_LIMIT_TILE_PX)
#define CELL BERTH_ANCHOR_PX
/* Anchors wanted in the searched box, and the most that are looked at. */
#define WANTED_ANCHORS 4096
#define MIN_RARITY 32
#define MAX_ANCHORS (2 * WANTED_ANCHORS)
#define MAX_TABLE_SIZE (2 * MAX_ANCHORS)
#define MIN_TABLE_SIZE 1024
/* In large boxes only anchors in some rows of the new picture have a vote. */
#define LARGE_PX (256 * 1024)
#define NEW_STEP_ROWS 4
/* Distances that are counted, tried, and the votes that one needs. */
#define VOTES_SIZE 1024
#define MAX_VECTORS 4
#define MIN_VOTES 6
/* The least part of the votes of the best one that another one needs: text resembles text. */
#define BEST_SHARE 32
/* Entries of a table that are looked at for one key: a guest could draw what collides. */
#define MAX_PROBES 16
/* A guest that moves everything about must not make the search long. */
#define MAX_COPIES 64
/* A copy of fewer changed cells is not worth its bytes. */
#define MIN_CELLS 6

/* An anchor of the old picture; free if key is 0. */
typedef struct {
    uint64_t key;
    uint16_t x, y;
    bool is_many; /* more than one anchor has this key */
} Anchor;

typedef struct {
    int dx, dy; /* from the old place to the new one */
    int n;      /* votes; 0 is free */
} Vote;

/* What is to be done with a cell of the new picture. */
enum {
    CELL_APART,  /* must not be copied */
    CELL_EQUAL,  /* may be: it is right either way */
    CELL_WANTED, /* gains */
};

struct BerthMotionFinder {
    BerthAnchors *anchors;
    int anchors_width;
    Anchor *table;
    size_t table_size; /* that are used for the box at work; a power of two */
    Vote votes[VOTES_SIZE];
    uint8_t *cells;  /* of the box, row by row */
    uint8_t *covers; /* the same: 1 if a copy writes to the cell */
    size_t n_cells;
};

/* One search. */
typedef struct {
    BerthMotionFinder *self;
    const BerthFrame *old;
    const BerthFrame *new;
    const BerthDamage *damage;
    BerthRect box; /* of the damage, on the grid of cells where the picture allows */
    int n_columns; /* of cells */
    int n_rows;
    BerthWireCopy *copies;
    size_t n_copies;
    size_t max_copies;
} Search;

BerthMotionFinder *
berth_motion_finder_new(void)
{
    BerthMotionFinder *self = g_try_new0(BerthMotionFinder, 1);
    if (self == NULL) {
        return NULL;
    }
    self->table = malloc(MAX_TABLE_SIZE * sizeof *self->table);
    if (self->table == NULL) {
        g_free(self);
        return NULL;
    }
    return self;
}

void
berth_motion_finder_free(BerthMotionFinder *self)
{
    if (self != NULL) {
        berth_anchors_free(self->anchors);
        free(self->table);
        free(self->cells);
        free(self->covers);
        g_free(self);
    }
}

static bool
ensure_room(Search *search)
{
    BerthMotionFinder *self = search->self;
    size_t n_cells = (size_t)search->n_columns * (size_t)search->n_rows;
    if (self->n_cells < n_cells) {
        free(self->cells);
        free(self->covers);
        self->cells = malloc(n_cells);
        self->covers = malloc(n_cells);
        self->n_cells = self->cells != NULL && self->covers != NULL ? n_cells : 0;
    }
    if (self->anchors_width != search->box.w) {
        berth_anchors_free(self->anchors);
        self->anchors = berth_anchors_new(search->box.w);
        self->anchors_width = self->anchors != NULL ? search->box.w : 0;
    }
    return self->n_cells > 0 && self->anchors != NULL;
}

/* The bounding box of the damage, from cell to cell; not smaller than a window of an anchor. */
static BerthRect
find_box(const BerthFrame *frame, const BerthDamage *damage)
{
    BerthRect box = { 0, 0, 0, 0 };
    for (int row = 0; row * TILE < frame->height; row++) {
        for (int column = 0; column * TILE < frame->width; column++) {
            box = berth_rect_union(box, berth_damage_get_tile(damage, column, row));
        }
    }
    int right = MIN((box.x + box.w + CELL - 1) / CELL * CELL, frame->width);
    int bottom = MIN((box.y + box.h + CELL - 1) / CELL * CELL, frame->height);
    int x = box.x / CELL * CELL;
    int y = box.y / CELL * CELL;
    return (BerthRect){ x, y, right - x, bottom - y };
}

/* A strong hash of the 16x16 pixels at an anchor; never 0. */
static uint64_t
hash_window(const BerthFrame *frame, int x, int y)
{
    /* Four rows of 16 pixels at a time make 64 pixels. */
    uint8_t pixels[4 * CELL * 4];
    uint64_t key = 0;
    for (int row = 0; row < CELL; row += 8) {
        for (int i = 0; i < 4; i++) {
            memcpy(pixels + (size_t)i * CELL * 4, berth_frame_pixel(frame, x, y + row + 2 * i),
                   (size_t)CELL * 4);
        }
        key = key * 0x9e3779b97f4a7c15u + berth_pixel_kernels()->hash_64(pixels);
    }
    return key | 1;
}

/* The entry of a key, or the free one where it belongs; NULL if too many others are in the way. */
static Anchor *
find_anchor(const BerthMotionFinder *self, uint64_t key)
{
    for (size_t i = 0; i < MAX_PROBES; i++) {
        Anchor *anchor = &self->table[((key >> 32) + i) & (self->table_size - 1)];
        if (anchor->key == 0 || anchor->key == key) {
            return anchor;
        }
    }
    return NULL;
}

static void
enter_old_anchor(Search *search, int x, int y)
{
    uint64_t key = hash_window(search->old, x, y);
    Anchor *anchor = find_anchor(search->self, key);
    if (anchor == NULL) {
        return;
    }
    anchor->is_many = anchor->key == key;
    anchor->key = key;
    anchor->x = (uint16_t)x;
    anchor->y = (uint16_t)y;
}

static void
vote(BerthMotionFinder *self, int dx, int dy)
{
    uint32_t hash = ((uint32_t)dx * 0x9e3779b1u) ^ ((uint32_t)dy * 0x85ebca6bu);
    for (uint32_t i = 0; i < MAX_PROBES; i++) {
        Vote *entry = &self->votes[((hash >> 16) + i) % VOTES_SIZE];
        if (entry->n == 0) {
            *entry = (Vote){ dx, dy, 1 };
            return;
        }
        if (entry->dx == dx && entry->dy == dy) {
            entry->n++;
            return;
        }
    }
}

/* Anchors of what did not change say nothing. */
static bool
is_damaged(const Search *search, int x, int y)
{
    BerthRect tile = berth_damage_get_tile(search->damage, x / TILE, y / TILE);
    return x >= tile.x && y >= tile.y && x < tile.x + tile.w && y < tile.y + tile.h;
}

static void
look_up_new_anchor(Search *search, int x, int y)
{
    if (!is_damaged(search, x + CELL / 2, y + CELL / 2)) {
        return;
    }
    uint64_t key = hash_window(search->new, x, y);
    const Anchor *anchor = find_anchor(search->self, key);
    bool is_unique = anchor != NULL && anchor->key == key && !anchor->is_many;
    if (is_unique && (anchor->x != x || anchor->y != y)) {
        vote(search->self, x - anchor->x, y - anchor->y);
    }
}

static int
get_rarity(const Search *search)
{
    int64_t rarity = berth_rect_area_px(search->box) / WANTED_ANCHORS;
    return (int)CLAMP(rarity, MIN_RARITY, 65536);
}

/* Makes the tables empty, and as large as the box needs them. */
static void
clear_tables(Search *search)
{
    BerthMotionFinder *self = search->self;
    int64_t expected = berth_rect_area_px(search->box) / get_rarity(search);
    self->table_size = MIN_TABLE_SIZE;
    while ((int64_t)self->table_size < 3 * expected && self->table_size < MAX_TABLE_SIZE) {
        self->table_size *= 2;
    }
    memset(self->table, 0, self->table_size * sizeof *self->table);
    memset(self->votes, 0, sizeof self->votes);
}

/* Calls visit for the anchors of a picture within the box, those that end in each step-th row. */
static void
visit_anchors(Search *search, const BerthFrame *frame, int step,
              void (*visit)(Search *search, int x, int y))
{
    BerthAnchors *anchors = search->self->anchors;
    size_t n_visited = 0;
    berth_anchors_start(anchors, get_rarity(search));
    for (int y = search->box.y; y < search->box.y + search->box.h; y++) {
        const uint16_t *xs;
        const uint8_t *row = berth_frame_pixel(frame, search->box.x, y);
        if (y + 1 < frame->height) {
            berth_prefetch(row + frame->stride_bytes, (size_t)search->box.w * 4);
        }
        berth_anchors_feed(anchors, row);
        size_t n = y % step == 0 ? berth_anchors_list(anchors, &xs) : 0;
        for (size_t i = 0; i < n && n_visited < MAX_ANCHORS; i++, n_visited++) {
            visit(search, search->box.x + xs[i], y - CELL + 1);
        }
    }
}

/* The distances with most votes, best first. */
static int
count_votes(BerthMotionFinder *self, Vote vectors[MAX_VECTORS])
{
    int n = 0;
    int min_votes = MIN_VOTES;
    while (n < MAX_VECTORS) {
        Vote *best = &self->votes[0];
        for (size_t i = 1; i < VOTES_SIZE; i++) {
            best = self->votes[i].n > best->n ? &self->votes[i] : best;
        }
        if (best->n < min_votes) {
            break;
        }
        min_votes = MAX(min_votes, best->n / BEST_SHARE);
        vectors[n++] = *best;
        best->n = 0;
    }
    return n;
}

static BerthRect
get_target(const BerthWireCopy *copy)
{
    return (BerthRect){ copy->dx, copy->dy, copy->w, copy->h };
}

/* True if a rectangle of the new picture equals what was at a distance from it. */
static bool
has_moved(const Search *search, BerthRect rect, const Vote *vector)
{
    BerthRect source = { rect.x - vector->dx, rect.y - vector->dy, rect.w, rect.h };
    if (!berth_rect_is_inside(source, search->old->width, search->old->height)) {
        return false;
    }
    for (int row = 0; row < rect.h; row++) {
        if (memcmp(berth_frame_pixel(search->new, rect.x, rect.y + row),
                   berth_frame_pixel(search->old, source.x, source.y + row),
                   (size_t)rect.w * 4) != 0) {
            return false;
        }
    }
    return true;
}

static BerthRect
cell_rect(const Search *search, int column, int row)
{
    BerthRect cell = { search->box.x + column * CELL, search->box.y + row * CELL, CELL, CELL };
    return berth_rect_intersect(cell, search->box);
}

static bool
is_taken(const Search *search, BerthRect rect)
{
    for (size_t i = 0; i < search->n_copies; i++) {
        if (!berth_rect_is_empty(berth_rect_intersect(get_target(&search->copies[i]), rect))) {
            return true;
        }
    }
    return false;
}

/* Which cells of a row of them may be copied at all, by what is known without their pixels. */
static void
begin_cells(Search *search, const Vote *vector, int row)
{
    size_t first = (size_t)row * (size_t)search->n_columns;
    uint8_t *cells = search->self->cells + first;
    const uint8_t *covers = search->self->covers + first;
    for (int column = 0; column < search->n_columns; column++) {
        BerthRect cell = cell_rect(search, column, row);
        BerthRect source = { cell.x - vector->dx, cell.y - vector->dy, cell.w, cell.h };
        bool is_possible = berth_rect_is_inside(source, search->old->width, search->old->height) &&
                           covers[column] == 0;
        cells[column] = is_possible ? CELL_EQUAL : CELL_APART;
    }
}

/* Looks at one row of pixels of a row of cells. */
static void
compare_cells(Search *search, const Vote *vector, int row, int y)
{
    uint8_t *cells = search->self->cells + (size_t)row * (size_t)search->n_columns;
    for (int column = 0; column < search->n_columns; column++) {
        if (cells[column] == CELL_APART) {
            continue;
        }
        BerthRect cell = cell_rect(search, column, row);
        size_t n_bytes = (size_t)cell.w * 4;
        const uint8_t *pixels = berth_frame_pixel(search->new, cell.x, y);
        berth_prefetch(pixels + search->new->stride_bytes, n_bytes);
        const uint8_t *moved = berth_frame_pixel(search->old, cell.x - vector->dx, y - vector->dy);
        berth_prefetch(moved + search->old->stride_bytes, n_bytes);
        if (memcmp(pixels, moved, n_bytes) != 0) {
            cells[column] = CELL_APART;
        } else if (cells[column] == CELL_EQUAL &&
                   memcmp(pixels, berth_frame_pixel(search->old, cell.x, y), n_bytes) != 0) {
            cells[column] = CELL_WANTED;
        }
    }
}

/* Says of every cell whether the distance explains it; pixels are read in the memory's order. */
static void
mark_cells(Search *search, const Vote *vector)
{
    for (int row = 0; row < search->n_rows; row++) {
        BerthRect first = cell_rect(search, 0, row);
        begin_cells(search, vector, row);
        for (int y = first.y; y < first.y + first.h; y++) {
            compare_cells(search, vector, row, y);
        }
    }
}

/* True if the cells [column, end) of a row can be copied; adds how many gain. */
static bool
can_extend(const Search *search, int row, int column, int end, int *n_wanted)
{
    const uint8_t *cells = search->self->cells + (size_t)row * (size_t)search->n_columns;
    int n = 0;
    for (int i = column; i < end; i++) {
        if (cells[i] == CELL_APART) {
            return false;
        }
        n += cells[i] == CELL_WANTED;
    }
    *n_wanted += n;
    return n > 0;
}

/* The rectangle of cells that begins at a wanted one: first to the right, then down. */
static BerthRect
take_cells(Search *search, int column, int row, int *n_wanted)
{
    uint8_t *cells = search->self->cells;
    int end = column + 1;
    for (int i = column; i < search->n_columns; i++) {
        uint8_t state = cells[row * search->n_columns + i];
        if (state == CELL_APART) {
            break;
        }
        end = state == CELL_WANTED ? i + 1 : end;
    }
    int below = row;
    while (below < search->n_rows && can_extend(search, below, column, end, n_wanted)) {
        memset(cells + below * search->n_columns + column, CELL_APART, (size_t)(end - column));
        below++;
    }
    BerthRect last = cell_rect(search, end - 1, below - 1);
    BerthRect first = cell_rect(search, column, row);
    return berth_rect_union(first, last);
}

/* A row or column beside a rectangle: left, right, above, below. */
static BerthRect
get_border(BerthRect rect, int side)
{
    switch (side) {
    case 0:
        return (BerthRect){ rect.x - 1, rect.y, 1, rect.h };
    case 1:
        return (BerthRect){ rect.x + rect.w, rect.y, 1, rect.h };
    case 2:
        return (BerthRect){ rect.x, rect.y - 1, rect.w, 1 };
    default:
        return (BerthRect){ rect.x, rect.y + rect.h, rect.w, 1 };
    }
}

/* Adds what moved together with a rectangle, less than a cell on each side. */
static BerthRect
grow(const Search *search, BerthRect rect, const Vote *vector)
{
    for (int side = 0; side < 4; side++) {
        for (int i = 1; i < CELL; i++) {
            BerthRect border = get_border(rect, side);
            if (!berth_rect_is_inside(border, search->new->width, search->new->height) ||
                is_taken(search, border) || !has_moved(search, border, vector)) {
                break;
            }
            rect = berth_rect_union(rect, border);
        }
    }
    return rect;
}

static void
add_copy(Search *search, BerthRect rect, const Vote *vector)
{
    search->copies[search->n_copies++] = (BerthWireCopy){
        .sx = (uint16_t)(rect.x - vector->dx),
        .sy = (uint16_t)(rect.y - vector->dy),
        .w = (uint16_t)rect.w,
        .h = (uint16_t)rect.h,
        .dx = (uint16_t)rect.x,
        .dy = (uint16_t)rect.y,
    };
    /* Growing may have left the box. */
    BerthRect inside = berth_rect_intersect(rect, search->box);
    int column = (inside.x - search->box.x) / CELL;
    int end = (inside.x + inside.w - search->box.x + CELL - 1) / CELL;
    int below = (inside.y + inside.h - search->box.y + CELL - 1) / CELL;
    for (int row = (inside.y - search->box.y) / CELL; row < below; row++) {
        memset(search->self->covers + row * search->n_columns + column, 1, (size_t)(end - column));
    }
}

/* Turns marked cells into copies. */
static void
collect_copies(Search *search, const Vote *vector)
{
    const uint8_t *cells = search->self->cells;
    for (int row = 0; row < search->n_rows; row++) {
        for (int column = 0; column < search->n_columns; column++) {
            if (cells[row * search->n_columns + column] != CELL_WANTED) {
                continue;
            }
            int n_wanted = 0;
            BerthRect rect = take_cells(search, column, row, &n_wanted);
            if (n_wanted < MIN_CELLS || search->n_copies == search->max_copies ||
                is_taken(search, rect)) {
                continue;
            }
            add_copy(search, grow(search, rect, vector), vector);
        }
    }
}

size_t
berth_motion_finder_find(BerthMotionFinder *self, const BerthFrame *old, const BerthFrame *new,
                         const BerthDamage *damage, BerthWireCopy *copies, size_t max_copies)
{
    Search search = {
        .self = self,
        .old = old,
        .new = new,
        .damage = damage,
        .box = find_box(old, damage),
        .copies = copies,
        .max_copies = MIN(max_copies, MAX_COPIES),
    };
    search.n_columns = (search.box.w + CELL - 1) / CELL;
    search.n_rows = (search.box.h + CELL - 1) / CELL;
    if (search.box.w < CELL || search.box.h < CELL || !ensure_room(&search)) {
        return 0;
    }
    clear_tables(&search);
    memset(self->covers, 0, (size_t)search.n_columns * (size_t)search.n_rows);
    bool is_large = berth_rect_area_px(search.box) > LARGE_PX;
    visit_anchors(&search, old, 1, enter_old_anchor);
    visit_anchors(&search, new, is_large ? NEW_STEP_ROWS : 1, look_up_new_anchor);
    Vote vectors[MAX_VECTORS];
    int n_vectors = count_votes(self, vectors);
    for (int i = 0; i < n_vectors; i++) {
        mark_cells(&search, &vectors[i]);
        collect_copies(&search, &vectors[i]);
    }
    return search.n_copies;
}
