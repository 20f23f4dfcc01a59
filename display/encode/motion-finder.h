/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds what moved in any direction between two pictures: a window that was dragged, a map that
 * was pulled, a table that was scrolled sideways.
 *
 * The result is a proposal that makes the old picture more like the new one: rectangles whose old
 * pixels equal the new ones at their targets, verified by comparing, as far as the search went.
 * Only what differs between the pictures is proposed.
 *
 * State: tables of 0.8 MB, 8 bytes a pixel column and 2 bytes for 256 pixels.  Thread: one at a
 * time.
 */
#pragma once

#include "display/pixels/damage.h"
#include "display/pixels/frame.h"
#include "display/wire/msg-display.h"

typedef struct BerthMotionFinder BerthMotionFinder;

/* Errors: NULL if memory ran out. */
BerthMotionFinder *berth_motion_finder_new(void);

/* NULL is allowed. */
void berth_motion_finder_free(BerthMotionFinder *self);

/*
 * Proposes copies within the old picture.
 *
 * old, new: of the same size
 * damage:   what differs between the two, of their size; sources are looked for in its bounding
 *           box, because a window that moved left a hole
 * copies:   room for max_copies; targets do not overlap, sources are of the old picture
 *
 * Returns the number of copies, 0 if nothing moved or memory ran out.
 */
size_t berth_motion_finder_find(BerthMotionFinder *self, const BerthFrame *old,
                                const BerthFrame *new, const BerthDamage *damage,
                                BerthWireCopy *copies, size_t max_copies);
