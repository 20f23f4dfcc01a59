/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Damage of some size is first searched for motion.  The motion found is applied to the last
 * picture just as the viewers will do it.  Then the damaged tiles, and the targets of the motion,
 * are compared with the new picture, and what differs is taken over and planned: so the last
 * picture equals the new one after every plan, whatever the search proposed.
 */
#include "display/encode/planner.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "display/encode/fill-list.h"
#include "display/encode/scroll-finder.h"
#include "display/pixels/copy.h"
#include "display/pixels/diff.h"

#include <glib.h>
#include <string.h>

#define TILE ((int)BERTH_LIMIT_TILE_PX)
/* Fewer changed tiles than this are cheaper to send than to search for motion. */
#define MIN_SEARCH_TILES 4
#define MAX_COPIES 256
/*
 * A film changes much and never scrolls: after so many searches for nothing only each eighth frame
 * is searched.  A pause ends that, so what a user begins to scroll is searched from its first
 * frame.
 */
#define MAX_FRUITLESS 6
#define SEARCH_EVERY 8
#define PAUSE_US 100000

struct BerthPlanner {
    BerthFrame *picture; /* as the viewers have it; NULL before the first mode */
    BerthDamage *work;   /* where to compare with the picture */
    int n_columns;
    int n_rows;
    uint32_t serial;
    BerthScrollFinder *scrolls;
    unsigned n_fruitless; /* large frames since motion was found, or since a pause */
    int64_t large_us;     /* when the last of them was captured */
    uint8_t *tile_classes;
    /* Lists of the plan at work, each with room for one entry a tile. */
    BerthWireCopy copies[MAX_COPIES];
    size_t n_copies;
    BerthFillList fills;
    BerthPlanCrop *crops;
    size_t n_crops;
};

BerthPlanner *
berth_planner_new(void)
{
    BerthPlanner *self = g_try_new0(BerthPlanner, 1);
    if (self == NULL) {
        return NULL;
    }
    self->scrolls = berth_scroll_finder_new();
    if (self->scrolls == NULL) {
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
    g_free(self->tile_classes);
    g_free(self->fills.fills);
    g_free(self->crops);
}

void
berth_planner_free(BerthPlanner *self)
{
    if (self != NULL) {
        clear_mode(self);
        berth_scroll_finder_free(self->scrolls);
        g_free(self);
    }
}

int
berth_planner_configure(BerthPlanner *self, int width, int height)
{
    if (!berth_frame_size_is_allowed(width, height)) {
        return BERTH_ERR_TOO_LARGE;
    }
    BerthPlanner mode = {
        .picture = berth_frame_new(width, height),
        .work = berth_damage_new(width, height),
        .n_columns = (width + TILE - 1) / TILE,
        .n_rows = (height + TILE - 1) / TILE,
        .scrolls = self->scrolls,
    };
    size_t n_tiles = (size_t)mode.n_columns * (size_t)mode.n_rows;
    mode.tile_classes = g_try_new0(uint8_t, n_tiles);
    mode.fills.fills = g_try_new(BerthWireFill, n_tiles);
    mode.crops = g_try_new(BerthPlanCrop, n_tiles);
    if (mode.picture == NULL || mode.work == NULL || mode.tile_classes == NULL ||
        mode.fills.fills == NULL || mode.crops == NULL) {
        clear_mode(&mode);
        return BERTH_ERR_NO_MEMORY;
    }
    clear_mode(self);
    *self = mode;
    berth_scroll_finder_reset(self->scrolls);
    return BERTH_OK;
}

/* Whether a search in a large frame is worth its time, as far as the last ones tell. */
static bool
is_search_due(BerthPlanner *self, int64_t now_us)
{
    unsigned n = now_us - self->large_us > PAUSE_US ? 0 : self->n_fruitless;
    self->large_us = now_us;
    self->n_fruitless = n + 1;
    return n < MAX_FRUITLESS || (n - MAX_FRUITLESS) % SEARCH_EVERY == SEARCH_EVERY - 1;
}

/* Does to the last picture what the COPY message will do at the viewers. */
static int
apply_copies(BerthPlanner *self)
{
    BerthMove moves[MAX_COPIES];
    for (size_t i = 0; i < self->n_copies; i++) {
        const BerthWireCopy *copy = &self->copies[i];
        moves[i] = (BerthMove){ { copy->sx, copy->sy, copy->w, copy->h }, copy->dx, copy->dy };
        berth_damage_add_rect(self->work, (BerthRect){ copy->dx, copy->dy, copy->w, copy->h });
    }
    return berth_copy_apply(self->picture, moves, self->n_copies);
}

static int
plan_copies(BerthPlanner *self, const BerthFrame *frame, const BerthDamage *damage, int64_t now_us)
{
    self->n_copies = 0;
    if (berth_damage_get_n_tiles(damage) < MIN_SEARCH_TILES || !is_search_due(self, now_us)) {
        return BERTH_OK;
    }
    self->n_copies = berth_scroll_finder_find(self->scrolls, self->picture, frame, damage,
                                              self->copies, MAX_COPIES);
    if (self->n_copies == 0) {
        return BERTH_OK;
    }
    self->n_fruitless = 0;
    return apply_copies(self);
}

/* Takes over what differs in a tile and plans it. */
static void
plan_tile(BerthPlanner *self, const BerthFrame *frame, int column, int row)
{
    BerthRect crop =
        berth_diff_take(self->picture, frame, berth_damage_get_tile(self->work, column, row));
    if (berth_rect_is_empty(crop)) {
        return;
    }
    uint32_t xrgb;
    if (berth_frame_get_solid(frame, crop, &xrgb)) {
        berth_fill_list_add(&self->fills, crop, xrgb);
        return;
    }
    self->crops[self->n_crops++] = (BerthPlanCrop){ crop, BERTH_TILE_PLAIN };
}

static void
plan_tiles(BerthPlanner *self, const BerthFrame *frame)
{
    self->fills.n = 0;
    self->n_crops = 0;
    for (int row = 0; row < self->n_rows; row++) {
        for (int column = 0; column < self->n_columns; column++) {
            if (!berth_rect_is_empty(berth_damage_get_tile(self->work, column, row))) {
                plan_tile(self, frame, column, row);
            }
        }
    }
    berth_fill_list_join(&self->fills);
}

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
    berth_damage_clear(plan->changed);
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
make_plan(BerthPlanner *self, int64_t now_us)
{
    bool is_ok = true;
    BerthPlan *plan = g_try_new0(BerthPlan, 1);
    if (plan == NULL) {
        return NULL;
    }
    size_t n_tiles = (size_t)self->n_columns * (size_t)self->n_rows;
    *plan = (BerthPlan){
        .serial = ++self->serial,
        .now_us = now_us,
        .picture = berth_frame_ref(self->picture),
        .changed = berth_damage_new(self->picture->width, self->picture->height),
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
    if (error == BERTH_OK) {
        error = plan_copies(self, frame, damage, input->now_us);
    }
    if (error != BERTH_OK) {
        return error;
    }
    plan_tiles(self, frame);
    berth_scroll_finder_advance(self->scrolls, self->work);
    berth_damage_clear(self->work);
    BerthPlan *plan = make_plan(self, input->now_us);
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
