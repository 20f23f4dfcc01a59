/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One epoll descriptor as one GSource, for programs with many sockets.
 *
 * GLib's loop looks at every descriptor on every wake-up (76 us at 1000 of them); behind epoll the
 * cost follows the sockets that are ready.  Level-triggered.  Adding, changing and removing any
 * descriptor inside a callback is safe: a removed one gets no event that was already collected.
 * Thread: the one that runs the context.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct BerthPoller BerthPoller;

/* Called with the EPOLL* events that are true for fd. */
typedef void (*BerthPollerFunc)(int fd, uint32_t epoll_events, void *user_data);

/* New poller in a context (NULL is the default one); aborts if the kernel gives no descriptor. */
BerthPoller *berth_poller_new(GMainContext *context);

/* Frees the poller and forgets all descriptors (it closes none); may be called in a callback. */
void berth_poller_free(BerthPoller *poller);

/*
 * Watches fd for epoll events (EPOLLIN, EPOLLOUT, EPOLLRDHUP; errors and hang-ups come always).
 *
 * Ownership: fd is borrowed; remove it before closing it.
 * Errors: BERTH_ERR_EXISTS if it is watched already, BERTH_ERR_INVALID for a bad descriptor,
 * BERTH_ERR_IO.
 */
int berth_poller_add(BerthPoller *poller, int fd, uint32_t events, BerthPollerFunc func,
                     void *user_data);

/* Changes what fd is watched for; 0 keeps errors and hang-ups.  Errors: BERTH_ERR_NOT_FOUND. */
int berth_poller_modify(BerthPoller *poller, int fd, uint32_t events);

/* Stops watching fd.  Errors: BERTH_ERR_NOT_FOUND. */
int berth_poller_remove(BerthPoller *poller, int fd);
