/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last whole picture of the desktop, shared by the decoder's thread and the one that draws.
 *
 * The decoder brings finished frames in under a lock that is held for the copy of what changed
 * only; whoever draws or saves holds it meanwhile.  The picture outlives connections, so that a
 * lost one can show what was there.  Thread: any.
 */
#pragma once

#include "display/pixels/frame.h"
#include "display/pixels/rect.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct BerthPicture BerthPicture;

/* Makes an empty picture with one reference. */
BerthPicture *berth_picture_new(void);

BerthPicture *berth_picture_ref(BerthPicture *self);

/* NULL is allowed. */
void berth_picture_unref(BerthPicture *self);

/*
 * Brings a finished frame in.
 *
 * canvas:      the whole frame; a size of its own makes a new picture
 * rects:       n_rects of what may have changed, inside the canvas
 * ret_resized: the picture has a new size
 *
 * Returns true if any pixel differs from before.
 */
bool berth_picture_update(BerthPicture *self, const BerthFrame *canvas, const BerthRect *rects,
                          size_t n_rects, bool *ret_resized);

/*
 * Locks the picture against updates.
 *
 * Returns the pixels, NULL if there were none yet; a reference to them may be kept, but they may
 * be read between lock and unlock only.
 */
BerthFrame *berth_picture_lock(BerthPicture *self);

void berth_picture_unlock(BerthPicture *self);

/* Reads the size; 0 x 0 if there is no picture yet. */
void berth_picture_get_size(BerthPicture *self, int *ret_width, int *ret_height);
