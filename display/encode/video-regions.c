/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/video-regions.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "display/encode/tile-heat.h"
#include "display/pixels/format.h"

#include <glib.h>
#include <string.h>

#define TILE ((int)BERTH_LIMIT_TILE_PX)
/* In a film this many times more neighbours differ a little than by much (where colours are many,
 * just more), and this part of all does; text on a plain ground fails both. */
#define NEAR_PER_FAR 3
#define NEAR_PART 8
#define MIN_COLOURS 5
/* Text has more hard edges than this part of its neighbours. */
#define SHARP_PART 32
/* A tile is hot after so many changes in the window, so many of them with many colours; a tile in
 * between is warm after fewer. */
#define HOT_CHANGES 4
#define HASTY_CHANGES 2
#define HOT_PHOTOS 2
#define WARM_CHANGES 2
/* What copies explain is a scroll or a window on its way, for so long. */
#define COPIED_US 250000
/* Hot tiles belong together if no more than two tiles lie between them. */
#define REACH 3
#define MIN_HOT 6
/* Smaller ones are cheaper as photos or exact pixels. */
#define MIN_WIDTH_PX 128
#define MIN_HEIGHT_PX 96
/* Per cent of the tiles of a region that must be warm when it opens. */
#define MIN_WARM_PERCENT 50
/* A frame keeps a region alive if photos change this part of it. */
#define BUSY_PART 64
#define CLOSE_US 700000
/* Changes that are all drawings and smaller than this part of a region do not make a picture. */
#define SMALL_PART 50
/* A region that proves too small by half is replaced at once, by an eighth early, by less later. */
#define GROW_PART 8
#define GROW_EARLY_US 300000
#define GROW_US 1000000
/* A tile that stood still so long is kept, each time for longer. */
#define STILL_US 2000000
#define MAX_STILL_DOUBLINGS 5

typedef struct {
    int64_t copied_us; /* when copies last explained a part of a change */
    /* Of tiles of an open region. */
    bool is_kept;
    uint8_t n_kept; /* how often it stood still and then moved again */
} Cell;

typedef struct {
    BerthVideoRegion shown;
    bool is_open;
    int64_t opened_us;
    int64_t busy_us; /* the last frame that kept it alive */
    /* Of the frame at work, in pixels. */
    int64_t photo_px;
    int64_t drawing_px;
} Region;

/* A place where a region might be. */
typedef struct {
    BerthRect tiles; /* in tiles */
    BerthRect box;   /* in pixels */
    int n_hot;
} Candidate;

struct BerthVideoRegions {
    int width, height;
    int columns, rows;
    bool is_allowed;
    bool is_hasty;
    BerthTileHeat *heat;
    Cell *cells;
    uint8_t *marks; /* of the search: hot tiles that no candidate has yet */
    unsigned *stack;
    Region regions[BERTH_VIDEO_MAX_REGIONS]; /* by stream */
    BerthVideoRegion shown[BERTH_VIDEO_MAX_REGIONS];
    size_t n_shown;
    unsigned closed;
};

bool
berth_video_is_film(const BerthPixelStats *stats)
{
    int area_px = stats->n_same + stats->n_near + stats->n_far;
    int least_near = stats->n_far * NEAR_PER_FAR;
    if (stats->n_colours > BERTH_CLASSIFY_MAX_COLOURS) {
        least_near = stats->n_far;
    }
    return stats->n_near >= least_near && stats->n_near * NEAR_PART >= area_px &&
           stats->n_colours >= MIN_COLOURS;
}

bool
berth_video_is_sharp(const BerthPixelStats *stats)
{
    int area_px = stats->n_same + stats->n_near + stats->n_far;
    return !berth_video_is_film(stats) && stats->n_far * SHARP_PART >= area_px;
}

BerthVideoRegions *
berth_video_regions_new(void)
{
    BerthVideoRegions *self = g_try_new0(BerthVideoRegions, 1);
    if (self != NULL) {
        self->is_allowed = true;
    }
    return self;
}

