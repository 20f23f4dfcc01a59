/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/jobs.h"

#include "base/error.h"
#include "base/log.h"
#include "broker/fsm/job.h"
#include "broker/rollout-step.h"
#include "broker/session-timers.h"
#include "broker/unit.h"

#define RETRY_FIRST_US (5LL * 1000 * 1000)

typedef struct {
    char *id;
    char *kind;
    char *target;
    char *data;
    int64_t epoch;
    int64_t attempts;
} Job;

static void
job_clear(gpointer item)
{
    Job *job = item;
    g_free(job->id);
    g_free(job->kind);
    g_free(job->target);
    g_free(job->data);
}

int
berth_jobs_lease(BerthTx *tx, const BerthCause *cause, const char *holder, GArray **ret_jobs)
{
    BerthRows rows;
    g_autoptr(GArray) jobs = g_array_new(FALSE, FALSE, sizeof(Job));
    g_array_set_clear_func(jobs, job_clear);
    int error =
        berth_tx_run(tx, BERTH_SQL_JOB_BURY, "ii", cause->now_us, (int64_t)BERTH_JOB_MAX_ATTEMPTS);
    if (error != BERTH_OK) {
        return error;
    }
    berth_tx_query(tx, &rows, BERTH_SQL_JOB_LEASE, "siii", holder, cause->now_us,
                   cause->now_us + BERTH_JOB_LEASE_US, (int64_t)BERTH_JOB_MAX_ATTEMPTS);
    while (berth_rows_next(&rows)) {
        Job job = { .id = g_strdup(berth_rows_text(&rows, 0)),
                    .kind = g_strdup(berth_rows_text(&rows, 1)),
                    .target = g_strdup(berth_rows_text(&rows, 2)),
                    .epoch = berth_rows_int(&rows, 3),
                    .data = g_strdup(berth_rows_text(&rows, 4)),
                    .attempts = berth_rows_int(&rows, 5) };
        g_array_append_val(jobs, job);
    }
    error = berth_rows_end(&rows);
    if (error == BERTH_OK) {
        *ret_jobs = g_steal_pointer(&jobs);
    }
    return error;
}

typedef struct {
    const BerthCause *cause;
    const Job *job;
} Run;

static int
run_unit(BerthTx *tx, void *data)
{
    const Run *run = data;
    const Job *job = run->job;
    if (strcmp(job->kind, BERTH_ROLLOUT_JOB) == 0) {
        return berth_rollout_fire(tx, run->cause, job->target, job->epoch);
    }
    return berth_session_timers_fire(tx, run->cause, job->kind, job->target, job->epoch, job->data);
}

static int
finish(BerthTx *tx, const BerthCause *cause, const Job *job, int result)
{
    int state = BERTH_JOB_RUNNING;
    int event = BERTH_JOB_EVENT_RAN;
    int64_t run_at_us = cause->now_us;
    /* What it was about has gone another way: there is nothing left to do. */
    bool is_done = result == BERTH_OK || result == BERTH_ERR_STATE || result == BERTH_ERR_NOT_FOUND;
    if (!is_done) {
        bool is_last = job->attempts >= BERTH_JOB_MAX_ATTEMPTS;
        event = is_last ? BERTH_JOB_EVENT_GAVE_UP : BERTH_JOB_EVENT_FAILED;
        run_at_us += RETRY_FIRST_US << MIN(job->attempts, BERTH_JOB_MAX_ATTEMPTS);
        berth_log_warning("job", "\"%s\" of \"%s\" failed (%d): %s", job->kind, job->target,
                          (int)job->attempts, berth_error_sentence(result));
    }
    int error = berth_fsm_step(&berth_job_fsm, &state, event, NULL);
    return error != BERTH_OK
               ? error
               : berth_tx_run_one(tx, BERTH_SQL_JOB_SET, "sssi", job->id,
                                  berth_fsm_state_name(&berth_job_fsm, state),
                                  result != BERTH_OK ? berth_error_name(result) : "", run_at_us);
}

static int
run_job(BerthTx *tx, const BerthCause *cause, const char *holder, const Job *job)
{
    int64_t attempts = 0;
    int result = BERTH_OK;
    Run run = { .cause = cause, .job = job };
    int error =
        berth_tx_get_int(tx, &attempts, BERTH_SQL_JOB_HAVE, "ssi", job->id, holder, job->attempts);
    if (error != BERTH_OK) {
        return error == BERTH_ERR_NOT_FOUND ? BERTH_OK : error;
    }
    error = berth_unit_run(tx, run_unit, &run, &result);
    return error == BERTH_OK ? finish(tx, cause, job, result) : error;
}

int
berth_jobs_run(BerthTx *tx, const BerthCause *cause, const char *holder, const GArray *jobs)
{
    int error = BERTH_OK;
    for (guint i = 0; i < jobs->len && error == BERTH_OK; i++) {
        error = run_job(tx, cause, holder, &g_array_index(jobs, Job, i));
    }
    return error;
}
