/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/guest-services.h"

#include "host-agent/session/vdagent-message.h"
#include "host-agent/session/vdagent-port.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <spice/vd_agent.h>
#include <string.h>
#include <unistd.h>

#define SCOPE "guest"
/* Content that may wait for the client; more comes when it has left. */
#define CLIPBOARD_QUEUE_BYTES (256u * 1024)
/* An agent that lost its place in the stream finds it again; it is asked anew, ever more rarely. */
#define ASK_FIRST_US (2LL * 1000 * 1000)
#define ASK_MAX_TIMES 8
/* For the last words to an agent that is busy. */
#define FLUSH_MS 50

struct BerthGuestServices {
    const BerthGuestServicesCallbacks *callbacks;
    void *user_data;
    BerthVdagentPort *port; /* NULL: none */
    uint32_t caps;          /* of the agent; 0: it is not there */
    /* Until it has answered to all questions: */
    uint32_t answered_caps;
    unsigned n_asked, n_unanswered;
    int64_t asked_us;

    BerthGuestClipboard *clipboard;
    BerthGuestFiles *files;
    bool takes_clipboard, sends_files; /* the client */
    size_t max_clipboard_bytes;
    BerthVdagentMonitor monitors[BERTH_LIMIT_HEADS];
    unsigned n_monitors;
};

/* ---- to the guest ---- */

static void
send_guest(BerthGuestServices *self, BerthWriter *writer)
{
    size_t len = 0;
    uint8_t *data = berth_writer_steal(writer, &len);

    if (!self->port || !data || berth_vdagent_port_send(self->port, data, len) < 0) {
        berth_log_debug(SCOPE, "the guest's agent was not told");
    }
    berth_writer_clear(writer);
}

static void
ask_agent(BerthGuestServices *self)
{
    BerthWriter writer;

    self->n_asked++;
    self->n_unanswered++;
    self->asked_us = berth_monotonic_us();
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_vdagent_write_caps(&writer, true);
    send_guest(self, &writer);
}

static void
send_monitors(BerthGuestServices *self)
{
    BerthWriter writer;

    if (self->n_monitors == 0 || !berth_vdagent_has(self->caps, VD_AGENT_CAP_MONITORS_CONFIG)) {
        return;
    }
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_vdagent_write_monitors(&writer, self->caps, self->monitors, self->n_monitors);
    send_guest(self, &writer);
}

static void
set_agent(BerthGuestServices *self, uint32_t caps)
{
    if (caps != 0) {
        berth_log_info(SCOPE, "the guest's agent is there (capabilities 0x%x)", caps);
    } else if (self->caps != 0) {
        berth_log_info(SCOPE, "the guest's agent has gone");
    }
    self->caps = caps;
    berth_guest_clipboard_set_agent(self->clipboard, caps);
    berth_guest_files_set_agent(self->files, caps);
    send_monitors(self);
}

/* ---- from the guest ---- */

static void
handle_caps(BerthGuestServices *self, const BerthVdagentMessage *message)
{
    BerthVdagentCaps caps;

    if (berth_vdagent_read_caps(message->data, message->len, &caps) < 0) {
        return;
    }
    if (caps.wants_answer) {
        /* It has just begun: what it said before, and what it knows of us, is void. */
        set_agent(self, 0);
        self->answered_caps = 0;
        self->n_asked = 0;
        ask_agent(self);
        return;
    }
    self->answered_caps = caps.bits;
    self->n_unanswered -= self->n_unanswered > 0;
    /* Each question makes it begin anew, so only the answer to the last one counts. */
    if (self->n_unanswered == 0 && caps.bits != 0) {
        set_agent(self, caps.bits);
    }
}

static void
handle_file_status(BerthGuestServices *self, const BerthVdagentMessage *message)
{
    BerthVdagentFileStatus status;

    if (berth_vdagent_read_file_status(message->data, message->len, &status) == BERTH_OK) {
        berth_guest_files_handle_guest(self->files, &status, berth_monotonic_us());
    }
}

static void
on_guest_message(const BerthVdagentMessage *message, void *user_data)
{
    BerthGuestServices *self = user_data;

    switch (message->type) {
    case VD_AGENT_ANNOUNCE_CAPABILITIES:
        handle_caps(self, message);
        break;
    case VD_AGENT_CLIPBOARD:
    case VD_AGENT_CLIPBOARD_GRAB:
    case VD_AGENT_CLIPBOARD_REQUEST:
    case VD_AGENT_CLIPBOARD_RELEASE:
        berth_guest_clipboard_handle_guest(self->clipboard, message, berth_monotonic_us());
        break;
    case VD_AGENT_FILE_XFER_STATUS:
        handle_file_status(self, message);
        break;
    default:
        break;
    }
}

static void
on_sent(uint32_t tag, size_t n_content_bytes, void *user_data)
{
    BerthGuestServices *self = user_data;

    berth_guest_files_note_sent(self->files, tag, n_content_bytes, berth_monotonic_us());
}

