/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both kinds share one struct.  A source of its own is attached to the context.  One of a hub is
 * not: the hub's epoll descriptor tells of its socket, the hub's clock of its deadline.
 */
#include "display/transport/socket-source.h"

#include "base/error.h"
#include "base/poller.h"

#include <glib-unix.h>
#include <stdbool.h>
#include <sys/epoll.h>

#define NEVER INT64_MAX

struct BerthSocketSource {
    GSource source;
    BerthSocketHub *hub; /* NULL: attached to the context itself */
    GList link;          /* in the list of the hub */
    int fd;
    gpointer tag; /* of the socket in the source */
    BerthSocketFunc func;
    void *user_data;
    GIOCondition events;
    int64_t deadline_us;
    int64_t armed_us; /* what the loop knows: 0 is at once; never later than the deadline */
    bool is_woken;
};

struct BerthSocketHub {
    GSource source; /* the clock */
    BerthPoller *poller;
    GQueue sockets; /* of BerthSocketSource, by their `link` */
    GQueue woken;   /* of BerthSocketSource *, referenced */
    int64_t sweep_us;
};

/* Every call of g_source_set_ready_time() costs a turn of the loop. */
static void
arm(BerthSocketSource *self, int64_t ready_us)
{
    if (ready_us != self->armed_us) {
        self->armed_us = ready_us;
        g_source_set_ready_time(&self->source, ready_us == NEVER ? -1 : ready_us);
    }
}

