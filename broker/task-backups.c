/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the ends of tasks about disks mean.  What a host tells is not trusted: it fills in sizes and
 * names of what it was asked for, nothing else.
 */
#include "broker/restore-points.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"
#include "broker/steps.h"

#include <string.h>

#define REMOVE_LIMIT_US (3600LL * 1000 * 1000)

static const char *
arg(const BerthHostTask *task, const char *key)
{
    const char *text = json_string_value(json_object_get(task->args, key));
    return text != NULL ? text : "";
}

/* "crash" unless the host says one of the others. */
static const char *
consistency_of(const json_t *result)
{
    const char *text = json_string_value(json_object_get(result, "consistency"));
    bool is_known = text != NULL && (strcmp(text, "frozen") == 0 || strcmp(text, "clean") == 0);
    return is_known ? text : "crash";
}

static int64_t
size_of(const json_t *result)
{
    return MAX(json_integer_value(json_object_get(result, "file_bytes")), 0);
}

/* It may be there although we know nothing of it: a removal of nothing is no error. */
static int
give_point_up(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task, const char *point)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    int error = berth_tx_run_one(tx, BERTH_SQL_POINT_SET_STATE, "sssi", point, "failed",
                                 task->detail, cause->now_us);
    return error == BERTH_OK ? berth_host_task_add(tx, cause, task->host, "remove-point", point,
                                                   json_pack("{s:s}", "point", point), "",
                                                   cause->now_us + REMOVE_LIMIT_US, id)
                             : error;
}

int
berth_task_finish_snapshot(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                           int code, const json_t *result)
{
    const char *point = arg(task, "point");
    int error = code == BERTH_OK
                    ? berth_tx_run_one(tx, BERTH_SQL_POINT_SET_READY, "ssii", point,
                                       consistency_of(result), size_of(result), cause->now_us)
                    : give_point_up(tx, cause, task, point);
    return error == BERTH_OK
               ? berth_audit(tx, cause,
                             code == BERTH_OK ? "restore-point.ready" : "restore-point.failed",
                             point, json_pack("{s:s}", "machine", task->object))
               : error;
}

/* The disk is there: the machine is its user's. */
static int
give_to_user(BerthTx *tx, const BerthCause *cause, const char *machine, const char *user)
{
    char assignment[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *pool = NULL;
    int64_t epoch = 0;
    berth_id_random_hex(assignment);
    int error = berth_tx_get_text(tx, &pool, BERTH_SQL_MACHINE_POOL, "s", machine);
    if (error == BERTH_OK) {
        error = berth_tx_get_int(tx, &epoch, BERTH_SQL_MACHINE_EPOCH, "s", machine);
    }
    if (error == BERTH_OK) {
        error = berth_machine_step(tx, cause, machine, BERTH_MACHINE_EVENT_CLAIM, assignment,
                                   "restore");
    }
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_ASSIGNMENT_INSERT, "sssssiii", assignment, pool, machine,
                             user, "dedicated", (int64_t)0, epoch, cause->now_us);
    }
    return error == BERTH_OK ? berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_GIVEN, "s", machine)
                             : error;
}

/* A new machine that did not get its disk is nobody's and holds nothing. */
static int
finish_new(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task, int code,
           const char *user)
{
    if (code == BERTH_OK) {
        return give_to_user(tx, cause, task->object, user);
    }
    int error = berth_machine_step(tx, cause, task->object, BERTH_MACHINE_EVENT_DELETE, NULL,
                                   "not restored");
    return error == BERTH_ERR_STATE || error == BERTH_ERR_NOT_FOUND ? BERTH_OK : error;
}

