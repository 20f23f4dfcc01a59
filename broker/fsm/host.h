/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a host as the broker sees it.
 *
 * suspect takes no new desktops; lost means that nobody knows what runs there.
 */
#pragma once

#include "base/fsm.h"

#define BERTH_HOST_STATES(X) \
    X(ENROLLED, "enrolled")  \
    X(UP, "up")              \
    X(SUSPECT, "suspect")    \
    X(LOST, "lost")

#define BERTH_HOST_EVENTS(X) \
    X(HEARD, "heard")        \
    X(SILENT, "silent")      \
    X(LEASE_OVER, "lease-over")

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