static void
clear_mode(BerthVideoRegions *self)
{
    berth_tile_heat_free(self->heat);
    g_free(self->cells);
    g_free(self->marks);
    g_free(self->stack);
}

void
berth_video_regions_free(BerthVideoRegions *self)
{
    if (self != NULL) {
        clear_mode(self);
        g_free(self);
    }
}

int
berth_video_regions_configure(BerthVideoRegions *self, int width, int height)
{
    if (!berth_frame_size_is_allowed(width, height)) {
        return BERTH_ERR_TOO_LARGE;
    }
    BerthVideoRegions mode = {
        .width = width, .height = height, .is_allowed = self->is_allowed, .is_hasty = self->is_hasty
    };
    mode.columns = (width + TILE - 1) / TILE;
    mode.rows = (height + TILE - 1) / TILE;
    size_t n_tiles = (size_t)mode.columns * (size_t)mode.rows;
    mode.heat = berth_tile_heat_new(width, height);
    mode.cells = g_try_new0(Cell, n_tiles);
    mode.marks = g_try_malloc0(n_tiles);
    mode.stack = g_try_new(unsigned, n_tiles);
    if (mode.heat == NULL || mode.cells == NULL || mode.marks == NULL || mode.stack == NULL) {
        clear_mode(&mode);
        return BERTH_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < n_tiles; i++) {
        mode.cells[i].copied_us = INT64_MIN / 2;
    }
    clear_mode(self);
    *self = mode;
    return BERTH_OK;
}

void
berth_video_regions_set_allowed(BerthVideoRegions *self, bool is_allowed)
{
    self->is_allowed = is_allowed;
}

/* --- geometry --- */

static BerthRect
get_tile_rect(const BerthVideoRegions *self, unsigned tile)
{
    int x = (int)tile % self->columns * TILE;
    int y = (int)tile / self->columns * TILE;
    return (BerthRect){ x, y, MIN(TILE, self->width - x), MIN(TILE, self->height - y) };
}

/* The tiles that a rectangle touches, as a rectangle of tiles. */
static BerthRect
get_tiles(BerthRect rect)
{
    int left = rect.x / TILE;
    int top = rect.y / TILE;
    return (BerthRect){ left, top, (rect.x + rect.w - 1) / TILE + 1 - left,
                        (rect.y + rect.h - 1) / TILE + 1 - top };
}

static unsigned
get_tile(const BerthVideoRegions *self, int column, int row)
{
    return (unsigned)(row * self->columns + column);
}

/* The open region that has pixels of a tile; NULL if there is none. */
static const Region *
find_region(const BerthVideoRegions *self, BerthRect rect)
{
    for (size_t i = 0; i < BERTH_VIDEO_MAX_REGIONS; i++) {
        const Region *region = &self->regions[i];
        if (region->is_open &&
            !berth_rect_is_empty(berth_rect_intersect(region->shown.rect, rect))) {
            return region;
        }
    }
    return NULL;
}

void
berth_video_regions_set_hasty(BerthVideoRegions *self, bool is_hasty)
{
    self->is_hasty = is_hasty;
}

bool
berth_video_regions_is_video(const BerthVideoRegions *self, unsigned tile)
{
    return !self->cells[tile].is_kept && find_region(self, get_tile_rect(self, tile)) != NULL;
}

/* --- tiles of open regions --- */

/* Whether a drawing covers what the region has of the tile. */
static bool
is_covered(const BerthVideoRegions *self, const BerthVideoChange *change, const Region *region)
{
    BerthRect part = berth_rect_intersect(get_tile_rect(self, change->tile), region->shown.rect);
    BerthRect changed = berth_rect_intersect(change->rect, part);
    return 2 * berth_rect_area_px(changed) > berth_rect_area_px(part);
}

