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

/* What is known of a tile of the last picture. */
typedef struct {
    int64_t change_us; /* when it last changed */
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
} Piece;

struct BerthPlanner {
    BerthFrame *picture; /* as the viewers have it; NULL before the first mode */
    BerthDamage *work;   /* where to compare with the picture */
    int n_columns;
    int n_rows;
    uint32_t serial; /* of the plan at work */
    int64_t now_us;
    BerthCopyPlanner *copy_planner;
    Tile *tiles;
    uint8_t *tile_classes;
    /* Lists of the plan at work, each with room for one entry a tile. */
    BerthWireCopy copies[BERTH_COPY_PLANNER_MAX];
    size_t n_copies;
    Piece *pieces;
    size_t n_pieces;
    BerthPlanStore *stores;
    size_t n_stores;
    BerthFillList fills;
    BerthPlanCrop *crops;
    size_t n_crops;
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
    if (self->copy_planner == NULL) {
        g_free(self);
        return NULL;
    }
    return self;
}

static void
clear_mode(BerthPlanner *self)
{
    berth_frame_unref(self->picture);
    berth_damage_free(self->work);
    g_free(self->tiles);
    g_free(self->tile_classes);
    g_free(self->pieces);
    g_free(self->stores);
    g_free(self->fills.fills);
    g_free(self->crops);
}

void
berth_planner_free(BerthPlanner *self)
{
    if (self != NULL) {
        clear_mode(self);
        berth_copy_planner_free(self->copy_planner);
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
    self->tiles = g_try_new0(Tile, n_tiles);
    self->tile_classes = g_try_new0(uint8_t, n_tiles);
    self->pieces = g_try_new(Piece, n_tiles);
    self->stores = g_try_new(BerthPlanStore, n_tiles);
    self->fills.fills = g_try_new(BerthWireFill, n_tiles);
    self->crops = g_try_new(BerthPlanCrop, n_tiles);
    return self->picture != NULL && self->work != NULL && self->tiles != NULL &&
           self->tile_classes != NULL && self->pieces != NULL && self->stores != NULL &&
           self->fills.fills != NULL && self->crops != NULL;
}

int
berth_planner_configure(BerthPlanner *self, int width, int height)
{
    if (!berth_frame_size_is_allowed(width, height)) {
        return BERTH_ERR_TOO_LARGE;
    }
    BerthPlanner mode = { .copy_planner = self->copy_planner };
    memcpy(mode.hash_key, self->hash_key, sizeof mode.hash_key);
    if (!make_mode(&mode, width, height)) {
        clear_mode(&mode);
        return BERTH_ERR_NO_MEMORY;
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

/* Offers to caches what a tile shows, if it rested and is about to become another one. */
static void
maybe_store(BerthPlanner *self, unsigned index, BerthRect box)
{
    Tile *tile = &self->tiles[index];
    BerthRect rect = get_tile_rect(self, index);
    uint32_t xrgb;
    if (tile->copied_serial == self->serial || self->now_us - tile->change_us < STORE_REST_US ||
        WHOLE_SHARE * berth_rect_area_px(box) < berth_rect_area_px(rect) ||
        berth_frame_get_solid(self->picture, rect, &xrgb)) {
        return;
    }
    if (!tile->has_hash) {
        tile->hash = berth_tile_hash(self->picture, rect, self->hash_key);
        tile->has_hash = true;
    }
    self->stores[self->n_stores++] = (BerthPlanStore){ (uint16_t)index, tile->hash };
}

/* Takes over what differs in a tile and makes a piece of it. */
static void
take_tile(BerthPlanner *self, const BerthFrame *frame, int column, int row)
{
    BerthRect box = berth_damage_get_tile(self->work, column, row);
    if (berth_rect_is_empty(box)) {
        return;
    }
    unsigned index = (unsigned)(row * self->n_columns + column);
    maybe_store(self, index, box);
    BerthRect rect = berth_diff_take(self->picture, frame, box);
    if (berth_rect_is_empty(rect)) {
        return;
    }
    self->tiles[index].change_us = self->now_us;
    self->tiles[index].has_hash = false;
    Piece piece = { .rect = rect, .tile = index, .content = BERTH_CONTENT_FILL };
    if (!berth_frame_get_solid(frame, rect, &piece.xrgb)) {
        BerthPixelStats stats = berth_classify_count(frame, rect);
        piece.content = berth_classify_decide(&stats);
    }
    self->pieces[self->n_pieces++] = piece;
}

static void
take_tiles(BerthPlanner *self, const BerthFrame *frame)
{
    self->n_pieces = 0;
    self->n_stores = 0;
    for (int row = 0; row < self->n_rows; row++) {
        for (int column = 0; column < self->n_columns; column++) {
            take_tile(self, frame, column, row);
        }
    }
}

/* --- pieces --- */

static void
add_crop(BerthPlanner *self, const Piece *piece)
{
    Tile *tile = &self->tiles[piece->tile];
    BerthRect rect = get_tile_rect(self, piece->tile);
    BerthTileClass tile_class =
        piece->content == BERTH_CONTENT_PLAIN ? BERTH_TILE_PLAIN : BERTH_TILE_GRADIENT;
    if (WHOLE_SHARE * berth_rect_area_px(piece->rect) >= berth_rect_area_px(rect)) {
        tile->hash = berth_tile_hash(self->picture, rect, self->hash_key);
        tile->has_hash = true;
        self->tile_classes[piece->tile] = (uint8_t)tile_class;
    }
    self->crops[self->n_crops++] =
        (BerthPlanCrop){ piece->rect, tile_class, tile->has_hash, tile->hash };
}

static void
deal_pieces(BerthPlanner *self)
{
    self->fills.n = 0;
    self->n_crops = 0;
    for (size_t i = 0; i < self->n_pieces; i++) {
        const Piece *piece = &self->pieces[i];
        if (piece->content == BERTH_CONTENT_FILL) {
            berth_fill_list_add(&self->fills, piece->rect, piece->xrgb);
        } else {
            add_crop(self, piece);
        }
    }
    berth_fill_list_join(&self->fills);
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
}

static BerthPlan *
make_plan(BerthPlanner *self)
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
        .crops = dup_list(self->crops, self->n_crops, sizeof *plan->crops, &is_ok),
        .n_crops = self->n_crops,
        .tile_classes = dup_list(self->tile_classes, n_tiles, 1, &is_ok),
        .ref_count = 1,
    };
    if (!is_ok || plan->changed == NULL) {
        berth_plan_unref(plan);
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
    self->n_copies = berth_copy_planner_find(self->copy_planner, self->picture, frame, damage,
                                             input->now_us, input->effort, self->copies);
    error = apply_copies(self);
    if (error != BERTH_OK) {
        return error;
    }
    take_tiles(self, frame);
    deal_pieces(self);
    berth_copy_planner_advance(self->copy_planner, self->work);
    berth_damage_clear(self->work);
    BerthPlan *plan = make_plan(self);
    if (plan == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    *ret_plan = plan;
    return BERTH_OK;
}

bool
berth_planner_get_due(const BerthPlanner *self, int64_t *ret_due_us)
{
    return false;
}

const BerthFrame *
berth_planner_get_picture(const BerthPlanner *self)
{
    return self->picture;
}
