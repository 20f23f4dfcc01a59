/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/fsm/assignment.h"

#define STATE_NAME(name, text) [BERTH_ASSIGNMENT_##name] = (text),
#define EVENT_NAME(name, text) [BERTH_ASSIGNMENT_EVENT_##name] = (text),
#define ROW(from, event, to)                                                              \
    {                                                                                     \
        BERTH_ASSIGNMENT_##from, BERTH_ASSIGNMENT_EVENT_##event, BERTH_ASSIGNMENT_##to, 0 \
    }

static const char *const states[] = { BERTH_ASSIGNMENT_STATES(STATE_NAME) };
static const char *const events[] = { BERTH_ASSIGNMENT_EVENTS(EVENT_NAME) };

static const BerthFsmRow rows[] = {
    ROW(OPEN, RELEASE, RELEASED),
};

const BerthFsmTable berth_assignment_fsm = {
    .name = "assignment",
    .states = states,
    .n_states = G_N_ELEMENTS(states),
    .events = events,
    .n_events = G_N_ELEMENTS(events),
    .rows = rows,
    .n_rows = G_N_ELEMENTS(rows),
};
