/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Strip voting.  The picture is cut into columns of 64 pixels.  In each column the rows of both
 * pictures are hashed; a row that changed and whose hash occurs exactly once among the old rows
 * votes for the distance between the two.  Text makes nearly every row unique, blank rows do not
 * vote.  For the distances with most votes, runs of rows that match become copies, joined over
 * neighbouring columns and widened by single pixels to where the motion really ends.
 */
#include "display/encode/scroll-finder.h"

#include "display/pixels/kernels.h"

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

struct BerthScrollFinder {
    Extent extents[MAX_COLUMNS];
    uint64_t *old_hashes; /* n_columns x height */
    uint64_t *new_hashes;
    size_t n_hashes;
    int *votes; /* by distance + height */
    int n_votes;
    int32_t *table;
    size_t table_size;
};

/* The pictures at work. */
typedef struct {
    const BerthFrame *old;
    const BerthFrame *new;
    int n_columns;
} Pair;

BerthScrollFinder *
berth_scroll_finder_new(void)
{
    return g_try_new0(BerthScrollFinder, 1);
}

void
berth_scroll_finder_free(BerthScrollFinder *self)
{
    if (self != NULL) {
        free(self->old_hashes);
        free(self->new_hashes);
        free(self->votes);
        free(self->table);
        g_free(self);
    }
}

/* Makes room for pictures of this size. */
static bool
ensure_room(BerthScrollFinder *self, int n_columns, int height)
{
    size_t n_hashes = (size_t)n_columns * (size_t)height;
    if (self->n_hashes == n_hashes && self->n_votes == 2 * height + 1) {
        return true;
    }
    free(self->old_hashes);
    free(self->new_hashes);
    free(self->votes);
    free(self->table);
    self->table_size = 64;
    while (self->table_size < 2 * (size_t)height) {
        self->table_size *= 2;
    }
    self->old_hashes = malloc(n_hashes * sizeof *self->old_hashes);
    self->new_hashes = malloc(n_hashes * sizeof *self->new_hashes);
    self->votes = malloc((2 * (size_t)height + 1) * sizeof *self->votes);
    self->table = malloc(self->table_size * sizeof *self->table);
    bool is_ok = self->old_hashes != NULL && self->new_hashes != NULL && self->votes != NULL &&
                 self->table != NULL;
    self->n_hashes = is_ok ? n_hashes : 0;
    self->n_votes = is_ok ? 2 * height + 1 : 0;
    return is_ok;
}

static int
column_width(const Pair *pair, int column)
{
    return MIN(COLUMN_PX, pair->old->width - column * COLUMN_PX);
}

static uint64_t
mix(uint64_t hash, uint64_t word)
{
    return ((hash << 29 | hash >> 35) ^ word) * 0x9e3779b97f4a7c15u;
}

