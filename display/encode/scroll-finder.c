/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Strip voting.  The picture is cut into columns of 64 pixels.  In each column the rows of both
 * pictures are hashed; a row that changed and whose hash occurs exactly once among the old rows
 * votes for the distance between the two.  Text makes nearly every row unique, blank rows do not
 * vote.  For the distances with most votes, runs of rows that match become copies, joined over
 * neighbouring columns and widened by single pixels to where the motion really ends.
 *
 * Hashes are kept: those of the old picture from frame to frame, and when a frame has been
 * presented its new hashes become old ones.  So a picture that scrolls steadily is hashed once,
 * and only where it changed.
 */
#include "display/encode/scroll-finder.h"

#include "display/pixels/kernels.h"
#include "display/pixels/prefetch.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN_PX ((int)BERTH_LIMIT_TILE_PX)
#define MAX_COLUMNS (BERTH_LIMIT_HEAD_SIDE_PX / BERTH_LIMIT_TILE_PX)
/* Old rows above and below what changed that may be where something came from. */
#define MARGIN_ROWS 256
/* Distances that are tried, and the votes that one needs. */
#define MAX_DISTANCES 3
#define MIN_VOTES 12
/* A copy of fewer rows is not worth its 12 bytes. */
#define MIN_RUN_ROWS 8
/* Neighbouring runs whose ends differ by no more than this are cut to the common part. */
#define JOIN_SLACK_ROWS 12

/* Of so many rows one is looked at to find the edge of a motion. */
#define EDGE_STEP_ROWS 4

/* Entries of the table that are looked at for one hash. */
#define MAX_PROBES 32

/* Entries of the table of old rows: no row, or more than one row has this hash. */
enum {
    NO_ROW = -1,
    MANY_ROWS = -2
};

/* One column of pixels and the rows [first, end) that changed in it; empty if first >= end. */
typedef struct {
    int first;
    int end;
} Extent;

/* Hashes of a picture, row by row inside of each column of pixels. */
typedef struct {
    uint64_t *hashes; /* n_columns x height */
    uint64_t *known;  /* for each tile of a column, top to bottom: a bit for each of its rows */
} Hashes;

struct BerthScrollFinder {
    Extent extents[MAX_COLUMNS];
    int width;
    int height;
    Hashes old;
    Hashes new;
    uint64_t *wanted;  /* for each column: rows of the row of tiles at work, see known */
    uint64_t *missing; /* the same */
    uint64_t *taken;   /* like known: rows of the new picture that are targets already */
    size_t n_words;    /* in known */
    int *votes;        /* by distance + height */
    int n_votes;
    int32_t *table;
    size_t table_size;
};

/* The pictures at work. */
typedef struct {
    const BerthFrame *old;
    const BerthFrame *new;
    const BerthDamage *damage;
    int n_columns;
    int n_bands; /* rows of tiles */
} Pair;

BerthScrollFinder *
berth_scroll_finder_new(void)
{
    return g_try_new0(BerthScrollFinder, 1);
}

static void
free_room(BerthScrollFinder *self)
{
    free(self->old.hashes);
    free(self->old.known);
    free(self->new.hashes);
    free(self->new.known);
    free(self->wanted);
    free(self->missing);
    free(self->taken);
    free(self->votes);
    free(self->table);
    memset(self, 0, sizeof *self);
}

void
berth_scroll_finder_free(BerthScrollFinder *self)
{
    if (self != NULL) {
        free_room(self);
        g_free(self);
    }
}

static bool
make_hashes(Hashes *hashes, size_t n_hashes, size_t n_words)
{
    hashes->hashes = malloc(n_hashes * sizeof *hashes->hashes);
    hashes->known = calloc(n_words, sizeof *hashes->known);
    return hashes->hashes != NULL && hashes->known != NULL;
}

