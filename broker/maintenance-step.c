/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tick does for versions in the making and for pools that only try one.
 */
#include "broker/maintenance.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "broker/host-tasks.h"
#include "broker/steps-catalog.h"
#include "broker/steps.h"
#include "broker/unit.h"

#include <string.h>

/* The guest may still be booting when it is asked what it has. */
#define FACTS_LIMIT_US (30LL * 60 * 1000 * 1000)

/* One row of any of the queries. */
typedef struct {
    const BerthCause *cause;
    char *text[6];
    int (*run)(BerthTx *tx, const BerthCause *cause, char *const *text);
} Row;

static void
row_clear(gpointer data)
{
    Row *row = data;
    for (size_t i = 0; i < G_N_ELEMENTS(row->text); i++) {
        g_free(row->text[i]);
    }
}

static int
run_row(BerthTx *tx, void *data)
{
    const Row *row = data;
    return row->run(tx, row->cause, row->text);
}

/* Runs each row of a query in a unit of its own; one that fails is logged and tried again. */
static int
for_each(BerthTx *tx, GArray *rows, const char *what, int *n_changes)
{
    int error = BERTH_OK;
    for (guint i = 0; i < rows->len && error == BERTH_OK; i++) {
        int result = BERTH_OK;
        Row *row = &g_array_index(rows, Row, i);
        error = berth_unit_run(tx, run_row, row, &result);
        if (error == BERTH_OK && result == BERTH_OK) {
            *n_changes += 1;
        } else if (error == BERTH_OK) {
            berth_log_warning("maintenance", "%s of \"%s\": %s", what, row->text[0],
                              berth_error_sentence(result));
        }
    }
    return error;
}

static int
read_rows(BerthTx *tx, BerthRows *rows, int n_columns, const Row *template, GArray *out)
{
    while (berth_rows_next(rows)) {
        Row row = *template;
        for (int i = 0; i < n_columns; i++) {
            row.text[i] = g_strdup(berth_rows_text(rows, i));
        }
        g_array_append_val(out, row);
    }
    return berth_rows_end(rows);
}

static GArray *
new_rows(void)
{
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(Row));
    g_array_set_clear_func(rows, row_clear);
    return rows;
}

/* ---- new maintenance machines ---- */

/* version, pool, machine, host, state, account */
static int
take_machine(BerthTx *tx, const BerthCause *cause, char *const *text)
{
    char assignment[BERTH_ID_HEX_CHARS + 1];
    char machine[BERTH_ID_HEX_CHARS + 1];
    char host[BERTH_ID_HEX_CHARS + 1];
    int64_t epoch = 0;
    berth_id_random_hex(assignment);
    int error =
        berth_machine_claim_ready(tx, cause, text[1], assignment, "", machine, host, &epoch);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_ASSIGNMENT_INSERT, "sssssiii", assignment, text[1],
                             machine, text[5], "dedicated", (int64_t)0, epoch, cause->now_us);
    }
    /* From here on it holds work: nothing recycles it by itself. */
    return error == BERTH_OK
               ? berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_DIRTY, "sib", machine, epoch, 1)
               : error;
}

static int
prepare_machine(BerthTx *tx, const BerthCause *cause, char *const *text)
{
    char task[BERTH_ID_HEX_CHARS + 1];
    int error = strcmp(text[4], "ready") == 0 ? take_machine(tx, cause, text) : BERTH_OK;
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_EDIT_SET_MACHINE, "ss", text[0], text[2]);
    }
    return error == BERTH_OK ? berth_host_task_add(tx, cause, text[3], "facts", text[0],
                                                   json_pack("{s:s}", "machine", text[2]), "",
                                                   cause->now_us + FACTS_LIMIT_US, task)
                             : error;
}

static int
prepare_machines(BerthTx *tx, const BerthCause *cause, int *n_changes)
{
    BerthRows rows;
    g_autoptr(GArray) found = new_rows();
    const Row template = { .cause = cause, .run = prepare_machine };
    berth_tx_query(tx, &rows, BERTH_SQL_EDIT_NEW_MACHINES, "");
    int error = read_rows(tx, &rows, 6, &template, found);
    return error == BERTH_OK ? for_each(tx, found, "the maintenance machine", n_changes) : error;
}

/* ---- pools that are over ---- */

