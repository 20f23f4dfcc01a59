/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/fsm/job.h"

#define STATE_NAME(name, text) [BERTH_JOB_##name] = (text),
#define EVENT_NAME(name, text) [BERTH_JOB_EVENT_##name] = (text),
#define ROW(from, event, to)                                         \
    {                                                                \
        BERTH_JOB_##from, BERTH_JOB_EVENT_##event, BERTH_JOB_##to, 0 \
    }

static const char *const states[] = { BERTH_JOB_STATES(STATE_NAME) };
static const char *const events[] = { BERTH_JOB_EVENTS(EVENT_NAME) };

static const BerthFsmRow rows[] = {
    ROW(WAITING, LEASE, RUNNING), ROW(WAITING, CANCEL, DONE),

    ROW(RUNNING, LEASE, RUNNING), ROW(RUNNING, RAN, DONE),    ROW(RUNNING, FAILED, WAITING),
    ROW(RUNNING, GAVE_UP, DEAD),  ROW(RUNNING, CANCEL, DONE),

    ROW(DEAD, RETRY, WAITING),    ROW(DEAD, CANCEL, DONE),
};

const BerthFsmTable berth_job_fsm = {
    .name = "job",
    .states = states,
    .n_states = G_N_ELEMENTS(states),
    .events = events,
    .n_events = G_N_ELEMENTS(events),
    .rows = rows,
    .n_rows = G_N_ELEMENTS(rows),
};