/* Makes room for pictures of this size; nothing is known of the old one if that is new. */
static bool
ensure_room(BerthScrollFinder *self, const Pair *pair)
{
    int width = pair->old->width;
    int height = pair->old->height;
    if (self->width == width && self->height == height) {
        return true;
    }
    free_room(self);
    size_t n_hashes = (size_t)pair->n_columns * (size_t)height;
    size_t n_words = (size_t)pair->n_columns * (size_t)pair->n_bands;
    self->table_size = 64;
    while (self->table_size < 2 * (size_t)height) {
        self->table_size *= 2;
    }
    self->n_words = n_words;
    self->n_votes = 2 * height + 1;
    self->votes = malloc((size_t)self->n_votes * sizeof *self->votes);
    self->table = malloc(self->table_size * sizeof *self->table);
    self->wanted = malloc((size_t)pair->n_columns * sizeof *self->wanted);
    self->missing = malloc((size_t)pair->n_columns * sizeof *self->missing);
    self->taken = malloc(n_words * sizeof *self->taken);
    bool is_ok = make_hashes(&self->old, n_hashes, n_words) &&
                 make_hashes(&self->new, n_hashes, n_words) && self->votes != NULL &&
                 self->table != NULL && self->wanted != NULL && self->missing != NULL &&
                 self->taken != NULL;
    if (!is_ok) {
        free_room(self);
        return false;
    }
    self->width = width;
    self->height = height;
    return true;
}

static int
column_width(const Pair *pair, int column)
{
    return MIN(COLUMN_PX, pair->old->width - column * COLUMN_PX);
}

static uint64_t
hash_segment(const BerthFrame *frame, const Pair *pair, int column, int y)
{
    const uint8_t *pixels = berth_frame_pixel(frame, column * COLUMN_PX, y);
    int width = column_width(pair, column);
    if (y + 1 < frame->height) {
        berth_prefetch(pixels + frame->stride_bytes, (size_t)width * 4);
    }
    if (width == COLUMN_PX) {
        return berth_pixel_kernels()->hash_64(pixels);
    }
    uint8_t padded[COLUMN_PX * 4] = { 0 };
    memcpy(padded, pixels, (size_t)width * 4);
    return berth_pixel_kernels()->hash_64(padded);
}

/* The bits of the rows [first, end) of a picture that lie in a row of tiles. */
static uint64_t
band_bits(int band, int first, int end)
{
    int from = CLAMP(first - band * COLUMN_PX, 0, COLUMN_PX);
    int to = CLAMP(end - band * COLUMN_PX, 0, COLUMN_PX);
    if (from >= to) {
        return 0;
    }
    return (~(uint64_t)0 >> (COLUMN_PX - (to - from))) << from;
}

/* Hashes the rows of a row of tiles that are not known yet; in the order of the memory. */
static void
ensure_rows(const BerthScrollFinder *self, Hashes *hashes, const BerthFrame *frame,
            const Pair *pair, int band)
{
    uint64_t missing = 0;
    for (int column = 0; column < pair->n_columns; column++) {
        size_t word = (size_t)column * (size_t)pair->n_bands + (size_t)band;
        self->missing[column] = self->wanted[column] & ~hashes->known[word];
        hashes->known[word] |= self->wanted[column];
        missing |= self->missing[column];
    }
    for (; missing != 0; missing &= missing - 1) {
        int row = __builtin_ctzll(missing);
        int y = band * COLUMN_PX + row;
        for (int column = 0; column < pair->n_columns; column++) {
            if (self->missing[column] >> row & 1) {
                hashes->hashes[(size_t)column * (size_t)self->height + (size_t)y] =
                    hash_segment(frame, pair, column, y);
            }
        }
    }
}

/* Rows of a tile that are not damaged have the hashes that they had. */
static void
take_over_rows(BerthScrollFinder *self, int column, int band, uint64_t rows)
{
    size_t first = (size_t)column * (size_t)self->height + (size_t)band * COLUMN_PX;
    for (; rows != 0; rows &= rows - 1) {
        size_t at = first + (size_t)__builtin_ctzll(rows);
        self->new.hashes[at] = self->old.hashes[at];
    }
}

/* Hashes what changed in every column, and in the old picture so many rows above and below. */
static void
hash_rows(BerthScrollFinder *self, const Pair *pair, const BerthDamage *damage)
{
    memset(self->new.known, 0, self->n_words * sizeof *self->new.known);
    memset(self->taken, 0, self->n_words * sizeof *self->taken);
    for (int band = 0; band < pair->n_bands; band++) {
        for (int column = 0; column < pair->n_columns; column++) {
            Extent extent = self->extents[column];
            int old_end = MIN(extent.end + MARGIN_ROWS, self->height);
            bool is_used = extent.first < extent.end;
            self->wanted[column] =
                is_used ? band_bits(band, extent.first - MARGIN_ROWS, old_end) : 0;
        }
        ensure_rows(self, &self->old, pair->old, pair, band);
        for (int column = 0; column < pair->n_columns; column++) {
            Extent extent = self->extents[column];
            BerthRect crop = berth_damage_get_tile(damage, column, band);
            self->wanted[column] = band_bits(band, crop.y, crop.y + crop.h);
            take_over_rows(self, column, band,
                           band_bits(band, extent.first, extent.end) & ~self->wanted[column]);
        }
        ensure_rows(self, &self->new, pair->new, pair, band);
    }
}

