/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/photo-groups.h"

#include "berth/limits.h"
#include "display/encode/plan.h"

#include <stdlib.h>

#define TILE ((int)BERTH_LIMIT_TILE_PX)
/* How ragged an edge may be. */
#define SLACK_PX 4
/* Pixels that cost as much as the tables of a photo. */
#define TABLES_PX 6000
/* How far back the box above is looked for. */
#define DEPTH 64

static bool
is_close(int a, int b)
{
    return abs(a - b) <= SLACK_PX;
}

/* Whether right goes on where left ends, in the same row of tiles. */
static bool
is_beside(BerthRect left, BerthRect right)
{
    return left.x + left.w == right.x && left.y / TILE == right.y / TILE && right.x % TILE == 0 &&
           is_close(left.y, right.y) && is_close(left.y + left.h, right.y + right.h) &&
           left.w + right.w <= BERTH_PHOTO_GROUP_SIDE_PX;
}

static bool
is_below(BerthRect above, BerthRect below)
{
    return above.y + above.h == below.y && below.y % TILE == 0 && is_close(above.x, below.x) &&
           is_close(above.x + above.w, below.x + below.w) && above.x / TILE == below.x / TILE &&
           (above.x + above.w - 1) / TILE == (below.x + below.w - 1) / TILE &&
           above.h + below.h <= BERTH_PHOTO_GROUP_SIDE_PX;
}

static size_t
join_rows(BerthRect *rects, size_t n_rects)
{
    size_t n = 0;
    for (size_t i = 0; i < n_rects; i++) {
        if (n > 0 && is_beside(rects[n - 1], rects[i])) {
            rects[n - 1] = berth_rect_union(rects[n - 1], rects[i]);
        } else {
            rects[n++] = rects[i];
        }
    }
    return n;
}

size_t
berth_photo_groups_join(BerthRect *rects, size_t n_rects)
{
    size_t n_runs = join_rows(rects, n_rects);
    size_t n = 0;
    for (size_t i = 0; i < n_runs; i++) {
        size_t above = n;
        while (above > 0 && above + DEPTH > n && !is_below(rects[above - 1], rects[i])) {
            above--;
        }
        if (above > 0 && above + DEPTH > n) {
            rects[above - 1] = berth_rect_union(rects[above - 1], rects[i]);
        } else {
            rects[n++] = rects[i];
        }
    }
    return n;
}

/* Whether all of a rectangle is in tiles of photos. */
static bool
is_all_photo(BerthRect rect, const uint8_t *tile_classes, int n_columns)
{
    for (int row = rect.y / TILE; row * TILE < rect.y + rect.h; row++) {
        for (int column = rect.x / TILE; column * TILE < rect.x + rect.w; column++) {
            if (tile_classes[row * n_columns + column] != BERTH_TILE_PHOTO) {
                return false;
            }
        }
    }
    return true;
}

static bool
is_worth_joining(BerthRect a, BerthRect b, const uint8_t *tile_classes, int n_columns)
{
    BerthRect common = berth_rect_union(a, b);
    int64_t waste_px = berth_rect_area_px(common) - berth_rect_area_px(a) - berth_rect_area_px(b);
    return waste_px < TABLES_PX && common.w <= BERTH_PHOTO_GROUP_SIDE_PX &&
           common.h <= BERTH_PHOTO_GROUP_SIDE_PX && is_all_photo(common, tile_classes, n_columns);
}

size_t
berth_photo_groups_merge(BerthRect *rects, size_t n_rects, const uint8_t *tile_classes,
                         int n_columns)
{
    size_t n = 0;
    for (size_t i = 0; i < n_rects; i++) {
        size_t k = n;
        while (k > 0 && k + DEPTH > n &&
               !is_worth_joining(rects[k - 1], rects[i], tile_classes, n_columns)) {
            k--;
        }
        if (k > 0 && k + DEPTH > n) {
            rects[k - 1] = berth_rect_union(rects[k - 1], rects[i]);
        } else {
            rects[n++] = rects[i];
        }
    }
    return n;
}
