/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/copy-planner.h"

#include "display/encode/motion-finder.h"
#include "display/encode/scroll-finder.h"

#include <glib.h>
#include <string.h>

/* Fewer changed tiles than this are cheaper to send than to search for motion. */
#define MIN_SCROLL_TILES 4
#define MIN_MOTION_TILES 8
/* After so many searches for nothing, only each so manieth frame is searched. */
#define MAX_FRUITLESS 6
#define SEARCH_EVERY 8
#define PAUSE_US 100000
/* What may be left over by scrolling: new lines come in.  Pixels, and a part of the damage. */
#define MAX_LEFT_PX (64 * 1024)
#define MAX_LEFT_SHARE 4
/* Motion in any direction costs the least effort too much. */
#define MOTION_EFFORT 1

/* Whether a kind of search pays. */
typedef struct {
    unsigned n_fruitless; /* large frames since it found something, or since a pause */
    int64_t large_us;     /* when the last of them was captured */
} Gate;

struct BerthCopyPlanner {
    BerthScrollFinder *scrolls;
    BerthMotionFinder *motions;
    Gate scroll_gate;
    Gate motion_gate;
};

BerthCopyPlanner *
berth_copy_planner_new(void)
{
    BerthCopyPlanner *self = g_try_new0(BerthCopyPlanner, 1);
    if (self == NULL) {
        return NULL;
    }
    self->scrolls = berth_scroll_finder_new();
    self->motions = berth_motion_finder_new();
    if (self->scrolls == NULL || self->motions == NULL) {
        berth_copy_planner_free(self);
        return NULL;
    }
    return self;
}

void
berth_copy_planner_free(BerthCopyPlanner *self)
{
    if (self != NULL) {
        berth_scroll_finder_free(self->scrolls);
        berth_motion_finder_free(self->motions);
        g_free(self);
    }
}

void
berth_copy_planner_reset(BerthCopyPlanner *self)
{
    berth_scroll_finder_reset(self->scrolls);
    self->scroll_gate = self->motion_gate = (Gate){ 0 };
}

/* Whether a search in a large frame is worth its time, as far as the last ones tell. */
static bool
pass_gate(Gate *gate, int64_t now_us)
{
    unsigned n = now_us - gate->large_us > PAUSE_US ? 0 : gate->n_fruitless;
    gate->large_us = now_us;
    gate->n_fruitless = n + 1;
    return n < MAX_FRUITLESS || (n - MAX_FRUITLESS) % SEARCH_EVERY == SEARCH_EVERY - 1;
}

static int64_t
get_targets_px(const BerthWireCopy *copies, size_t n_copies)
{
    int64_t area_px = 0;
    for (size_t i = 0; i < n_copies; i++) {
        area_px += (int64_t)copies[i].w * copies[i].h;
    }
    return area_px;
}

static size_t
find_motion(BerthCopyPlanner *self, const BerthFrame *old, const BerthFrame *new,
            const BerthDamage *damage, BerthWireCopy *copies, size_t n_copies)
{
    BerthWireCopy found[BERTH_COPY_PLANNER_MAX];
    size_t n_found =
        berth_motion_finder_find(self->motions, old, new, damage, found, BERTH_COPY_PLANNER_MAX);
    if (n_found > 0) {
        self->motion_gate.n_fruitless = 0;
    }
    if (get_targets_px(found, n_found) <= get_targets_px(copies, n_copies)) {
        return n_copies;
    }
    memcpy(copies, found, n_found * sizeof *copies);
    return n_found;
}

size_t
berth_copy_planner_find(BerthCopyPlanner *self, const BerthFrame *old, const BerthFrame *new,
                        const BerthDamage *damage, int64_t now_us, int effort,
                        BerthWireCopy *copies)
{
    size_t n_tiles = berth_damage_get_n_tiles(damage);
    size_t n_copies = 0;
    if (n_tiles < MIN_SCROLL_TILES) {
        return 0;
    }
    if (pass_gate(&self->scroll_gate, now_us)) {
        n_copies = berth_scroll_finder_find(self->scrolls, old, new, damage, copies,
                                            BERTH_COPY_PLANNER_MAX);
        if (n_copies > 0) {
            self->scroll_gate.n_fruitless = 0;
        }
    }
    int64_t left_px = berth_damage_get_area_px(damage) - get_targets_px(copies, n_copies);
    bool is_explained =
        left_px < MAX_LEFT_PX || left_px * MAX_LEFT_SHARE < berth_damage_get_area_px(damage);
    if (!is_explained && n_tiles >= MIN_MOTION_TILES && effort >= MOTION_EFFORT &&
        pass_gate(&self->motion_gate, now_us)) {
        n_copies = find_motion(self, old, new, damage, copies, n_copies);
    }
    return n_copies;
}

void
berth_copy_planner_advance(BerthCopyPlanner *self, const BerthDamage *damage)
{
    berth_scroll_finder_advance(self->scrolls, damage);
}
