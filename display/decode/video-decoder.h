/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VP8 and VP9 of a hostile peer into a rectangle of a canvas.
 *
 * Before the codec sees a packet its header is read here: profile, size and subsampling must be
 * those that the stream was opened with, so a packet cannot make the codec allocate more than the
 * size that was agreed.  Frames that are hidden, scaled or refer to another size are refused.
 *
 * State: about 10 bytes a pixel.  Thread: one at a time.
 */
#pragma once

#include "display/pixels/frame.h"

#include <stddef.h>
#include <stdint.h>

typedef struct BerthVideoDecoder BerthVideoDecoder;

/*
 * codec: BerthVideoCodec;  width, height: of every picture, 16.. and at most
 *        BERTH_LIMIT_VIDEO_AREA_PX in all
 * n_threads: 1..
 *
 * Errors: NULL if a value is not allowed or memory ran out.
 */
BerthVideoDecoder *berth_video_decoder_new(uint8_t codec, int width, int height, int n_threads);

/* NULL is allowed. */
void berth_video_decoder_free(BerthVideoDecoder *self);

int berth_video_decoder_get_width(const BerthVideoDecoder *self);
int berth_video_decoder_get_height(const BerthVideoDecoder *self);

/*
 * Decodes one packet and keeps the picture; nothing is painted.
 *
 * data: any bytes of any length
 *
 * Errors (the next packet must be a key frame): BERTH_ERR_TOO_LARGE (over
 * BERTH_LIMIT_VIDEO_BYTES), BERTH_ERR_CORRUPT (not a packet as said above).
 */
int berth_video_decoder_decode(BerthVideoDecoder *self, const uint8_t *data, size_t len);

/*
 * Paints the last decoded picture but for the rectangles of keep.
 *
 * x, y: where its top left corner goes; all of it must be inside the canvas
 * keep: rectangles of the canvas, any values, any overlap
 *
 * Errors: BERTH_ERR_INVALID (outside), BERTH_ERR_STATE (nothing was decoded yet).
 */
int berth_video_decoder_paint(BerthVideoDecoder *self, BerthFrame *canvas, int x, int y,
                              const BerthRect *keep, size_t n_keep);
