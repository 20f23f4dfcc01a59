/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vhost-gpu/flush-gate.h"

#include "berth/limits.h"

#include <glib.h>
#include <string.h>

/* Without a wish for so long nobody looks. */
#define UNSEEN_US (1000 * 1000)

void
berth_flush_gate_init(BerthFlushGate *self, int64_t now_us)
{
    memset(self, 0, sizeof(*self));
    self->current = 1;
    self->n_free = 1;
    self->freed_us = now_us;
    self->wanted_us = now_us - UNSEEN_US;
}

static bool
touches(const BerthFlushGate *self, unsigned scanout, BerthRect rect)
{
    for (unsigned i = 0; i < self->n_parts; i++) {
        if (self->parts[i].scanout == scanout &&
            !berth_rect_is_empty(berth_rect_intersect(self->parts[i].rect, rect))) {
            return true;
        }
    }
    return false;
}

static BerthRect
unite(BerthRect a, BerthRect b)
{
    int x = MIN(a.x, b.x);
    int y = MIN(a.y, b.y);

    return (BerthRect){ x, y, MAX(a.x + a.w, b.x + b.w) - x, MAX(a.y + a.h, b.y + b.h) - y };
}

/* When there are too many parts the last one of the same scanout grows. */
static void
note_part(BerthFlushGate *self, unsigned scanout, BerthRect rect)
{
    if (self->n_parts < BERTH_FLUSH_GATE_RECTS) {
        self->parts[self->n_parts++] = (BerthFlushPart){ scanout, rect };
        return;
    }
    for (unsigned i = self->n_parts; i-- > 0;) {
        if (self->parts[i].scanout == scanout) {
            self->parts[i].rect = unite(self->parts[i].rect, rect);
            return;
        }
    }
}

static void
free_next(BerthFlushGate *self, int64_t now_us)
{
    self->n_free++;
    self->freed_us = now_us;
}

uint64_t
berth_flush_gate_add(BerthFlushGate *self, unsigned scanout, BerthRect rect, int64_t now_us)
{
    if (touches(self, scanout, rect)) {
        self->current++;
        self->n_parts = 0;
        if (self->is_wanted && self->n_free == self->current - 1) {
            self->is_wanted = false;
            free_next(self, now_us);
        }
    }
    note_part(self, scanout, rect);
    return self->current;
}

void
berth_flush_gate_want(BerthFlushGate *self, int64_t now_us)
{
    self->wanted_us = now_us;
    if (self->n_free < self->current) {
        free_next(self, now_us);
    } else {
        self->is_wanted = true;
    }
}

int64_t
berth_flush_gate_get_hold_us(const BerthFlushGate *self, int64_t now_us)
{
    return now_us - self->wanted_us < UNSEEN_US ? BERTH_LIMIT_GPU_HOLD_US
                                                : BERTH_LIMIT_GPU_HOLD_UNSEEN_US;
}

int64_t
berth_flush_gate_get_due_us(const BerthFlushGate *self, int64_t now_us)
{
    if (self->n_free >= self->current) {
        return INT64_MAX;
    }
    return self->freed_us + berth_flush_gate_get_hold_us(self, now_us);
}

void
berth_flush_gate_tick(BerthFlushGate *self, int64_t now_us)
{
    if (berth_flush_gate_get_due_us(self, now_us) <= now_us) {
        free_next(self, now_us);
    }
}

bool
berth_flush_gate_is_free(const BerthFlushGate *self, uint64_t generation)
{
    return generation <= self->n_free;
}
