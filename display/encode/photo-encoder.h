/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rectangles of a picture as JPEG: 4:4:4, so that coloured edges stay where they are.
 *
 * Deterministic: the same pixels and quality give the same bytes.  State: about 100 KiB of
 * libjpeg-turbo and a buffer for the largest photo so far.  Thread: one at a time an object;
 * several objects may work on one frame at once.
 */
#pragma once

#include "display/pixels/frame.h"

#include <stddef.h>
#include <stdint.h>

typedef struct BerthPhotoEncoder BerthPhotoEncoder;

/* Errors: NULL if memory ran out. */
BerthPhotoEncoder *berth_photo_encoder_new(void);

/* NULL is allowed. */
void berth_photo_encoder_free(BerthPhotoEncoder *self);

/*
 * Encodes one rectangle.
 *
 * rect: inside the frame, at most BERTH_LIMIT_PHOTO_AREA_PX;  quality: 1..100
 * ret_data, ret_len: set on success; g_free() memory of the caller
 *
 * Errors: BERTH_ERR_INVALID (rectangle or quality), BERTH_ERR_TOO_LARGE (too many pixels, or more
 * than BERTH_LIMIT_PHOTO_BYTES came out), BERTH_ERR_NO_MEMORY, BERTH_ERR_INTERNAL.
 */
int berth_photo_encoder_encode(BerthPhotoEncoder *self, const BerthFrame *frame, BerthRect rect,
                               int quality, uint8_t **ret_data, size_t *ret_len);