static gboolean
dispatch(GSource *source, GSourceFunc callback, gpointer user_data)
{
    BerthSocketSource *self = (BerthSocketSource *)source;
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

static BerthSocketSource *
source_new(int fd, BerthSocketFunc func, void *user_data)
{
    static GSourceFuncs funcs = { .dispatch = dispatch };
    BerthSocketSource *self = (BerthSocketSource *)g_source_new(&funcs, sizeof *self);
    self->fd = fd;
    self->func = func;
    self->user_data = user_data;
    self->deadline_us = NEVER;
    self->armed_us = NEVER;
    self->link = (GList){ .data = self };
    return self;
}

BerthSocketSource *
berth_socket_source_new(GMainContext *context, int fd, BerthSocketFunc func, void *user_data)
{
    BerthSocketSource *self = source_new(fd, func, user_data);
    self->tag = g_source_add_unix_fd(&self->source, fd, 0);
    /* Else GLib takes the socket out and in around each dispatch, and wakes itself for both. */
    g_source_set_can_recurse(&self->source, TRUE);
    g_source_attach(&self->source, context);
    return self;
}

/* The flags of GLib and of epoll have the same numbers. */
static void
on_hub_event(int fd, uint32_t epoll_events, void *user_data)
{
    BerthSocketSource *self = user_data;
    g_source_ref(&self->source);
    self->func((GIOCondition)(epoll_events & (G_IO_IN | G_IO_OUT | G_IO_ERR | G_IO_HUP)),
               self->user_data);
    g_source_unref(&self->source);
}

BerthSocketSource *
berth_socket_source_new_in_hub(BerthSocketHub *hub, int fd, BerthSocketFunc func, void *user_data)
{
    G_STATIC_ASSERT((int)G_IO_IN == EPOLLIN && (int)G_IO_OUT == EPOLLOUT);
    G_STATIC_ASSERT((int)G_IO_ERR == EPOLLERR && (int)G_IO_HUP == EPOLLHUP);
    BerthSocketSource *self = source_new(fd, func, user_data);
    self->hub = hub;
    g_queue_push_tail_link(&hub->sockets, &self->link);
    (void)berth_poller_add(hub->poller, fd, 0, on_hub_event, self);
    return self;
}

static bool
is_stopped(const BerthSocketSource *self)
{
    return g_source_is_destroyed((GSource *)&self->source);
}

void
berth_socket_source_stop(BerthSocketSource *self)
{
    if (self->hub != NULL && !is_stopped(self)) {
        (void)berth_poller_remove(self->hub->poller, self->fd);
        g_queue_unlink(&self->hub->sockets, &self->link);
    }
    g_source_destroy(&self->source);
}

void
berth_socket_source_unref(BerthSocketSource *self)
{
    g_source_unref(&self->source);
}

void
berth_socket_source_set_events(BerthSocketSource *self, GIOCondition events)
{
    if (events == self->events) {
        return;
    }
    self->events = events;
    if (self->hub != NULL) {
        (void)berth_poller_modify(self->hub->poller, self->fd, events);
    } else {
        g_source_modify_unix_fd(&self->source, self->tag, events);
    }
}

void
berth_socket_source_set_deadline(BerthSocketSource *self, int64_t deadline_us)
{
    self->deadline_us = deadline_us;
    if (self->hub == NULL && deadline_us < self->armed_us) {
        arm(self, deadline_us);
    }
}

void
berth_socket_source_wake(BerthSocketSource *self)
{
    if (self->hub == NULL) {
        self->is_woken = true;
        arm(self, 0);
    } else if (!self->is_woken) {
        self->is_woken = true;
        g_source_ref(&self->source);
        g_queue_push_tail(&self->hub->woken, self);
        if (self->hub->woken.length == 1) {
            g_source_set_ready_time(&self->hub->source, 0);
        }
    }
}

void
berth_socket_source_calm(BerthSocketSource *self)
{
    if (!self->is_woken) {
        return;
    }
    self->is_woken = false;
    if (self->hub == NULL) {
        arm(self, self->deadline_us);
    } else if (g_queue_remove(&self->hub->woken, self)) {
        g_source_unref(&self->source);
    }
}

/* Calls those of a list that still want to be called; takes the references. */
static void
call_all(GQueue *sockets)
{
    BerthSocketSource *socket = NULL;
    while ((socket = g_queue_pop_head(sockets)) != NULL) {
        if (!is_stopped(socket)) {
            socket->func(0, socket->user_data);
        }
        g_source_unref(&socket->source);
    }
}

static void
sweep(BerthSocketHub *hub, int64_t now_us)
{
    GQueue due = G_QUEUE_INIT;
    for (GList *link = hub->sockets.head; link != NULL; link = link->next) {
        BerthSocketSource *socket = link->data;
        if (socket->deadline_us <= now_us) {
            socket->deadline_us = NEVER;
            g_source_ref(&socket->source);
            g_queue_push_tail(&due, socket);
        }
    }
    call_all(&due);
}

static gboolean
on_hub_clock(GSource *source, GSourceFunc callback, gpointer user_data)
{
    BerthSocketHub *hub = (BerthSocketHub *)source;
    int64_t now_us = g_source_get_time(source);
    GQueue woken = hub->woken;
    g_queue_init(&hub->woken);
    for (GList *link = woken.head; link != NULL; link = link->next) {
        ((BerthSocketSource *)link->data)->is_woken = false;
    }
    call_all(&woken);
    if (now_us >= hub->sweep_us) {
        hub->sweep_us = now_us + BERTH_SOCKET_HUB_SWEEP_US;
        sweep(hub, now_us);
    }
    g_source_set_ready_time(source, hub->woken.length > 0 ? 0 : hub->sweep_us);
    return G_SOURCE_CONTINUE;
}

BerthSocketHub *
berth_socket_hub_new(GMainContext *context)
{
    static GSourceFuncs funcs = { .dispatch = on_hub_clock };
    BerthSocketHub *hub = (BerthSocketHub *)g_source_new(&funcs, sizeof *hub);
    hub->poller = berth_poller_new(context);
    g_queue_init(&hub->sockets);
    g_queue_init(&hub->woken);
    g_source_set_ready_time(&hub->source, 0);
    g_source_set_static_name(&hub->source, "berth-socket-hub");
    g_source_attach(&hub->source, context);
    return hub;
}

void
berth_socket_hub_free(BerthSocketHub *hub)
{
    if (hub == NULL) {
        return;
    }
    g_assert(hub->sockets.length == 0);
    call_all(&hub->woken); /* stopped, all of them: only references are given back */
    berth_poller_free(hub->poller);
    g_source_destroy(&hub->source);
    g_source_unref(&hub->source);
}
