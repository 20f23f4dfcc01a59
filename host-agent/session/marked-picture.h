/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The picture of a head as viewers may see it: what was captured, under the watermark.
 *
 * Frames are planned from it, so that the mark is in whatever is sent, by whatever way it goes, and
 * in recordings.  Without a watermark it is the captured picture itself and costs nothing.
 *
 * A value; initialise with zeros.  State: one more picture while there is a watermark.  Cost: one
 * more copy of what is damaged.  Thread: one at a time.
 */
#pragma once

#include "host-agent/session/watermark.h"

#include "display/pixels/damage.h"

typedef struct {
    BerthFrame *frame;    /* NULL while there is no watermark */
    BerthWatermark *mark; /* that is drawn in the frame */
} BerthMarkedPicture;

/*
 * Follows the captured picture.
 *
 * mark:       of now; NULL is none
 * damage:     what has changed in picture since the last call; NULL: nothing
 * ret:        what is to be shown; borrowed from picture or from self until the next call
 * ret_is_all: all of it may differ from what was shown before
 *
 * Errors: BERTH_ERR_NO_MEMORY; the next call begins anew.
 */
int berth_marked_picture_follow(BerthMarkedPicture *self, BerthWatermark *mark,
                                const BerthFrame *picture, const BerthDamage *damage,
                                const BerthFrame **ret, bool *ret_is_all);

/* Frees what it holds. */
void berth_marked_picture_clear(BerthMarkedPicture *self);