static void
gather_extents(BerthScrollFinder *self, const Pair *pair, const BerthDamage *damage)
{
    for (int column = 0; column < pair->n_columns; column++) {
        BerthRect box = { 0, 0, 0, 0 };
        for (int band = 0; band < pair->n_bands; band++) {
            box = berth_rect_union(box, berth_damage_get_tile(damage, column, band));
        }
        self->extents[column] = (Extent){ box.y, box.y + box.h };
    }
}

/*
 * The entry of a hash, or the free one where it belongs.  NULL if too many others are in the way:
 * a guest could draw rows that collide, and a row without an entry only loses its vote.
 */
static int32_t *
find_entry(BerthScrollFinder *self, const uint64_t *old_hashes, uint64_t hash)
{
    for (size_t i = 0; i < MAX_PROBES; i++) {
        int32_t *entry = &self->table[(hash + i) & (self->table_size - 1)];
        /* MANY_ROWS keeps its row, too: counted down from it. */
        int32_t row = *entry >= 0 ? *entry : MANY_ROWS - *entry;
        if (*entry == NO_ROW || old_hashes[row] == hash) {
            return entry;
        }
    }
    return NULL;
}

static void
enter_row(BerthScrollFinder *self, const uint64_t *old_hashes, int y)
{
    int32_t *entry = find_entry(self, old_hashes, old_hashes[y]);
    if (entry == NULL) {
        return;
    }
    if (*entry == NO_ROW) {
        *entry = y;
    } else if (*entry >= 0) {
        *entry = MANY_ROWS - *entry;
    }
}

/* Lets the rows of a column vote. */
static void
vote_column(BerthScrollFinder *self, const Pair *pair, int column)
{
    Extent extent = self->extents[column];
    int height = pair->old->height;
    int old_first = MAX(0, extent.first - MARGIN_ROWS);
    int old_end = MIN(height, extent.end + MARGIN_ROWS);
    const uint64_t *old_hashes = self->old.hashes + (size_t)column * (size_t)height;
    const uint64_t *new_hashes = self->new.hashes + (size_t)column *(size_t)height;
    memset(self->table, 0xff, self->table_size * sizeof *self->table);
    for (int y = old_first; y < old_end; y++) {
        enter_row(self, old_hashes, y);
    }
    for (int y = extent.first; y < extent.end; y++) {
        const int32_t *entry = find_entry(self, old_hashes, new_hashes[y]);
        if (entry != NULL && *entry >= 0 && *entry != y) {
            self->votes[y - *entry + height]++;
        }
    }
}

/* The distances with most votes, best first. */
static int
count_votes(BerthScrollFinder *self, int height, int distances[MAX_DISTANCES])
{
    int n = 0;
    while (n < MAX_DISTANCES) {
        int best = 0;
        for (int i = 1; i < self->n_votes; i++) {
            best = self->votes[i] > self->votes[best] ? i : best;
        }
        if (self->votes[best] < MIN_VOTES) {
            break;
        }
        self->votes[best] = 0;
        distances[n++] = best - height;
    }
    return n;
}

/* Joins a run to the copy of the column to the left if both moved alike. */
static bool
join_left(BerthWireCopy *copies, size_t n_copies, BerthWireCopy run)
{
    for (size_t i = n_copies; i-- > 0;) {
        BerthWireCopy *copy = &copies[i];
        int top = MAX(copy->dy, run.dy);
        int bottom = MIN(copy->dy + copy->h, run.dy + run.h);
        bool is_alike = copy->dx + copy->w == run.dx && copy->sy - copy->dy == run.sy - run.dy;
        if (is_alike && abs(copy->dy - run.dy) <= JOIN_SLACK_ROWS &&
            abs(copy->dy + copy->h - run.dy - run.h) <= JOIN_SLACK_ROWS && bottom > top) {
            copy->sy = (uint16_t)(copy->sy + top - copy->dy);
            copy->dy = (uint16_t)top;
            copy->h = (uint16_t)(bottom - top);
            copy->w = (uint16_t)(copy->w + run.w);
            return true;
        }
    }
    return false;
}

