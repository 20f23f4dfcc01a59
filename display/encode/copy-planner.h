/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decides whether and how motion between two pictures is searched for, and how much it may cost.
 *
 * Columns are always searched for what scrolled; if that explains too little, everything is
 * searched for motion in any direction.  A search that found nothing several times in a row is left
 * out in most frames, because a film changes much and never scrolls; a pause ends that, so what a
 * user begins to scroll is searched from its first frame.
 *
 * State: that of the two finders.  Thread: one at a time.
 */
#pragma once

#include "display/pixels/damage.h"
#include "display/pixels/frame.h"
#include "display/wire/msg-display.h"

/* Most copies of one frame. */
#define BERTH_COPY_PLANNER_MAX 256

typedef struct BerthCopyPlanner BerthCopyPlanner;

/* Errors: NULL if memory ran out. */
BerthCopyPlanner *berth_copy_planner_new(void);

/* NULL is allowed. */
void berth_copy_planner_free(BerthCopyPlanner *self);

/* The old picture is another one from now on. */
void berth_copy_planner_reset(BerthCopyPlanner *self);

/*
 * Proposes copies within the old picture that make it more like the new one.
 *
 * old, new: of the same size;  damage: what may differ, of their size
 * effort:   as BerthPlanInput
 * copies:   room for BERTH_COPY_PLANNER_MAX; targets do not overlap
 *
 * Returns the number of copies.
 */
size_t berth_copy_planner_find(BerthCopyPlanner *self, const BerthFrame *old, const BerthFrame *new,
                               const BerthDamage *damage, int64_t now_us, int effort,
                               BerthWireCopy *copies);

/* The old picture has become the new one; damage: all that changed.  Once for every frame. */
void berth_copy_planner_advance(BerthCopyPlanner *self, const BerthDamage *damage);
