/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/tick.h"

#include "base/error.h"
#include "base/log.h"
#include "broker/claim-queue.h"
#include "broker/deadlines.h"
#include "broker/host-tasks.h"
#include "broker/lease.h"
#include "broker/maintenance.h"
#include "broker/operations.h"
#include "broker/plan-step.h"
#include "broker/restore-points.h"
#include "broker/rollout-step.h"
#include "broker/session-timers.h"
#include "broker/unit.h"
#include "broker/version-gc.h"

#include <glib.h>

#define JOB_KEEP_US (24LL * 3600 * 1000 * 1000)

typedef struct {
    const BerthCause *cause;
    const BerthTick *tick;
    int n_changes;
} Work;

static int
plan(BerthTx *tx, void *data)
{
    Work *work = data;
    return berth_plan_step(tx, work->cause, &work->n_changes);
}

static int
check_schedules(BerthTx *tx, void *data)
{
    const Work *work = data;
    return berth_session_timers_check_schedules(tx, work->cause);
}

/* Children first: a session before its assignment before its machine. */
static int
purge(BerthTx *tx, void *data)
{
    const Work *work = data;
    int64_t now_us = work->cause->now_us;
    int64_t history_us = now_us - work->tick->keep_us;

    const struct {
        BerthStatement statement;
        int64_t before_us;
    } deletes[] = {
        { BERTH_SQL_TICKET_PURGE, now_us },
        { BERTH_SQL_QUEUE_PURGE, now_us - BERTH_QUEUE_FORGET_US },
        { BERTH_SQL_TOKEN_PURGE, now_us },
        { BERTH_SQL_JOB_PURGE, now_us - JOB_KEEP_US },
        { BERTH_SQL_SAMPLE_PURGE, now_us - BERTH_ROLLOUT_SAMPLES_KEEP_US },
        { BERTH_SQL_ROLLOUT_LET_OLD_GO, now_us },
        { BERTH_SQL_SESSION_PURGE, history_us },
        { BERTH_SQL_ASSIGNMENT_PURGE, history_us },
        { BERTH_SQL_POINT_PURGE, history_us },
        { BERTH_SQL_MACHINE_PURGE, history_us },
    };

    int error = BERTH_OK;
    for (size_t i = 0; i < G_N_ELEMENTS(deletes) && error == BERTH_OK; i++) {
        error = berth_tx_run(tx, deletes[i].statement, "i", deletes[i].before_us);
    }
    return error;
}

static int
tidy_versions(BerthTx *tx, void *data)
{
    Work *work = data;
    return berth_versions_tidy(tx, work->cause, &work->n_changes);
}

static int
tidy_restore_points(BerthTx *tx, void *data)
{
    const Work *work = data;
    return berth_restore_points_tidy(tx, work->cause);
}

static int
tidy_operations(BerthTx *tx, void *data)
{
    const Work *work = data;
    return berth_operations_tidy(tx, work->cause->now_us);
}

/* A part that fails is logged; the others go on. */
static int
run_part(BerthTx *tx, const char *name, BerthTxFunc run, Work *work)
{
    int result = BERTH_OK;
    int n_before = work->n_changes;
    int error = berth_unit_run(tx, run, work, &result);
    if (error == BERTH_OK && result != BERTH_OK) {
        work->n_changes = n_before;
        berth_log_error("tick", "%s: %s", name, berth_error_sentence(result));
    }
    return error;
}

/* About once a minute. */
static int
run_thorough(BerthTx *tx, Work *work)
{
    static const struct {
        const char *complaint;
        BerthTxFunc run;
    } parts[] = {
        { "schedules are not looked at", check_schedules },
        { "old rows stay", purge },
        { "versions of images are not looked at", tidy_versions },
        { "restore points are not looked at", tidy_restore_points },
        { "operations are not looked at", tidy_operations },
    };

    int error = BERTH_OK;
    for (size_t i = 0; i < G_N_ELEMENTS(parts) && error == BERTH_OK; i++) {
        error = run_part(tx, parts[i].complaint, parts[i].run, work);
    }
    return error;
}

/* Rollouts, tasks of hosts, and versions in the making. */
static int
drive_versions(BerthTx *tx, Work *work)
{
    const BerthTick *tick = work->tick;
    int error = berth_rollouts_step(tx, work->cause, tick->is_thorough, &work->n_changes);
    if (error == BERTH_OK) {
        error = berth_host_tasks_tidy(tx, work->cause, tick->signing_key);
    }
    return error == BERTH_OK ? berth_maintenance_step(tx, work->cause, &work->n_changes) : error;
}

int
berth_tick(BerthTx *tx, const BerthCause *cause, const BerthTick *tick, int *ret_n_changes)
{
    Work work = { .cause = cause, .tick = tick };
    int64_t epoch = 0;
    int error = berth_lease_take(tx, cause, "tick", tick->holder, &epoch);
    if (error == BERTH_OK) {
        error = berth_deadlines_step(tx, cause, &work.n_changes);
    }
    if (error == BERTH_OK) {
        error = drive_versions(tx, &work);
    }
    if (error == BERTH_OK) {
        error = run_part(tx, "pools are not planned", plan, &work);
    }
    if (error == BERTH_OK && tick->is_thorough) {
        error = run_thorough(tx, &work);
    }
    if (error == BERTH_OK) {
        *ret_n_changes = work.n_changes;
    }
    return error;
}
