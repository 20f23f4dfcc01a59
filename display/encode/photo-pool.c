/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/photo-pool.h"

#include "berth/errors.h"
#include "display/encode/photo-encoder.h"

#include <glib.h>

struct BerthPhotoPool {
    BerthPhotoEncoder *encoders[BERTH_PHOTO_POOL_SIZE];
};

BerthPhotoPool *
berth_photo_pool_new(void)
{
    return g_try_new0(BerthPhotoPool, 1);
}

void
berth_photo_pool_free(BerthPhotoPool *self)
{
    for (size_t i = 0; self != NULL && i < BERTH_PHOTO_POOL_SIZE; i++) {
        berth_photo_encoder_free(self->encoders[i]);
    }
    g_free(self);
}

int
berth_photo_pool_encode(BerthPhotoPool *self, size_t slot, const BerthFrame *frame, BerthRect rect,
                        int quality, uint8_t **ret_data, size_t *ret_len)
{
    if (self->encoders[slot] == NULL) {
        self->encoders[slot] = berth_photo_encoder_new();
    }
    if (self->encoders[slot] == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    return berth_photo_encoder_encode(self->encoders[slot], frame, rect, quality, ret_data,
                                      ret_len);
}
