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
    ROW(ENROLLED, REMOVE, REMOVED),

    ROW(UP, HEARD, UP),
    ROW(UP, RECOVERED, UP),
    ROW(UP, DEGRADED, DEGRADED),
    ROW(UP, SILENT, SUSPECT),
    ROW(UP, REMOVE, REMOVED),

    ROW(DEGRADED, HEARD, DEGRADED),
    ROW(DEGRADED, DEGRADED, DEGRADED),
    ROW(DEGRADED, RECOVERED, UP),
    ROW(DEGRADED, SILENT, SUSPECT),
    ROW(DEGRADED, REMOVE, REMOVED),

    ROW(SUSPECT, HEARD, UP),
    ROW(SUSPECT, RECOVERED, UP),
    ROW(SUSPECT, DEGRADED, DEGRADED),
    ROW(SUSPECT, SILENT, SUSPECT),
    ROW(SUSPECT, LEASE_OVER, LOST),
    ROW(SUSPECT, REMOVE, REMOVED),

    ROW(LOST, HEARD, UP),
    ROW(LOST, SILENT, LOST),
    ROW(LOST, LEASE_OVER, LOST),
    ROW(LOST, FENCE, FENCED),
    ROW(LOST, REMOVE, REMOVED),

    ROW(FENCED, HEARD, UP),
    ROW(FENCED, SILENT, FENCED),
    ROW(FENCED, LEASE_OVER, FENCED),
    ROW(FENCED, FENCE, FENCED),
    ROW(FENCED, REMOVE, REMOVED),
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
