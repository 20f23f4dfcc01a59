/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a timer row.
 */
#pragma once

#include "base/fsm.h"

#define BERTH_JOB_STATES(X) \
    X(WAITING, "waiting")   \
    X(DONE, "done")         \
    X(DEAD, "dead")

#define BERTH_JOB_EVENTS(X) \
    X(RAN, "ran")           \
    X(FAILED, "failed")     \
    X(GAVE_UP, "gave-up")

typedef enum {
#define BERTH_JOB_STATE(name, text) BERTH_JOB_##name,
    BERTH_JOB_STATES(BERTH_JOB_STATE)
#undef BERTH_JOB_STATE
    BERTH_N_JOB_STATES
} BerthJobState;

typedef enum {
#define BERTH_JOB_EVENT(name, text) BERTH_JOB_EVENT_##name,
    BERTH_JOB_EVENTS(BERTH_JOB_EVENT)
#undef BERTH_JOB_EVENT
    BERTH_N_JOB_EVENTS
} BerthJobEvent;

extern const BerthFsmTable berth_job_fsm;
