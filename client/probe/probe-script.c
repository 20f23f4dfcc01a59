/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/probe-script.h"

#include "berth/limits.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

struct BerthProbeScript {
    int fd;
    BerthProbeLineFunc func;
    void *user_data;
    char buffer[BERTH_LIMIT_PROBE_LINE_BYTES];
    size_t len;
    bool is_at_end;
    guint fd_source, idle_source;
};

/* Hands out the first line of the buffer.  Returns false if there is none yet. */
static bool
take_line(BerthProbeScript *self)
{
    char line[BERTH_LIMIT_PROBE_LINE_BYTES];
    const char *end = memchr(self->buffer, '\n', self->len);
    size_t n;

    if (end == NULL) {
        return false;
    }
    n = (size_t)(end - self->buffer);
    memcpy(line, self->buffer, n);
    line[n] = '\0';
    self->len -= n + 1;
    memmove(self->buffer, end + 1, self->len);
    self->func(line, self->user_data);
    return true;
}

static gboolean
on_readable(gint fd, GIOCondition condition, gpointer user_data)
{
    BerthProbeScript *self = user_data;
    ssize_t n = read(fd, self->buffer + self->len, sizeof self->buffer - self->len);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    if (n > 0) {
        self->len += (size_t)n;
    }
    if (n <= 0) {
        self->is_at_end = true;
    }
    if (n > 0 && memchr(self->buffer, '\n', self->len) == NULL && self->len < sizeof self->buffer) {
        return G_SOURCE_CONTINUE;
    }
    self->fd_source = 0;
    if (!take_line(self)) {
        self->func(NULL, self->user_data);
    }
    return G_SOURCE_REMOVE;
}

static gboolean
on_idle(gpointer user_data)
{
    BerthProbeScript *self = user_data;

    self->idle_source = 0;
    if (take_line(self)) {
        return G_SOURCE_REMOVE;
    }
    if (self->is_at_end) {
        self->func(NULL, self->user_data);
        return G_SOURCE_REMOVE;
    }
    self->fd_source = g_unix_fd_add(self->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, self);
    return G_SOURCE_REMOVE;
}

BerthProbeScript *
berth_probe_script_new(int fd, BerthProbeLineFunc func, void *user_data)
{
    BerthProbeScript *self = g_new0(BerthProbeScript, 1);

    self->fd = fd;
    self->func = func;
    self->user_data = user_data;
    return self;
}

void
berth_probe_script_free(BerthProbeScript *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->fd_source, g_source_remove);
    g_clear_handle_id(&self->idle_source, g_source_remove);
    g_free(self);
}

void
berth_probe_script_next(BerthProbeScript *self)
{
    if (self->idle_source == 0 && self->fd_source == 0) {
        self->idle_source = g_idle_add_full(G_PRIORITY_DEFAULT, on_idle, self, NULL);
    }
}
