/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/socket-source.h"

#include <glib-unix.h>
#include <stdbool.h>

typedef struct {
    GSource source;
    gpointer tag; /* of the socket in the source */
    BerthSocketFunc func;
    void *user_data;
    int64_t deadline_us;
    bool is_woken;
} SocketSource;

static void
update_ready_time(SocketSource *self)
{
    int64_t ready_us = self->deadline_us == INT64_MAX ? -1 : self->deadline_us;
    g_source_set_ready_time(&self->source, self->is_woken ? 0 : ready_us);
}

static gboolean
dispatch(GSource *source, GSourceFunc callback, gpointer user_data)
{
    SocketSource *self = (SocketSource *)source;
    GIOCondition events = g_source_query_unix_fd(source, self->tag);
    self->is_woken = false;
    /* The owner sets the next deadline; until then a time that has come must not come again. */
    if (self->deadline_us <= g_source_get_time(source)) {
        self->deadline_us = INT64_MAX;
    }
    update_ready_time(self);
    self->func(events, self->user_data);
    return G_SOURCE_CONTINUE;
}

GSource *
berth_socket_source_new(GMainContext *context, int fd, BerthSocketFunc func, void *user_data)
{
    static GSourceFuncs funcs = { .dispatch = dispatch };
    GSource *source = g_source_new(&funcs, sizeof(SocketSource));
    SocketSource *self = (SocketSource *)source;
    self->func = func;
    self->user_data = user_data;
    self->deadline_us = INT64_MAX;
    self->tag = g_source_add_unix_fd(source, fd, 0);
    g_source_attach(source, context);
    return source;
}

void
berth_socket_source_set_events(GSource *source, GIOCondition events)
{
    SocketSource *self = (SocketSource *)source;
    g_source_modify_unix_fd(source, self->tag, events);
}

void
berth_socket_source_set_deadline(GSource *source, int64_t deadline_us)
{
    SocketSource *self = (SocketSource *)source;
    self->deadline_us = deadline_us;
    update_ready_time(self);
}

void
berth_socket_source_wake(GSource *source)
{
    SocketSource *self = (SocketSource *)source;
    self->is_woken = true;
    update_ready_time(self);
}
