/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One socket and one timer, with changing interest: what links and framed streams run on.
 *
 * It is a GSource of its own, or one of many behind a BerthSocketHub.  Thread: the one of the
 * context.
 */
#pragma once

#include "display/transport/socket-hub.h"

#include <glib.h>
#include <stdint.h>

typedef struct BerthSocketSource BerthSocketSource;

/*
 * The socket is ready (events: what of), or the time has come, or berth_socket_source_wake() was
 * called (events: 0 for both).  Must not run the context itself.
 */
typedef void (*BerthSocketFunc)(GIOCondition events, void *user_data);

/*
 * Makes a source that waits for nothing yet.
 *
 * context:  NULL is the default one
 * fd:       borrowed; must stay open until the source is stopped
 *
 * Returns it with one reference for the caller.
 */
BerthSocketSource *berth_socket_source_new(GMainContext *context, int fd, BerthSocketFunc func,
                                           void *user_data);

/* The same behind a hub, which must outlive it. */
BerthSocketSource *berth_socket_source_new_in_hub(BerthSocketHub *hub, int fd, BerthSocketFunc func,
                                                  void *user_data);

/* Calls nobody any more and lets go of the socket; may be called twice. */
void berth_socket_source_stop(BerthSocketSource *source);

/* Gives the reference back; the source must be stopped. */
void berth_socket_source_unref(BerthSocketSource *source);

/*
 * Sets what to wait for: G_IO_IN, G_IO_OUT or both; errors and hang-ups wake in any case.
 * Costs nothing if it is what is waited for already.
 */
void berth_socket_source_set_events(BerthSocketSource *source, GIOCondition events);

/*
 * Sets when to wake, in g_get_monotonic_time(); INT64_MAX is never.  To put it off costs nothing:
 * the source looks again when the earlier time comes.
 */
void berth_socket_source_set_deadline(BerthSocketSource *source, int64_t deadline_us);

/* Wakes at the next turn of the loop, once. */
void berth_socket_source_wake(BerthSocketSource *source);

/* Takes a wake back that has not come yet. */
void berth_socket_source_calm(BerthSocketSource *source);
