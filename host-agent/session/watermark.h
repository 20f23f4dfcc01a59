/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A text that lies over pictures: slanted, again and again, faint, on every background visible.
 *
 * Each pixel under a letter becomes darker if it is light, lighter if it is dark, by at most
 * BERTH_WATERMARK_STRENGTH; all others stay as they are, to the bit.  The pattern begins at the top
 * left of the picture, so that a part that is drawn alone fits its neighbours.
 *
 * Never changes once it is made.  State: one byte a pixel of the pattern, 2 MiB at most.
 * Thread: any.
 */
#pragma once

#include "host-agent/session/watermark-font.h"

#include "display/pixels/frame.h"

#include <glib.h>

typedef struct BerthWatermark BerthWatermark;

#define BERTH_WATERMARK_STRENGTH 36

/*
 * Draws the pattern of a text.
 *
 * text: UTF-8, not empty, at most BERTH_LIMIT_WATERMARK_CHARS characters; letters that the font
 *       has not become boxes
 *
 * Ownership: one reference.  Errors: BERTH_ERR_UNSUPPORTED if the font cannot be used or shows
 * nothing of the text.
 */
BerthWatermark *berth_watermark_new(const BerthWatermarkFont *font, const char *text,
                                    GError **error);

/* Takes one more reference; NULL is allowed. */
BerthWatermark *berth_watermark_ref(BerthWatermark *self);

/* Gives one reference back; NULL is allowed. */
void berth_watermark_unref(BerthWatermark *self);

/* Draws over a rectangle, inside the frame, which shows the bare picture there. */
void berth_watermark_draw(const BerthWatermark *self, BerthFrame *frame, BerthRect rect);
