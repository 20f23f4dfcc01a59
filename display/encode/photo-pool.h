/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A few photo encoders that may work at the same time, each for one job of a plan.
 *
 * State: an encoder for each slot that was ever used.  Thread: one at a time for each slot.
 */
#pragma once

#include "display/pixels/frame.h"

#include <stddef.h>
#include <stdint.h>

/* Jobs that photos of one plan are dealt out to. */
#define BERTH_PHOTO_POOL_SIZE 8

typedef struct BerthPhotoPool BerthPhotoPool;

/* Errors: NULL if memory ran out. */
BerthPhotoPool *berth_photo_pool_new(void);

/* NULL is allowed. */
void berth_photo_pool_free(BerthPhotoPool *self);

/*
 * Encodes one rectangle; see berth_photo_encoder_encode().
 *
 * Grain and foliage lose most at one and the same quality: where the photo takes many bytes a
 * pixel it is made again somewhat better, unless the quality is already that of a slow path.
 *
 * slot:    below BERTH_PHOTO_POOL_SIZE
 * quality: what is wanted; what it became on return
 */
int berth_photo_pool_encode(BerthPhotoPool *self, size_t slot, const BerthFrame *frame,
                            BerthRect rect, uint8_t *quality, uint8_t **ret_data, size_t *ret_len);
