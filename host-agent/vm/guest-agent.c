/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/guest-agent.h"

#include "base/cleanup.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/line-buffer.h"
#include "host-agent/unix-socket.h"

#include <errno.h>
#include <glib.h>
#include <jansson.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ASK_INTERVAL_MS 500
#define READ_BYTES 4096

struct BerthGuestAgent {
    BerthPoller *poller;
    char *socket_path;
    int fd;
    BerthLineBuffer input;
    int64_t sync_id;
    guint ask_source;
    bool is_alive;
    void (*on_alive)(void *user_data);
    void *user_data;
};

bool
berth_guest_agent_is_sync_answer(const char *line, size_t len, int64_t sync_id)
{
    /* 0xff is the delimiter that flushes a parser; what was before it is of no interest. */
    const char *delimiter = memrchr(line, 0xff, len);
    if (delimiter != NULL) {
        len -= (size_t)(delimiter + 1 - line);
        line = delimiter + 1;
    }
    json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    json_t *answer = json_object_get(root, "return");
    bool is_ours = json_is_integer(answer) && json_integer_value(answer) == sync_id;
    json_decref(root);
    return is_ours;
}

static void
disconnect(BerthGuestAgent *self)
{
    if (self->fd >= 0) {
        berth_poller_remove(self->poller, self->fd);
        berth_clear_fd(&self->fd);
    }
    berth_line_buffer_clear(&self->input);
    berth_line_buffer_init(&self->input, BERTH_LIMIT_GUEST_AGENT_LINE_BYTES);
}

/* A guest that does not read fills the socket: what does not fit is dropped and asked again. */
static void
send_text(BerthGuestAgent *self, const char *text)
{
    if (self->fd >= 0) {
        ssize_t n = send(self->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN) {
            disconnect(self);
        }
    }
}

/* Reads lines; true if one of them proves that the agent is alive. */
static bool
find_answer(BerthGuestAgent *self)
{
    const char *line;
    size_t len;
    while (berth_line_buffer_take(&self->input, &line, &len) == BERTH_OK) {
        if (!self->is_alive && berth_guest_agent_is_sync_answer(line, len, self->sync_id)) {
            return true;
        }
    }
    return false;
}

static void
on_io(int fd, uint32_t events, void *user_data)
{
    BerthGuestAgent *self = user_data;
    char buffer[READ_BYTES];
    ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0 || berth_line_buffer_feed(&self->input, buffer, (size_t)n) != BERTH_OK) {
        disconnect(self);
        return;
    }
    if (find_answer(self)) {
        self->is_alive = true;
        g_clear_handle_id(&self->ask_source, g_source_remove);
        self->on_alive(self->user_data);
    }
}

static gboolean
on_ask(gpointer user_data)
{
    BerthGuestAgent *self = user_data;
    if (self->fd < 0) {
        self->fd = berth_unix_connect(self->socket_path, SOCK_STREAM, NULL);
        if (self->fd >= 0) {
            berth_poller_add(self->poller, self->fd, EPOLLIN, on_io, self);
        }
    }
    g_autofree char *text = g_strdup_printf(
        "{\"execute\": \"guest-sync\", \"arguments\": {\"id\": %" G_GINT64_FORMAT "}}\n",
        self->sync_id);
    send_text(self, text);
    return G_SOURCE_CONTINUE;
}

BerthGuestAgent *
berth_guest_agent_new(BerthPoller *poller, const char *socket_path,
                      void (*on_alive)(void *user_data), void *user_data)
{
    BerthGuestAgent *self = g_new0(BerthGuestAgent, 1);
    uint32_t number;
    berth_random_bytes(&number, sizeof number);
    self->poller = poller;
    self->socket_path = g_strdup(socket_path);
    self->fd = -1;
    self->sync_id = number >> 1;
    self->on_alive = on_alive;
    self->user_data = user_data;
    berth_line_buffer_init(&self->input, BERTH_LIMIT_GUEST_AGENT_LINE_BYTES);
    self->ask_source = g_timeout_add(ASK_INTERVAL_MS, on_ask, self);
    on_ask(self);
    return self;
}

void
berth_guest_agent_free(BerthGuestAgent *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->ask_source, g_source_remove);
    disconnect(self);
    berth_line_buffer_clear(&self->input);
    g_free(self->socket_path);
    g_free(self);
}

void
berth_guest_agent_set_time(BerthGuestAgent *self, int64_t wall_ns)
{
    g_autofree char *text = g_strdup_printf(
        "{\"execute\": \"guest-set-time\", \"arguments\": {\"time\": %" G_GINT64_FORMAT "}}\n",
        wall_ns);
    send_text(self, text);
}

void
berth_guest_agent_shut_down(BerthGuestAgent *self)
{
    send_text(self, "{\"execute\": \"guest-shutdown\", \"arguments\": {\"mode\": "
                    "\"powerdown\"}}\n");
}
