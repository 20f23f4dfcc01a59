/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/fsm/host.h"

#define STATE_NAME(name, text) [BERTH_HOST_##name] = (text),
#define EVENT_NAME(name, text) [BERTH_HOST_EVENT_##name] = (text),
#define ROW(from, event, to)                                            \
    {                                                                   \
        BERTH_HOST_##from, BERTH_HOST_EVENT_##event, BERTH_HOST_##to, 0 \
    }

static const char *const states[] = { BERTH_HOST_STATES(STATE_NAME) };
static const char *const events[] = { BERTH_HOST_EVENTS(EVENT_NAME) };

static const BerthFsmRow rows[] = {
    ROW(ENROLLED, HEARD, UP),

    ROW(UP, HEARD, UP),       ROW(UP, SILENT, SUSPECT),

    ROW(SUSPECT, HEARD, UP),  ROW(SUSPECT, SILENT, SUSPECT), ROW(SUSPECT, LEASE_OVER, LOST),

    ROW(LOST, HEARD, UP),     ROW(LOST, SILENT, LOST),       ROW(LOST, LEASE_OVER, LOST),
};

const BerthFsmTable berth_host_fsm = {
    .name = "host",
    .states = states,
    .n_states = G_N_ELEMENTS(states),
    .events = events,
    .n_events = G_N_ELEMENTS(events),
    .rows = rows,
    .n_rows = G_N_ELEMENTS(rows),
};
