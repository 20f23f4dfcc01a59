/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/photo-encoder.h"

#include "berth/errors.h"
#include "berth/limits.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <turbojpeg.h>

struct BerthPhotoEncoder {
    tjhandle codec;
    uint8_t *buffer; /* tjAlloc(); the worst case of the largest photo so far */
    size_t buffer_bytes;
};

BerthPhotoEncoder *
berth_photo_encoder_new(void)
{
    BerthPhotoEncoder *self = g_try_new0(BerthPhotoEncoder, 1);
    if (self == NULL) {
        return NULL;
    }
    self->codec = tjInitCompress();
    if (self->codec == NULL) {
        g_free(self);
        return NULL;
    }
    return self;
}

void
berth_photo_encoder_free(BerthPhotoEncoder *self)
{
    if (self != NULL) {
        tjDestroy(self->codec);
        tjFree(self->buffer);
        g_free(self);
    }
}

static bool
ensure_buffer(BerthPhotoEncoder *self, BerthRect rect)
{
    size_t worst_bytes = tjBufSize(rect.w, rect.h, TJSAMP_444);
    if (worst_bytes <= self->buffer_bytes) {
        return true;
    }
    tjFree(self->buffer);
    self->buffer = tjAlloc((int)worst_bytes);
    self->buffer_bytes = self->buffer != NULL ? worst_bytes : 0;
    return self->buffer != NULL;
}

int
berth_photo_encoder_encode(BerthPhotoEncoder *self, const BerthFrame *frame, BerthRect rect,
                           int quality, uint8_t **ret_data, size_t *ret_len)
{
    if (!berth_rect_is_inside(rect, frame->width, frame->height) || quality < 1 || quality > 100) {
        return BERTH_ERR_INVALID;
    }
    if (berth_rect_area_px(rect) > (int64_t)BERTH_LIMIT_PHOTO_AREA_PX) {
        return BERTH_ERR_TOO_LARGE;
    }
    if (!ensure_buffer(self, rect)) {
        return BERTH_ERR_NO_MEMORY;
    }
    unsigned long len = (unsigned long)self->buffer_bytes;
    if (tjCompress2(self->codec, berth_frame_pixel(frame, rect.x, rect.y), rect.w,
                    (int)frame->stride_bytes, rect.h, TJPF_BGRX, &self->buffer, &len, TJSAMP_444,
                    quality, TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT) != 0) {
        return BERTH_ERR_INTERNAL;
    }
    if (len > BERTH_LIMIT_PHOTO_BYTES) {
        return BERTH_ERR_TOO_LARGE;
    }
    uint8_t *data = g_try_malloc(len);
    if (data == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    memcpy(data, self->buffer, len);
    *ret_data = data;
    *ret_len = len;
    return BERTH_OK;
}