/* Whether a tile of a region goes on being kept, or begins to be, after a change. */
static bool
is_kept_after(const BerthVideoRegions *self, const BerthVideoChange *change, const Region *region,
              int64_t now_us)
{
    int n_film;
    int n = berth_tile_heat_count(self->heat, change->tile, now_us, &n_film);
    if (change->is_film) {
        return false;
    }
    if (is_covered(self, change, region) && (change->is_sharp || n_film == 0)) {
        return true;
    }
    /* A film has plain corners, too: they stay with it, or come to it when they change often. */
    bool is_kept = self->cells[change->tile].is_kept;
    return change->is_sharp ? is_kept || n_film == 0 : is_kept && n < WARM_CHANGES;
}

/* Decides whether a tile that changed is painted by the video. */
static void
take_change(BerthVideoRegions *self, const BerthVideoChange *change, Region *region, int64_t now_us)
{
    Cell *cell = &self->cells[change->tile];
    int64_t area_px = berth_rect_area_px(berth_rect_intersect(change->rect, region->shown.rect));
    bool is_kept = is_kept_after(self, change, region, now_us);
    if (cell->is_kept && !is_kept) {
        cell->n_kept = (uint8_t)MIN(cell->n_kept + 1, MAX_STILL_DOUBLINGS);
    }
    cell->is_kept = is_kept;
    if (change->is_film) {
        region->photo_px += area_px;
    } else if (change->is_sharp) {
        region->drawing_px += area_px;
    }
    region->shown.has_changed = region->shown.has_changed || !is_kept;
}

/* Tiles at rest leave the video, and get exact pixels. */
static void
keep_still_tiles(BerthVideoRegions *self, const Region *region, int64_t now_us)
{
    BerthRect tiles = get_tiles(region->shown.rect);
    for (int row = tiles.y; row < tiles.y + tiles.h; row++) {
        for (int column = tiles.x; column < tiles.x + tiles.w; column++) {
            unsigned tile = get_tile(self, column, row);
            Cell *cell = &self->cells[tile];
            int64_t still_us =
                now_us - MAX(berth_tile_heat_get_last_us(self->heat, tile), region->opened_us);
            cell->is_kept = cell->is_kept || still_us >= (int64_t)STILL_US << cell->n_kept;
        }
    }
}

static void
close_region(BerthVideoRegions *self, Region *region)
{
    self->closed |= 1u << region->shown.stream;
    region->is_open = false;
}

/* What the frame means for an open region. */
static void
judge_region(BerthVideoRegions *self, Region *region, int64_t now_us)
{
    int64_t area_px = berth_rect_area_px(region->shown.rect);
    if (region->photo_px * BUSY_PART >= area_px) {
        region->busy_us = now_us;
    }
    if (region->photo_px == 0 && region->drawing_px * SMALL_PART < area_px) {
        region->shown.has_changed = false;
    }
    if (!self->is_allowed || now_us - region->busy_us >= CLOSE_US ||
        2 * region->drawing_px > area_px) {
        close_region(self, region);
    }
}

static void
begin_frame(BerthVideoRegions *self)
{
    self->closed = 0;
    for (uint8_t i = 0; i < BERTH_VIDEO_MAX_REGIONS; i++) {
        Region *region = &self->regions[i];
        region->shown.stream = i;
        region->shown.is_new = false;
        region->shown.has_changed = false;
        region->photo_px = 0;
        region->drawing_px = 0;
    }
}

static void
take_changes(BerthVideoRegions *self, const BerthVideoChange *changes, size_t n_changes,
             int64_t now_us)
{
    for (size_t i = 0; i < n_changes; i++) {
        const BerthVideoChange *change = &changes[i];
        if (change->is_copied) {
            self->cells[change->tile].copied_us = now_us;
        } else {
            berth_tile_heat_add(self->heat, change->tile, change->rect, change->is_film, now_us);
        }
        for (size_t k = 0; k < BERTH_VIDEO_MAX_REGIONS; k++) {
            Region *region = &self->regions[k];
            if (region->is_open &&
                !berth_rect_is_empty(berth_rect_intersect(region->shown.rect, change->rect))) {
                take_change(self, change, region, now_us);
            }
        }
    }
}

