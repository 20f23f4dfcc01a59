/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One picture in up to four memories, of which a screen's server holds some: what it holds is not
 * written to, the next frame goes to another one.
 *
 * The front is the one that has the whole picture.  Each of the others knows what it has missed;
 * that is copied when it becomes the front, so a small change costs a small copy.  When all are
 * held the front is written to nevertheless: a torn picture is better than one that stands still.
 *
 * There are two ways to write: into the front, which is another memory then if need be; or, while
 * the front stays as it is, into one that becomes it when it is complete.
 *
 * A value; initialise it with zeros.  Engine: no input or output.  Thread: one at a time.
 */
#pragma once

#include "display/pixels/frame.h"
#include "display/pixels/region.h"

#include <stdbool.h>
#include <stddef.h>

/* One that is shown, one that waits for that, the front and one that becomes it. */
#define BERTH_BUFFER_RING_MAX 4

typedef struct {
    struct {
        BerthFrame *frame; /* owned */
        bool is_held;
        BerthRegion missed;
    } slots[BERTH_BUFFER_RING_MAX];

    size_t n_slots;
    size_t front;       /* below n_slots, if there is one */
    BerthRegion unsent; /* what changed since berth_buffer_ring_hold() */
} BerthBufferRing;

/* Begins anew with one memory, all of it unsent.  Takes a reference. */
void berth_buffer_ring_reset(BerthBufferRing *self, BerthFrame *frame);

/* Gives all references back; the ring is empty. */
void berth_buffer_ring_clear(BerthBufferRing *self);

/* The slot of a memory, BERTH_BUFFER_RING_MAX if it is of none. */
size_t berth_buffer_ring_find(const BerthBufferRing *self, const uint8_t *data);

/*
 * Plans where the next pixels go: a slot below n_slots; or n_slots if a further memory should be
 * added for that, which may fail.
 */
size_t berth_buffer_ring_plan_next(const BerthBufferRing *self);

/* Adds a memory of the same size, that has missed everything.  Takes a reference. */
void berth_buffer_ring_add(BerthBufferRing *self, BerthFrame *frame);

/*
 * Makes a slot below n_slots the front: copies what it has missed from the front before.
 *
 * rects: n_rects that are about to be written anyway
 */
void berth_buffer_ring_advance(BerthBufferRing *self, size_t slot, const BerthRect *rects,
                               size_t n_rects);

/*
 * Plans where the next picture becomes complete beside the front: as berth_buffer_ring_plan_next(),
 * or BERTH_BUFFER_RING_MAX if all others are held.
 */
size_t berth_buffer_ring_plan_other(const BerthBufferRing *self);

/*
 * Tells what a slot has missed, and that it is worth nothing until it is the front.
 *
 * slot: below n_slots, not the front
 */
void berth_buffer_ring_borrow(BerthBufferRing *self, size_t slot, BerthRegion *ret_missed);

/* A slot that was borrowed has all of the picture: it is the front. */
void berth_buffer_ring_turn(BerthBufferRing *self, size_t slot);

/* The front was written. */
void berth_buffer_ring_note(BerthBufferRing *self, const BerthRect *rects, size_t n_rects);

/* All of the picture has to be sent again. */
void berth_buffer_ring_unsend(BerthBufferRing *self);

/* The server holds the front from here on, and has been told of all changes. */
void berth_buffer_ring_hold(BerthBufferRing *self);

/* The server gives a slot back. */
void berth_buffer_ring_release(BerthBufferRing *self, size_t slot);
