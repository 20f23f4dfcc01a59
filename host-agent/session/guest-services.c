/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/guest-services.h"

#include "host-agent/session/agent-line.h"
#include "host-agent/session/guest-outbox.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "display/wire/guest-message.h"
#include "display/wire/vdagent-message.h"

#include <spice/vd_agent.h>
#include <string.h>
#include <unistd.h>

#define SCOPE "guest"
/* Content that may wait for the client; more comes when it has left. */
#define CLIPBOARD_QUEUE_BYTES (256u * 1024)
/* For the last words to an agent that is busy. */
#define FLUSH_MS 50
/* A slider that moves is many levels; the agent opens the guest's mixer for each. */
#define LEVEL_US (250 * 1000)

struct BerthGuestServices {
    const BerthGuestServicesCallbacks *callbacks;
    void *user_data;
    BerthAgentLine *spice, *own;   /* the agents of the SPICE project and of ours */
    BerthAgentLine *has_clipboard; /* one of them */
    BerthGuestClipboard *clipboard;
    BerthGuestFiles *files;
    BerthGuestTyping *typing;
    BerthGuestOutbox *outbox;
    bool takes_clipboard, sends_files, takes_files; /* the client */
    BerthVdagentMonitor monitors[BERTH_LIMIT_HEADS];
    unsigned n_monitors;
    unsigned level_percent;
    bool is_level_muted;
    bool has_level;        /* that was not told yet */
    int64_t level_told_us; /* the one before */
};

/* ---- the agents ---- */

static void
send_monitors(BerthGuestServices *self)
{
    uint32_t caps = berth_agent_line_get_caps(self->spice);
    BerthWriter writer;

    if (self->n_monitors == 0 || !berth_vdagent_has(caps, VD_AGENT_CAP_MONITORS_CONFIG)) {
        return;
    }
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_vdagent_write_monitors(&writer, caps, self->monitors, self->n_monitors);
    berth_agent_line_say(self->spice, &writer);
}

/* The latest level, once the one before is long enough ago. */
static void
maybe_send_level(BerthGuestServices *self, int64_t now_us)
{
    uint32_t caps = berth_agent_line_get_caps(self->spice);
    BerthWriter writer;

    if (!self->has_level || now_us - self->level_told_us < LEVEL_US ||
        !berth_vdagent_has(caps, VD_AGENT_CAP_AUDIO_VOLUME_SYNC)) {
        return;
    }
    self->has_level = false;
    self->level_told_us = now_us;
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_vdagent_write_volume(&writer, self->level_percent, self->is_level_muted);
    berth_agent_line_say(self->spice, &writer);
}

/* Ours knows more types, so it has the clipboard where it is there. */
static void
give_clipboard(BerthGuestServices *self, BerthAgentLine *changed)
{
    bool is_own =
        berth_vdagent_has(berth_agent_line_get_caps(self->own), VD_AGENT_CAP_CLIPBOARD_BY_DEMAND);
    BerthAgentLine *line = is_own ? self->own : self->spice;

    if (line != self->has_clipboard) {
        berth_guest_clipboard_leave_agent(self->clipboard);
        self->has_clipboard = line;
    } else if (line != changed) {
        return;
    }
    berth_guest_clipboard_set_agent(self->clipboard, berth_agent_line_get_caps(line));
}

static void
on_spice_changed(uint32_t caps, void *user_data)
{
    BerthGuestServices *self = user_data;

    give_clipboard(self, self->spice);
    berth_guest_files_set_agent(self->files, caps);
    send_monitors(self);
}

static void
on_spice_message(const BerthVdagentMessage *message, void *user_data)
{
    BerthGuestServices *self = user_data;
    BerthVdagentFileStatus status;

    if (message->type != VD_AGENT_FILE_XFER_STATUS) {
        if (self->has_clipboard == self->spice) {
            berth_guest_clipboard_handle_guest(self->clipboard, message, berth_monotonic_us());
        }
    } else if (berth_vdagent_read_file_status(message->data, message->len, &status) == BERTH_OK) {
        berth_guest_files_handle_guest(self->files, &status, berth_monotonic_us());
    }
}

static void
on_spice_sent(uint32_t tag, size_t n_content_bytes, void *user_data)
{
    BerthGuestServices *self = user_data;

    berth_guest_files_note_sent(self->files, tag, n_content_bytes, berth_monotonic_us());
}

static void
on_spice_lost(void *user_data)
{
    BerthGuestServices *self = user_data;

    self->callbacks->lost(BERTH_GUEST_PORT_SPICE, self->user_data);
}

static const BerthAgentLineCallbacks spice_callbacks = {
    .changed = on_spice_changed,
    .message = on_spice_message,
    .sent = on_spice_sent,
    .lost = on_spice_lost,
};