/* --- the search for new regions --- */

/* Marks the hot tiles; returns how many there are. */
static int
mark_hot(BerthVideoRegions *self, int64_t now_us)
{
    int n_hot = 0;
    int least = self->is_hasty ? HASTY_CHANGES : HOT_CHANGES;
    for (unsigned tile = 0; tile < (unsigned)(self->columns * self->rows); tile++) {
        int n_photo;
        int n = berth_tile_heat_count(self->heat, tile, now_us, &n_photo);
        self->marks[tile] = n >= least && n_photo >= HOT_PHOTOS &&
                            now_us - self->cells[tile].copied_us >= COPIED_US;
        n_hot += self->marks[tile];
    }
    return n_hot;
}

/* Puts the marked tiles near a tile on the stack; returns its new height. */
static size_t
push_neighbours(BerthVideoRegions *self, unsigned tile, size_t n_stack)
{
    int x = (int)tile % self->columns;
    int y = (int)tile / self->columns;
    for (int row = MAX(y - REACH, 0); row <= MIN(y + REACH, self->rows - 1); row++) {
        for (int column = MAX(x - REACH, 0); column <= MIN(x + REACH, self->columns - 1);
             column++) {
            unsigned other = get_tile(self, column, row);
            if (self->marks[other]) {
                self->marks[other] = 0;
                self->stack[n_stack++] = other;
            }
        }
    }
    return n_stack;
}

/* Takes the hot tiles around one of them off the marks. */
static Candidate
gather(BerthVideoRegions *self, unsigned first, int64_t now_us)
{
    Candidate candidate = { .n_hot = 0 };
    size_t n_stack = 1;
    self->marks[first] = 0;
    self->stack[0] = first;
    while (n_stack > 0) {
        unsigned tile = self->stack[--n_stack];
        BerthRect cell = { (int)tile % self->columns, (int)tile / self->columns, 1, 1 };
        candidate.tiles = berth_rect_union(candidate.tiles, cell);
        candidate.box =
            berth_rect_union(candidate.box, berth_tile_heat_get_box(self->heat, tile, now_us));
        candidate.n_hot++;
        n_stack = push_neighbours(self, tile, n_stack);
    }
    return candidate;
}

/* Counts the warm tiles of the candidate, and widens its box by those that touch it. */
static int
count_warm(const BerthVideoRegions *self, Candidate *candidate, int64_t now_us)
{
    BerthRect around = { candidate->tiles.x - 1, candidate->tiles.y - 1, candidate->tiles.w + 2,
                         candidate->tiles.h + 2 };
    around = berth_rect_intersect(around, (BerthRect){ 0, 0, self->columns, self->rows });
    int n_warm = 0;
    for (int row = around.y; row < around.y + around.h; row++) {
        for (int column = around.x; column < around.x + around.w; column++) {
            int n_photo;
            unsigned tile = get_tile(self, column, row);
            if (berth_tile_heat_count(self->heat, tile, now_us, &n_photo) < WARM_CHANGES) {
                continue;
            }
            bool is_inside =
                berth_rect_contains(candidate->tiles, (BerthRect){ column, row, 1, 1 });
            n_warm += is_inside;
            if (is_inside || n_photo > 0) {
                candidate->box = berth_rect_union(
                    candidate->box, berth_tile_heat_get_box(self->heat, tile, now_us));
            }
        }
    }
    return n_warm;
}

static bool
is_video_like(const BerthVideoRegions *self, Candidate *candidate, int64_t now_us)
{
    int n_warm = count_warm(self, candidate, now_us);
    return candidate->n_hot >= MIN_HOT && candidate->box.w >= MIN_WIDTH_PX &&
           candidate->box.h >= MIN_HEIGHT_PX &&
           n_warm * 100 >= candidate->tiles.w * candidate->tiles.h * MIN_WARM_PERCENT;
}

