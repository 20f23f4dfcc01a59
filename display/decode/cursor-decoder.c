/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/decode/cursor-decoder.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "berth/protocol.h"
#include "display/wire/msg-cursor.h"

#include <glib.h>
#include <zstd.h>

#define PIXEL_BYTES 4

struct BerthCursorDecoder {
    int error;
    size_t n_shapes;
    BerthCursorImage images[BERTH_LIMIT_CURSOR_SHAPES]; /* pixels NULL: not defined */
    const BerthCursorImage *shown;
    uint64_t last_generation;
    int32_t x;
    int32_t y;
};

BerthCursorDecoder *
berth_cursor_decoder_new(size_t n_shapes)
{
    if (n_shapes == 0 || n_shapes > BERTH_LIMIT_CURSOR_SHAPES) {
        return NULL;
    }
    BerthCursorDecoder *self = g_try_new0(BerthCursorDecoder, 1);
    if (self != NULL) {
        self->n_shapes = n_shapes;
    }
    return self;
}

static void
clear_image(BerthCursorImage *image)
{
    g_free((uint8_t *)image->pixels);
    *image = (BerthCursorImage){ 0 };
}

void
berth_cursor_decoder_free(BerthCursorDecoder *self)
{
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < BERTH_LIMIT_CURSOR_SHAPES; i++) {
        clear_image(&self->images[i]);
    }
    g_free(self);
}

/* Expands the pixels of a shape whose sides are checked. */
static int
expand_pixels(const BerthMsgCursorDefine *define, uint8_t **ret_pixels)
{
    size_t n_bytes = (size_t)define->w * define->h * PIXEL_BYTES;
    g_autofree uint8_t *pixels = g_try_malloc(n_bytes);
    if (pixels == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    if (ZSTD_findFrameCompressedSize(define->data, define->data_len) != define->data_len ||
        ZSTD_decompress(pixels, n_bytes, define->data, define->data_len) != n_bytes) {
        return BERTH_ERR_CORRUPT;
    }
    *ret_pixels = g_steal_pointer(&pixels);
    return BERTH_OK;
}

static int
handle_define(BerthCursorDecoder *self, const uint8_t *payload, size_t len,
              BerthCursorEvent *ret_event)
{
    BerthMsgCursorDefine define;
    int error = berth_msg_cursor_define_decode(payload, len, &define);
    if (error != BERTH_OK) {
        return error;
    }
    if (define.id >= self->n_shapes || define.w > BERTH_LIMIT_CURSOR_SIDE_PX ||
        define.h > BERTH_LIMIT_CURSOR_SIDE_PX) {
        return BERTH_ERR_TOO_LARGE;
    }
    if (define.hot_x >= define.w || define.hot_y >= define.h) {
        return BERTH_ERR_INVALID;
    }
    uint8_t *pixels;
    error = expand_pixels(&define, &pixels);
    if (error != BERTH_OK) {
        return error;
    }
    BerthCursorImage *image = &self->images[define.id];
    clear_image(image);
    *image = (BerthCursorImage){
        .width = define.w,
        .height = define.h,
        .hot_x = define.hot_x,
        .hot_y = define.hot_y,
        .pixels = pixels,
        .generation = ++self->last_generation,
    };
    *ret_event = self->shown == image ? BERTH_CURSOR_SHAPE : BERTH_CURSOR_NOTHING;
    return BERTH_OK;
}

static int
handle_set(BerthCursorDecoder *self, const uint8_t *payload, size_t len,
           BerthCursorEvent *ret_event)
{
    BerthMsgCursorSet set;
    int error = berth_msg_cursor_set_decode(payload, len, &set);
    if (error != BERTH_OK) {
        return error;
    }
    if (set.id >= self->n_shapes || self->images[set.id].pixels == NULL) {
        return BERTH_ERR_NOT_FOUND;
    }
    self->shown = &self->images[set.id];
    *ret_event = BERTH_CURSOR_SHAPE;
    return BERTH_OK;
}

static int
handle_hide(BerthCursorDecoder *self, const uint8_t *payload, size_t len,
            BerthCursorEvent *ret_event)
{
    if (len > 0) {
        return BERTH_ERR_TRAILING;
    }
    self->shown = NULL;
    *ret_event = BERTH_CURSOR_SHAPE;
    return BERTH_OK;
}

static int
handle_move(BerthCursorDecoder *self, const uint8_t *payload, size_t len,
            BerthCursorEvent *ret_event)
{
    BerthMsgCursorMove move;
    int error = berth_msg_cursor_move_decode(payload, len, &move);
    if (error != BERTH_OK) {
        return error;
    }
    self->x = move.x;
    self->y = move.y;
    *ret_event = BERTH_CURSOR_MOVED;
    return BERTH_OK;
}

static int
dispatch(BerthCursorDecoder *self, uint8_t type, const uint8_t *payload, size_t len,
         BerthCursorEvent *ret_event)
{
    switch (type) {
    case BERTH_MSG_CURSOR_DEFINE:
        return handle_define(self, payload, len, ret_event);
    case BERTH_MSG_CURSOR_SET:
        return handle_set(self, payload, len, ret_event);
    case BERTH_MSG_CURSOR_HIDE:
        return handle_hide(self, payload, len, ret_event);
    case BERTH_MSG_CURSOR_MOVE:
        return handle_move(self, payload, len, ret_event);
    default:
        return BERTH_ERR_UNSUPPORTED;
    }
}

int
berth_cursor_decoder_handle(BerthCursorDecoder *self, uint8_t type, const uint8_t *payload,
                            size_t len, BerthCursorEvent *ret_event)
{
    if (self->error == BERTH_OK) {
        self->error = dispatch(self, type, payload, len, ret_event);
    }
    return self->error;
}

const BerthCursorImage *
berth_cursor_decoder_get_image(const BerthCursorDecoder *self)
{
    return self->shown;
}

void
berth_cursor_decoder_get_position(const BerthCursorDecoder *self, int32_t *ret_x, int32_t *ret_y)
{
    *ret_x = self->x;
    *ret_y = self->y;
}
