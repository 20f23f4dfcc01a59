/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/photo-pool.h"

#include "berth/errors.h"
#include "display/encode/photo-encoder.h"
#include "display/encode/refiner.h"

#include <glib.h>

/* Below this quality bytes count more than looks. */
#define LEAST_GOOD_QUALITY 80
/* Per hundred pixels; at quality 85 photos of less are above 42 dB (measured). */
#define ROUGH_BYTES_PERCENT 30

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

/* True if a photo of so many bytes is likely to look worse than its quality promises. */
static bool
is_rough(BerthRect rect, int quality, size_t len)
{
    return quality >= LEAST_GOOD_QUALITY && quality < BERTH_QUALITY_HIGH &&
           (int64_t)len * 100 > berth_rect_area_px(rect) * ROUGH_BYTES_PERCENT;
}

int
berth_photo_pool_encode(BerthPhotoPool *self, size_t slot, const BerthFrame *frame, BerthRect rect,
                        uint8_t *quality, uint8_t **ret_data, size_t *ret_len)
{
    if (self->encoders[slot] == NULL) {
        self->encoders[slot] = berth_photo_encoder_new();
    }
    if (self->encoders[slot] == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    int error =
        berth_photo_encoder_encode(self->encoders[slot], frame, rect, *quality, ret_data, ret_len);
    if (error != BERTH_OK || !is_rough(rect, *quality, *ret_len)) {
        return error;
    }
    uint8_t *data;
    if (berth_photo_encoder_encode(self->encoders[slot], frame, rect, BERTH_QUALITY_HIGH, &data,
                                   ret_len) == BERTH_OK) {
        g_free(*ret_data);
        *ret_data = data;
        *quality = BERTH_QUALITY_HIGH;
    }
    return BERTH_OK;
}