/* The colour of a pixel without its brightness, twice. */
static void
get_colour(const uint8_t *pixel, int *ret_u, int *ret_v)
{
    *ret_u = pixel[0] - pixel[1];
    *ret_v = pixel[2] - pixel[1];
}

/* The squared error when four pixels share the mean of their colours, times four. */
static int64_t
measure_block_loss(const uint8_t *pixels, size_t stride_bytes)
{
    const uint8_t *four[] = { pixels, pixels + BERTH_PIXEL_BYTES, pixels + stride_bytes,
                              pixels + stride_bytes + BERTH_PIXEL_BYTES };
    int sum_u = 0;
    int sum_v = 0;
    int64_t squares = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(four); i++) {
        int u, v;
        get_colour(four[i], &u, &v);
        sum_u += u;
        sum_v += v;
        squares += u * u + v * v;
    }
    return 4 * squares - (int64_t)sum_u * sum_u - (int64_t)sum_v * sum_v;
}

/* What halving the colours loses if the pairs of pixels begin at this place. */
static int64_t
measure_colour_loss(const BerthFrame *frame, BerthRect rect, int x, int y)
{
    int64_t sum = 0;
    /* Ten: films that were enlarged twice or four times have colours of two or four rows. */
    for (int row = y; row + 1 < rect.h; row += 10) {
        for (int column = x; column + 1 < rect.w; column += 2) {
            sum += measure_block_loss(berth_frame_pixel(frame, rect.x + column, rect.y + row),
                                      frame->stride_bytes);
        }
    }
    return sum;
}

/* Films come with colours of half resolution: the region should begin where their pairs do. */
static BerthRect
align_to_colours(const BerthFrame *frame, BerthRect rect)
{
    int64_t best = INT64_MAX;
    int best_x = 0;
    int best_y = 0;
    for (int i = 0; frame != NULL && i < 4; i++) {
        int x = i & 1;
        int y = i >> 1;
        if (x > rect.x || y > rect.y) {
            continue;
        }
        /* One pixel to the left or one to the right is the same to the pairs. */
        int64_t loss = measure_colour_loss(frame, rect, x, y);
        /* The box's own corner is the best guess unless another place is clearly better. */
        if (loss < best / 2) {
            best = loss;
            best_x = x;
            best_y = y;
        }
    }
    return (BerthRect){ rect.x - best_x, rect.y - best_y, rect.w + best_x, rect.h + best_y };
}

static void
open_region(BerthVideoRegions *self, Region *region, const BerthFrame *frame, BerthRect rect,
            int64_t now_us)
{
    region->is_open = true;
    region->opened_us = now_us;
    region->busy_us = now_us;
    region->shown.is_new = true;
    region->shown.has_changed = true;
    region->shown.rect = align_to_colours(frame, rect);
    BerthRect tiles = get_tiles(region->shown.rect);
    for (int row = tiles.y; row < tiles.y + tiles.h; row++) {
        for (int column = tiles.x; column < tiles.x + tiles.w; column++) {
            int n_photo;
            unsigned tile = get_tile(self, column, row);
            int n = berth_tile_heat_count(self->heat, tile, now_us, &n_photo);
            self->cells[tile].is_kept = n == 0 || n_photo == 0;
            self->cells[tile].n_kept = 0;
        }
    }
}

/* The open region that a candidate overlaps most; NULL if it overlaps none. */
static Region *
find_overlapped(BerthVideoRegions *self, BerthRect rect)
{
    Region *best = NULL;
    int64_t best_px = 0;
    for (size_t i = 0; i < BERTH_VIDEO_MAX_REGIONS; i++) {
        Region *region = &self->regions[i];
        int64_t px = region->is_open
                         ? berth_rect_area_px(berth_rect_intersect(region->shown.rect, rect))
                         : 0;
        if (px > best_px) {
            best = region;
            best_px = px;
        }
    }
    return best;
}

