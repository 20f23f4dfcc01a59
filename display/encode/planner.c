/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Damage of some size is first searched for motion.  The motion found is applied to the last
 * picture just as the viewers will do it.  Then the damaged tiles, and the targets of the motion,
 * are compared with the new picture, and what differs is taken over and planned: so the last
 * picture equals the new one after every plan, whatever the search proposed.
 *
 * What differs in a tile becomes a piece, which has one kind of content.  When all pieces are
 * known, they are dealt out to fills, crops and photos.
 */
#include "display/encode/planner.h"

#include "base/id.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "display/encode/copy-planner.h"
#include "display/encode/fill-list.h"
#include "display/encode/photo-groups.h"
#include "display/encode/photo-pool.h"
#include "display/encode/tile-cache.h"
#include "display/encode/video-planner.h"
#include "display/pixels/classify.h"
#include "display/pixels/copy.h"
#include "display/pixels/diff.h"

#include <glib.h>
#include <string.h>

#define TILE ((int)BERTH_LIMIT_TILE_PX)
/* A tile that rested so long is worth a place in a cache when it goes. */
#define STORE_REST_US 300000
/* Only if a quarter of a tile changes, it is taken for another tile that may come back. */
#define WHOLE_SHARE 4

/*
 * Photos of fewer pixels in all are sent exactly at once, unless they change again so soon that
 * it would be for nothing; how many depends on what a frame may have.
 */
#define MAX_EXACT_PHOTO_PX (256 * 1024)
#define MIN_EXACT_PHOTO_PX (16 * 1024)
#define BEST_BUDGET_US (30 * 1000 * 1000)
/*
 * A film shows before it is a video: pixels that look like one and changed so often, each time so
 * soon, are not worth being exact.  Fewer of them in all are not worth being photos.
 */
#define MOVING_US 100000
#define MOVING_CHANGES 2
/* The same where plans are made seldom: a change in each of them. */
#define MOVING_PLANS_US 500000
#define MIN_MOVING_PX (16 * 1024)
/* The same beside a video, whose edge it may be. */
#define MIN_VIDEO_EDGE_PX 1024
/* Boxes in videos with fewer rows are looked at as a whole. */
#define SAMPLED_ROWS 32
/* Tiles that any viewer may keep, as far as the planner cares. */
#define SEEN_TILES 2048

/* What is known of a tile of the last picture. */
typedef struct {
    int64_t change_us;      /* when it last changed */
    uint32_t change_serial; /* of the last plan with a change */
    uint8_t n_moving;       /* how often in a row it changed like a film */
    BerthTileHash hash;
    bool has_hash;
    uint32_t copied_serial; /* of the last plan with a copy into it */
} Tile;

/* What differs in one tile and is not moved. */
typedef struct {
    BerthRect rect;
    unsigned tile;
    BerthContent content;
    uint32_t xrgb; /* of BERTH_CONTENT_FILL */
    bool is_film;  /* it may be part of a video */
    bool is_sharp; /* it has hard edges, as text has */
} Piece;

/* What may be sent inexactly first in a frame. */
typedef struct {
    bool has_photos; /* photos */
    bool has_films;  /* what looks like a film, though it has few colours */
    bool has_moving; /* what looks like one and moves */
} PhotoRule;

struct BerthPlanner {
    BerthFrame *picture; /* as the viewers have it; NULL before the first mode */
    BerthDamage *work;   /* where to compare with the picture */
    BerthDamage *search; /* where to look for motion */
    int n_columns;
    int n_rows;
    uint32_t serial; /* of the plan at work */
    int64_t now_us;
    BerthCopyPlanner *copy_planner;
    Tile *tiles;
    uint8_t *tile_classes;
    size_t best_budget_bytes; /* that a frame was given, of late */
    int64_t best_us;
    /* Lists of the plan at work, each with room for one entry a tile. */
    BerthWireCopy copies[BERTH_COPY_PLANNER_MAX];
    size_t n_copies;
    Piece *pieces;
    size_t n_pieces;
    BerthPlanStore *stores;
    size_t n_stores;
    BerthFillList fills;
    GArray *crops;             /* of BerthPlanCrop */
    GArray *photo_rects;       /* of BerthRect */
    BerthVideoChange *changes; /* the pieces, for the videos; room for one a tile */
    BerthPlanVideo videos[BERTH_VIDEO_MAX_REGIONS];
    size_t n_videos;
    bool is_cut; /* videos paint what they cover */
    BerthVideoPlanner *video_planner;
    BerthPhotoPool *photo_pool;
    BerthTileCache *seen; /* tiles that were offered to caches; the slots mean nothing */
    uint8_t hash_key[BERTH_TILE_HASH_KEY_BYTES];
};

