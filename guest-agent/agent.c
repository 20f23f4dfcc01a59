/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/agent.h"

#include "guest-agent/clipboard.h"
#include "guest-agent/file-queue.h"
#include "guest-agent/layout.h"
#include "guest-agent/port.h"
#include "guest-agent/send-desk.h"
#include "guest-agent/typing.h"

#include "base/log.h"
#include "berth/limits.h"
#include "display/wire/guest-message.h"
#include "display/wire/msg-input.h"
#include "display/wire/vdagent-message.h"

#include <spice/vd_agent.h>

#define SCOPE "agent"

struct BerthSessionAgent {
    BerthAgentPort *port;
    BerthSessionClipboard *clipboard;
    BerthTyping *typing; /* NULL: the X server takes no keys from programs */
    BerthLayout *layout;
    BerthFileQueue *files;
    BerthSendDesk *desk; /* NULL: nobody can send */
    bool has_host;       /* it has asked what we can do */
};

/* ---- to the host ---- */

/* Cleared. */
static void
send_messages(BerthWriter *messages, void *user_data)
{
    BerthSessionAgent *self = user_data;
    size_t len = 0;
    uint8_t *data = berth_writer_steal(messages, &len);

    berth_agent_port_send(self->port, data, len);
    berth_writer_clear(messages);
}

static void
send_body(uint32_t type, const uint8_t *body, size_t len, void *user_data)
{
    BerthWriter writer;

    berth_writer_init(&writer, berth_vdagent_get_wire_bytes(len));
    berth_vdagent_write_body(&writer, type, body, len);
    send_messages(&writer, user_data);
}

static void
send_caps(BerthSessionAgent *self, bool wants_answer)
{
    uint32_t bits = berth_guest_session_caps;
    BerthWriter writer;

    if (!self->typing) {
        bits &= ~(1u << BERTH_GUEST_CAP_TEXT);
    }
    if (!self->desk) {
        bits &= ~(1u << BERTH_GUEST_CAP_FILES);
    }
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_vdagent_write_caps(&writer, bits, wants_answer);
    send_messages(&writer, self);
}

static void
on_typed(uint32_t serial, void *user_data)
{
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_guest_typed_encode(&writer, serial);
    send_body(BERTH_GUEST_TYPED, writer.data, writer.len, user_data);
    berth_writer_clear(&writer);
}

static bool
on_layout(const BerthKeyLayout *layout, void *user_data)
{
    BerthSessionAgent *self = user_data;

    berth_layout_set(self->layout, layout);
    return berth_layout_is_busy(self->layout);
}

static const BerthTypingCallbacks typing_callbacks = {
    .typed = on_typed,
    .layout = on_layout,
};

static void
on_layout_set(void *user_data)
{
    BerthSessionAgent *self = user_data;

    if (self->typing) {
        berth_typing_go_on(self->typing);
    }
}

static void
on_file_ended(void *whose, const char *name, BerthFileStatus status, void *user_data)
{
    BerthSessionAgent *self = user_data;

    if (self->desk) {
        berth_send_desk_note_ended(self->desk, whose, name, status);
    }
}

static const BerthFileQueueCallbacks file_callbacks = {
    .send = send_body,
    .ended = on_file_ended,
};

/* ---- from the host ---- */

static void
forget_host(BerthSessionAgent *self)
{
    self->has_host = false;
    berth_session_clipboard_end(self->clipboard);
    berth_file_queue_set_host(self->files, false);
    if (self->typing) {
        berth_typing_forget(self->typing);
    }
}

/* A host that asks what we can do has begun anew. */
static void
handle_caps(BerthSessionAgent *self, const BerthVdagentMessage *message)
{
    BerthVdagentCaps caps;

    if (berth_vdagent_read_caps(message->data, message->len, &caps) < 0 || !caps.wants_answer) {
        return;
    }
    berth_log_info(SCOPE, "a host is there (capabilities 0x%x)", caps.bits);
    forget_host(self);
    send_caps(self, false);
    self->has_host = true;
    berth_session_clipboard_begin(self->clipboard);
    berth_file_queue_set_host(self->files, berth_vdagent_has(caps.bits, BERTH_GUEST_CAP_FILES));
}

static void
handle_input(BerthSessionAgent *self, const BerthVdagentMessage *message)
{
    BerthMsgInput input;
    bool is_text = message->type == BERTH_GUEST_TEXT;
    uint8_t type = is_text ? BERTH_MSG_TEXT : BERTH_MSG_LAYOUT;

    if (berth_msg_input_decode(type, message->data, message->len, &input) < 0) {
        berth_log_warning(SCOPE, "a message about the keyboard makes no sense");
    } else if (self->typing && is_text) {
        berth_typing_push(self->typing, input.serial, input.text);
    } else if (self->typing) {
        berth_typing_push_layout(self->typing, &input.layout);
    } else if (!is_text) {
        berth_layout_set(self->layout, &input.layout);
    }
}

static void
pump(BerthSessionAgent *self)
{
    berth_file_queue_pump(self->files, berth_agent_port_get_queued_bytes(self->port));
}

static void
on_message(const BerthVdagentMessage *message, void *user_data)
{
    BerthSessionAgent *self = user_data;

    if (message->type == VD_AGENT_ANNOUNCE_CAPABILITIES) {
        handle_caps(self, message);
    } else if (!self->has_host) {
        return;
    } else if (message->type == BERTH_GUEST_TEXT || message->type == BERTH_GUEST_LAYOUT) {
        handle_input(self, message);
    } else if (berth_guest_type_is_known(message->type)) {
        berth_file_queue_handle(self->files, message->type, message->data, message->len);
        pump(self);
    } else {
        berth_session_clipboard_handle(self->clipboard, message);
    }
}

static void
on_changed(bool is_there, void *user_data)
{
    BerthSessionAgent *self = user_data;

    forget_host(self);
    if (is_there) {
        send_caps(self, true); /* it asks again then, if it has asked nobody so far */
    }
}

static void
on_writable(void *user_data)
{
    pump(user_data);
}

static const BerthAgentPortCallbacks port_callbacks = {
    .changed = on_changed,
    .message = on_message,
    .writable = on_writable,
};

/* ---- life ---- */

BerthSessionAgent *
berth_session_agent_new(const char *path, GError **error)
{
    BerthSessionAgent *self = g_new0(BerthSessionAgent, 1);
    g_autoptr(GError) desk_error = NULL;

    self->port = berth_agent_port_open(path, &port_callbacks, self, error);
    if (!self->port) {
        g_free(self);
        return NULL;
    }
    self->clipboard = berth_session_clipboard_new(send_messages, self);
    self->typing = berth_typing_new(&typing_callbacks, self);
    self->layout = berth_layout_new(on_layout_set, self);
    if (!self->typing) {
        berth_log_warning(SCOPE, "this X server has no XTEST extension: texts are not typed");
    }
    self->files = berth_file_queue_new(&file_callbacks, self);
    self->desk = berth_send_desk_new(self->files, &desk_error);
    if (!self->desk) {
        berth_log_warning(SCOPE, "files cannot be sent: %s", desk_error->message);
    }
    return self;
}

void
berth_session_agent_free(BerthSessionAgent *self)
{
    if (!self) {
        return;
    }
    berth_send_desk_free(g_steal_pointer(&self->desk));
    berth_file_queue_free(self->files);
    berth_layout_free(self->layout);
    berth_typing_free(self->typing);
    berth_session_clipboard_free(self->clipboard);
    berth_agent_port_close(self->port);
    g_free(self);
}
