/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a change of a pool from one version of its image to another.
 *
 * canary: a few desktops try it; rolling: all follow, at log-off; paused: nothing moves until
 * people decide; rolling-back: the same way backwards.
 */
#pragma once

#include "base/fsm.h"

#define BERTH_ROLLOUT_STATES(X)     \
    X(PLANNED, "planned")           \
    X(CANARY, "canary")             \
    X(ROLLING, "rolling")           \
    X(PAUSED, "paused")             \
    X(ROLLING_BACK, "rolling-back") \
    X(DONE, "done")                 \
    X(ROLLED_BACK, "rolled-back")

#define BERTH_ROLLOUT_EVENTS(X)         \
    X(START, "start")                   \
    X(PASSED, "passed")                 \
    X(FINISHED, "finished")             \
    X(GATE_FAILED, "gate-failed")       \
    X(PAUSE, "pause")                   \
    X(RESUME_CANARY, "resume-canary")   \
    X(RESUME_ROLLING, "resume-rolling") \
    X(ROLL_BACK, "roll-back")           \
    X(TIMEOUT, "timeout")

typedef enum {
#define BERTH_ROLLOUT_STATE(name, text) BERTH_ROLLOUT_##name,
    BERTH_ROLLOUT_STATES(BERTH_ROLLOUT_STATE)
#undef BERTH_ROLLOUT_STATE
    BERTH_N_ROLLOUT_STATES
} BerthRolloutState;

typedef enum {
#define BERTH_ROLLOUT_EVENT(name, text) BERTH_ROLLOUT_EVENT_##name,
    BERTH_ROLLOUT_EVENTS(BERTH_ROLLOUT_EVENT)
#undef BERTH_ROLLOUT_EVENT
    BERTH_N_ROLLOUT_EVENTS
} BerthRolloutEvent;

extern const BerthFsmTable berth_rollout_fsm;
