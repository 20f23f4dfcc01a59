/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds what moved up or down between two pictures: scrolled text, moved windows' columns.
 *
 * The result is a proposal that makes the old picture more like the new one.  It need not be
 * right: the caller applies it and then compares again, so a wrong proposal costs bytes and never
 * a wrong pixel.
 *
 * Hashes of the old picture's rows are kept from frame to frame, so that only what is looked at and
 * changed is hashed: after each frame the caller says what became different.
 *
 * State: 16 bytes for every row of every 64 pixel wide column of the picture.  Thread: one at a
 * time.
 */
#pragma once

#include "display/pixels/damage.h"
#include "display/pixels/frame.h"
#include "display/wire/msg-display.h"

typedef struct BerthScrollFinder BerthScrollFinder;

/* Errors: NULL if memory ran out. */
BerthScrollFinder *berth_scroll_finder_new(void);

/* NULL is allowed. */
void berth_scroll_finder_free(BerthScrollFinder *self);

/*
 * Proposes copies within the old picture.
 *
 * old, new:  of the same size
 * damage:    what may differ between the two, of their size; only damaged rows of damaged columns
 *            are proposed as targets, but for edges of a few pixels
 * copies:    room for max_copies; targets do not overlap each other, sources are of the old picture
 *
 * Returns the number of copies, 0 if nothing moved or memory ran out.
 */
size_t berth_scroll_finder_find(BerthScrollFinder *self, const BerthFrame *old,
                                const BerthFrame *new, const BerthDamage *damage,
                                BerthWireCopy *copies, size_t max_copies);

/*
 * Says that the old picture has become the new one: every frame needs this call, whether it was
 * searched or not, before the next search.
 *
 * damage: all that changed since the last call, at least
 */
void berth_scroll_finder_advance(BerthScrollFinder *self, const BerthDamage *damage);

/* Forgets what is known of the old picture: it has become another one. */
void berth_scroll_finder_reset(BerthScrollFinder *self);
