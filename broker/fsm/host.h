/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a host as the broker sees it.
 *
 * degraded takes no new machines and serves those it has; suspect takes no new desktops; lost means
 * that nobody knows what runs there; fenced: an administrator says that it is off, so nothing runs
 * there; removed is the end.  Draining and maintenance are flags beside the state.
 */
#pragma once

#include "base/fsm.h"

#define BERTH_HOST_STATES(X) \
    X(ENROLLED, "enrolled")  \
    X(UP, "up")              \
    X(DEGRADED, "degraded")  \
    X(SUSPECT, "suspect")    \
    X(LOST, "lost")          \
    X(FENCED, "fenced")      \
    X(REMOVED, "removed")

#define BERTH_HOST_EVENTS(X)    \
    X(HEARD, "heard")           \
    X(SILENT, "silent")         \
    X(LEASE_OVER, "lease-over") \
    X(DEGRADED, "degraded")     \
    X(RECOVERED, "recovered")   \
    X(FENCE, "fence")           \
    X(REMOVE, "remove")

typedef enum {
#define BERTH_HOST_STATE(name, text) BERTH_HOST_##name,
    BERTH_HOST_STATES(BERTH_HOST_STATE)
#undef BERTH_HOST_STATE
    BERTH_N_HOST_STATES
} BerthHostState;

typedef enum {
#define BERTH_HOST_EVENT(name, text) BERTH_HOST_EVENT_##name,
    BERTH_HOST_EVENTS(BERTH_HOST_EVENT)
#undef BERTH_HOST_EVENT
    BERTH_N_HOST_EVENTS
} BerthHostEvent;

extern const BerthFsmTable berth_host_fsm;
