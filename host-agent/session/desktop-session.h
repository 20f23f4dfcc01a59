/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One desktop in use: joins control socket, capture source, admission and viewers.
 *
 *   waiting -> running -> ending -> ended
 *
 * waiting until the agent's "start"; then the sandbox is entered, our key made and the display
 * attached.  One viewer is present at a time, others are in their handshake or on their way out.
 * It ends by the agent's "end", when the desktop goes, or by berth_desktop_session_finish().
 *
 * Thread: main.
 */
#pragma once

#include <glib.h>

typedef struct BerthDesktopSession BerthDesktopSession;

/*
 * Begins to wait for the agent.
 *
 * control_fd: listening SOCK_SEQPACKET socket, taken
 * loop:       quit when the session has ended; borrowed
 */
BerthDesktopSession *berth_desktop_session_new(int control_fd, GMainLoop *loop);

/* Drops everything at once.  NULL is allowed. */
void berth_desktop_session_free(BerthDesktopSession *self);

/* Ends it if it has not ended; runs the loop until clients have their BYE, at most 1.5 s. */
void berth_desktop_session_finish(BerthDesktopSession *self);

/* Status for exit(): 0 after a wanted end, 1 after a failure. */
int berth_desktop_session_get_exit_status(const BerthDesktopSession *self);