/* What the search has found so far. */
typedef struct {
    BerthWireCopy *copies;
    size_t n;
    size_t max;
} Result;

static void
add_run(Result *result, const Pair *pair, int column, Extent run, int distance)
{
    BerthWireCopy copy = {
        .sx = (uint16_t)(column * COLUMN_PX),
        .sy = (uint16_t)(run.first - distance),
        .w = (uint16_t)column_width(pair, column),
        .h = (uint16_t)(run.end - run.first),
        .dx = (uint16_t)(column * COLUMN_PX),
        .dy = (uint16_t)run.first,
    };
    if (!join_left(result->copies, result->n, copy) && result->n < result->max) {
        result->copies[result->n++] = copy;
    }
}

static bool
is_taken(const BerthScrollFinder *self, const Pair *pair, int column, int y)
{
    return self->taken[column * pair->n_bands + y / COLUMN_PX] >> (y % COLUMN_PX) & 1;
}

static void
take_run(BerthScrollFinder *self, const Pair *pair, int column, Extent run)
{
    for (int band = run.first / COLUMN_PX; band <= (run.end - 1) / COLUMN_PX; band++) {
        self->taken[column * pair->n_bands + band] |= band_bits(band, run.first, run.end);
    }
}

/* Rows of a column that match at a distance become runs; rows taken are not used again. */
static void
find_runs(BerthScrollFinder *self, const Pair *pair, int column, int distance, Result *result)
{
    int height = pair->old->height;
    Extent extent = self->extents[column];
    const uint64_t *old_hashes = self->old.hashes + (size_t)column * (size_t)height;
    const uint64_t *new_hashes = self->new.hashes + (size_t)column *(size_t)height;
    int first = MAX(extent.first, MAX(0, extent.first - MARGIN_ROWS) + distance);
    int end = MIN(extent.end, MIN(height, extent.end + MARGIN_ROWS) + distance);
    for (int y = first; y < end;) {
        int start = y;
        int n_changed = 0;
        while (y < end && new_hashes[y] == old_hashes[y - distance] &&
               !is_taken(self, pair, column, y)) {
            n_changed += new_hashes[y] != old_hashes[y];
            y++;
        }
        if (y - start >= MIN_RUN_ROWS && n_changed >= MIN_RUN_ROWS / 2) {
            add_run(result, pair, column, (Extent){ start, y }, distance);
            take_run(self, pair, column, (Extent){ start, y });
        }
        y = MAX(y, start + 1);
    }
}

/* How many pixels beside a copy, to the left (step -1) or right (+1), are damaged at all. */
static int
measure_damage(const Pair *pair, const BerthWireCopy *copy, int step)
{
    int edge = step < 0 ? copy->dx : copy->dx + copy->w;
    int column = step < 0 ? (edge - 1) / COLUMN_PX : edge / COLUMN_PX;
    int n = 0;
    for (int band = copy->dy / COLUMN_PX; band * COLUMN_PX < copy->dy + copy->h; band++) {
        BerthRect box = berth_damage_get_tile(pair->damage, column, band);
        if (!berth_rect_is_empty(box)) {
            n = MAX(n, step < 0 ? edge - box.x : box.x + box.w - edge);
        }
    }
    return n;
}

/*
 * How many pixels, to the left (step -1) or right (+1), moved together with the copy, as far as
 * some of its rows tell: all of them would cost more than the rest of the search.
 */
static int
measure_edge(const Pair *pair, const BerthWireCopy *copy, int step)
{
    int right = copy->dx + copy->w;
    int n = MIN(COLUMN_PX - 1, measure_damage(pair, copy, step));
    for (int row = 0; row < copy->h && n > 0; row += EDGE_STEP_ROWS) {
        int x = step < 0 ? copy->dx - n : right;
        uint64_t differing;
        berth_pixel_kernels()->compare_row(berth_frame_pixel(pair->old, x, copy->sy + row),
                                           berth_frame_pixel(pair->new, x, copy->dy + row),
                                           (size_t)n, &differing);
        if (differing != 0) {
            n = step < 0 ? n - 64 + __builtin_clzll(differing) : __builtin_ctzll(differing);
        }
    }
    return n;
}

