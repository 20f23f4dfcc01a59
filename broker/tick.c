/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/tick.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "broker/placement.h"
#include "broker/pool-planner.h"
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

typedef struct {
    char *id;
    char *name;
    char *image;
    int64_t size, spares_hot, vcpus, memory_mib;
    bool is_template;
} Pool;

static void
due_clear(gpointer data)
{
    Due *due = data;
    g_free(due->id);
    g_free(due->a);
    g_free(due->b);
}

static void
pool_clear(gpointer data)
{
    Pool *pool = data;
    g_free(pool->id);
    g_free(pool->name);
    g_free(pool->image);
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

static GArray *
read_hosts(BerthTx *tx, GStringChunk *texts, int *ret_error)
{
    GArray *hosts = g_array_new(FALSE, FALSE, sizeof(BerthPlaceHost));
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_PLAN_HOSTS, "");
    while (berth_rows_next(&rows)) {
        bool is_up = strcmp(berth_rows_text(&rows, 1), "up") == 0;
        BerthPlaceHost host = {
            .id = g_string_chunk_insert(texts, berth_rows_text(&rows, 0)),
            .state = is_up ? BERTH_HOST_UP : BERTH_HOST_SUSPECT,
            .memory_limit_mib = berth_rows_int(&rows, 2),
            .memory_reserved_mib = berth_rows_int(&rows, 3),
            .memory_overcommit_pct = 100,
        };
        g_array_append_val(hosts, host);
    }
    *ret_error = berth_rows_end(&rows);
    return hosts;
}

/* BERTH_ERR_NOT_FOUND if no host has room or the pool is full: not an error of the plan. */
static int
create_machine(BerthTx *tx, const BerthCause *cause, const Pool *pool)
{
    int error = BERTH_OK;
    g_autoptr(GStringChunk) texts = g_string_chunk_new(1024);
    g_autoptr(GArray) hosts = read_hosts(tx, texts, &error);
    if (error != BERTH_OK) {
        return error;
    }
    BerthPlaceNeed need = { .memory_mib = pool->memory_mib, .now_us = cause->now_us };
    int best = berth_place(&need, (const BerthPlaceHost *)(void *)hosts->data, hosts->len, NULL);
    if (best < 0) {
        return BERTH_ERR_NOT_FOUND;
    }
    const char *host = g_array_index(hosts, BerthPlaceHost, best).id;
    int64_t number = 0;
    error = berth_tx_get_int(tx, &number, BERTH_SQL_POOL_TAKE_PLACE, "s", pool->id);
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_HOST_RESERVE, "si", host, pool->memory_mib);
        /* The place is taken already: a host that is full after all undoes the whole tick. */
        error = error == BERTH_ERR_NOT_FOUND ? BERTH_ERR_STATE : error;
    }
    if (error != BERTH_OK) {
        return error;
    }
    char text[BERTH_ID_HEX_CHARS + 1];
    berth_id_random_hex(text);
    g_autofree char *name = g_strdup_printf("%s-%" G_GINT64_FORMAT, pool->name, number);
    error =
        berth_tx_run(tx, BERTH_SQL_MACHINE_INSERT, "sssssiibi", text, pool->id, host, pool->image,
                     name, pool->memory_mib, pool->vcpus, (int)pool->is_template, cause->now_us);
    if (error == BERTH_OK) {
        error = berth_machine_step(tx, cause, text, BERTH_MACHINE_EVENT_PLACED, NULL, "");
    }
    return error;
}

static int
carry_out(BerthTx *tx, const BerthCause *cause, const Pool *pool, const BerthPlanAction *action)
{
    switch (action->kind) {
    case BERTH_PLAN_CREATE:
        return create_machine(tx, cause, pool);
    case BERTH_PLAN_RECYCLE:
        return berth_machine_step(tx, cause, action->id, BERTH_MACHINE_EVENT_RECYCLE, NULL,
                                  "dirty");
    case BERTH_PLAN_DELETE:
        return berth_machine_step(tx, cause, action->id, BERTH_MACHINE_EVENT_DELETE, NULL,
                                  "pool-shrunk");
    }
    return BERTH_ERR_INTERNAL;
}

