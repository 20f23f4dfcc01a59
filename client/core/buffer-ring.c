/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/buffer-ring.h"

#include <string.h>

/* More rectangles cost more than the pixels they spare. */
#define MAX_RECTS 24

void
berth_buffer_ring_reset(BerthBufferRing *self, BerthFrame *frame)
{
    berth_buffer_ring_clear(self);
    berth_buffer_ring_add(self, frame);
    berth_region_clear(&self->slots[0].missed);
    berth_region_init(&self->unsent, MAX_RECTS);
    berth_buffer_ring_unsend(self);
}

void
berth_buffer_ring_clear(BerthBufferRing *self)
{
    for (size_t i = 0; i < self->n_slots; i++) {
        berth_frame_unref(self->slots[i].frame);
    }
    memset(self, 0, sizeof *self);
}

size_t
berth_buffer_ring_find(const BerthBufferRing *self, const uint8_t *data)
{
    for (size_t i = 0; i < self->n_slots; i++) {
        if (self->slots[i].frame->data == data) {
            return i;
        }
    }
    return BERTH_BUFFER_RING_MAX;
}

size_t
berth_buffer_ring_plan_next(const BerthBufferRing *self)
{
    if (!self->slots[self->front].is_held) {
        return self->front;
    }
    for (size_t i = 0; i < self->n_slots; i++) {
        if (!self->slots[i].is_held) {
            return i;
        }
    }
    return self->n_slots < BERTH_BUFFER_RING_MAX ? self->n_slots : self->front;
}

void
berth_buffer_ring_add(BerthBufferRing *self, BerthFrame *frame)
{
    self->slots[self->n_slots].frame = berth_frame_ref(frame);
    self->slots[self->n_slots].is_held = false;
    berth_region_init(&self->slots[self->n_slots].missed, MAX_RECTS);
    berth_region_add(&self->slots[self->n_slots].missed, berth_frame_get_rect(frame));
    self->n_slots++;
}

size_t
berth_buffer_ring_plan_other(const BerthBufferRing *self)
{
    for (size_t i = 0; i < self->n_slots; i++) {
        if (i != self->front && !self->slots[i].is_held) {
            return i;
        }
    }
    return self->n_slots < BERTH_BUFFER_RING_MAX ? self->n_slots : BERTH_BUFFER_RING_MAX;
}

void
berth_buffer_ring_borrow(BerthBufferRing *self, size_t slot, BerthRegion *ret_missed)
{
    BerthRegion *missed = &self->slots[slot].missed;

    *ret_missed = *missed;
    berth_region_clear(missed);
    berth_region_add(missed, berth_frame_get_rect(self->slots[slot].frame));
}

void
berth_buffer_ring_turn(BerthBufferRing *self, size_t slot)
{
    berth_region_clear(&self->slots[slot].missed);
    self->front = slot;
}

static bool
is_in_one(BerthRect rect, const BerthRect *rects, size_t n_rects)
{
    for (size_t i = 0; i < n_rects; i++) {
        if (berth_rect_contains(rects[i], rect)) {
            return true;
        }
    }
    return false;
}

void
berth_buffer_ring_advance(BerthBufferRing *self, size_t slot, const BerthRect *rects,
                          size_t n_rects)
{
    BerthRegion *missed = &self->slots[slot].missed;

    if (slot == self->front) {
        return;
    }
    for (size_t i = 0; i < missed->n_rects; i++) {
        if (!is_in_one(missed->rects[i], rects, n_rects)) {
            berth_frame_copy_rect(self->slots[slot].frame, self->slots[self->front].frame,
                                  missed->rects[i]);
        }
    }
    berth_region_clear(missed);
    self->front = slot;
}

void
berth_buffer_ring_note(BerthBufferRing *self, const BerthRect *rects, size_t n_rects)
{
    for (size_t i = 0; i < n_rects; i++) {
        for (size_t slot = 0; slot < self->n_slots; slot++) {
            if (slot != self->front) {
                berth_region_add(&self->slots[slot].missed, rects[i]);
            }
        }
        berth_region_add(&self->unsent, rects[i]);
    }
}

void
berth_buffer_ring_unsend(BerthBufferRing *self)
{
    if (self->n_slots > 0) {
        berth_region_clear(&self->unsent);
        berth_region_add(&self->unsent, berth_frame_get_rect(self->slots[self->front].frame));
    }
}

void
berth_buffer_ring_hold(BerthBufferRing *self)
{
    self->slots[self->front].is_held = true;
    berth_region_clear(&self->unsent);
}

void
berth_buffer_ring_release(BerthBufferRing *self, size_t slot)
{
    self->slots[slot].is_held = false;
}
