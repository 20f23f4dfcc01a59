/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/tick.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "broker/claim-queue.h"
#include "broker/plan-step.h"
#include "broker/steps.h"

#include <string.h>

#define LEASE_US (10LL * 1000 * 1000)
#define JOB_MAX_ATTEMPTS 5
#define JOB_RETRY_US (10LL * 1000 * 1000)
#define JOB_KEEP_US (24LL * 3600 * 1000 * 1000)

typedef struct {
    char *id;
    char *a;
    char *b;
    int64_t number;
    int64_t attempts;
} Due;

static void
due_clear(gpointer data)
{
    Due *due = data;
    g_free(due->id);
    g_free(due->a);
    g_free(due->b);
}

static int
take_lease(BerthTx *tx, const BerthCause *cause, const char *holder)
{
    int64_t epoch = 0;
    int error = berth_tx_get_int(tx, &epoch, BERTH_SQL_LEASE_TAKE, "ssii", "tick", holder,
                                 cause->now_us, cause->now_us + LEASE_US);
    return error == BERTH_ERR_NOT_FOUND ? BERTH_ERR_AGAIN : error;
}

static GArray *
new_dues(void)
{
    GArray *dues = g_array_new(FALSE, FALSE, sizeof(Due));
    g_array_set_clear_func(dues, due_clear);
    return dues;
}

static int
time_out_machines(BerthTx *tx, const BerthCause *cause, int *n_changes)
{
    g_autoptr(GArray) dues = new_dues();
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_MACHINES_OVERDUE, "i", cause->now_us);
    while (berth_rows_next(&rows)) {
        Due due = { .id = g_strdup(berth_rows_text(&rows, 0)) };
        g_array_append_val(dues, due);
    }
    int error = berth_rows_end(&rows);
    for (guint i = 0; i < dues->len && error == BERTH_OK; i++) {
        const Due *due = &g_array_index(dues, Due, i);
        error =
            berth_machine_step(tx, cause, due->id, BERTH_MACHINE_EVENT_TIMEOUT, NULL, "timeout");
        *n_changes += 1;
    }
    return error;
}

static int
time_out_sessions(BerthTx *tx, const BerthCause *cause, int *n_changes)
{
    g_autoptr(GArray) dues = new_dues();
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_SESSIONS_OVERDUE, "i", cause->now_us);
    while (berth_rows_next(&rows)) {
        Due due = { .id = g_strdup(berth_rows_text(&rows, 0)),
                    .a = g_strdup(berth_rows_text(&rows, 1)),
                    .b = g_strdup(berth_rows_text(&rows, 2)) };
        g_array_append_val(dues, due);
    }
    int error = berth_rows_end(&rows);
    for (guint i = 0; i < dues->len && error == BERTH_OK; i++) {
        const Due *due = &g_array_index(dues, Due, i);
        if (strcmp(due->a, "allocating") == 0) {
            /* The host never opened it: give the desktop back instead of keeping it for nobody. */
            error = berth_assignment_release(tx, cause, due->b, "timeout");
        } else {
            error = berth_session_step(tx, cause, due->id, BERTH_SESSION_EVENT_TIMEOUT, "");
        }
        *n_changes += 1;
    }
    return error;
}

/* Whether the assignment is open and no session of it is left or was opened since. */
static int
is_left_alone(BerthTx *tx, const char *assignment, bool *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_ASSIGNMENT_STATE, "s", assignment);
    *ret = berth_rows_next(&rows) && strcmp(berth_rows_text(&rows, 0), "open") == 0;
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK || !*ret) {
        return error;
    }
    berth_tx_query(tx, &rows, BERTH_SQL_ASSIGNMENT_SESSIONS, "s", assignment);
    *ret = !berth_rows_next(&rows);
    return berth_rows_end(&rows);
}

/* A log-off timer counts only for the connection after which it was set. */
static int
run_logoff_job(BerthTx *tx, const BerthCause *cause, const Due *due)
{
    BerthRows rows;
    bool is_due = false;
    bool is_ended = false;
    g_autofree char *assignment = NULL;
    berth_tx_query(tx, &rows, BERTH_SQL_SESSION_STATE, "s", due->b);
    if (berth_rows_next(&rows) && berth_rows_int(&rows, 4) == due->number) {
        is_due = strcmp(berth_rows_text(&rows, 0), "disconnected") == 0;
        is_ended = strcmp(berth_rows_text(&rows, 0), "ended") == 0;
        assignment = g_strdup(berth_rows_text(&rows, 3));
    }
    int error = berth_rows_end(&rows);
    if (error == BERTH_OK && is_ended) {
        error = is_left_alone(tx, assignment, &is_due);
    }
    if (error == BERTH_OK && is_due) {
        error = berth_session_logoff(tx, cause, due->b, "logged-off");
    }
    return error;
}

static int
finish_job(BerthTx *tx, const BerthCause *cause, const Due *due, int result)
{
    const char *state = "done";
    if (result != BERTH_OK) {
        state = due->attempts + 1 >= JOB_MAX_ATTEMPTS ? "dead" : "waiting";
    }
    return berth_tx_run_one(tx, BERTH_SQL_JOB_SET, "sssi", due->id, state,
                            result != BERTH_OK ? berth_error_name(result) : "",
                            cause->now_us + (result != BERTH_OK ? JOB_RETRY_US : 0));
}

static int
run_jobs(BerthTx *tx, const BerthCause *cause, int *n_changes)
{
    g_autoptr(GArray) dues = new_dues();
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_JOB_DUE, "i", cause->now_us);
    while (berth_rows_next(&rows)) {
        Due due = { .id = g_strdup(berth_rows_text(&rows, 0)),
                    .a = g_strdup(berth_rows_text(&rows, 1)),
                    .b = g_strdup(berth_rows_text(&rows, 2)),
                    .number = berth_rows_int(&rows, 3),
                    .attempts = berth_rows_int(&rows, 4) };
        g_array_append_val(dues, due);
    }
    int error = berth_rows_end(&rows);
    for (guint i = 0; i < dues->len && error == BERTH_OK; i++) {
        const Due *due = &g_array_index(dues, Due, i);
        int result =
            strcmp(due->a, "logoff") == 0 ? run_logoff_job(tx, cause, due) : BERTH_ERR_UNSUPPORTED;
        error = finish_job(tx, cause, due, result);
        *n_changes += 1;
    }
    return error;
}

static int
purge(BerthTx *tx, const BerthCause *cause)
{
    int error = berth_tx_run(tx, BERTH_SQL_TICKET_PURGE, "i", cause->now_us);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_QUEUE_PURGE, "i", cause->now_us - BERTH_QUEUE_FORGET_US);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_TOKEN_PURGE, "i", cause->now_us);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_JOB_PURGE, "i", cause->now_us - JOB_KEEP_US);
    }
    return error;
}

int
berth_tick(BerthTx *tx, const BerthCause *cause, const BerthTick *tick, int *ret_n_changes)
{
    int n_changes = 0;
    int error = take_lease(tx, cause, tick->holder);
    if (error == BERTH_OK) {
        error = time_out_machines(tx, cause, &n_changes);
    }
    if (error == BERTH_OK) {
        error = time_out_sessions(tx, cause, &n_changes);
    }
    if (error == BERTH_OK) {
        error = run_jobs(tx, cause, &n_changes);
    }
    if (error == BERTH_OK) {
        error = berth_plan_step(tx, cause, &n_changes);
    }
    if (error == BERTH_OK) {
        error = purge(tx, cause);
    }
    if (error == BERTH_OK) {
        *ret_n_changes = n_changes;
    }
    return error;
}
