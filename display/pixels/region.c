/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/pixels/region.h"

#include <assert.h>

/* Pixels of the common box that neither rectangle asked for. */
static int64_t
union_waste_px(BerthRect a, BerthRect b)
{
    int64_t common = berth_rect_area_px(berth_rect_intersect(a, b));
    return berth_rect_area_px(berth_rect_union(a, b)) - berth_rect_area_px(a) -
           berth_rect_area_px(b) + common;
}

static void
remove_at(BerthRegion *self, size_t i)
{
    self->rects[i] = self->rects[--self->n_rects];
}

/* Index of the rectangle that grows least when rect is joined to it. */
static size_t
find_cheapest(const BerthRegion *self, BerthRect rect, int64_t *ret_waste_px)
{
    size_t best = 0;
    int64_t best_waste_px = INT64_MAX;
    for (size_t i = 0; i < self->n_rects; i++) {
        int64_t waste_px = union_waste_px(self->rects[i], rect);
        if (waste_px < best_waste_px) {
            best_waste_px = waste_px;
            best = i;
        }
    }
    *ret_waste_px = best_waste_px;
    return best;
}

void
berth_region_init(BerthRegion *self, size_t budget)
{
    assert(budget >= 1 && budget <= BERTH_REGION_MAX_RECTS);
    self->n_rects = 0;
    self->budget = budget;
}

void
berth_region_clear(BerthRegion *self)
{
    self->n_rects = 0;
}

void
berth_region_add(BerthRegion *self, BerthRect rect)
{
    if (berth_rect_is_empty(rect)) {
        return;
    }
    while (self->n_rects > 0) {
        int64_t waste_px;
        size_t i = find_cheapest(self, rect, &waste_px);
        if (berth_rect_contains(self->rects[i], rect)) {
            return;
        }
        if (waste_px > 0 && self->n_rects < self->budget) {
            break;
        }
        /* The joined box may in turn touch others: take it out and add it anew. */
        rect = berth_rect_union(self->rects[i], rect);
        remove_at(self, i);
    }
    self->rects[self->n_rects++] = rect;
}

bool
berth_region_is_empty(const BerthRegion *self)
{
    return self->n_rects == 0;
}

BerthRect
berth_region_get_bounds(const BerthRegion *self)
{
    BerthRect bounds = { 0, 0, 0, 0 };
    for (size_t i = 0; i < self->n_rects; i++) {
        bounds = berth_rect_union(bounds, self->rects[i]);
    }
    return bounds;
}
