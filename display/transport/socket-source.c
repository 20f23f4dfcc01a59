/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/socket-source.h"

#include <glib-unix.h>
#include <stdbool.h>

#define NEVER INT64_MAX

typedef struct {
    GSource source;
    gpointer tag; /* of the socket in the source */
    BerthSocketFunc func;
    void *user_data;
    GIOCondition events;
    int64_t deadline_us;
    int64_t armed_us; /* what the loop knows: 0 is at once; never later than the deadline */
    bool is_woken;
} SocketSource;

/* Every call of g_source_set_ready_time() costs a turn of the loop. */
static void
arm(SocketSource *self, int64_t ready_us)
{
    if (ready_us != self->armed_us) {
        self->armed_us = ready_us;
        g_source_set_ready_time(&self->source, ready_us == NEVER ? -1 : ready_us);
    }
}

static gboolean
dispatch(GSource *source, GSourceFunc callback, gpointer user_data)
{
    SocketSource *self = (SocketSource *)source;
    GIOCondition events = g_source_query_unix_fd(source, self->tag);
    bool is_due = self->deadline_us <= g_source_get_time(source);
    bool has_reason = events != 0 || is_due || self->is_woken;
    self->is_woken = false;
    /* The owner sets the next deadline; until then a time that has come must not come again. */
    if (is_due) {
        self->deadline_us = NEVER;
    }
    if (self->armed_us <= g_source_get_time(source)) {
        arm(self, self->deadline_us);
    }
    if (has_reason) {
        self->func(events, self->user_data);
    }
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
    self->deadline_us = NEVER;
    self->armed_us = NEVER;
    self->tag = g_source_add_unix_fd(source, fd, 0);
    /* Else GLib takes the socket out and in around each dispatch, and wakes itself for both. */
    g_source_set_can_recurse(source, TRUE);
    g_source_attach(source, context);
    return source;
}

void
berth_socket_source_set_events(GSource *source, GIOCondition events)
{
    SocketSource *self = (SocketSource *)source;
    if (events != self->events) {
        self->events = events;
        g_source_modify_unix_fd(source, self->tag, events);
    }
}

void
berth_socket_source_set_deadline(GSource *source, int64_t deadline_us)
{
    SocketSource *self = (SocketSource *)source;
    self->deadline_us = deadline_us;
    if (deadline_us < self->armed_us) {
        arm(self, deadline_us);
    }
}

void
berth_socket_source_wake(GSource *source)
{
    SocketSource *self = (SocketSource *)source;
    self->is_woken = true;
    arm(self, 0);
}

void
berth_socket_source_calm(GSource *source)
{
    SocketSource *self = (SocketSource *)source;
    if (self->is_woken) {
        self->is_woken = false;
        arm(self, self->deadline_us);
    }
}