/* machine, state, keep */
static int
end_machine(BerthTx *tx, const BerthCause *cause, char *const *text)
{
    bool is_kept = strcmp(text[2], "0") != 0;
    bool is_owned = strcmp(text[1], "assigned") == 0;
    BerthMachineEvent event = is_owned ? BERTH_MACHINE_EVENT_RECYCLE : BERTH_MACHINE_EVENT_DELETE;
    return is_kept ? berth_machine_discard(tx, cause, text[0], event, "pool-closed")
                   : berth_machine_step(tx, cause, text[0], event, NULL, "pool-closed");
}

static int
remove_pool(BerthTx *tx, const BerthCause *cause, const char *pool)
{
    int error = berth_pool_step(tx, cause, pool, BERTH_POOL_EVENT_DELETE);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_POOL_DISENTITLE, "s", pool);
    }
    /* Its last machine is still being removed. */
    return error == BERTH_ERR_BUSY ? BERTH_OK : error;
}

static int
close_pool(BerthTx *tx, const BerthCause *cause, const char *pool, int *n_changes)
{
    BerthRows rows;
    g_autoptr(GArray) found = new_rows();
    const Row template = { .cause = cause, .run = end_machine };
    berth_tx_query(tx, &rows, BERTH_SQL_POOL_RESTING_MACHINES, "s", pool);
    int error = read_rows(tx, &rows, 3, &template, found);
    if (error != BERTH_OK) {
        return error;
    }
    return found->len > 0 ? for_each(tx, found, "the end", n_changes)
                          : remove_pool(tx, cause, pool);
}

static GPtrArray *
read_ids(BerthTx *tx, BerthStatement statement, int64_t before_us, int *ret_error)
{
    BerthRows rows;
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    if (before_us != 0) {
        berth_tx_query(tx, &rows, statement, "i", before_us);
    } else {
        berth_tx_query(tx, &rows, statement, "");
    }
    while (berth_rows_next(&rows)) {
        g_ptr_array_add(ids, g_strdup(berth_rows_text(&rows, 0)));
    }
    *ret_error = berth_rows_end(&rows);
    return ids;
}

static int
close_pools(BerthTx *tx, const BerthCause *cause, int *n_changes)
{
    int error = BERTH_OK;
    g_autoptr(GPtrArray) old =
        read_ids(tx, BERTH_SQL_TEST_POOLS_OLD, cause->now_us - BERTH_TEST_POOL_LIFE_US, &error);
    for (guint i = 0; i < old->len && error == BERTH_OK; i++) {
        error = berth_edit_close_pool(tx, cause, g_ptr_array_index(old, i));
        *n_changes += 1;
    }
    if (error != BERTH_OK) {
        return error;
    }
    g_autoptr(GPtrArray) pools = read_ids(tx, BERTH_SQL_POOLS_CLOSING, 0, &error);
    for (guint i = 0; i < pools->len && error == BERTH_OK; i++) {
        error = close_pool(tx, cause, g_ptr_array_index(pools, i), n_changes);
    }
    return error;
}

/* ---- versions ---- */

static int
step_versions(BerthTx *tx, const BerthCause *cause, BerthStatement statement, int64_t before_us,
              BerthImageVersionEvent event, const char *reason, int *n_changes)
{
    int error = BERTH_OK;
    g_autoptr(GPtrArray) versions = read_ids(tx, statement, before_us, &error);
    for (guint i = 0; i < versions->len && error == BERTH_OK; i++) {
        error = berth_image_version_step(tx, cause, g_ptr_array_index(versions, i), event, reason);
        *n_changes += 1;
    }
    return error;
}

int
berth_maintenance_step(BerthTx *tx, const BerthCause *cause, int *n_changes)
{
    int error = prepare_machines(tx, cause, n_changes);
    if (error == BERTH_OK) {
        error = close_pools(tx, cause, n_changes);
    }
    if (error == BERTH_OK) {
        error =
            step_versions(tx, cause, BERTH_SQL_EDIT_OVERDUE, cause->now_us,
                          BERTH_IMAGE_VERSION_EVENT_TIMEOUT, "sealing took too long", n_changes);
    }
    return error == BERTH_OK ? step_versions(tx, cause, BERTH_SQL_EDIT_GONE, 0,
                                             BERTH_IMAGE_VERSION_EVENT_GONE, "", n_changes)
                             : error;
}
