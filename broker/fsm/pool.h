/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a pool.
 *
 * disabled: users of other days reconnect to what they have, nobody gets a new desktop and the pool
 * does not grow; deleted is the end, its row stays for history.
 */
#pragma once

#include "base/fsm.h"

#define BERTH_POOL_STATES(X) \
    X(ENABLED, "enabled")    \
    X(DISABLED, "disabled")  \
    X(DELETED, "deleted")

#define BERTH_POOL_EVENTS(X) \
    X(ENABLE, "enable")      \
    X(DISABLE, "disable")    \
    X(DELETE, "delete")

typedef enum {
#define BERTH_POOL_STATE(name, text) BERTH_POOL_##name,
    BERTH_POOL_STATES(BERTH_POOL_STATE)
#undef BERTH_POOL_STATE
    BERTH_N_POOL_STATES
} BerthPoolState;

typedef enum {
#define BERTH_POOL_EVENT(name, text) BERTH_POOL_EVENT_##name,
    BERTH_POOL_EVENTS(BERTH_POOL_EVENT)
#undef BERTH_POOL_EVENT
    BERTH_N_POOL_EVENTS
} BerthPoolEvent;

extern const BerthFsmTable berth_pool_fsm;