BerthPlanner *
berth_planner_new(void)
{
    BerthPlanner *self = g_try_new0(BerthPlanner, 1);
    if (self == NULL) {
        return NULL;
    }
    berth_random_bytes(self->hash_key, sizeof self->hash_key);
    self->copy_planner = berth_copy_planner_new();
    self->photo_pool = berth_photo_pool_new();
    self->seen = berth_tile_cache_new(SEEN_TILES);
    self->video_planner = berth_video_planner_new();
    self->crops = g_array_new(FALSE, FALSE, sizeof(BerthPlanCrop));
    self->photo_rects = g_array_new(FALSE, FALSE, sizeof(BerthRect));
    if (self->copy_planner == NULL || self->photo_pool == NULL || self->seen == NULL ||
        self->video_planner == NULL) {
        berth_planner_free(self);
        return NULL;
    }
    return self;
}

static void
clear_mode(BerthPlanner *self)
{
    berth_frame_unref(self->picture);
    berth_damage_free(self->work);
    berth_damage_free(self->search);
    g_free(self->changes);
    g_free(self->tiles);
    g_free(self->tile_classes);
    g_free(self->pieces);
    g_free(self->stores);
}

void
berth_planner_free(BerthPlanner *self)
{
    if (self != NULL) {
        clear_mode(self);
        berth_copy_planner_free(self->copy_planner);
        berth_photo_pool_free(self->photo_pool);
        berth_tile_cache_free(self->seen);
        berth_video_planner_free(self->video_planner);
        berth_fill_list_clear(&self->fills);
        g_array_unref(self->crops);
        g_array_unref(self->photo_rects);
        g_free(self);
    }
}

/* Takes memory for a mode; false if there is not enough. */
static bool
make_mode(BerthPlanner *self, int width, int height)
{
    self->n_columns = (width + TILE - 1) / TILE;
    self->n_rows = (height + TILE - 1) / TILE;
    size_t n_tiles = (size_t)self->n_columns * (size_t)self->n_rows;
    self->picture = berth_frame_new(width, height);
    self->work = berth_damage_new(width, height);
    self->search = berth_damage_new(width, height);
    self->changes = g_try_new(BerthVideoChange, n_tiles);
    self->tiles = g_try_new0(Tile, n_tiles);
    self->tile_classes = g_try_new0(uint8_t, n_tiles);
    self->pieces = g_try_new(Piece, n_tiles);
    self->stores = g_try_new(BerthPlanStore, n_tiles);
    return self->picture != NULL && self->work != NULL && self->search != NULL &&
           self->changes != NULL && self->tiles != NULL && self->tile_classes != NULL &&
           self->pieces != NULL && self->stores != NULL;
}

int
berth_planner_configure(BerthPlanner *self, int width, int height)
{
    if (!berth_frame_size_is_allowed(width, height)) {
        return BERTH_ERR_TOO_LARGE;
    }
    /* What is of the mode begins anew, the tools stay. */
    BerthPlanner mode = *self;
    mode.picture = NULL;
    mode.work = NULL;
    mode.search = NULL;
    mode.changes = NULL;
    mode.tiles = NULL;
    mode.tile_classes = NULL;
    mode.pieces = NULL;
    mode.stores = NULL;
    mode.serial = 0;
    if (!make_mode(&mode, width, height)) {
        clear_mode(&mode);
        return BERTH_ERR_NO_MEMORY;
    }
    int error = berth_video_planner_configure(self->video_planner, width, height);
    if (error != BERTH_OK) {
        clear_mode(&mode);
        return error;
    }
    clear_mode(self);
    *self = mode;
    berth_copy_planner_reset(self->copy_planner);
    return BERTH_OK;
}

