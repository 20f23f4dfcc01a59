/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/gateway/host-refresh.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REFRESH_US (10LL * 1000 * 1000)
#define REQUESTED_US (1LL * 1000 * 1000)
#define ATTEMPT_US (5LL * 1000 * 1000)

/* HTTP/1.0: the answer is one block that ends with the connection, never chunked. */
static const char request[] = "GET /internal/v1/hosts HTTP/1.0\r\n"
                              "Host: broker\r\n"
                              "Accept: application/json\r\n"
                              "\r\n";

struct BerthHostRefresh {
    BerthPoller *poller;
    BerthHostTable *table;
    char *path;
    BerthHostRefreshFunc done;
    void *user_data;

    int fd; /* attempt under way, or -1 */
    GString *answer;
    int64_t started_us; /* of the last attempt; 0 is never */
    bool is_requested;
    bool is_failing; /* said so in the log */
};

BerthHostRefresh *
berth_host_refresh_new(BerthPoller *poller, BerthHostTable *table, const char *internal_socket,
                       BerthHostRefreshFunc done, void *user_data)
{
    BerthHostRefresh *self = g_new0(BerthHostRefresh, 1);
    self->poller = poller;
    self->table = table;
    self->path = g_strdup(internal_socket);
    self->done = done;
    self->user_data = user_data;
    self->fd = -1;
    self->answer = g_string_new(NULL);
    return self;
}

static void
stop(BerthHostRefresh *self)
{
    if (self->fd >= 0) {
        berth_poller_remove(self->poller, self->fd);
        berth_clear_fd(&self->fd);
    }
    g_string_truncate(self->answer, 0);
}

void
berth_host_refresh_free(BerthHostRefresh *self)
{
    if (!self) {
        return;
    }
    stop(self);
    g_string_free(self->answer, TRUE);
    g_free(self->path);
    g_free(self);
}

static void
finish(BerthHostRefresh *self, const GError *error)
{
    stop(self);
    if (error && !self->is_failing) {
        berth_log_warning("hosts", "cannot refresh the host table, %u old entries stay: %s",
                          berth_host_table_get_size(self->table), error->message);
    } else if (!error && self->is_failing) {
        berth_log_info("hosts", "the host table is fresh again");
    }
    self->is_failing = error != NULL;
    self->done(self->user_data);
}

static bool
take_answer(BerthHostRefresh *self, GError **error)
{
    const char *text = self->answer->str;
    const char *body = strstr(text, "\r\n\r\n");
    if (!body || strncmp(text, "HTTP/1.", 7) != 0) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "the broker's answer is no HTTP");
    }
    if (strncmp(text + 8, " 200", 4) != 0) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "the broker answers \"%.40s\"", text);
    }
    body += 4;
    return berth_host_table_load(self->table, body, self->answer->len - (size_t)(body - text),
                                 error);
}

static void
on_readable(int fd, uint32_t events, void *user_data)
{
    BerthHostRefresh *self = user_data;
    g_autoptr(GError) error = NULL;
    char chunk[16384];
    ssize_t n = read(fd, chunk, sizeof(chunk));
    if (n > 0) {
        g_string_append_len(self->answer, chunk, n);
        if (self->answer->len <= BERTH_LIMIT_HTTP_RESPONSE_BYTES) {
            return;
        }
        berth_set_error(&error, BERTH_ERR_TOO_LARGE, "the host list is over %u bytes",
                        BERTH_LIMIT_HTTP_RESPONSE_BYTES);
    } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    } else if (n < 0) {
        berth_set_error(&error, BERTH_ERR_IO, "%s", g_strerror(errno));
    } else {
        take_answer(self, &error);
    }
    finish(self, error);
}

static bool
start(BerthHostRefresh *self, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (g_strlcpy(address.sun_path, self->path, sizeof(address.sun_path)) >=
        sizeof(address.sun_path)) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "the path \"%s\" is too long", self->path);
    }
    self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->fd < 0 || connect(self->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        send(self->fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request) ||
        berth_poller_add(self->poller, self->fd, EPOLLIN, on_readable, self) < 0) {
        berth_set_error(error, BERTH_ERR_IO, "\"%s\": %s", self->path, g_strerror(errno));
        berth_clear_fd(&self->fd);
        return false;
    }
    return true;
}

void
berth_host_refresh_tick(BerthHostRefresh *self, int64_t now_us)
{
    g_autoptr(GError) error = NULL;
    int64_t age_us = now_us - self->started_us;
    if (self->fd >= 0) {
        if (age_us >= ATTEMPT_US) {
            berth_set_error(&error, BERTH_ERR_TIMEOUT, "the broker does not answer");
            finish(self, error);
        }
        return;
    }
    if (self->started_us != 0 && age_us < (self->is_requested ? REQUESTED_US : REFRESH_US)) {
        return;
    }
    self->started_us = now_us;
    self->is_requested = false;
    if (!start(self, &error)) {
        finish(self, error);
    }
}

void
berth_host_refresh_request(BerthHostRefresh *self, int64_t now_us)
{
    self->is_requested = true;
    berth_host_refresh_tick(self, now_us);
}
