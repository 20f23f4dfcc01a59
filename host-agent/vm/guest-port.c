/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/guest-port.h"

#include "base/cleanup.h"
#include "host-agent/unix-socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* Long enough for a guest to notice that it was closed. */
#define RECONNECT_MS 500
#define DRAIN_BYTES 16384

struct BerthGuestPort {
    BerthPoller *poller;
    char *path;
    BerthGuestPortReady on_ready;
    void *user_data;
    int fd; /* -1: not connected, or taken */
    bool is_taken;
    guint connect_source;
};

static void connect_later(BerthGuestPort *self, guint after_ms);

static void
hang_up(BerthGuestPort *self)
{
    if (self->fd >= 0) {
        berth_poller_remove(self->poller, self->fd);
        berth_clear_fd(&self->fd);
    }
}

/* Nobody is there to hear it. */
static void
on_guest_talks(int fd, uint32_t events, void *user_data)
{
    BerthGuestPort *self = user_data;
    char bytes[DRAIN_BYTES];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        hang_up(self);
        connect_later(self, RECONNECT_MS);
    }
}

static gboolean
on_connect(gpointer user_data)
{
    BerthGuestPort *self = user_data;
    self->connect_source = 0;
    self->fd = berth_unix_connect(self->path, SOCK_STREAM, NULL);
    if (self->fd < 0) {
        connect_later(self, RECONNECT_MS);
        return G_SOURCE_REMOVE;
    }
    berth_poller_add(self->poller, self->fd, EPOLLIN, on_guest_talks, self);
    self->on_ready(self->user_data);
    return G_SOURCE_REMOVE;
}

static void
connect_later(BerthGuestPort *self, guint after_ms)
{
    if (self->connect_source == 0) {
        self->connect_source = g_timeout_add(after_ms, on_connect, self);
    }
}

BerthGuestPort *
berth_guest_port_new(BerthPoller *poller, const char *socket_path, BerthGuestPortReady on_ready,
                     void *user_data)
{
    BerthGuestPort *self = g_new0(BerthGuestPort, 1);
    self->poller = poller;
    self->path = g_strdup(socket_path);
    self->on_ready = on_ready;
    self->user_data = user_data;
    self->fd = -1;
    connect_later(self, 0);
    return self;
}

void
berth_guest_port_free(BerthGuestPort *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->connect_source, g_source_remove);
    hang_up(self);
    g_free(self->path);
    g_free(self);
}

int
berth_guest_port_take(BerthGuestPort *self)
{
    if (self->fd < 0) {
        return -1;
    }
    berth_poller_remove(self->poller, self->fd);
    self->is_taken = true;
    return berth_steal_fd(&self->fd);
}

void
berth_guest_port_give_back(BerthGuestPort *self)
{
    if (self->is_taken) {
        self->is_taken = false;
        connect_later(self, RECONNECT_MS);
    }
}