/* The room to the next target on that side, so that targets stay apart. */
static int
limit_edge(const Result *result, size_t self_index, int n, int step)
{
    const BerthWireCopy *copy = &result->copies[self_index];
    for (size_t i = 0; i < result->n; i++) {
        const BerthWireCopy *other = &result->copies[i];
        bool is_beside = other->dy < copy->dy + copy->h && copy->dy < other->dy + other->h;
        if (i == self_index || !is_beside) {
            continue;
        }
        int gap = step < 0 ? copy->dx - other->dx - other->w : other->dx - copy->dx - copy->w;
        if (gap >= 0) {
            n = MIN(n, gap);
        }
    }
    return n;
}

static void
widen_copies(const Pair *pair, Result *result)
{
    for (size_t i = 0; i < result->n; i++) {
        BerthWireCopy *copy = &result->copies[i];
        if (copy->dx > 0) {
            int n = limit_edge(result, i, measure_edge(pair, copy, -1), -1);
            copy->dx = (uint16_t)(copy->dx - n);
            copy->sx = copy->dx;
            copy->w = (uint16_t)(copy->w + n);
        }
        if (copy->dx + copy->w < pair->old->width) {
            int n = limit_edge(result, i, measure_edge(pair, copy, 1), 1);
            copy->w = (uint16_t)(copy->w + n);
        }
    }
}

size_t
berth_scroll_finder_find(BerthScrollFinder *self, const BerthFrame *old, const BerthFrame *new,
                         const BerthDamage *damage, BerthWireCopy *copies, size_t max_copies)
{
    Pair pair = { old, new, damage, (old->width + COLUMN_PX - 1) / COLUMN_PX,
                  (old->height + COLUMN_PX - 1) / COLUMN_PX };
    if (!ensure_room(self, &pair)) {
        return 0;
    }
    gather_extents(self, &pair, damage);
    hash_rows(self, &pair, damage);
    memset(self->votes, 0, (size_t)self->n_votes * sizeof *self->votes);
    for (int column = 0; column < pair.n_columns; column++) {
        if (self->extents[column].first < self->extents[column].end) {
            vote_column(self, &pair, column);
        }
    }
    int distances[MAX_DISTANCES];
    int n_distances = count_votes(self, old->height, distances);
    Result result = { copies, 0, max_copies };
    for (int i = 0; i < n_distances; i++) {
        for (int column = 0; column < pair.n_columns; column++) {
            if (self->extents[column].first < self->extents[column].end) {
                find_runs(self, &pair, column, distances[i], &result);
            }
        }
    }
    widen_copies(&pair, &result);
    return result.n;
}

/* The rows of a tile that changed: hashed in the new picture, or not known any more. */
static void
advance_tile(BerthScrollFinder *self, int column, int band, size_t word, uint64_t changed)
{
    size_t first = (size_t)column * (size_t)self->height + (size_t)band * COLUMN_PX;
    uint64_t hashed = self->new.known[word] & changed;
    for (uint64_t rows = hashed; rows != 0; rows &= rows - 1) {
        size_t at = first + (size_t)__builtin_ctzll(rows);
        self->old.hashes[at] = self->new.hashes[at];
    }
    self->old.known[word] = (self->old.known[word] & ~changed) | hashed;
}

void
berth_scroll_finder_advance(BerthScrollFinder *self, const BerthDamage *damage)
{
    if (self->width != berth_damage_get_width(damage) ||
        self->height != berth_damage_get_height(damage)) {
        berth_scroll_finder_reset(self);
        return;
    }
    int n_columns = (self->width + COLUMN_PX - 1) / COLUMN_PX;
    int n_bands = (self->height + COLUMN_PX - 1) / COLUMN_PX;
    for (int column = 0; column < n_columns; column++) {
        for (int band = 0; band < n_bands; band++) {
            size_t word = (size_t)column * (size_t)n_bands + (size_t)band;
            BerthRect crop = berth_damage_get_tile(damage, column, band);
            if (!berth_rect_is_empty(crop)) {
                advance_tile(self, column, band, word, band_bits(band, crop.y, crop.y + crop.h));
            }
        }
    }
    memset(self->new.known, 0, self->n_words * sizeof *self->new.known);
}

void
berth_scroll_finder_reset(BerthScrollFinder *self)
{
    if (self->n_words > 0) {
        memset(self->old.known, 0, self->n_words * sizeof *self->old.known);
        memset(self->new.known, 0, self->n_words * sizeof *self->new.known);
    }
}
