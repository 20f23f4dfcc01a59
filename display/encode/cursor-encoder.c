/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/cursor-encoder.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "display/wire/msg-cursor.h"

#include <glib.h>
#include <string.h>
#include <zstd.h>

#define PIXEL_BYTES 4
/* Shapes are a few hundred bytes: the time does not matter, the first paint of a shape does. */
#define ZSTD_LEVEL 3

/* A shape that the client has. */
typedef struct {
    BerthCursorShape shape; /* pixels owned; NULL: the place is free */
    uint64_t last_shown;
} Slot;

struct BerthCursorEncoder {
    Slot slots[BERTH_LIMIT_CURSOR_SHAPES];
    size_t n_slots;
    Slot *shown; /* NULL: hidden, or nothing was sent */
    bool is_hidden_sent;
    uint64_t n_shown;
    bool is_moved;
    int32_t x;
    int32_t y;
    BerthWriter message;
};

BerthCursorEncoder *
berth_cursor_encoder_new(size_t n_shapes)
{
    if (n_shapes == 0) {
        return NULL;
    }
    BerthCursorEncoder *self = g_try_new0(BerthCursorEncoder, 1);
    if (self != NULL) {
        self->n_slots = MIN(n_shapes, BERTH_LIMIT_CURSOR_SHAPES);
        berth_writer_init(&self->message, BERTH_LIMIT_MESSAGE_BYTES);
    }
    return self;
}

void
berth_cursor_encoder_free(BerthCursorEncoder *self)
{
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->n_slots; i++) {
        g_free((uint8_t *)self->slots[i].shape.pixels);
    }
    berth_writer_clear(&self->message);
    g_free(self);
}

static int
emit_message(BerthCursorEncoder *self, int error, uint8_t type, BerthMessageFunc emit,
             void *user_data)
{
    if (error == BERTH_OK) {
        error = emit(BERTH_CHANNEL_CURSOR, type, self->message.data, self->message.len, user_data);
    }
    berth_writer_reset(&self->message);
    return error;
}

/* Compares the pixels themselves: a hash alone could be made to collide by a guest. */
static bool
shape_equal(const BerthCursorShape *a, const BerthCursorShape *b)
{
    return a->pixels != NULL && a->width == b->width && a->height == b->height &&
           a->hot_x == b->hot_x && a->hot_y == b->hot_y &&
           memcmp(a->pixels, b->pixels, b->size_bytes) == 0;
}

static Slot *
find_slot(BerthCursorEncoder *self, const BerthCursorShape *shape)
{
    for (size_t i = 0; i < self->n_slots; i++) {
        if (shape_equal(&self->slots[i].shape, shape)) {
            return &self->slots[i];
        }
    }
    return NULL;
}

/* A free place, or that of the shape shown longest ago. */
static Slot *
find_victim(BerthCursorEncoder *self)
{
    Slot *victim = &self->slots[0];
    for (size_t i = 1; i < self->n_slots; i++) {
        if (self->slots[i].last_shown < victim->last_shown) {
            victim = &self->slots[i];
        }
    }
    return victim;
}

