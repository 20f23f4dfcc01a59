/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/photo-groups.h"

#include "berth/limits.h"

#include <stdlib.h>

#define TILE ((int)BERTH_LIMIT_TILE_PX)
/* How ragged an edge may be. */
#define SLACK_PX 4
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