/* Closes the open regions that have pixels of a rectangle but one; returns it with them. */
static BerthRect
absorb(BerthVideoRegions *self, const Region *but, BerthRect rect)
{
    for (size_t i = 0; i < BERTH_VIDEO_MAX_REGIONS; i++) {
        Region *region = &self->regions[i];
        if (region != but && region->is_open &&
            !berth_rect_is_empty(berth_rect_intersect(region->shown.rect, rect))) {
            rect = berth_rect_union(rect, region->shown.rect);
            close_region(self, region);
        }
    }
    return rect;
}

/* How long a region must have been open before it gives way to one with so many more pixels. */
static int64_t
get_patience_us(int64_t old_px, int64_t more_px)
{
    if (more_px >= old_px) {
        return 0;
    }
    return more_px * GROW_PART >= old_px ? GROW_EARLY_US : GROW_US;
}

/* A larger one takes the place of a region that cannot hold the video. */
static void
maybe_grow(BerthVideoRegions *self, Region *region, const BerthFrame *frame, BerthRect box,
           int64_t now_us)
{
    BerthRect rect = berth_rect_union(region->shown.rect, box);
    int64_t old_px = berth_rect_area_px(region->shown.rect);
    int64_t more_px = berth_rect_area_px(rect) - old_px;
    if (more_px > 0 && berth_rect_area_px(rect) <= (int64_t)BERTH_LIMIT_VIDEO_AREA_PX &&
        now_us - region->opened_us >= get_patience_us(old_px, more_px)) {
        rect = absorb(self, region, rect);
        close_region(self, region);
        open_region(self, region, frame, rect, now_us);
    }
}

static void
maybe_open(BerthVideoRegions *self, const BerthFrame *frame, const Candidate *candidate,
           int64_t now_us)
{
    int64_t px = berth_rect_area_px(candidate->box);
    Region *overlapped = find_overlapped(self, candidate->box);
    if (overlapped != NULL) {
        maybe_grow(self, overlapped, frame, candidate->box, now_us);
        return;
    }
    for (size_t i = 0; i < BERTH_VIDEO_MAX_REGIONS; i++) {
        Region *region = &self->regions[i];
        if (!region->is_open && px <= (int64_t)BERTH_LIMIT_VIDEO_AREA_PX) {
            open_region(self, region, frame, candidate->box, now_us);
            return;
        }
    }
}

static void
search(BerthVideoRegions *self, const BerthFrame *frame, int64_t now_us)
{
    if (mark_hot(self, now_us) == 0) {
        return;
    }
    for (unsigned tile = 0; tile < (unsigned)(self->columns * self->rows); tile++) {
        if (!self->marks[tile]) {
            continue;
        }
        Candidate candidate = gather(self, tile, now_us);
        if (is_video_like(self, &candidate, now_us)) {
            maybe_open(self, frame, &candidate, now_us);
        }
    }
}

/* --- what is shown --- */

/* Adds a tile to the keep rectangles, if possible to the one before; false if there is no room. */
static bool
add_keep(BerthVideoRegion *shown, BerthRect rect)
{
    BerthRect *last = shown->n_keep > 0 ? &shown->keep[shown->n_keep - 1] : NULL;
    if (last != NULL && last->y == rect.y && last->x + last->w == rect.x) {
        last->w += rect.w;
        return true;
    }
    if (shown->n_keep == BERTH_VIDEO_MAX_KEEP) {
        return false;
    }
    shown->keep[shown->n_keep++] = rect;
    return true;
}

