/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/decode/photo-batch.h"

#include "berth/errors.h"
#include "display/decode/photo-decoder.h"

#include <glib.h>
#include <string.h>

typedef struct {
    BerthPhotoDecoder *decoder; /* NULL before its first photo */
    uint8_t *data;
    size_t len;
    BerthRect rect;
    int error;
} Slot;

struct BerthPhotoBatch {
    BerthRunParts run;
    void *runner;
    BerthFrame *canvas; /* of the present run */
    size_t n_waiting;
    Slot slots[BERTH_PHOTO_BATCH_SIZE];
};

BerthPhotoBatch *
berth_photo_batch_new(BerthRunParts run, void *runner)
{
    BerthPhotoBatch *self = g_try_new0(BerthPhotoBatch, 1);
    if (self != NULL) {
        self->run = run;
        self->runner = runner;
    }
    return self;
}

static void
forget_photos(BerthPhotoBatch *self)
{
    for (size_t i = 0; i < self->n_waiting; i++) {
        g_clear_pointer(&self->slots[i].data, g_free);
    }
    self->n_waiting = 0;
}

void
berth_photo_batch_free(BerthPhotoBatch *self)
{
    if (self == NULL) {
        return;
    }
    forget_photos(self);
    for (size_t i = 0; i < BERTH_PHOTO_BATCH_SIZE; i++) {
        berth_photo_decoder_free(self->slots[i].decoder);
    }
    g_free(self);
}

bool
berth_photo_batch_is_full(const BerthPhotoBatch *self)
{
    return self->n_waiting == BERTH_PHOTO_BATCH_SIZE;
}

bool
berth_photo_batch_touches(const BerthPhotoBatch *self, BerthRect rect)
{
    for (size_t i = 0; i < self->n_waiting; i++) {
        if (!berth_rect_is_empty(berth_rect_intersect(rect, self->slots[i].rect))) {
            return true;
        }
    }
    return false;
}

int
berth_photo_batch_add(BerthPhotoBatch *self, const uint8_t *data, size_t len, BerthRect rect)
{
    Slot *slot = &self->slots[self->n_waiting];
    if (slot->decoder == NULL) {
        slot->decoder = berth_photo_decoder_new();
    }
    slot->data = g_try_malloc(len);
    if (slot->decoder == NULL || (slot->data == NULL && len > 0)) {
        g_clear_pointer(&slot->data, g_free);
        return BERTH_ERR_NO_MEMORY;
    }
    memcpy(slot->data, data, len);
    slot->len = len;
    slot->rect = rect;
    self->n_waiting++;
    return BERTH_OK;
}

static void
decode_part(size_t part, void *user_data)
{
    BerthPhotoBatch *self = user_data;
    Slot *slot = &self->slots[part];
    slot->error =
        berth_photo_decoder_decode(slot->decoder, slot->data, slot->len, self->canvas, slot->rect);
}

int
berth_photo_batch_run(BerthPhotoBatch *self, BerthFrame *canvas)
{
    int error = BERTH_OK;
    if (self->n_waiting == 0) {
        return BERTH_OK;
    }
    self->canvas = canvas;
    self->run(self->runner, self->n_waiting, decode_part, self);
    for (size_t i = 0; i < self->n_waiting && error == BERTH_OK; i++) {
        error = self->slots[i].error;
    }
    forget_photos(self);
    return error;
}
