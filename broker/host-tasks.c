/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/host-tasks.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/limits.h"
#include "broker/host-task-kinds.h"
#include "broker/operations.h"
#include "broker/unit.h"

#include <stdlib.h>
#include <string.h>

/* Life of a task that ended: for people who look after it. */
#define KEEP_US (7LL * 24 * 3600 * 1000 * 1000)

/* A row and what is made of it. */
typedef struct {
    const BerthCause *cause;
    char id[BERTH_ID_HEX_CHARS + 1];
    char *host, *kind, *object, *operation;
    json_t *args;
    bool is_open;
    int64_t progress_pct;
    const BerthSigningKey *key;
    /* its end */
    int code;
    const char *detail;
    json_t *result;
} Task;

static void
task_clear(Task *task)
{
    g_free(task->host);
    g_free(task->kind);
    g_free(task->object);
    g_free(task->operation);
    json_decref(task->args);
    json_decref(task->result);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Task, task_clear)

static json_t *
parse_object(const char *text)
{
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(value)) {
        return value;
    }
    json_decref(value);
    return json_object();
}

int
berth_host_task_add(BerthTx *tx, const BerthCause *cause, const char *host, const char *kind,
                    const char *object, json_t *args, const char *operation, int64_t deadline_us,
                    char ret_id[BERTH_ID_HEX_CHARS + 1])
{
    json_auto_t *owned = args != NULL ? args : json_object();
    char *text = json_dumps(owned, JSON_COMPACT);
    int error = berth_host_task_kind_find(kind) != NULL ? BERTH_OK : BERTH_ERR_UNSUPPORTED;
    if (error == BERTH_OK && (text == NULL || strlen(text) > BERTH_LIMIT_TASK_ARGS_BYTES)) {
        error = BERTH_ERR_TOO_LARGE;
    }
    if (error == BERTH_OK) {
        berth_id_random_hex(ret_id);
        error = berth_tx_run(tx, BERTH_SQL_TASK_INSERT, "ssssssii", ret_id, host, kind, object,
                             text, operation, cause->now_us, deadline_us);
    }
    free(text);
    return error == BERTH_OK ? berth_audit(tx, cause, "host-task.added", ret_id,
                                           json_pack("{s:s, s:s, s:s}", "host", host, "kind", kind,
                                                     "object", object))
                             : error;
}

static int
read_task(BerthTx *tx, const char *id, Task *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_TASK_LOCK, "s", id);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        const char *state = berth_rows_text(&rows, 4);
        g_strlcpy(ret->id, id, sizeof ret->id);
        ret->host = g_strdup(berth_rows_text(&rows, 0));
        ret->kind = g_strdup(berth_rows_text(&rows, 1));
        ret->object = g_strdup(berth_rows_text(&rows, 2));
        ret->args = parse_object(berth_rows_text(&rows, 3));
        ret->is_open = strcmp(state, "waiting") == 0 || strcmp(state, "running") == 0;
        ret->operation = g_strdup(berth_rows_text(&rows, 5));
        ret->progress_pct = berth_rows_int(&rows, 6);
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_NOT_FOUND : error;
}

static int
write_end(BerthTx *tx, const Task *task, const char *state, int code)
{
    char *result = json_dumps(task->result, JSON_COMPACT);
    int error = berth_tx_run(tx, BERTH_SQL_TASK_END, "sssssi", task->id, state,
                             code == BERTH_OK ? "" : berth_error_name(code), task->detail,
                             result != NULL ? result : "{}", task->cause->now_us);
    free(result);
    return error == BERTH_OK
               ? berth_audit(tx, task->cause, "host-task.ended", task->id,
                             json_pack("{s:s, s:s, s:s, s:s}", "host", task->host, "kind",
                                       task->kind, "state", state, "detail", task->detail))
               : error;
}

static int
run_finish(BerthTx *tx, void *data)
{
    const Task *task = data;
    const BerthHostTaskKind *kind = berth_host_task_kind_find(task->kind);
    BerthHostTask view = { .id = task->id,
                           .host = task->host,
                           .kind = task->kind,
                           .object = task->object,
                           .operation = task->operation,
                           .detail = task->detail,
                           .args = task->args,
                           .signing_key = task->key };
    return kind != NULL && kind->finish != NULL
               ? kind->finish(tx, task->cause, &view, task->code, task->result)
               : BERTH_OK;
}

