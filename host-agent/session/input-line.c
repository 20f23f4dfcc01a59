/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/input-line.h"

#include "host-agent/session/typist.h"

#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"
#include "berth/protocol.h"

#define SCOPE "input"

typedef struct {
    uint8_t type;
    BerthMsgInput input;
} Waiting;

struct BerthInputLine {
    BerthInputSink *sink;
    BerthGuestTyping *typing; /* NULL: none */
    BerthTypist *typist;
    BerthInputUntypedFunc untyped;
    void *user_data;
    GQueue waiting; /* of Waiting * */
};

BerthInputLine *
berth_input_line_new(BerthInputSink *sink, BerthGuestTyping *typing, BerthInputUntypedFunc untyped,
                     void *user_data)
{
    BerthInputLine *self = g_new0(BerthInputLine, 1);

    self->sink = sink;
    self->typing = typing;
    self->typist = berth_typist_new(sink);
    self->untyped = untyped;
    self->user_data = user_data;
    g_queue_init(&self->waiting);
    return self;
}

void
berth_input_line_free(BerthInputLine *self)
{
    if (self) {
        g_queue_clear_full(&self->waiting, g_free);
        berth_typist_free(self->typist);
        g_free(self);
    }
}

static int
type_text(BerthInputLine *self, const BerthMsgInput *input, int64_t now_us)
{
    gunichar untyped = 0;
    int r;

    berth_input_sink_lift_modifiers(self->sink);
    berth_input_sink_note_text(self->sink, input->serial);
    if (self->typing && berth_guest_typing_can_type(self->typing)) {
        berth_typist_flush(self->typist);
        berth_guest_typing_type(self->typing, input->text, now_us);
        return BERTH_OK;
    }
    r = berth_typist_push(self->typist, input->text, &untyped);
    if (untyped != 0) {
        self->untyped(untyped, self->user_data);
    }
    return r;
}

/* What modifiers mean something to. */
static bool
is_modified(uint8_t type, const BerthMsgInput *input)
{
    return (type == BERTH_MSG_KEY && input->key.is_down) || type == BERTH_MSG_WHEEL ||
           (type == BERTH_MSG_BUTTON && input->button.is_down);
}

static int
give_now(BerthInputLine *self, uint8_t type, const BerthMsgInput *input, int64_t now_us)
{
    if (type == BERTH_MSG_TEXT) {
        return type_text(self, input, now_us);
    }
    if (type == BERTH_MSG_KEY || type == BERTH_MSG_BUTTON) {
        berth_typist_flush(self->typist);
    }
    if (is_modified(type, input)) {
        berth_input_sink_lower_modifiers(self->sink);
    }
    return berth_input_sink_handle(self->sink, type, input);
}

static bool
must_wait(const BerthInputLine *self)
{
    return self->typing && berth_guest_typing_is_busy(self->typing);
}

/* Gives the first one that waits. */
static void
give_first(BerthInputLine *self, int64_t now_us)
{
    g_autofree Waiting *first = g_queue_pop_head(&self->waiting);
    int r = give_now(self, first->type, &first->input, now_us);

    if (r < 0) {
        berth_log_debug(SCOPE, "an input message that waited was dropped: %s",
                        berth_error_sentence(r));
    }
}

int
berth_input_line_give(BerthInputLine *self, uint8_t type, const BerthMsgInput *input,
                      int64_t now_us)
{
    bool is_motion = type == BERTH_MSG_POINTER_ABS || type == BERTH_MSG_POINTER_REL;
    Waiting *last;
    int r = berth_input_sink_admit(self->sink, type, input, now_us);

    if (r < 0) {
        return r;
    }
    if (type == BERTH_MSG_LAYOUT) {
        if (self->typing) {
            berth_guest_typing_set_layout(self->typing, &input->layout);
        }
        return BERTH_OK;
    }
    if ((is_motion || !must_wait(self)) && g_queue_is_empty(&self->waiting)) {
        return give_now(self, type, input, now_us);
    }
    last = g_new(Waiting, 1);
    last->type = type;
    last->input = *input;
    g_queue_push_tail(&self->waiting, last);
    while (g_queue_get_length(&self->waiting) > BERTH_LIMIT_INPUT_WAITING) {
        give_first(self, now_us);
    }
    return BERTH_OK;
}

void
berth_input_line_go_on(BerthInputLine *self, int64_t now_us)
{
    while (!g_queue_is_empty(&self->waiting) && !must_wait(self)) {
        give_first(self, now_us);
    }
}

void
berth_input_line_forget(BerthInputLine *self)
{
    g_queue_clear_full(&self->waiting, g_free);
    berth_typist_forget(self->typist);
}