static BerthRect
get_tile_rect(const BerthPlanner *self, unsigned tile)
{
    BerthRect rect = { (int)tile % self->n_columns * TILE, (int)tile / self->n_columns * TILE, TILE,
                       TILE };
    return berth_rect_intersect(rect, berth_frame_get_rect(self->picture));
}

/* --- copies --- */

/* Notes that all tiles that a copy writes to show something else. */
static void
mark_target(BerthPlanner *self, BerthRect target)
{
    berth_damage_add_rect(self->work, target);
    for (int row = target.y / TILE; row * TILE < target.y + target.h; row++) {
        for (int column = target.x / TILE; column * TILE < target.x + target.w; column++) {
            Tile *tile = &self->tiles[row * self->n_columns + column];
            tile->copied_serial = self->serial;
            tile->has_hash = false;
            tile->change_us = self->now_us;
        }
    }
}

/* Does to the last picture what the COPY message will do at the viewers. */
static int
apply_copies(BerthPlanner *self)
{
    BerthMove moves[BERTH_COPY_PLANNER_MAX];
    for (size_t i = 0; i < self->n_copies; i++) {
        const BerthWireCopy *copy = &self->copies[i];
        moves[i] = (BerthMove){ { copy->sx, copy->sy, copy->w, copy->h }, copy->dx, copy->dy };
        mark_target(self, (BerthRect){ copy->dx, copy->dy, copy->w, copy->h });
    }
    return berth_copy_apply(self->picture, moves, self->n_copies);
}

/* --- tiles --- */

static bool
is_whole(BerthRect part, BerthRect tile)
{
    return WHOLE_SHARE * berth_rect_area_px(part) >= berth_rect_area_px(tile);
}

/* Offers to caches what a tile shows, if it rested and is about to become another one. */
static void
maybe_store(BerthPlanner *self, unsigned index, BerthRect box)
{
    Tile *tile = &self->tiles[index];
    BerthRect rect = get_tile_rect(self, index);
    uint32_t xrgb;
    if (tile->copied_serial == self->serial || self->now_us - tile->change_us < STORE_REST_US ||
        !is_whole(box, rect) || berth_frame_get_solid(self->picture, rect, &xrgb)) {
        return;
    }
    if (!tile->has_hash) {
        tile->hash = berth_tile_hash(self->picture, rect, self->hash_key);
        tile->has_hash = true;
    }
    self->stores[self->n_stores++] = (BerthPlanStore){ (uint16_t)index, tile->hash };
    uint16_t slot;
    if (!berth_tile_cache_find(self->seen, tile->hash, &slot)) {
        berth_tile_cache_store(self->seen, tile->hash);
    }
}

static bool
looks_like_film(const Piece *piece)
{
    return piece->is_film || piece->content == BERTH_CONTENT_PHOTO;
}

static void
note_change(BerthPlanner *self, const Piece *piece)
{
    Tile *tile = &self->tiles[piece->tile];
    int64_t pause_us = self->now_us - tile->change_us;
    bool is_soon = pause_us < MOVING_US ||
                   (pause_us < MOVING_PLANS_US && tile->change_serial + 1 == self->serial);
    bool is_moving = looks_like_film(piece) && tile->copied_serial != self->serial && is_soon;
    tile->n_moving = is_moving ? (uint8_t)MIN(tile->n_moving + 1, MOVING_CHANGES) : 0;
    tile->change_us = self->now_us;
    tile->change_serial = self->serial;
    tile->has_hash = false;
}

/*
 * What to look at of a rectangle to know its content: a quarter if a video paints it, each time
 * another one.
 */
static BerthRect
choose_sample(const BerthPlanner *self, unsigned index, BerthRect rect)
{
    const BerthVideoRegions *regions = berth_video_planner_get_regions(self->video_planner);
    if (rect.h < SAMPLED_ROWS || !berth_video_regions_is_video(regions, index)) {
        return rect;
    }
    int part = (int)(self->serial % 4);
    int top = rect.h * part / 4;
    return (BerthRect){ rect.x, rect.y + top, rect.w, rect.h * (part + 1) / 4 - top };
}