static GArray *
read_machines(BerthTx *tx, const char *pool, GStringChunk *texts, int *ret_error)
{
    GArray *machines = g_array_new(FALSE, FALSE, sizeof(BerthPlanMachine));
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_PLAN_MACHINES, "s", pool);
    while (berth_rows_next(&rows)) {
        BerthPlanMachine machine = {
            .id = g_string_chunk_insert(texts, berth_rows_text(&rows, 0)),
            .state = (BerthMachineState)berth_fsm_state_from_name(&berth_machine_fsm,
                                                                  berth_rows_text(&rows, 1)),
            .is_dirty = berth_rows_int(&rows, 2) != 0,
            .is_owned = !berth_rows_is_null(&rows, 3),
        };
        g_array_append_val(machines, machine);
    }
    *ret_error = berth_rows_end(&rows);
    return machines;
}

static int
plan_pool(BerthTx *tx, const BerthCause *cause, const BerthTick *tick, const Pool *pool,
          int *n_changes)
{
    int error = BERTH_OK;
    g_autoptr(GStringChunk) texts = g_string_chunk_new(4096);
    g_autoptr(GArray) machines = read_machines(tx, pool->id, texts, &error);
    if (error != BERTH_OK) {
        return error;
    }
    BerthPlanPool facts = { .size = pool->size, .spares_hot = pool->spares_hot };
    if (tick->n_queued != NULL) {
        facts.n_queued = GPOINTER_TO_INT(g_hash_table_lookup(tick->n_queued, pool->id));
    }
    g_autoptr(GArray) actions =
        berth_plan_pool(&facts, (const BerthPlanMachine *)(void *)machines->data, machines->len);
    for (guint i = 0; i < actions->len; i++) {
        error = carry_out(tx, cause, pool, &g_array_index(actions, BerthPlanAction, i));
        if (error == BERTH_ERR_NOT_FOUND) {
            return BERTH_OK;
        }
        if (error != BERTH_OK) {
            return error;
        }
        *n_changes += 1;
    }
    return BERTH_OK;
}

static int
plan_pools(BerthTx *tx, const BerthCause *cause, const BerthTick *tick, int *n_changes)
{
    g_autoptr(GArray) pools = g_array_new(FALSE, FALSE, sizeof(Pool));
    g_array_set_clear_func(pools, pool_clear);
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_PLAN_POOLS, "");
    while (berth_rows_next(&rows)) {
        Pool pool = { .id = g_strdup(berth_rows_text(&rows, 0)),
                      .name = g_strdup(berth_rows_text(&rows, 1)),
                      .image = g_strdup(berth_rows_text(&rows, 2)),
                      .size = berth_rows_int(&rows, 3),
                      .spares_hot = berth_rows_int(&rows, 4),
                      .vcpus = berth_rows_int(&rows, 5),
                      .memory_mib = berth_rows_int(&rows, 6),
                      .is_template = berth_rows_int(&rows, 7) != 0 };
        g_array_append_val(pools, pool);
    }
    int error = berth_rows_end(&rows);
    for (guint i = 0; i < pools->len && error == BERTH_OK; i++) {
        error = plan_pool(tx, cause, tick, &g_array_index(pools, Pool, i), n_changes);
    }
    return error;
}

static int
purge(BerthTx *tx, const BerthCause *cause)
{
    int error = berth_tx_run(tx, BERTH_SQL_TICKET_PURGE, "i", cause->now_us);
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
        error = plan_pools(tx, cause, tick, &n_changes);
    }
    if (error == BERTH_OK) {
        error = purge(tx, cause);
    }
    if (error == BERTH_OK) {
        *ret_n_changes = n_changes;
    }
    return error;
}