static void
on_own_changed(uint32_t caps, void *user_data)
{
    BerthGuestServices *self = user_data;

    give_clipboard(self, self->own);
    berth_guest_outbox_set_agent(self->outbox, caps);
    berth_guest_typing_set_agent(self->typing, caps);
    self->callbacks->typed(self->user_data);
}

static void
on_own_message(const BerthVdagentMessage *message, void *user_data)
{
    BerthGuestServices *self = user_data;
    int64_t now_us = berth_monotonic_us();
    uint32_t serial = 0;

    if (!berth_guest_type_is_known(message->type)) {
        if (self->has_clipboard == self->own) {
            berth_guest_clipboard_handle_guest(self->clipboard, message, now_us);
        }
    } else if (message->is_skipped) {
        berth_log_debug(SCOPE, "a message of the guest's agent is too long");
    } else if (message->type != BERTH_GUEST_TYPED) {
        berth_guest_outbox_handle_guest(self->outbox, message->type, message->data, message->len,
                                        now_us);
    } else if (berth_guest_typed_decode(message->data, message->len, &serial) == BERTH_OK &&
               berth_guest_typing_note_typed(self->typing, serial)) {
        self->callbacks->typed(self->user_data);
    }
}

static void
on_own_lost(void *user_data)
{
    BerthGuestServices *self = user_data;

    self->callbacks->lost(BERTH_GUEST_PORT_BERTH, self->user_data);
}

static const BerthAgentLineCallbacks own_callbacks = {
    .changed = on_own_changed,
    .message = on_own_message,
    .lost = on_own_lost,
};

/* ---- the engines ---- */

static void
clipboard_to_client(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    BerthGuestServices *self = user_data;

    self->callbacks->to_client(BERTH_CHANNEL_CLIPBOARD, type, payload, len, self->user_data);
}

static void
clipboard_to_guest(uint8_t *data, size_t len, void *user_data)
{
    BerthGuestServices *self = user_data;

    if (!berth_agent_line_send(self->has_clipboard, data, len)) {
        berth_log_warning(SCOPE, "the guest's agent does not read: a clipboard content is lost");
    }
}

static bool
has_clipboard_room(void *user_data)
{
    BerthGuestServices *self = user_data;

    return self->callbacks->get_queued_bytes(BERTH_CHANNEL_CLIPBOARD, self->user_data) <
           CLIPBOARD_QUEUE_BYTES;
}

static void
clipboard_notify(const char *text, void *user_data)
{
    BerthGuestServices *self = user_data;

    self->callbacks->notify(text, self->user_data);
}

static const BerthGuestClipboardCallbacks clipboard_callbacks = {
    .to_client = clipboard_to_client,
    .to_guest = clipboard_to_guest,
    .has_room = has_clipboard_room,
    .notify = clipboard_notify,
};

static void
files_to_client(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    BerthGuestServices *self = user_data;

    self->callbacks->to_client(BERTH_CHANNEL_FILES, type, payload, len, self->user_data);
}

static void
files_to_guest(uint8_t *data, size_t len, uint32_t id, size_t n_content_bytes, void *user_data)
{
    BerthGuestServices *self = user_data;

    if (!berth_agent_line_send_bulk(self->spice, data, len, id, n_content_bytes)) {
        berth_log_warning(SCOPE, "the guest's agent does not read: a part of a file is lost");
    }
}

static const BerthGuestFilesCallbacks files_callbacks = {
    .to_client = files_to_client,
    .to_guest = files_to_guest,
};

/* A message with a body of the display protocol for our agent. */
static void
own_to_guest(uint32_t type, const uint8_t *body, size_t body_len, void *user_data)
{
    BerthGuestServices *self = user_data;
    BerthWriter writer;

    berth_writer_init(&writer, berth_vdagent_get_wire_bytes(body_len));
    berth_vdagent_write_body(&writer, type, body, body_len);
    if (!berth_agent_line_say(self->own, &writer)) {
        berth_log_warning(SCOPE, "the guest's agent does not read: it was not told");
    }
}

/* ---- life ---- */

BerthGuestServices *
berth_guest_services_new(const BerthGuestServicesCallbacks *callbacks, void *user_data)
{
    BerthGuestServices *self = g_new0(BerthGuestServices, 1);

    self->callbacks = callbacks;
    self->user_data = user_data;
    self->spice = berth_agent_line_new("SPICE", berth_vdagent_session_caps, &spice_callbacks, self);
    self->own = berth_agent_line_new("own", berth_guest_session_caps, &own_callbacks, self);
    self->has_clipboard = self->spice;
    self->clipboard = berth_guest_clipboard_new(&clipboard_callbacks, self);
    self->files = berth_guest_files_new(&files_callbacks, self);
    self->typing = berth_guest_typing_new(own_to_guest, self);
    self->outbox = berth_guest_outbox_new(files_to_client, own_to_guest, self);
    return self;
}