int
berth_task_finish_restore(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task, int code,
                          const json_t *result)
{
    (void)result;
    const char *user = arg(task, "user");
    int error = user[0] != '\0' ? finish_new(tx, cause, task, code, user) : BERTH_OK;
    if (error == BERTH_OK && code == BERTH_OK && arg(task, "point")[0] != '\0') {
        error = berth_tx_run_one(tx, BERTH_SQL_MACHINE_TAKE_VERSION, "ss", task->object,
                                 arg(task, "point"));
    }
    return error == BERTH_OK
               ? berth_audit(tx, cause,
                             code == BERTH_OK ? "machine.restored" : "machine.not-restored",
                             task->object,
                             json_pack("{s:s, s:s}", "restore_point", arg(task, "point"), "backup",
                                       arg(task, "name")))
               : error;
}

int
berth_task_finish_rebase(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task, int code,
                         const json_t *result)
{
    (void)result;
    if (code != BERTH_OK) {
        return BERTH_OK;
    }
    int error = berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_VERSION, "ss", task->object,
                                 arg(task, "version"));
    return error == BERTH_OK ? berth_audit(tx, cause, "machine.rebased", task->object,
                                           json_pack("{s:s}", "version", arg(task, "version")))
                             : error;
}

int
berth_task_finish_export(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task, int code,
                         const json_t *result)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *machine = NULL;
    g_autofree char *location = berth_backup_location(arg(task, "name"));
    if (code != BERTH_OK) {
        return BERTH_OK;
    }
    berth_id_random_hex(id);
    int error = berth_tx_get_text(tx, &machine, BERTH_SQL_POINT_OWNER, "s", task->object);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_BACKUP_INSERT, "ssssisi", id, machine, task->host,
                             consistency_of(result), size_of(result), location, cause->now_us);
    }
    return error == BERTH_OK ? berth_audit(tx, cause, "backup.ready", id,
                                           json_pack("{s:s, s:s}", "name", arg(task, "name"),
                                                     "restore_point", task->object))
                             : error;
}

int
berth_task_finish_disk_export(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                              int code, const json_t *result)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *location = berth_backup_location(arg(task, "name"));
    int error = berth_tx_run(tx, BERTH_SQL_DISK_END_CHECKING, "si", task->object, cause->now_us);
    if (error != BERTH_OK || code != BERTH_OK) {
        return error;
    }
    berth_id_random_hex(id);
    error = berth_tx_run(tx, BERTH_SQL_DISK_BACKUP_INSERT, "ssssisi", id, task->object, task->host,
                         consistency_of(result), size_of(result), location, cause->now_us);
    return error == BERTH_OK ? berth_audit(tx, cause, "backup.ready", id,
                                           json_pack("{s:s, s:s}", "name", arg(task, "name"),
                                                     "disk", task->object))
                             : error;
}

/* What a disk of that size takes; a host's word is not taken for more than a disk may have. */
static int64_t
mib_of(const json_t *result)
{
    int64_t bytes = json_integer_value(json_object_get(result, "disk_bytes"));
    return CLAMP(bytes >> 20, 0, BERTH_LIMIT_USER_DISK_MIB);
}

/* A disk that did not come is nobody's; its host removes what there may be of it. */
int
berth_task_finish_disk_import(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                              int code, const json_t *result)
{
    int error = code == BERTH_OK
                    ? berth_tx_run(tx, BERTH_SQL_DISK_IMPORTED, "si", task->object, mib_of(result))
                    : berth_tx_run(tx, BERTH_SQL_DISK_NOT_IMPORTED, "ssi", task->object, task->host,
                                   cause->now_us);
    if (error == BERTH_OK && code == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_DISK_END_CHECKING, "si", task->object, cause->now_us);
    }
    return error == BERTH_OK
               ? berth_audit(tx, cause,
                             code == BERTH_OK ? "user-disk.imported" : "user-disk.not-imported",
                             task->object, json_pack("{s:s}", "backup", arg(task, "name")))
               : error;
}

int
berth_task_finish_remove_point(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                               int code, const json_t *result)
{
    (void)result;
    if (code != BERTH_OK) {
        return BERTH_OK;
    }
    return berth_tx_run(tx, BERTH_SQL_POINT_SET_GONE, "si", task->object, cause->now_us);
}