/* Makes a piece of what differed in a tile. */
static void
take_tile(BerthPlanner *self, const BerthFrame *frame, unsigned index, BerthRect rect)
{
    Piece piece = { .rect = rect, .tile = index, .content = BERTH_CONTENT_FILL };
    if (!berth_frame_get_solid(frame, rect, &piece.xrgb)) {
        BerthPixelStats stats = berth_classify_count(frame, choose_sample(self, index, rect));
        BerthContent content = berth_classify_decide(&stats);
        /* The sample may have one colour, the rectangle has more. */
        piece.content = content == BERTH_CONTENT_FILL ? BERTH_CONTENT_PLAIN : content;
        piece.is_film = berth_video_is_film(&stats);
        piece.is_sharp = berth_video_is_sharp(&stats);
    }
    note_change(self, &piece);
    self->pieces[self->n_pieces++] = piece;
}

/* Takes over what differs in a row of tiles. */
static void
take_row(BerthPlanner *self, const BerthFrame *frame, int row)
{
    BerthRect boxes[BERTH_DIFF_MAX_RECTS];
    unsigned first = (unsigned)(row * self->n_columns);
    for (int column = 0; column < self->n_columns; column++) {
        boxes[column] = berth_damage_get_tile(self->work, column, row);
        if (!berth_rect_is_empty(boxes[column])) {
            maybe_store(self, first + (unsigned)column, boxes[column]);
        }
    }
    berth_diff_take_row(self->picture, frame, boxes, (size_t)self->n_columns);
    for (int column = 0; column < self->n_columns; column++) {
        if (!berth_rect_is_empty(boxes[column])) {
            take_tile(self, frame, first + (unsigned)column, boxes[column]);
        }
    }
}

static void
take_tiles(BerthPlanner *self, const BerthFrame *frame)
{
    self->n_pieces = 0;
    self->n_stores = 0;
    for (int row = 0; row < self->n_rows; row++) {
        take_row(self, frame, row);
    }
}

/* --- videos --- */

/* Gives the pieces to the videos. */
static void
plan_videos(BerthPlanner *self, const BerthFrame *frame, const BerthPlanInput *input)
{
    for (size_t i = 0; i < self->n_pieces; i++) {
        const Piece *piece = &self->pieces[i];
        self->changes[i] = (BerthVideoChange){
            .tile = piece->tile,
            .rect = piece->rect,
            .is_film = piece->is_film,
            .is_sharp = piece->is_sharp,
            .is_copied = self->tiles[piece->tile].copied_serial == self->serial,
        };
    }
    BerthVideoWish wish = {
        .now_us = input->now_us,
        .mask = input->video_mask,
        .kbps = input->video_kbps,
        .effort = input->effort,
        .is_key_wanted = input->needs_key,
    };
    bool is_ok =
        berth_video_planner_encode(self->video_planner, &wish, frame, self->work, self->changes,
                                   self->n_pieces, self->videos, &self->n_videos);
    self->is_cut = is_ok && self->n_videos > 0;
}

/* What of a piece is not painted by videos; returns the number of rectangles. */
static size_t
cut_piece(const BerthPlanner *self, const Piece *piece, BerthRect *rects)
{
    if (!self->is_cut) {
        rects[0] = piece->rect;
        return 1;
    }
    return berth_video_regions_cut(berth_video_planner_get_regions(self->video_planner),
                                   piece->rect, rects);
}

/* Where motion may be found: not where videos play. */
static const BerthDamage *
get_search_damage(BerthPlanner *self, const BerthDamage *damage)
{
    const BerthVideoRegions *regions = berth_video_planner_get_regions(self->video_planner);
    size_t n_regions;
    berth_video_regions_get(regions, &n_regions);
    if (n_regions == 0) {
        return damage;
    }
    berth_damage_clear(self->search);
    for (int i = 0; i < self->n_columns * self->n_rows; i++) {
        if (!berth_video_regions_is_video(regions, (unsigned)i)) {
            berth_damage_add_rect(self->search, berth_damage_get_tile(damage, i % self->n_columns,
                                                                      i / self->n_columns));
        }
    }
    return self->search;
}

