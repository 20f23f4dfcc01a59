/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A lease goes when its host says that no machine has the disk any more.  Two reports prove it: the
 * disk at rest, opened by that lease or a later one; or the disk at rest or unknown, and the
 * machine in a life after the lease, which its scrub receipt told.
 */
#include "broker/desired-disks.h"

#include "base/error.h"
#include "broker/user-disk.h"

#include <string.h>

json_t *
berth_desired_disks(BerthTx *tx, const char *host, int *ret_error)
{
    return berth_tx_to_json(tx, ret_error, BERTH_SQL_DESIRED_DISKS, "s", host);
}

static json_t *
find_machine(const json_t *machines, const char *id)
{
    size_t i = 0;
    json_t *machine = NULL;
    json_array_foreach (machines, i, machine) {
        if (g_strcmp0(json_string_value(json_object_get(machine, "id")), id) == 0) {
            return machine;
        }
    }
    return NULL;
}

int
berth_desired_add_machine_disks(BerthTx *tx, const char *host, json_t *machines)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_DESIRED_MACHINE_DISKS, "s", host);
    while (berth_rows_next(&rows)) {
        json_t *machine = find_machine(machines, berth_rows_text(&rows, 0));
        json_auto_t *rule = json_loads(berth_rows_text(&rows, 3), JSON_REJECT_DUPLICATES, NULL);
        const char *mount = json_string_value(json_object_get(rule, "mount"));
        if (machine != NULL && mount != NULL) {
            json_object_set_new(machine, "user_disk",
                                json_pack("{s:s, s:I, s:s}", "id", berth_rows_text(&rows, 1),
                                          "epoch", (json_int_t)berth_rows_int(&rows, 2), "mount",
                                          mount));
        }
    }
    return berth_rows_end(&rows);
}

/* A disk that a host has, or had. */
typedef struct {
    char id[BERTH_ID_HEX_CHARS + 1];
    char state[16];
    char lease[16]; /* "" without one */
    int64_t epoch, used_mib, lease_epoch;
    bool is_scrubbed;
    char *detail;
} Row;

static void
row_clear(gpointer data)
{
    g_free(((Row *)data)->detail);
}

static GArray *
read_rows(BerthTx *tx, const char *host, int *ret_error)
{
    BerthRows rows;
    GArray *array = g_array_new(FALSE, FALSE, sizeof(Row));
    g_array_set_clear_func(array, row_clear);
    berth_tx_query(tx, &rows, BERTH_SQL_DISKS_REPORTABLE, "s", host);
    while (berth_rows_next(&rows)) {
        Row row = { .epoch = berth_rows_int(&rows, 2),
                    .used_mib = berth_rows_int(&rows, 3),
                    .detail = g_strdup(berth_rows_text(&rows, 4)),
                    .lease_epoch = berth_rows_int(&rows, 5),
                    .is_scrubbed = berth_rows_int(&rows, 7) != 0 };
        g_strlcpy(row.id, berth_rows_text(&rows, 0), sizeof row.id);
        g_strlcpy(row.state, berth_rows_text(&rows, 1), sizeof row.state);
        g_strlcpy(row.lease, berth_rows_text(&rows, 6), sizeof row.lease);
        g_array_append_val(array, row);
    }
    *ret_error = berth_rows_end(&rows);
    return array;
}

static const BerthDiskReport *
find_report(const GArray *reports, const char *id)
{
    for (guint i = 0; i < reports->len; i++) {
        const BerthDiskReport *report = &g_array_index(reports, BerthDiskReport, i);
        if (strcmp(report->id, id) == 0) {
            return report;
        }
    }
    return NULL;
}

static int
set_state(BerthTx *tx, const BerthCause *cause, const Row *row, const char *state,
          const char *detail)
{
    if (strcmp(row->state, state) == 0 && strcmp(row->detail, detail) == 0) {
        return BERTH_OK;
    }
    int error =
        berth_tx_run(tx, BERTH_SQL_DISK_SET_STATE, "sssi", row->id, state, detail, cause->now_us);
    g_autofree char *kind = g_strconcat("user-disk.", state, NULL);
    return error == BERTH_OK
               ? berth_audit(tx, cause, kind, row->id, json_pack("{s:s}", "detail", detail))
               : error;
}

static char *
dup_detail(const BerthDiskReport *report)
{
    return report != NULL && strcmp(report->state, "failed") == 0
               ? g_strdup_printf("%s: %s", report->code[0] != '\0' ? report->code : "io",
                                 report->detail)
               : g_strdup("");
}

static int
give_back(BerthTx *tx, const BerthCause *cause, const Row *row, const BerthDiskReport *report)
{
    g_autofree char *detail = dup_detail(report);
    /* What no host ever opened is as new as before. */
    bool is_untouched = strcmp(row->state, "new") == 0 && (report == NULL || report->epoch == 0);
    const char *state = detail[0] != '\0' ? "failed" : is_untouched ? "new" : "detached";
    int error = berth_user_disk_drop_lease(tx, cause, row->id, state, "");
    return error == BERTH_OK ? berth_tx_run(tx, BERTH_SQL_DISK_SET_STATE, "sssi", row->id, state,
                                            detail, cause->now_us)
                             : error;
}

static int
apply_leased(BerthTx *tx, const BerthCause *cause, const Row *row, const BerthDiskReport *report)
{
    bool is_in_use =
        report != NULL && (report->machine[0] != '\0' || strcmp(report->state, "attached") == 0);
    if (strcmp(row->lease, "releasing") == 0) {
        bool is_back = report != NULL && report->epoch >= row->lease_epoch;
        return !is_in_use && (is_back || row->is_scrubbed) ? give_back(tx, cause, row, report)
                                                           : BERTH_OK;
    }
    if (report == NULL || report->epoch != row->lease_epoch ||
        strcmp(report->state, "present") == 0) {
        return BERTH_OK;
    }
    g_autofree char *detail = dup_detail(report);
    return set_state(tx, cause, row, report->state, detail);
}

/* Gone when its host says so, not when it says nothing: it may not have been told yet. */
static int
apply_deleting(BerthTx *tx, const BerthCause *cause, const Row *row, const BerthDiskReport *report)
{
    bool is_gone = report != NULL && strcmp(report->state, "failed") == 0 &&
                   strcmp(report->code, "not-found") == 0;
    return is_gone ? set_state(tx, cause, row, "deleted", "") : BERTH_OK;
}

int
berth_host_apply_disks(BerthTx *tx, const BerthCause *cause, const char *host,
                       const GArray *reports)
{
    int error = BERTH_OK;
    g_autoptr(GArray) rows = read_rows(tx, host, &error);
    for (guint i = 0; i < rows->len && error == BERTH_OK; i++) {
        const Row *row = &g_array_index(rows, Row, i);
        const BerthDiskReport *report = find_report(reports, row->id);
        error = row->lease[0] != '\0' ? apply_leased(tx, cause, row, report)
                                      : apply_deleting(tx, cause, row, report);
        if (error == BERTH_OK && report != NULL && report->used_mib != row->used_mib) {
            error = berth_tx_run(tx, BERTH_SQL_DISK_SET_USED, "si", row->id, report->used_mib);
        }
    }
    return error;
}