void
berth_guest_services_free(BerthGuestServices *self)
{
    if (!self) {
        return;
    }
    if (berth_agent_line_get_caps(self->spice) != 0 || berth_agent_line_get_caps(self->own) != 0) {
        BerthWriter writer;

        berth_guest_services_set_client(self, NULL);
        berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
        berth_vdagent_write_disconnected(&writer);
        berth_agent_line_say(self->spice, &writer);
        berth_agent_line_flush(self->spice, FLUSH_MS);
        berth_agent_line_flush(self->own, FLUSH_MS);
    }
    berth_agent_line_free(self->spice);
    berth_agent_line_free(self->own);
    berth_guest_clipboard_free(self->clipboard);
    berth_guest_files_free(self->files);
    berth_guest_typing_free(self->typing);
    berth_guest_outbox_free(self->outbox);
    g_free(self);
}

void
berth_guest_services_set_policy(BerthGuestServices *self, const BerthGuestPolicy *policy)
{
    const BerthClipboardPolicy *clipboard = &policy->clipboard;
    size_t max_bytes =
        clipboard->from_guest ? MIN(clipboard->max_kib, BERTH_LIMIT_CLIPBOARD_KIB) * 1024 : 0;

    berth_agent_line_set_clipboard_bytes(self->spice, max_bytes);
    berth_agent_line_set_clipboard_bytes(self->own, max_bytes);
    berth_guest_clipboard_set_policy(self->clipboard, clipboard);
    berth_guest_files_set_policy(self->files, &policy->files);
    berth_guest_outbox_set_policy(self->outbox, policy->has_files_from_guest,
                                  policy->files.max_mib);
}

void
berth_guest_services_set_port(BerthGuestServices *self, BerthGuestPortKind kind, int fd)
{
    berth_agent_line_set_port(kind == BERTH_GUEST_PORT_BERTH ? self->own : self->spice, fd);
}

BerthGuestTyping *
berth_guest_services_get_typing(BerthGuestServices *self)
{
    return self->typing;
}

void
berth_guest_services_set_client(BerthGuestServices *self, const BerthMsgHello *hello)
{
    self->takes_clipboard = hello && hello->clipboard_mask != 0;
    self->sends_files = hello && hello->sends_files != 0;
    self->takes_files = hello && hello->takes_files != 0;
    berth_guest_clipboard_set_client(self->clipboard, hello ? hello->clipboard_mask : 0);
    berth_guest_files_set_client(self->files, self->sends_files);
    berth_guest_outbox_set_client(self->outbox, self->takes_files);
}

int
berth_guest_services_handle(BerthGuestServices *self, BerthChannel channel, uint8_t type,
                            const uint8_t *payload, size_t len)
{
    int64_t now_us = berth_monotonic_us();
    bool is_taking = type == BERTH_MSG_FILE_TAKE || type == BERTH_MSG_FILE_TAKE_ACK;

    if (channel == BERTH_CHANNEL_CLIPBOARD && self->takes_clipboard) {
        return berth_guest_clipboard_handle_client(self->clipboard, type, payload, len, now_us);
    }
    if (channel == BERTH_CHANNEL_FILES && is_taking && self->takes_files) {
        return berth_guest_outbox_handle_client(self->outbox, type, payload, len, now_us);
    }
    if (channel == BERTH_CHANNEL_FILES && !is_taking && self->sends_files) {
        return berth_guest_files_handle_client(self->files, type, payload, len, now_us);
    }
    return BERTH_ERR_PROTOCOL;
}

void
berth_guest_services_pump(BerthGuestServices *self)
{
    berth_guest_clipboard_pump(self->clipboard);
}

void
berth_guest_services_set_heads(BerthGuestServices *self, const BerthWireHead *heads,
                               unsigned n_heads)
{
    uint32_t x = 0;

    for (unsigned i = 0; i < n_heads; i++) {
        self->monitors[i] = (BerthVdagentMonitor){ .x = x, .w = heads[i].w, .h = heads[i].h };
        x += heads[i].w;
    }
    self->n_monitors = n_heads;
    send_monitors(self);
}

void
berth_guest_services_set_level(BerthGuestServices *self, unsigned percent, bool is_muted)
{
    self->level_percent = percent;
    self->is_level_muted = is_muted;
    self->has_level = true;
    maybe_send_level(self, berth_monotonic_us());
}

void
berth_guest_services_tick(BerthGuestServices *self)
{
    int64_t now_us = berth_monotonic_us();

    berth_guest_clipboard_tick(self->clipboard, now_us);
    berth_guest_files_tick(self->files, now_us);
    berth_guest_outbox_tick(self->outbox, now_us);
    if (berth_guest_typing_tick(self->typing, now_us)) {
        self->callbacks->typed(self->user_data);
    }
    maybe_send_level(self, now_us);
    berth_agent_line_tick(self->spice, now_us);
    berth_agent_line_tick(self->own, now_us);
}