/* --- pieces --- */

/* Hashes a tile that becomes another one. */
static void
maybe_hash(BerthPlanner *self, const Piece *piece)
{
    Tile *tile = &self->tiles[piece->tile];
    BerthRect rect = get_tile_rect(self, piece->tile);
    if (!tile->has_hash && is_whole(piece->rect, rect)) {
        tile->hash = berth_tile_hash(self->picture, rect, self->hash_key);
        tile->has_hash = true;
    }
}

/* Whether viewers are likely to have the tile in their caches. */
static bool
is_seen(BerthPlanner *self, const Piece *piece)
{
    const Tile *tile = &self->tiles[piece->tile];
    uint16_t slot;
    maybe_hash(self, piece);
    return tile->has_hash && berth_tile_cache_find(self->seen, tile->hash, &slot);
}

static void
add_crop(BerthPlanner *self, const Piece *piece)
{
    const Tile *tile = &self->tiles[piece->tile];
    BerthTileClass tile_class =
        piece->content == BERTH_CONTENT_PLAIN ? BERTH_TILE_PLAIN : BERTH_TILE_GRADIENT;
    maybe_hash(self, piece);
    if (tile->has_hash) {
        self->tile_classes[piece->tile] = (uint8_t)tile_class;
    }
    BerthPlanCrop crop = { piece->rect, tile_class, tile->has_hash, tile->hash };
    g_array_append_val(self->crops, crop);
}

static bool
is_moving_piece(const BerthPlanner *self, const Piece *piece)
{
    return looks_like_film(piece) && self->tiles[piece->tile].n_moving == MOVING_CHANGES;
}

/*
 * How many pixels of photos in all are worth being exact at once.  The best budget of the last time
 * decides: a path that was not used for a while gets small ones at first, however wide it is.
 */
static int64_t
get_exact_photo_px(BerthPlanner *self, size_t budget_bytes)
{
    size_t budget = budget_bytes == 0 ? SIZE_MAX : budget_bytes;
    if (budget >= self->best_budget_bytes || self->now_us - self->best_us > BEST_BUDGET_US) {
        self->best_budget_bytes = budget;
        self->best_us = self->now_us;
    }
    /* They cost about a byte each, and half of a frame is enough for them. */
    return CLAMP((int64_t)MIN(self->best_budget_bytes, INT32_MAX) / 2, MIN_EXACT_PHOTO_PX,
                 MAX_EXACT_PHOTO_PX);
}

/* Which pieces may be sent inexactly first. */
static PhotoRule
make_photo_rule(BerthPlanner *self, uint8_t photo_quality, size_t budget_bytes)
{
    int64_t photo_px = 0;
    int64_t film_px = 0;
    int64_t moving_px = 0;
    for (size_t i = 0; i < self->n_pieces; i++) {
        const Piece *piece = &self->pieces[i];
        int64_t area_px = berth_rect_area_px(piece->rect);
        photo_px += piece->content == BERTH_CONTENT_PHOTO ? area_px : 0;
        film_px += looks_like_film(piece) && piece->content != BERTH_CONTENT_FILL ? area_px : 0;
        moving_px += is_moving_piece(self, piece) ? area_px : 0;
    }
    int64_t exact_px = get_exact_photo_px(self, budget_bytes);
    return (PhotoRule){
        .has_photos = photo_quality > 0 && photo_px >= exact_px,
        .has_films = photo_quality > 0 && exact_px < MAX_EXACT_PHOTO_PX && film_px >= exact_px,
        .has_moving = photo_quality > 0 &&
                      moving_px >= (self->n_videos > 0 ? MIN_VIDEO_EDGE_PX : MIN_MOVING_PX),
    };
}

