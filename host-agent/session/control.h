/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control socket of a session process: a listening SOCK_SEQPACKET socket and the one agent
 * that is connected to it.
 *
 * The session outlives the agent.  A new agent connects to the same socket and takes the place of
 * the old one.  Packets that cannot be sent at once are dropped: the next state report tells all.
 *
 * Callbacks come from the default main context.  Thread: main.
 */
#pragma once

#include "host-agent/session/control-message.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BerthControl BerthControl;

typedef struct {
    /* An agent has connected (again). */
    void (*attached)(void *user_data);
    /* A good packet; fd: of the packet, -1 if its operation has none; the callee owns it. */
    void (*request)(const BerthControlRequest *request, int fd, void *user_data);
} BerthControlCallbacks;

/*
 * Begins to accept on listen_fd.
 *
 * listen_fd: taken; callbacks: borrowed, must outlive the control
 */
BerthControl *berth_control_new(int listen_fd, const BerthControlCallbacks *callbacks,
                                void *user_data);

/* Closes both sockets.  NULL is allowed. */
void berth_control_free(BerthControl *self);

/* Whether an agent is connected. */
bool berth_control_is_attached(const BerthControl *self);

/*
 * Sends one packet to the agent.  text: borrowed.
 *
 * Returns false if there is no agent, or if it does not take the packet.
 */
bool berth_control_send(BerthControl *self, const char *text);