/* Lets the kind make something of the end; what fails there fails the task. */
static int
end_task(BerthTx *tx, Task *task, const char *bad_state)
{
    int code = BERTH_OK;
    const BerthHostTaskKind *kind = berth_host_task_kind_find(task->kind);
    int error = berth_unit_run(tx, run_finish, task, &code);
    if (error != BERTH_OK) {
        return error;
    }
    if (code != BERTH_OK) {
        berth_log_error("task", "the end of task \"%s\" (%s) on host \"%s\" cannot be used: %s",
                        task->id, task->kind, task->host, berth_error_sentence(code));
        task->detail = berth_error_sentence(code);
    } else {
        code = task->code;
    }
    error = write_end(tx, task, code == BERTH_OK ? "done" : bad_state, code);
    bool keeps = kind != NULL && kind->keeps_operation && code == task->code;
    if (error == BERTH_OK && task->operation[0] != '\0' && !keeps) {
        error = berth_operation_finish(tx, task->cause, task->operation, code,
                                       task->detail[0] != '\0' ? task->detail : NULL,
                                       json_incref(task->result));
    }
    return error;
}

int
berth_host_task_cancel(BerthTx *tx, const BerthCause *cause, const char *id)
{
    g_auto(Task) task = { .cause = cause, .code = BERTH_ERR_AGAIN, .detail = "it was cancelled" };
    int error = read_task(tx, id, &task);
    if (error != BERTH_OK || !task.is_open) {
        return error;
    }
    task.result = json_object();
    return end_task(tx, &task, "cancelled");
}

static int
tell_progress(BerthTx *tx, const Task *task, const BerthTaskReport *report)
{
    int error = berth_tx_run(tx, BERTH_SQL_TASK_PROGRESS, "sisi", task->id, report->progress_pct,
                             report->detail, task->cause->now_us);
    return error == BERTH_OK && task->operation[0] != '\0'
               ? berth_operation_progress(tx, task->cause, task->operation,
                                          (int)report->progress_pct, report->detail)
               : error;
}

static int
apply_report(BerthTx *tx, Task *task, const BerthTaskReport *report, const char *host,
             int *n_changes)
{
    int error = read_task(tx, report->id, task);
    if (error == BERTH_ERR_NOT_FOUND) {
        return BERTH_OK;
    }
    if (error != BERTH_OK || !task->is_open || strcmp(task->host, host) != 0) {
        return error;
    }
    if (strcmp(report->state, "running") == 0) {
        return tell_progress(tx, task, report);
    }
    bool is_done = strcmp(report->state, "done") == 0;
    int code = is_done ? BERTH_OK : berth_error_from_name(report->code);
    task->code = is_done || code != BERTH_OK ? code : BERTH_ERR_INTERNAL;
    task->detail = report->detail;
    task->result = parse_object(report->result);
    *n_changes += 1;
    return end_task(tx, task, "failed");
}

int
berth_host_tasks_apply(BerthTx *tx, const BerthCause *cause, const char *host,
                       const GArray *reports, const BerthSigningKey *key, int *n_changes)
{
    int error = BERTH_OK;
    for (guint i = 0; i < reports->len && error == BERTH_OK; i++) {
        g_auto(Task) task = { .cause = cause, .key = key };
        error =
            apply_report(tx, &task, &g_array_index(reports, BerthTaskReport, i), host, n_changes);
    }
    return error;
}

static int
end_overdue(BerthTx *tx, const BerthCause *cause, const char *id, const BerthSigningKey *key)
{
    g_auto(Task) task = { .cause = cause,
                          .key = key,
                          .code = BERTH_ERR_TIMEOUT,
                          .detail = "the host did not end it in time" };
    int error = read_task(tx, id, &task);
    if (error != BERTH_OK || !task.is_open) {
        return error;
    }
    task.result = json_object();
    return end_task(tx, &task, "failed");
}

int
berth_host_tasks_tidy(BerthTx *tx, const BerthCause *cause, const BerthSigningKey *key)
{
    BerthRows rows;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    berth_tx_query(tx, &rows, BERTH_SQL_TASKS_OVERDUE, "i", cause->now_us);
    while (berth_rows_next(&rows)) {
        g_ptr_array_add(ids, g_strdup(berth_rows_text(&rows, 0)));
    }
    int error = berth_rows_end(&rows);
    for (guint i = 0; i < ids->len && error == BERTH_OK; i++) {
        error = end_overdue(tx, cause, g_ptr_array_index(ids, i), key);
    }
    return error == BERTH_OK ? berth_tx_run(tx, BERTH_SQL_TASK_PURGE, "i", cause->now_us - KEEP_US)
                             : error;
}