static bool
is_photo(BerthPlanner *self, const Piece *piece, PhotoRule rule)
{
    bool is_wanted = (rule.has_photos && piece->content == BERTH_CONTENT_PHOTO) ||
                     (rule.has_films && looks_like_film(piece)) ||
                     (rule.has_moving && is_moving_piece(self, piece));
    return is_wanted && !is_seen(self, piece);
}

static void
add_photo(BerthPlanner *self, const Piece *piece)
{
    self->tile_classes[piece->tile] = BERTH_TILE_PHOTO;
    g_array_append_val(self->photo_rects, piece->rect);
}

/* Makes few photos of many pieces. */
static void
join_photos(BerthPlanner *self, bool is_film)
{
    BerthRect *rects = (BerthRect *)(void *)self->photo_rects->data;
    size_t n = berth_photo_groups_join(rects, self->photo_rects->len);
    for (size_t before = n + 1; is_film && n < before;) {
        before = n;
        n = berth_photo_groups_merge(rects, n, self->tile_classes, self->n_columns);
    }
    g_array_set_size(self->photo_rects, (guint)n);
}

/* Deals a piece of which videos leave something. */
static void
deal_piece(BerthPlanner *self, const Piece *piece, bool is_photo_piece)
{
    if (piece->content == BERTH_CONTENT_FILL) {
        berth_fill_list_add(&self->fills, piece->rect, piece->xrgb);
    } else if (is_photo_piece) {
        add_photo(self, piece);
    } else {
        add_crop(self, piece);
    }
}

static void
deal_pieces(BerthPlanner *self, uint8_t photo_quality, size_t budget_bytes)
{
    PhotoRule rule = make_photo_rule(self, photo_quality, budget_bytes);
    self->fills.n = 0;
    g_array_set_size(self->crops, 0);
    g_array_set_size(self->photo_rects, 0);
    for (size_t i = 0; i < self->n_pieces; i++) {
        const Piece *piece = &self->pieces[i];
        BerthRect rects[BERTH_VIDEO_MAX_CUTS];
        size_t n = cut_piece(self, piece, rects);
        bool is_whole_piece = n == 1 && berth_rect_equal(rects[0], piece->rect);
        bool is_photo_piece = is_whole_piece && is_photo(self, piece, rule);
        if (n == 0) {
            self->tile_classes[piece->tile] = BERTH_TILE_PHOTO;
        }
        for (size_t k = 0; k < n; k++) {
            Piece part = *piece;
            part.rect = rects[k];
            deal_piece(self, &part, is_photo_piece);
        }
    }
    berth_fill_list_join(&self->fills);
    join_photos(self, rule.has_films || rule.has_moving);
}

/* --- the plan --- */

/* A copy of a list; *is_ok becomes false if there is no memory for it. */
static void *
dup_list(const void *items, size_t n, size_t item_bytes, bool *is_ok)
{
    if (n == 0) {
        return NULL;
    }
    void *copy = g_try_malloc(n * item_bytes);
    if (copy == NULL) {
        *is_ok = false;
        return NULL;
    }
    memcpy(copy, items, n * item_bytes);
    return copy;
}

static void
mark_changed(BerthPlan *plan)
{
    for (size_t i = 0; i < plan->n_copies; i++) {
        const BerthWireCopy *copy = &plan->copies[i];
        berth_damage_add_rect(plan->changed, (BerthRect){ copy->dx, copy->dy, copy->w, copy->h });
    }
    for (size_t i = 0; i < plan->n_fills; i++) {
        const BerthWireFill *fill = &plan->fills[i];
        berth_damage_add_rect(plan->changed, (BerthRect){ fill->x, fill->y, fill->w, fill->h });
    }
    for (size_t i = 0; i < plan->n_crops; i++) {
        berth_damage_add_rect(plan->changed, plan->crops[i].rect);
    }
    for (size_t i = 0; i < plan->n_photos; i++) {
        berth_damage_add_rect(plan->changed, plan->photos[i].rect);
    }
    for (size_t i = 0; i < plan->n_videos; i++) {
        if (plan->videos[i].len > 0 || plan->videos[i].is_stale) {
            berth_damage_add_rect(plan->changed, plan->videos[i].rect);
        }
    }
}

