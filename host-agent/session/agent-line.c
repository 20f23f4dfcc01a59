/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/agent-line.h"

#include "host-agent/session/vdagent-port.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"
#include "display/wire/vdagent-message.h"

#include <glib.h>
#include <spice/vd_agent.h>

#define SCOPE "guest"
/* An agent that lost its place in the stream finds it again; it is asked anew, ever more rarely. */
#define ASK_FIRST_US (2LL * 1000 * 1000)
#define ASK_MAX_TIMES 8

struct BerthAgentLine {
    const char *name;
    uint32_t own_caps;
    const BerthAgentLineCallbacks *callbacks;
    void *user_data;
    BerthVdagentPort *port; /* NULL: none */
    size_t max_clipboard_bytes;
    uint32_t caps; /* of the agent; 0: it is not there */
    /* Until it has answered to all questions: */
    uint32_t answered_caps;
    unsigned n_asked, n_unanswered;
    int64_t asked_us;
};

static void
ask(BerthAgentLine *self)
{
    BerthWriter writer;

    self->n_asked++;
    self->n_unanswered++;
    self->asked_us = berth_monotonic_us();
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_vdagent_write_caps(&writer, self->own_caps, true);
    berth_agent_line_say(self, &writer);
}

static void
set_caps(BerthAgentLine *self, uint32_t caps)
{
    if (caps != 0) {
        berth_log_info(SCOPE, "the guest's %s agent is there (capabilities 0x%x)", self->name,
                       caps);
    } else if (self->caps != 0) {
        berth_log_info(SCOPE, "the guest's %s agent has gone", self->name);
    }
    self->caps = caps;
    self->callbacks->changed(caps, self->user_data);
}

static void
handle_caps(BerthAgentLine *self, const BerthVdagentMessage *message)
{
    BerthVdagentCaps caps;

    if (berth_vdagent_read_caps(message->data, message->len, &caps) < 0) {
        return;
    }
    if (caps.wants_answer) {
        /* It has just begun: what it said before, and what it knows of us, is void. */
        set_caps(self, 0);
        self->answered_caps = 0;
        self->n_asked = 0;
        ask(self);
        return;
    }
    self->answered_caps = caps.bits;
    self->n_unanswered -= self->n_unanswered > 0;
    /* Each question makes it begin anew, so only the answer to the last one counts. */
    if (self->n_unanswered == 0 && caps.bits != 0) {
        set_caps(self, caps.bits);
    }
}

static void
on_message(const BerthVdagentMessage *message, void *user_data)
{
    BerthAgentLine *self = user_data;

    if (message->type == VD_AGENT_ANNOUNCE_CAPABILITIES) {
        handle_caps(self, message);
    } else if (self->caps != 0) {
        self->callbacks->message(message, self->user_data);
    }
}

static void
on_sent(uint32_t tag, size_t n_content_bytes, void *user_data)
{
    BerthAgentLine *self = user_data;

    if (self->callbacks->sent) {
        self->callbacks->sent(tag, n_content_bytes, self->user_data);
    }
}

static void
drop_port(BerthAgentLine *self)
{
    g_clear_pointer(&self->port, berth_vdagent_port_free);
    self->answered_caps = 0;
    self->n_asked = 0;
    self->n_unanswered = 0;
    set_caps(self, 0);
}

static void
on_ended(const char *text, void *user_data)
{
    BerthAgentLine *self = user_data;

    berth_log_info(SCOPE, "the port of the guest's %s agent has ended: %s", self->name, text);
    drop_port(self);
    self->callbacks->lost(self->user_data);
}

static const BerthVdagentPortCallbacks port_callbacks = {
    .message = on_message,
    .sent = on_sent,
    .ended = on_ended,
};

BerthAgentLine *
berth_agent_line_new(const char *name, uint32_t own_caps, const BerthAgentLineCallbacks *callbacks,
                     void *user_data)
{
    BerthAgentLine *self = g_new0(BerthAgentLine, 1);

    self->name = name;
    self->own_caps = own_caps;
    self->callbacks = callbacks;
    self->user_data = user_data;
    return self;
}

void
berth_agent_line_free(BerthAgentLine *self)
{
    if (self) {
        berth_vdagent_port_free(self->port);
        g_free(self);
    }
}

void
berth_agent_line_set_port(BerthAgentLine *self, int fd)
{
    drop_port(self);
    self->port = berth_vdagent_port_new(fd, &port_callbacks, self);
    berth_vdagent_port_set_clipboard_bytes(self->port, self->max_clipboard_bytes);
    ask(self);
}

void
berth_agent_line_set_clipboard_bytes(BerthAgentLine *self, size_t max_bytes)
{
    self->max_clipboard_bytes = max_bytes;
    if (self->port) {
        berth_vdagent_port_set_clipboard_bytes(self->port, max_bytes);
    }
}

uint32_t
berth_agent_line_get_caps(const BerthAgentLine *self)
{
    return self->caps;
}

bool
berth_agent_line_send(BerthAgentLine *self, uint8_t *data, size_t len)
{
    if (!self->port || !data) {
        g_free(data);
        return true;
    }
    return berth_vdagent_port_send(self->port, data, len) == BERTH_OK;
}

bool
berth_agent_line_say(BerthAgentLine *self, BerthWriter *messages)
{
    size_t len = 0;
    uint8_t *data = berth_writer_steal(messages, &len);

    berth_writer_clear(messages);
    return berth_agent_line_send(self, data, len);
}

bool
berth_agent_line_send_bulk(BerthAgentLine *self, uint8_t *data, size_t len, uint32_t tag,
                           size_t n_content_bytes)
{
    if (!self->port || !data) {
        g_free(data);
        return true;
    }
    return berth_vdagent_port_send_bulk(self->port, data, len, tag, n_content_bytes) == BERTH_OK;
}

void
berth_agent_line_flush(BerthAgentLine *self, int timeout_ms)
{
    if (self->port) {
        berth_vdagent_port_flush(self->port, timeout_ms);
    }
}

void
berth_agent_line_tick(BerthAgentLine *self, int64_t now_us)
{
    if (!self->port || self->caps != 0 ||
        now_us - self->asked_us < ASK_FIRST_US << MIN(self->n_asked, ASK_MAX_TIMES)) {
        return;
    }
    if (self->answered_caps != 0) {
        self->n_unanswered = 0; /* an earlier question was lost */
        set_caps(self, self->answered_caps);
    } else if (self->n_asked < ASK_MAX_TIMES) {
        ask(self);
    }
}