static int
write_define(BerthCursorEncoder *self, uint32_t id, const BerthCursorShape *shape)
{
    size_t bound = ZSTD_compressBound(shape->size_bytes);
    g_autofree uint8_t *data = g_try_malloc(bound);
    if (data == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    size_t data_len = ZSTD_compress(data, bound, shape->pixels, shape->size_bytes, ZSTD_LEVEL);
    if (ZSTD_isError(data_len)) {
        return BERTH_ERR_INTERNAL;
    }
    BerthMsgCursorDefine define = {
        .id = id,
        .w = (uint16_t)shape->width,
        .h = (uint16_t)shape->height,
        .hot_x = (uint16_t)shape->hot_x,
        .hot_y = (uint16_t)shape->hot_y,
        .data = data,
        .data_len = data_len,
    };
    return berth_msg_cursor_define_encode(&self->message, &define);
}

/* Sends a shape that the client does not have. */
static int
define_shape(BerthCursorEncoder *self, const BerthCursorShape *shape, BerthMessageFunc emit,
             void *user_data, Slot **ret_slot)
{
    Slot *slot = find_victim(self);
    g_autofree uint8_t *pixels = g_try_malloc(shape->size_bytes);
    if (pixels == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    memcpy(pixels, shape->pixels, shape->size_bytes);
    int error = write_define(self, (uint32_t)(slot - self->slots), shape);
    error = emit_message(self, error, BERTH_MSG_CURSOR_DEFINE, emit, user_data);
    if (error != BERTH_OK) {
        return error;
    }
    g_free((uint8_t *)slot->shape.pixels);
    slot->shape = *shape;
    slot->shape.pixels = g_steal_pointer(&pixels);
    if (self->shown == slot) {
        self->shown = NULL;
    }
    *ret_slot = slot;
    return BERTH_OK;
}

static int
check_shape(const BerthCursorShape *shape)
{
    const int max_side = (int)BERTH_LIMIT_CURSOR_SIDE_PX;
    if (shape->width <= 0 || shape->height <= 0) {
        return BERTH_ERR_INVALID;
    }
    if (shape->width > max_side || shape->height > max_side) {
        return BERTH_ERR_TOO_LARGE;
    }
    size_t n_bytes = (size_t)shape->width * (size_t)shape->height * PIXEL_BYTES;
    return shape->size_bytes == n_bytes ? BERTH_OK : BERTH_ERR_INVALID;
}

int
berth_cursor_encoder_show(BerthCursorEncoder *self, const BerthCursorShape *shape,
                          BerthMessageFunc emit, void *user_data)
{
    int error = check_shape(shape);
    if (error != BERTH_OK) {
        return error;
    }
    BerthCursorShape wanted = *shape;
    wanted.hot_x = CLAMP(shape->hot_x, 0, shape->width - 1);
    wanted.hot_y = CLAMP(shape->hot_y, 0, shape->height - 1);
    Slot *slot = find_slot(self, &wanted);
    if (slot == NULL) {
        error = define_shape(self, &wanted, emit, user_data, &slot);
        if (error != BERTH_OK) {
            return error;
        }
    }
    slot->last_shown = ++self->n_shown;
    if (self->shown == slot) {
        return BERTH_OK;
    }
    BerthMsgCursorSet set = { (uint32_t)(slot - self->slots) };
    error = berth_msg_cursor_set_encode(&self->message, &set);
    error = emit_message(self, error, BERTH_MSG_CURSOR_SET, emit, user_data);
    if (error == BERTH_OK) {
        self->shown = slot;
        self->is_hidden_sent = false;
    }
    return error;
}

int
berth_cursor_encoder_hide(BerthCursorEncoder *self, BerthMessageFunc emit, void *user_data)
{
    if (self->is_hidden_sent) {
        return BERTH_OK;
    }
    int error = emit_message(self, BERTH_OK, BERTH_MSG_CURSOR_HIDE, emit, user_data);
    if (error == BERTH_OK) {
        self->is_hidden_sent = true;
        self->shown = NULL;
    }
    return error;
}

int
berth_cursor_encoder_move(BerthCursorEncoder *self, int32_t x, int32_t y, BerthMessageFunc emit,
                          void *user_data)
{
    if (self->is_moved && self->x == x && self->y == y) {
        return BERTH_OK;
    }
    BerthMsgCursorMove move = { x, y };
    int error = berth_msg_cursor_move_encode(&self->message, &move);
    error = emit_message(self, error, BERTH_MSG_CURSOR_MOVE, emit, user_data);
    if (error == BERTH_OK) {
        self->is_moved = true;
        self->x = x;
        self->y = y;
    }
    return error;
}
