/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/guest-typing.h"

#include "base/log.h"
#include "berth/limits.h"
#include "berth/protocol.h"
#include "display/wire/guest-message.h"
#include "display/wire/vdagent-message.h"

#include <glib.h>
#include <string.h>

#define SCOPE "guest"
/* A text takes some tenths of a second, and twice 4 s more where a program is slow to read it. */
#define ANSWER_US (10LL * 1000 * 1000)

struct BerthGuestTyping {
    BerthGuestSendFunc send;
    void *user_data;
    uint32_t caps; /* of the agent; 0: it is not there */
    uint32_t last_serial, typed_serial;
    int64_t asked_us;
    bool has_layout;
    BerthKeyLayout layout;
};

BerthGuestTyping *
berth_guest_typing_new(BerthGuestSendFunc send, void *user_data)
{
    BerthGuestTyping *self = g_new0(BerthGuestTyping, 1);

    self->send = send;
    self->user_data = user_data;
    return self;
}

void
berth_guest_typing_free(BerthGuestTyping *self)
{
    g_free(self);
}

static void
send_input(BerthGuestTyping *self, uint32_t guest_type, uint8_t type, const BerthMsgInput *input)
{
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    if (berth_msg_input_encode(&writer, type, input) == 0) {
        self->send(guest_type, writer.data, writer.len, self->user_data);
    }
    berth_writer_clear(&writer);
}

static void
send_layout(BerthGuestTyping *self)
{
    BerthMsgInput input = { .layout = self->layout };

    if (self->has_layout && berth_vdagent_has(self->caps, BERTH_GUEST_CAP_LAYOUT)) {
        send_input(self, BERTH_GUEST_LAYOUT, BERTH_MSG_LAYOUT, &input);
    }
}

void
berth_guest_typing_set_agent(BerthGuestTyping *self, uint32_t caps)
{
    self->caps = caps;
    self->typed_serial = self->last_serial;
    send_layout(self);
}

static bool
is_same_layout(const BerthKeyLayout *a, const BerthKeyLayout *b)
{
    return g_str_equal(a->model, b->model) && g_str_equal(a->layout, b->layout) &&
           g_str_equal(a->variant, b->variant) && g_str_equal(a->options, b->options);
}

void
berth_guest_typing_set_layout(BerthGuestTyping *self, const BerthKeyLayout *layout)
{
    if (self->has_layout && is_same_layout(&self->layout, layout)) {
        return;
    }
    self->has_layout = true;
    self->layout = *layout;
    send_layout(self);
}

bool
berth_guest_typing_can_type(const BerthGuestTyping *self)
{
    return berth_vdagent_has(self->caps, BERTH_GUEST_CAP_TEXT);
}

bool
berth_guest_typing_is_busy(const BerthGuestTyping *self)
{
    return self->typed_serial != self->last_serial;
}

void
berth_guest_typing_type(BerthGuestTyping *self, const char *text, int64_t now_us)
{
    BerthMsgInput input = { .serial = ++self->last_serial };

    g_strlcpy(input.text, text, sizeof(input.text));
    self->asked_us = now_us;
    send_input(self, BERTH_GUEST_TEXT, BERTH_MSG_TEXT, &input);
}

bool
berth_guest_typing_note_typed(BerthGuestTyping *self, uint32_t serial)
{
    if (berth_guest_typing_is_busy(self) && serial == self->last_serial) {
        self->typed_serial = serial;
        return true;
    }
    return false;
}

bool
berth_guest_typing_tick(BerthGuestTyping *self, int64_t now_us)
{
    if (!berth_guest_typing_is_busy(self) || now_us - self->asked_us < ANSWER_US) {
        return false;
    }
    berth_log_warning(SCOPE, "the guest's agent does not type: keys do from now on");
    self->caps &= ~(1u << BERTH_GUEST_CAP_TEXT);
    self->typed_serial = self->last_serial;
    return true;
}
