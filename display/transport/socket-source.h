/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One socket and one timer as one GSource, with changing interest: what links and framed streams
 * run on.  Thread: the one of the context.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

/*
 * The socket is ready (events: what of), or the time has come, or berth_socket_source_wake() was
 * called (events: 0 for both).  Must not run the context itself.
 */
typedef void (*BerthSocketFunc)(GIOCondition events, void *user_data);

/*
 * Makes a source that waits for nothing yet and attaches it.
 *
 * context:  NULL is the default one
 * fd:       borrowed; must stay open until the source is destroyed
 *
 * Returns it with one reference for the caller: g_source_destroy() and g_source_unref() end it.
 */
GSource *berth_socket_source_new(GMainContext *context, int fd, BerthSocketFunc func,
                                 void *user_data);

/*
 * Sets what to wait for: G_IO_IN, G_IO_OUT or both; errors and hang-ups wake in any case.
 * Costs nothing if it is what is waited for already.
 */
void berth_socket_source_set_events(GSource *source, GIOCondition events);

/*
 * Sets when to wake, in g_get_monotonic_time(); INT64_MAX is never.  To put it off costs nothing:
 * the source looks again when the earlier time comes.
 */
void berth_socket_source_set_deadline(GSource *source, int64_t deadline_us);

/* Wakes at the next turn of the loop, once. */
void berth_socket_source_wake(GSource *source);

/* Takes a wake back that has not come yet. */
void berth_socket_source_calm(GSource *source);
