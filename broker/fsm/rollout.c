/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/fsm/rollout.h"

#define STATE_NAME(name, text) [BERTH_ROLLOUT_##name] = (text),
#define EVENT_NAME(name, text) [BERTH_ROLLOUT_EVENT_##name] = (text),
#define ROW(from, event, to)                                                     \
    {                                                                            \
        BERTH_ROLLOUT_##from, BERTH_ROLLOUT_EVENT_##event, BERTH_ROLLOUT_##to, 0 \
    }

static const char *const states[] = { BERTH_ROLLOUT_STATES(STATE_NAME) };
static const char *const events[] = { BERTH_ROLLOUT_EVENTS(EVENT_NAME) };

static const BerthFsmRow rows[] = {
    ROW(PLANNED, START, CANARY),
    ROW(PLANNED, ROLL_BACK, ROLLED_BACK),

    ROW(CANARY, PASSED, ROLLING),
    ROW(CANARY, GATE_FAILED, ROLLING_BACK),
    ROW(CANARY, PAUSE, PAUSED),
    ROW(CANARY, ROLL_BACK, ROLLING_BACK),
    ROW(CANARY, TIMEOUT, PAUSED),

    ROW(ROLLING, FINISHED, DONE),
    ROW(ROLLING, GATE_FAILED, ROLLING_BACK),
    ROW(ROLLING, PAUSE, PAUSED),
    ROW(ROLLING, ROLL_BACK, ROLLING_BACK),
    ROW(ROLLING, TIMEOUT, PAUSED),

    ROW(PAUSED, RESUME_CANARY, CANARY),
    ROW(PAUSED, RESUME_ROLLING, ROLLING),
    ROW(PAUSED, ROLL_BACK, ROLLING_BACK),

    ROW(ROLLING_BACK, FINISHED, ROLLED_BACK),
    ROW(ROLLING_BACK, TIMEOUT, ROLLING_BACK),

    ROW(DONE, ROLL_BACK, ROLLING_BACK),
};

const BerthFsmTable berth_rollout_fsm = {
    .name = "rollout",
    .states = states,
    .n_states = G_N_ELEMENTS(states),
    .events = events,
    .n_events = G_N_ELEMENTS(events),
    .rows = rows,
    .n_rows = G_N_ELEMENTS(rows),
};
