/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/fill-list.h"

#include <glib.h>

/* How far back a box of the same colour is looked for. */
#define JOIN_DEPTH 64
#define MIN_CAPACITY 64

void
berth_fill_list_clear(BerthFillList *self)
{
    g_free(self->fills);
    *self = (BerthFillList){ 0 };
}

void
berth_fill_list_add(BerthFillList *self, BerthRect rect, uint32_t xrgb)
{
    if (self->n > 0) {
        BerthWireFill *last = &self->fills[self->n - 1];
        if (last->xrgb == xrgb && last->y == rect.y && last->h == rect.h &&
            last->x + last->w == rect.x) {
            last->w = (uint16_t)(last->w + rect.w);
            return;
        }
    }
    if (self->n == self->capacity) {
        self->capacity = MAX(MIN_CAPACITY, 2 * self->capacity);
        self->fills = g_renew(BerthWireFill, self->fills, self->capacity);
    }
    self->fills[self->n++] = (BerthWireFill){ (uint16_t)rect.x, (uint16_t)rect.y, (uint16_t)rect.w,
                                              (uint16_t)rect.h, xrgb };
}

/* The one of the last n fills that this one continues downwards; NULL if there is none. */
static BerthWireFill *
find_above(BerthWireFill *fills, size_t n, const BerthWireFill *below)
{
    size_t depth = MIN(n, JOIN_DEPTH);
    for (size_t i = n; i-- > n - depth;) {
        BerthWireFill *fill = &fills[i];
        if (fill->xrgb == below->xrgb && fill->x == below->x && fill->w == below->w &&
            fill->y + fill->h == below->y) {
            return fill;
        }
    }
    return NULL;
}

void
berth_fill_list_join(BerthFillList *self)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < self->n; i++) {
        BerthWireFill *above = find_above(self->fills, n_kept, &self->fills[i]);
        if (above != NULL) {
            above->h = (uint16_t)(above->h + self->fills[i].h);
        } else {
            self->fills[n_kept++] = self->fills[i];
        }
    }
    self->n = n_kept;
}