/* Names the photos; the jobs of the plan make them. */
static bool
add_photos(const BerthPlanner *self, BerthPlan *plan, uint8_t quality)
{
    plan->photo_pool = self->photo_pool;
    plan->photo_quality = quality;
    plan->n_photos = self->photo_rects->len;
    plan->photos = g_try_new0(BerthPlanPhoto, plan->n_photos);
    for (size_t i = 0; plan->photos != NULL && i < plan->n_photos; i++) {
        plan->photos[i].rect = g_array_index(self->photo_rects, BerthRect, i);
        plan->photos[i].quality = quality;
    }
    return plan->photos != NULL || plan->n_photos == 0;
}

static BerthPlan *
make_plan(BerthPlanner *self, uint8_t photo_quality)
{
    bool is_ok = true;
    BerthPlan *plan = g_try_new0(BerthPlan, 1);
    if (plan == NULL) {
        return NULL;
    }
    size_t n_tiles = (size_t)self->n_columns * (size_t)self->n_rows;
    *plan = (BerthPlan){
        .serial = self->serial,
        .now_us = self->now_us,
        .picture = berth_frame_ref(self->picture),
        .changed = berth_damage_new(self->picture->width, self->picture->height),
        .stores = dup_list(self->stores, self->n_stores, sizeof *plan->stores, &is_ok),
        .n_stores = self->n_stores,
        .copies = dup_list(self->copies, self->n_copies, sizeof *plan->copies, &is_ok),
        .n_copies = self->n_copies,
        .fills = dup_list(self->fills.fills, self->fills.n, sizeof *plan->fills, &is_ok),
        .n_fills = self->fills.n,
        .crops = dup_list(self->crops->data, self->crops->len, sizeof *plan->crops, &is_ok),
        .n_crops = self->crops->len,
        .videos = dup_list(self->videos, self->n_videos, sizeof *plan->videos, &is_ok),
        .n_videos = self->n_videos,
        .tile_classes = dup_list(self->tile_classes, n_tiles, 1, &is_ok),
    };
    is_ok = add_photos(self, plan, photo_quality) && is_ok;
    if (!is_ok || plan->changed == NULL) {
        berth_plan_free(plan);
        return NULL;
    }
    mark_changed(plan);
    return plan;
}

int
berth_planner_plan(BerthPlanner *self, const BerthFrame *frame, const BerthDamage *damage,
                   const BerthPlanInput *input, BerthPlan **ret_plan)
{
    if (self->picture == NULL) {
        return BERTH_ERR_STATE;
    }
    if (frame->width != self->picture->width || frame->height != self->picture->height) {
        return BERTH_ERR_INVALID;
    }
    int error = berth_damage_merge(self->work, damage);
    if (error != BERTH_OK) {
        return error;
    }
    self->serial++;
    self->now_us = input->now_us;
    self->n_copies = berth_copy_planner_find(self->copy_planner, self->picture, frame,
                                             get_search_damage(self, damage), input->now_us,
                                             input->effort, self->copies);
    error = apply_copies(self);
    if (error != BERTH_OK) {
        return error;
    }
    take_tiles(self, frame);
    plan_videos(self, frame, input);
    uint8_t photo_quality = input->photo_mask != 0 ? MIN(input->photo_quality, 100) : 0;
    deal_pieces(self, photo_quality, input->budget_bytes);
    berth_copy_planner_advance(self->copy_planner, self->work);
    berth_damage_clear(self->work);
    BerthPlan *plan = make_plan(self, photo_quality);
    if (plan == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    *ret_plan = plan;
    return BERTH_OK;
}

bool
berth_planner_get_due(const BerthPlanner *self, int64_t *ret_due_us)
{
    const BerthVideoRegions *regions = berth_video_planner_get_regions(self->video_planner);
    int64_t due_us = berth_video_regions_get_due_us(regions);
    if (due_us < 0) {
        return false;
    }
    *ret_due_us = due_us;
    return true;
}

const BerthFrame *
berth_planner_get_picture(const BerthPlanner *self)
{
    return self->picture;
}