static void
list_keep(BerthVideoRegions *self, Region *region)
{
    BerthRect tiles = get_tiles(region->shown.rect);
    region->shown.n_keep = 0;
    for (int row = tiles.y; row < tiles.y + tiles.h; row++) {
        for (int column = tiles.x; column < tiles.x + tiles.w; column++) {
            unsigned tile = get_tile(self, column, row);
            BerthRect rect = berth_rect_intersect(get_tile_rect(self, tile), region->shown.rect);
            Cell *cell = &self->cells[tile];
            cell->is_kept = cell->is_kept && add_keep(&region->shown, rect);
        }
    }
}

void
berth_video_regions_update(BerthVideoRegions *self, const BerthFrame *frame,
                           const BerthVideoChange *changes, size_t n_changes, int64_t now_us)
{
    int n_photos = 0;
    begin_frame(self);
    take_changes(self, changes, n_changes, now_us);
    for (size_t i = 0; i < n_changes; i++) {
        n_photos += changes[i].is_film && !changes[i].is_copied;
    }
    for (size_t i = 0; i < BERTH_VIDEO_MAX_REGIONS; i++) {
        if (self->regions[i].is_open) {
            judge_region(self, &self->regions[i], now_us);
        }
    }
    if (self->is_allowed && n_photos > 0) {
        search(self, frame, now_us);
    }
    self->n_shown = 0;
    for (size_t i = 0; i < BERTH_VIDEO_MAX_REGIONS; i++) {
        Region *region = &self->regions[i];
        if (region->is_open) {
            keep_still_tiles(self, region, now_us);
            list_keep(self, region);
            self->shown[self->n_shown++] = region->shown;
        }
    }
}

const BerthVideoRegion *
berth_video_regions_get(const BerthVideoRegions *self, size_t *ret_n)
{
    *ret_n = self->n_shown;
    return self->shown;
}

unsigned
berth_video_regions_get_closed(const BerthVideoRegions *self)
{
    return self->closed;
}

int64_t
berth_video_regions_get_due_us(const BerthVideoRegions *self)
{
    int64_t due_us = -1;
    for (size_t i = 0; i < BERTH_VIDEO_MAX_REGIONS; i++) {
        const Region *region = &self->regions[i];
        if (region->is_open && (due_us < 0 || region->busy_us + CLOSE_US < due_us)) {
            due_us = region->busy_us + CLOSE_US;
        }
    }
    return due_us;
}

/* --- what is left for others --- */

/* The up to four rectangles of a that are not in b, which lies inside a. */
static size_t
subtract(BerthRect a, BerthRect b, BerthRect *rects)
{
    const BerthRect parts[] = {
        { a.x, a.y, a.w, b.y - a.y },
        { a.x, b.y, b.x - a.x, b.h },
        { b.x + b.w, b.y, a.x + a.w - b.x - b.w, b.h },
        { a.x, b.y + b.h, a.w, a.y + a.h - b.y - b.h },
    };
    size_t n = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (!berth_rect_is_empty(parts[i])) {
            rects[n++] = parts[i];
        }
    }
    return n;
}

size_t
berth_video_regions_cut(const BerthVideoRegions *self, BerthRect rect, BerthRect *rects)
{
    BerthRect parts[BERTH_VIDEO_MAX_CUTS] = { rect };
    size_t n_parts = 1;
    unsigned tile = get_tile(self, rect.x / TILE, rect.y / TILE);
    for (size_t i = 0; i < self->n_shown && !self->cells[tile].is_kept; i++) {
        BerthRect left[BERTH_VIDEO_MAX_CUTS];
        size_t n_left = 0;
        if (!self->shown[i].has_changed) {
            continue;
        }
        for (size_t k = 0; k < n_parts; k++) {
            BerthRect inner = berth_rect_intersect(parts[k], self->shown[i].rect);
            if (berth_rect_is_empty(inner)) {
                left[n_left++] = parts[k];
            } else {
                n_left += subtract(parts[k], inner, left + n_left);
            }
        }
        memcpy(parts, left, n_left * sizeof *left);
        n_parts = n_left;
    }
    memcpy(rects, parts, n_parts * sizeof *parts);
    return n_parts;
}
