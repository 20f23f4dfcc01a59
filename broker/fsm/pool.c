/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/fsm/pool.h"

#define STATE_NAME(name, text) [BERTH_POOL_##name] = (text),
#define EVENT_NAME(name, text) [BERTH_POOL_EVENT_##name] = (text),
#define ROW(from, event, to)                                            \
    {                                                                   \
        BERTH_POOL_##from, BERTH_POOL_EVENT_##event, BERTH_POOL_##to, 0 \
    }

static const char *const states[] = { BERTH_POOL_STATES(STATE_NAME) };
static const char *const events[] = { BERTH_POOL_EVENTS(EVENT_NAME) };

static const BerthFsmRow rows[] = {
    ROW(ENABLED, ENABLE, ENABLED),  ROW(ENABLED, DISABLE, DISABLED),
    ROW(ENABLED, DELETE, DELETED),

    ROW(DISABLED, ENABLE, ENABLED), ROW(DISABLED, DISABLE, DISABLED),
    ROW(DISABLED, DELETE, DELETED),
};

const BerthFsmTable berth_pool_fsm = {
    .name = "pool",
    .states = states,
    .n_states = G_N_ELEMENTS(states),
    .events = events,
    .n_events = G_N_ELEMENTS(events),
    .rows = rows,
    .n_rows = G_N_ELEMENTS(rows),
};
