/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a session: one user at one machine, over any number of connections.
 *
 * allocating: the host was not heard of it; connecting: a ticket is out; active: a client shows it;
 * disconnected: it waits for its user; ending: the host is told; ended: history.
 */
#pragma once

#include "base/fsm.h"

#include <stdbool.h>

#define BERTH_SESSION_STATES(X)     \
    X(ALLOCATING, "allocating")     \
    X(CONNECTING, "connecting")     \
    X(ACTIVE, "active")             \
    X(DISCONNECTED, "disconnected") \
    X(LOST, "lost")                 \
    X(ENDING, "ending")             \
    X(ENDED, "ended")

#define BERTH_SESSION_EVENTS(X)         \
    X(GRANTED, "granted")               \
    X(SEEN_CONNECTED, "seen-connected") \
    X(SEEN_LISTENING, "seen-listening") \
    X(SEEN_ENDED, "seen-ended")         \
    X(HOST_LOST, "host-lost")           \
    X(END, "end")                       \
    X(TIMEOUT, "timeout")

typedef enum {
#define BERTH_SESSION_STATE(name, text) BERTH_SESSION_##name,
    BERTH_SESSION_STATES(BERTH_SESSION_STATE)
#undef BERTH_SESSION_STATE
    BERTH_N_SESSION_STATES
} BerthSessionState;

typedef enum {
#define BERTH_SESSION_EVENT(name, text) BERTH_SESSION_EVENT_##name,
    BERTH_SESSION_EVENTS(BERTH_SESSION_EVENT)
#undef BERTH_SESSION_EVENT
    BERTH_N_SESSION_EVENTS
} BerthSessionEvent;

extern const BerthFsmTable berth_session_fsm;

/* Whether a session may stay in this state for ever; all others have a deadline.  Pure. */
bool berth_session_is_resting(BerthSessionState state);
