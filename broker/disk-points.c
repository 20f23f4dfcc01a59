/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/disk-points.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/host-tasks.h"
#include "broker/operations.h"

#include <glib.h>
#include <string.h>

/* A point is made and dropped in moments; the host may be away for a while. */
#define TASK_LIMIT_US (30LL * 60 * 1000 * 1000)

static const char *const kinds[] = {
    [BERTH_DISK_POINT_SNAPSHOT] = "disk-snapshot",
    [BERTH_DISK_POINT_RESTORE] = "disk-restore",
    [BERTH_DISK_POINT_DROP] = "disk-drop-point",
};

int
berth_disk_point_begin(BerthTx *tx, const BerthCause *cause, BerthDiskPointWork work,
                       const BerthDiskPointAsk *ask, char ret_operation[BERTH_ID_HEX_CHARS + 1])
{
    char task[BERTH_ID_HEX_CHARS + 1];
    bool is_at_rest = ask->machine[0] == '\0';
    json_t *args = json_pack("{s:s, s:s}", "disk", ask->disk, "point", ask->point);
    if (!is_at_rest) {
        json_object_set_new(args, "machine", json_string(ask->machine));
    }
    int error =
        berth_operation_start(tx, cause, kinds[work], ask->disk, ask->account, ret_operation);
    if (error == BERTH_OK && is_at_rest) {
        /* Nobody gets it meanwhile. */
        error = berth_tx_run(tx, BERTH_SQL_DISK_SET_STATE, "sssi", ask->disk, "checking", "",
                             cause->now_us);
    }
    if (error != BERTH_OK) {
        json_decref(args);
        return error;
    }
    error = berth_host_task_add(tx, cause, ask->host, kinds[work], ask->disk, args, ret_operation,
                                cause->now_us + TASK_LIMIT_US, task);
    return error == BERTH_OK
               ? berth_audit(tx, cause, "user-disk.point", ask->disk,
                             json_pack("{s:s, s:s}", "work", kinds[work], "point", ask->point))
               : error;
}

/* The disk may be had again; a restore that failed leaves one that is looked at first. */
static int
free_disk(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task)
{
    return berth_tx_run(tx, BERTH_SQL_DISK_END_CHECKING, "si", task->object, cause->now_us);
}

static const char *
point_of(const BerthHostTask *task)
{
    const char *point = json_string_value(json_object_get(task->args, "point"));
    return point != NULL ? point : "";
}

static int
set_point(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task, const char *state,
          const char *detail)
{
    return berth_tx_run(tx, BERTH_SQL_DISK_POINT_SET, "sssi", point_of(task), state, detail,
                        cause->now_us);
}

int
berth_task_finish_disk_snapshot(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                                int code, const json_t *result)
{
    int error = set_point(tx, cause, task, code == BERTH_OK ? "ready" : "failed",
                          code == BERTH_OK ? "" : task->detail);
    return error == BERTH_OK ? free_disk(tx, cause, task) : error;
}

int
berth_task_finish_disk_restore(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                               int code, const json_t *result)
{
    return free_disk(tx, cause, task);
}

int
berth_task_finish_disk_drop_point(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                                  int code, const json_t *result)
{
    int error = set_point(tx, cause, task, code == BERTH_OK ? "deleted" : "ready",
                          code == BERTH_OK ? "" : task->detail);
    return error == BERTH_OK ? free_disk(tx, cause, task) : error;
}
