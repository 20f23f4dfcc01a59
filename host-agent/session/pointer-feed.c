/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/pointer-feed.h"

#include "berth/errors.h"

struct BerthPointerFeed {
    BerthHeads *heads;
    BerthCursorEncoder *encoder;
    int head;         /* that shows the pointer, or showed it last */
    unsigned waiting; /* BERTH_SCREEN_CURSOR and _POINTER */
};

BerthPointerFeed *
berth_pointer_feed_new(BerthHeads *heads, size_t n_shapes)
{
    BerthCursorEncoder *encoder = berth_cursor_encoder_new(n_shapes);
    BerthPointerFeed *self;

    if (!encoder) {
        return NULL;
    }
    self = g_new0(BerthPointerFeed, 1);
    self->heads = heads;
    self->encoder = encoder;
    self->waiting = BERTH_SCREEN_CURSOR | BERTH_SCREEN_POINTER;
    for (int i = 0; i < (int)BERTH_LIMIT_HEADS; i++) {
        berth_pointer_feed_note(self, i, BERTH_SCREEN_CURSOR);
    }
    return self;
}

void
berth_pointer_feed_free(BerthPointerFeed *self)
{
    if (self) {
        berth_cursor_encoder_free(self->encoder);
        g_free(self);
    }
}

static bool
is_visible(const BerthPointerFeed *self, int head)
{
    const BerthScreen *screen = berth_heads_get(self->heads, head);
    int32_t x, y;

    return screen && berth_screen_get_pointer(screen, &x, &y);
}

void
berth_pointer_feed_note(BerthPointerFeed *self, int head, unsigned changes)
{
    if ((changes & BERTH_SCREEN_CURSOR) && head != self->head && is_visible(self, head)) {
        self->head = head;
        changes |= BERTH_SCREEN_POINTER;
    }
    if (head == self->head) {
        self->waiting |= changes & (BERTH_SCREEN_CURSOR | BERTH_SCREEN_POINTER);
    }
}

static int
emit_shape(BerthPointerFeed *self, BerthMessageFunc emit, void *user_data)
{
    BerthCursorShape shape;

    if (is_visible(self, self->head) &&
        berth_screen_get_cursor(berth_heads_get(self->heads, self->head), &shape)) {
        return berth_cursor_encoder_show(self->encoder, &shape, emit, user_data);
    }
    return berth_cursor_encoder_hide(self->encoder, emit, user_data);
}

static int
emit_place(BerthPointerFeed *self, BerthMessageFunc emit, void *user_data)
{
    const BerthScreen *screen = berth_heads_get(self->heads, self->head);
    int32_t x, y;

    if (!screen) {
        return BERTH_OK;
    }
    (void)berth_screen_get_pointer(screen, &x, &y);
    return berth_cursor_encoder_move(self->encoder, x, y, emit, user_data);
}

int
berth_pointer_feed_flush(BerthPointerFeed *self, BerthMessageFunc emit, void *user_data)
{
    unsigned waiting = self->waiting;
    int r = BERTH_OK;

    self->waiting = 0;
    if (waiting & BERTH_SCREEN_CURSOR) {
        r = emit_shape(self, emit, user_data);
    }
    if (r == BERTH_OK && (waiting & BERTH_SCREEN_POINTER)) {
        r = emit_place(self, emit, user_data);
    }
    return r;
}
