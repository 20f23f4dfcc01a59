/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a timer row.
 *
 * waiting: until its time; running: a broker has it until its lease is over; done: history; dead:
 * it failed too often and waits for people.
 */
#pragma once

#include "base/fsm.h"

#define BERTH_JOB_STATES(X) \
    X(WAITING, "waiting")   \
    X(RUNNING, "running")   \
    X(DONE, "done")         \
    X(DEAD, "dead")

#define BERTH_JOB_EVENTS(X) \
    X(LEASE, "lease")       \
    X(RAN, "ran")           \
    X(FAILED, "failed")     \
    X(GAVE_UP, "gave-up")   \
    X(CANCEL, "cancel")     \
    X(RETRY, "retry")

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
