/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host's end of one port of a guest, of which a session makes use now and then.
 *
 * A port whose host's end nobody holds looks closed to the guest, and the SPICE project's agent
 * asks a hundred times a second whether it has been opened; so it is held, and what comes is thrown
 * away, while no session has it.  A session gets the socket itself: its end ends what the guest
 * had begun to say, and the next one is connected a moment later, when the guest has seen that.
 *
 * Thread: main.
 */
#pragma once

#include "base/poller.h"

typedef struct BerthGuestPort BerthGuestPort;

/* Called from the loop when the port can be taken (again). */
typedef void (*BerthGuestPortReady)(void *user_data);

/* Makes one of a listening UNIX socket, which may be missing for now. */
BerthGuestPort *berth_guest_port_new(BerthPoller *poller, const char *socket_path,
                                     BerthGuestPortReady on_ready, void *user_data);

/* Hangs up.  NULL is allowed. */
void berth_guest_port_free(BerthGuestPort *self);

/* Returns the socket, owned by the caller; -1 if it is not connected or somebody has it. */
int berth_guest_port_take(BerthGuestPort *self);

/* Who took the socket has closed it. */
void berth_guest_port_give_back(BerthGuestPort *self);
