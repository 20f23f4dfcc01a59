/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Thin client of the QEMU guest agent: finds out whether it is alive, and sets the guest's clock.
 *
 * The other end is the guest, so everything it says is hostile: lines are bounded, only the answer
 * to our own random sync number counts, and anything else is skipped.  The client asks again every
 * half second until it is answered, because a guest that boots opens its port late.  Thread: main.
 */
#pragma once

#include "base/poller.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthGuestAgent BerthGuestAgent;

/*
 * Connects to the UNIX socket of the guest agent's port and starts asking.
 *
 * on_alive:  called once, when the agent answered; may free the client
 *
 * The socket may be missing for now: connecting is tried again too.
 */
BerthGuestAgent *berth_guest_agent_new(BerthPoller *poller, const char *socket_path,
                                       void (*on_alive)(void *user_data), void *user_data);

/* Closes; NULL is allowed. */
void berth_guest_agent_free(BerthGuestAgent *self);

/* Sets the guest's clock, nanoseconds since 1970; only after on_alive.  The answer is ignored. */
void berth_guest_agent_set_time(BerthGuestAgent *self, int64_t wall_ns);

/* Asks the guest to shut down; only after on_alive.  The answer is ignored. */
void berth_guest_agent_shut_down(BerthGuestAgent *self);

/* Whether a line of the guest is the answer to guest-sync with this number.  Pure. */
bool berth_guest_agent_is_sync_answer(const char *line, size_t len, int64_t sync_id);
