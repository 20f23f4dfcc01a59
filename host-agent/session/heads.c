/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/heads.h"

typedef struct {
    BerthHeads *heads;
    int number;
    BerthScreen *screen; /* NULL if there is no such head */
} Head;

struct BerthHeads {
    GMainContext *context;
    BerthHeadsFunc on_change;
    void *user_data;
    uint32_t stamp; /* of the last input of any viewer */
    Head heads[BERTH_LIMIT_HEADS];
};

static void
on_screen_change(void *user_data)
{
    Head *head = user_data;

    head->heads->on_change(head->heads, head->number, head->heads->user_data);
}

static void
drop_screen(Head *head)
{
    if (head->screen) {
        berth_screen_detach(head->screen);
        berth_screen_unref(head->screen);
        head->screen = NULL;
    }
}

BerthHeads *
berth_heads_new(GMainContext *context, BerthHeadsFunc on_change, void *user_data)
{
    BerthHeads *self = g_new0(BerthHeads, 1);

    self->context = context ? g_main_context_ref(context) : NULL;
    self->on_change = on_change;
    self->user_data = user_data;
    for (int i = 0; i < (int)BERTH_LIMIT_HEADS; i++) {
        self->heads[i].heads = self;
        self->heads[i].number = i;
    }
    berth_heads_ensure(self, 0);
    return self;
}

void
berth_heads_free(BerthHeads *self)
{
    if (!self) {
        return;
    }
    for (unsigned i = 0; i < BERTH_LIMIT_HEADS; i++) {
        drop_screen(&self->heads[i]);
    }
    g_clear_pointer(&self->context, g_main_context_unref);
    g_free(self);
}

BerthScreen *
berth_heads_get(const BerthHeads *self, int head)
{
    return head >= 0 && head < (int)BERTH_LIMIT_HEADS ? self->heads[head].screen : NULL;
}

BerthScreen *
berth_heads_ensure(BerthHeads *self, int head)
{
    if (head < 0 || head >= (int)BERTH_LIMIT_HEADS) {
        return NULL;
    }
    if (!self->heads[head].screen) {
        self->heads[head].screen =
            berth_screen_new(self->context, on_screen_change, &self->heads[head]);
        berth_screen_set_input_stamp(self->heads[head].screen, self->stamp);
    }
    return self->heads[head].screen;
}

uint16_t
berth_heads_list(const BerthHeads *self, BerthWireHead ret[BERTH_LIMIT_HEADS])
{
    uint16_t n = 0;

    for (unsigned i = 0; i < BERTH_LIMIT_HEADS; i++) {
        BerthScreen *screen = self->heads[i].screen;
        int w = 0;
        int h = 0;

        if (screen) {
            berth_screen_get_mode(screen, &w, &h);
        }
        if (w > 0) {
            ret[n++] = (BerthWireHead){ (uint16_t)i, (uint16_t)w, (uint16_t)h };
        }
    }
    return n;
}

void
berth_heads_remove(BerthHeads *self, int head)
{
    if (head > 0 && berth_heads_get(self, head)) {
        drop_screen(&self->heads[head]);
        self->on_change(self, head, self->user_data);
    }
}

static void
set_stamp(BerthHeads *self, uint32_t stamp)
{
    self->stamp = stamp;
    for (unsigned i = 0; i < BERTH_LIMIT_HEADS; i++) {
        if (self->heads[i].screen) {
            berth_screen_set_input_stamp(self->heads[i].screen, stamp);
        }
    }
}

uint32_t
berth_heads_begin_input(BerthHeads *self)
{
    set_stamp(self, self->stamp + 1);
    return self->stamp;
}

void
berth_heads_take_back_input(BerthHeads *self)
{
    set_stamp(self, self->stamp - 1);
}
