/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/poller.h"

#include "base/error.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Events taken from the kernel at once; the rest comes with the next turn of the loop. */
#define EVENTS_PER_TURN 256

typedef struct {
    int fd;
    uint32_t serial; /* tells a descriptor from an earlier one with the same number */
    BerthPollerFunc func;
    void *user_data;
} Watch;

struct BerthPoller {
    GSource source;
    int epoll_fd;
    uint32_t last_serial;
    GHashTable *watches; /* fd -> Watch */
};

static uint64_t
pack_key(const Watch *watch)
{
    return (uint64_t)watch->serial << 32 | (uint32_t)watch->fd;
}

static Watch *
find_watch(BerthPoller *poller, int fd)
{
    return g_hash_table_lookup(poller->watches, GINT_TO_POINTER(fd));
}

static gboolean
dispatch(GSource *source, GSourceFunc unused, gpointer unused_data)
{
    BerthPoller *poller = (BerthPoller *)source;
    struct epoll_event events[EVENTS_PER_TURN];

    int n = epoll_wait(poller->epoll_fd, events, EVENTS_PER_TURN, 0);
    for (int i = 0; i < n && !g_source_is_destroyed(source); i++) {
        int fd = (int)(uint32_t)events[i].data.u64;
        Watch *watch = find_watch(poller, fd);
        if (watch && pack_key(watch) == events[i].data.u64) {
            watch->func(fd, events[i].events, watch->user_data);
        }
    }
    return G_SOURCE_CONTINUE;
}

static void
finalize(GSource *source)
{
    BerthPoller *poller = (BerthPoller *)source;
    g_hash_table_unref(poller->watches);
    close(poller->epoll_fd);
}

static GSourceFuncs poller_funcs = {
    .dispatch = dispatch,
    .finalize = finalize,
};

BerthPoller *
berth_poller_new(GMainContext *context)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) {
        g_error("the kernel gives no epoll descriptor: %s", g_strerror(errno));
    }
    BerthPoller *poller = (BerthPoller *)g_source_new(&poller_funcs, sizeof(BerthPoller));
    poller->epoll_fd = epoll_fd;
    poller->watches = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    g_source_set_static_name(&poller->source, "berth-poller");
    g_source_add_unix_fd(&poller->source, epoll_fd, G_IO_IN);
    g_source_attach(&poller->source, context);
    return poller;
}

void
berth_poller_free(BerthPoller *poller)
{
    if (poller) {
        g_source_destroy(&poller->source);
        g_source_unref(&poller->source);
    }
}

int
berth_poller_add(BerthPoller *poller, int fd, uint32_t events, BerthPollerFunc func,
                 void *user_data)
{
    if (fd < 0 || !func) {
        return BERTH_ERR_INVALID;
    }
    if (find_watch(poller, fd)) {
        return BERTH_ERR_EXISTS;
    }
    Watch *watch = g_new(Watch, 1);
    *watch = (Watch){ .fd = fd, .serial = ++poller->last_serial, func, user_data };
    struct epoll_event event = { .events = events, .data.u64 = pack_key(watch) };
    if (epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        g_free(watch);
        return errno == EBADF || errno == EPERM ? BERTH_ERR_INVALID : berth_error_from_errno(errno);
    }
    g_hash_table_insert(poller->watches, GINT_TO_POINTER(fd), watch);
    return BERTH_OK;
}

int
berth_poller_modify(BerthPoller *poller, int fd, uint32_t events)
{
    Watch *watch = find_watch(poller, fd);
    if (!watch) {
        return BERTH_ERR_NOT_FOUND;
    }
    struct epoll_event event = { .events = events, .data.u64 = pack_key(watch) };
    if (epoll_ctl(poller->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0) {
        return berth_error_from_errno(errno);
    }
    return BERTH_OK;
}

int
berth_poller_remove(BerthPoller *poller, int fd)
{
    if (!g_hash_table_remove(poller->watches, GINT_TO_POINTER(fd))) {
        return BERTH_ERR_NOT_FOUND;
    }
    /* Fails when the owner closed fd first, which took it out of the kernel's set already. */
    epoll_ctl(poller->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    return BERTH_OK;
}
