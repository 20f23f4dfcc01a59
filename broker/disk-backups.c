/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/disk-backups.h"

#include "base/error.h"
#include "broker/host-tasks.h"
#include "broker/operations.h"

#include <string.h>

/* An operation and the task that it waits for, on a disk that nobody gets meanwhile. */
static int
begin(BerthTx *tx, const BerthCause *cause, const BerthDiskBackup *backup, const char *kind,
      json_t *args, BerthStarted *ret)
{
    char task[BERTH_ID_HEX_CHARS + 1];
    json_auto_t *owned = args;
    json_object_set_new(owned, "disk", json_string(ret->id));
    json_object_set_new(owned, "name", json_string(backup->name));
    int error = berth_operation_start(tx, cause, kind, ret->id, backup->account, ret->operation);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_DISK_SET_STATE, "sssi", ret->id, "checking", "",
                             cause->now_us);
    }
    return error == BERTH_OK
               ? berth_host_task_add(tx, cause, backup->host, kind, ret->id, json_incref(owned),
                                     ret->operation, cause->now_us + BERTH_BACKUP_LIMIT_US, task)
               : error;
}

int
berth_disk_backup_export(BerthTx *tx, const BerthCause *cause, const BerthDiskBackup *backup,
                         const char *disk, const char *point, BerthStarted *ret)
{
    g_autofree char *owner = NULL;
    int error = berth_backup_check_name(tx, backup->host, backup->name);
    if (error == BERTH_OK) {
        error = berth_tx_get_text(tx, &owner, BERTH_SQL_DISK_OWNER, "s", disk);
    }
    if (error == BERTH_OK) {
        error = berth_audit(tx, cause, "backup.begun", disk,
                            json_pack("{s:s, s:s}", "name", backup->name, "point", point));
    }
    g_strlcpy(ret->id, disk, sizeof ret->id);
    return error == BERTH_OK ? begin(tx, cause, backup, "disk-export",
                                     json_pack("{s:s, s:s}", "owner", owner, "point", point), ret)
                             : error;
}

/* Whether a host is up and has the storage, if the disk is to be on one. */
static int
check_host(BerthTx *tx, const char *host, const char *storage)
{
    BerthRows rows;
    bool is_there = false;
    berth_tx_query(tx, &rows, BERTH_SQL_DISK_STORAGE_HOST, "");
    while (berth_rows_next(&rows)) {
        is_there = is_there || (strcmp(berth_rows_text(&rows, 0), host) == 0 &&
                                (storage[0] == '\0' ||
                                 berth_user_disk_labels_have(berth_rows_text(&rows, 1), storage)));
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_STATE : error;
}

int
berth_disk_backup_import(BerthTx *tx, const BerthCause *cause, const BerthDiskBackup *backup,
                         const BerthUserDiskRule *rule, const char *user, const char *pool,
                         BerthStarted *ret)
{
    int error = check_host(tx, backup->host, rule->storage);
    if (error == BERTH_OK) {
        error = berth_user_disk_add(tx, cause, rule, user, pool, backup->host, ret->id);
    }
    return error == BERTH_OK ? begin(tx, cause, backup, "disk-import", json_object(), ret) : error;
}