static uint64_t
load_u64(const uint8_t *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

/* Not against an adversary: a collision costs bytes only.  Four lanes keep the multiplier busy. */
static uint64_t
hash_row(const uint8_t *row, size_t n_pixels)
{
    uint64_t a = 1;
    uint64_t b = 2;
    uint64_t c = 3;
    uint64_t d = 4;
    size_t i = 0;
    for (; i + 8 <= n_pixels; i += 8) {
        a = mix(a, load_u64(row + 4 * i));
        b = mix(b, load_u64(row + 4 * i + 8));
        c = mix(c, load_u64(row + 4 * i + 16));
        d = mix(d, load_u64(row + 4 * i + 24));
    }
    for (; i < n_pixels; i++) {
        uint32_t word;
        memcpy(&word, row + 4 * i, sizeof word);
        a = mix(a, word);
    }
    a = mix(mix(mix(a, b), c), d);
    return a ^ a >> 32;
}

/*
 * Hashes what changed in every column, and so many rows above and below.  Row by row, because that
 * is the order of the memory.
 */
static void
hash_rows(const BerthScrollFinder *self, const Pair *pair, const BerthFrame *frame, int margin,
          uint64_t *hashes)
{
    int height = frame->height;
    for (int y = 0; y < height; y++) {
        const uint8_t *row = berth_frame_pixel(frame, 0, y);
        for (int column = 0; column < pair->n_columns; column++) {
            Extent extent = self->extents[column];
            bool is_needed =
                extent.first < extent.end && y >= extent.first - margin && y < extent.end + margin;
            if (is_needed) {
                hashes[(size_t)column * (size_t)height + (size_t)y] = hash_row(
                    row + (size_t)column * COLUMN_PX * 4, (size_t)column_width(pair, column));
            }
        }
    }
}

static void
gather_extents(BerthScrollFinder *self, const Pair *pair, const BerthDamage *damage)
{
    int n_rows = (pair->old->height + COLUMN_PX - 1) / COLUMN_PX;
    for (int column = 0; column < pair->n_columns; column++) {
        BerthRect box = { 0, 0, 0, 0 };
        for (int row = 0; row < n_rows; row++) {
            box = berth_rect_union(box, berth_damage_get_tile(damage, column, row));
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
    const uint64_t *old_hashes = self->old_hashes + (size_t)column * (size_t)height;
    const uint64_t *new_hashes = self->new_hashes + (size_t)column * (size_t)height;
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

/* Rows of a column that match at a distance become runs; rows taken are not used again. */
static void
find_runs(BerthScrollFinder *self, const Pair *pair, int column, int distance, Result *result)
{
    int height = pair->old->height;
    Extent extent = self->extents[column];
    const uint64_t *old_hashes = self->old_hashes + (size_t)column * (size_t)height;
    uint64_t *new_hashes = self->new_hashes + (size_t)column * (size_t)height;
    int first = MAX(extent.first, MAX(0, extent.first - MARGIN_ROWS) + distance);
    int end = MIN(extent.end, MIN(height, extent.end + MARGIN_ROWS) + distance);
    for (int y = first; y < end;) {
        int start = y;
        int n_changed = 0;
        while (y < end && new_hashes[y] != 0 && new_hashes[y] == old_hashes[y - distance]) {
            n_changed += new_hashes[y] != old_hashes[y];
            y++;
        }
        if (y - start >= MIN_RUN_ROWS && n_changed >= MIN_RUN_ROWS / 2) {
            add_run(result, pair, column, (Extent){ start, y }, distance);
            memset(new_hashes + start, 0, (size_t)(y - start) * sizeof *new_hashes);
        }
        y = MAX(y, start + 1);
    }
}

/* How many pixels, to the left (step -1) or right (+1), moved together with the copy. */
static int
measure_edge(const Pair *pair, const BerthWireCopy *copy, int step)
{
    int edge = step < 0 ? copy->dx - 1 : copy->dx + copy->w;
    int n = step < 0 ? MIN(COLUMN_PX - 1, copy->dx)
                     : MIN(COLUMN_PX - 1, pair->old->width - copy->dx - copy->w);
    for (int row = 0; row < copy->h && n > 0; row++) {
        const uint8_t *old = berth_frame_pixel(pair->old, edge, copy->sy + row);
        const uint8_t *new = berth_frame_pixel(pair->new, edge, copy->dy + row);
        int same = 0;
        while (same < n && memcmp(old + same * step * 4, new + same *step * 4, 4) == 0) {
            same++;
        }
        n = same;
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
    Pair pair = { old, new, (old->width + COLUMN_PX - 1) / COLUMN_PX };
    if (!ensure_room(self, pair.n_columns, old->height)) {
        return 0;
    }
    gather_extents(self, &pair, damage);
    hash_rows(self, &pair, old, MARGIN_ROWS, self->old_hashes);
    hash_rows(self, &pair, new, 0, self->new_hashes);
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

void
berth_scroll_finder_advance(BerthScrollFinder *self, const BerthDamage *damage)
{
}

void
berth_scroll_finder_reset(BerthScrollFinder *self)
{
}