static void
drop_port(BerthGuestServices *self)
{
    g_clear_pointer(&self->port, berth_vdagent_port_free);
    self->answered_caps = 0;
    self->n_asked = 0;
    self->n_unanswered = 0;
    set_agent(self, 0);
}

static void
on_port_ended(const char *text, void *user_data)
{
    BerthGuestServices *self = user_data;

    berth_log_info(SCOPE, "the port of the guest's agent has ended: %s", text);
    drop_port(self);
    self->callbacks->lost(self->user_data);
}

static const BerthVdagentPortCallbacks port_callbacks = {
    .message = on_guest_message,
    .sent = on_sent,
    .ended = on_port_ended,
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

    if (!self->port) {
        g_free(data);
    } else if (berth_vdagent_port_send(self->port, data, len) < 0) {
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

    if (!self->port) {
        g_free(data);
    } else if (berth_vdagent_port_send_bulk(self->port, data, len, id, n_content_bytes) < 0) {
        berth_log_warning(SCOPE, "the guest's agent does not read: a part of a file is lost");
    }
}

static const BerthGuestFilesCallbacks files_callbacks = {
    .to_client = files_to_client,
    .to_guest = files_to_guest,
};

/* ---- life ---- */

BerthGuestServices *
berth_guest_services_new(const BerthGuestServicesCallbacks *callbacks, void *user_data)
{
    BerthGuestServices *self = g_new0(BerthGuestServices, 1);

    self->callbacks = callbacks;
    self->user_data = user_data;
    self->clipboard = berth_guest_clipboard_new(&clipboard_callbacks, self);
    self->files = berth_guest_files_new(&files_callbacks, self);
    return self;
}

void
berth_guest_services_free(BerthGuestServices *self)
{
    if (!self) {
        return;
    }
    if (self->port && self->caps != 0) {
        BerthWriter writer;

        berth_guest_services_set_client(self, NULL);
        berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
        berth_vdagent_write_disconnected(&writer);
        send_guest(self, &writer);
        berth_vdagent_port_flush(self->port, FLUSH_MS);
    }
    berth_vdagent_port_free(self->port);
    berth_guest_clipboard_free(self->clipboard);
    berth_guest_files_free(self->files);
    g_free(self);
}

void
berth_guest_services_set_policy(BerthGuestServices *self, const BerthGuestPolicy *policy)
{
    const BerthClipboardPolicy *clipboard = &policy->clipboard;

    self->max_clipboard_bytes =
        clipboard->from_guest ? MIN(clipboard->max_kib, BERTH_LIMIT_CLIPBOARD_KIB) * 1024 : 0;
    if (self->port) {
        berth_vdagent_port_set_clipboard_bytes(self->port, self->max_clipboard_bytes);
    }
    berth_guest_clipboard_set_policy(self->clipboard, clipboard);
    berth_guest_files_set_policy(self->files, &policy->files);
}

void
berth_guest_services_set_port(BerthGuestServices *self, int fd)
{
    drop_port(self);
    self->port = berth_vdagent_port_new(fd, &port_callbacks, self);
    berth_vdagent_port_set_clipboard_bytes(self->port, self->max_clipboard_bytes);
    ask_agent(self);
}

void
berth_guest_services_set_client(BerthGuestServices *self, const BerthMsgHello *hello)
{
    self->takes_clipboard = hello && hello->clipboard_mask != 0;
    self->sends_files = hello && hello->sends_files != 0;
    berth_guest_clipboard_set_client(self->clipboard, hello ? hello->clipboard_mask : 0);
    berth_guest_files_set_client(self->files, self->sends_files);
}

int
berth_guest_services_handle(BerthGuestServices *self, BerthChannel channel, uint8_t type,
                            const uint8_t *payload, size_t len)
{
    int64_t now_us = berth_monotonic_us();

    if (channel == BERTH_CHANNEL_CLIPBOARD && self->takes_clipboard) {
        return berth_guest_clipboard_handle_client(self->clipboard, type, payload, len, now_us);
    }
    if (channel == BERTH_CHANNEL_FILES && self->sends_files) {
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
berth_guest_services_tick(BerthGuestServices *self)
{
    int64_t now_us = berth_monotonic_us();

    berth_guest_clipboard_tick(self->clipboard, now_us);
    berth_guest_files_tick(self->files, now_us);
    if (!self->port || self->caps != 0 ||
        now_us - self->asked_us < ASK_FIRST_US << MIN(self->n_asked, ASK_MAX_TIMES)) {
        return;
    }
    if (self->answered_caps != 0) {
        self->n_unanswered = 0; /* an earlier question was lost */
        set_agent(self, self->answered_caps);
    } else if (self->n_asked < ASK_MAX_TIMES) {
        ask_agent(self);
    }
}
