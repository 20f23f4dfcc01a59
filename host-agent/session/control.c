/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/control.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdpass.h"
#include "base/log.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>

#define SCOPE "control"

struct BerthControl {
    const BerthControlCallbacks *callbacks;
    void *user_data;
    int listen_fd;
    int fd; /* -1 while no agent is connected */
    guint accept_source;
    guint read_source;
    char packet[BERTH_LIMIT_SESSION_CONTROL_BYTES];
};

static void
drop_agent(BerthControl *self)
{
    if (self->read_source) {
        g_source_remove(self->read_source);
        self->read_source = 0;
    }
    berth_clear_fd(&self->fd);
}

/* fds are owned by this function. */
static void
handle_packet(BerthControl *self, size_t len, int *fds, int n_fds)
{
    BerthControlRequest request;
    g_autoptr(GError) error = NULL;
    bool is_good = berth_control_request_parse(self->packet, len, &request, &error);
    int fd = -1;

    if (is_good && n_fds != berth_control_op_n_fds(request.op)) {
        is_good = berth_set_error(&error, BERTH_ERR_PROTOCOL,
                                  "a control packet came with %d descriptors", n_fds);
    }
    if (is_good && n_fds == 1) {
        fd = berth_steal_fd(&fds[0]);
    }
    for (int i = 0; i < n_fds; i++) {
        berth_clear_fd(&fds[i]);
    }
    if (!is_good) {
        berth_log_warning(SCOPE, "a packet of the agent was ignored: %s", error->message);
        return;
    }
    self->callbacks->request(&request, fd, self->user_data);
}

static gboolean
on_readable(gint fd, GIOCondition condition, gpointer user_data)
{
    BerthControl *self = user_data;
    int fds[BERTH_FDPASS_MAX_FDS];
    int n_fds = 0;
    size_t len = 0;
    int r = berth_fds_recv(fd, self->packet, sizeof(self->packet), &len, fds, G_N_ELEMENTS(fds),
                           &n_fds);

    if (r == BERTH_ERR_AGAIN) {
        return G_SOURCE_CONTINUE;
    }
    if (r < 0) {
        berth_log_info(SCOPE, "the agent went away: %s", berth_error_sentence(r));
        self->read_source = 0; /* this source; removed by the return value */
        drop_agent(self);
        return G_SOURCE_REMOVE;
    }
    handle_packet(self, len, fds, n_fds);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_connection(gint listen_fd, GIOCondition condition, gpointer user_data)
{
    BerthControl *self = user_data;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno != EAGAIN) {
            berth_log_warning(SCOPE, "an agent could not be accepted: %s", g_strerror(errno));
        }
        return G_SOURCE_CONTINUE;
    }
    drop_agent(self);
    self->fd = fd;
    self->read_source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, self);
    self->callbacks->attached(self->user_data);
    return G_SOURCE_CONTINUE;
}

BerthControl *
berth_control_new(int listen_fd, const BerthControlCallbacks *callbacks, void *user_data)
{
    BerthControl *self = g_new0(BerthControl, 1);

    self->callbacks = callbacks;
    self->user_data = user_data;
    self->listen_fd = listen_fd;
    self->fd = -1;
    g_unix_set_fd_nonblocking(listen_fd, TRUE, NULL);
    self->accept_source = g_unix_fd_add(listen_fd, G_IO_IN, on_connection, self);
    return self;
}

void
berth_control_free(BerthControl *self)
{
    if (!self) {
        return;
    }
    drop_agent(self);
    g_source_remove(self->accept_source);
    berth_clear_fd(&self->listen_fd);
    g_free(self);
}

bool
berth_control_is_attached(const BerthControl *self)
{
    return self->fd >= 0;
}

bool
berth_control_send(BerthControl *self, const char *text)
{
    int r;

    if (self->fd < 0) {
        return false;
    }
    r = berth_fds_send(self->fd, text, strlen(text), NULL, 0);
    if (r < 0) {
        berth_log_warning(SCOPE, "a packet to the agent was dropped: %s", berth_error_sentence(r));
    }
    return r == BERTH_OK;
}
