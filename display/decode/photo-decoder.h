/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JPEG of a hostile peer into a rectangle of a canvas.
 *
 * Before anything is allocated for it, the header must name exactly the size of the rectangle,
 * 8 bits, three components or one, and a baseline Huffman picture: progressive and arithmetic
 * ones, whose scans cost a multiple of their bytes, are refused.  A picture that ends early or
 * holds nonsense is refused as well.
 *
 * State: about 50 KiB of libjpeg-turbo.  Thread: one at a time an object.
 */
#pragma once

#include "display/pixels/frame.h"

#include <stddef.h>
#include <stdint.h>

typedef struct BerthPhotoDecoder BerthPhotoDecoder;

/* Errors: NULL if memory ran out. */
BerthPhotoDecoder *berth_photo_decoder_new(void);

/* NULL is allowed. */
void berth_photo_decoder_free(BerthPhotoDecoder *self);

/*
 * Decodes one picture.
 *
 * data:   any bytes of any length
 * rect:   where it goes, inside the canvas, at most BERTH_LIMIT_PHOTO_AREA_PX
 *
 * Errors: BERTH_ERR_TOO_LARGE (rectangle or bytes over the limit), BERTH_ERR_CORRUPT (not a JPEG
 * as said above, another size, cut off); the rectangle may hold rubbish then, nothing else changes.
 */
int berth_photo_decoder_decode(BerthPhotoDecoder *self, const uint8_t *data, size_t len,
                               BerthFrame *canvas, BerthRect rect);
