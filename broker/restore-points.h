/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disks of dedicated desktops: restore points, backups, and the ways to give a machine another
 * disk.
 *
 * Each of these is a task of a host; the row of a restore point says what is there, and an
 * operation how far the work is.  A machine has one such task at a time, and none that changes its
 * disk while it has a session.  Functions give a sentence in ret_why (g_free()) for errors that
 * people can do something about.
 *
 * Errors of each: BERTH_ERR_NOT_FOUND, BERTH_ERR_STATE, those of berth_tx_run().  Thread: writer.
 */
#pragma once

#include "berth/ids.h"
#include "broker/audit.h"
#include "broker/host-tasks.h"

#include <stdbool.h>

/* Days that a restore point is kept if nobody says how many, and at most. */
#define BERTH_POINT_KEEP_DAYS 30
#define BERTH_POINT_MAX_KEEP_DAYS 3650

/* Copying a large disk to a slow folder takes hours; a task that works tells that it does. */
#define BERTH_BACKUP_LIMIT_US (8LL * 3600 * 1000 * 1000)

/* What was begun. */
typedef struct {
    char operation[BERTH_ID_HEX_CHARS + 1];
    char id[BERTH_ID_HEX_CHARS + 1]; /* of the point, the new machine or the disk; "" without */
} BerthStarted;

/*
 * Begins a restore point.
 *
 * freeze:     "auto", "never" or "required"
 * keep_days:  0: until somebody removes it
 */
int berth_restore_point_take(BerthTx *tx, const BerthCause *cause, const char *machine,
                             const char *freeze, int64_t keep_days, const char *note,
                             const char *account, BerthStarted *ret, char **ret_why);

/* Gives a machine its own disk of an earlier day; what was written since is gone. */
int berth_restore_point_restore(BerthTx *tx, const BerthCause *cause, const char *machine,
                                const char *point, const char *account, BerthStarted *ret,
                                char **ret_why);

/*
 * Gives a machine a fresh disk: what its user wrote is gone, name and addresses stay.
 *
 * version:  the image's version that it stands on; "": its own
 */
int berth_machine_rebase(BerthTx *tx, const BerthCause *cause, const char *machine,
                         const char *version, const char *account, BerthStarted *ret,
                         char **ret_why);

/* Removes a restore point, also from its host. */
int berth_restore_point_remove(BerthTx *tx, const BerthCause *cause, const char *point,
                               char **ret_why);

/* Where a backup of a name is, as the store says it; to be freed with g_free(). */
char *berth_backup_location(const char *name);

/* Errors: BERTH_ERR_EXISTS if a host has a backup of that name. */
int berth_backup_check_name(BerthTx *tx, const char *host, const char *name);

/* Writes the whole disk of a restore point to the backup folder of its host. */
int berth_backup_export(BerthTx *tx, const BerthCause *cause, const char *point, const char *name,
                        const char *account, BerthStarted *ret, char **ret_why);

/* Asks a host what is in its backup folder. */
int berth_backup_scan(BerthTx *tx, const BerthCause *cause, const char *host, const char *account,
                      BerthStarted *ret);

/* Where a new machine gets its disk from: a backup in a host's folder, or a restore point. */
typedef struct {
    const char *pool; /* name or id of a dedicated one */
    const char *user; /* id of the account that gets it */
    const char *host; /* id */
    const char *name; /* of a backup; NULL: point */
    const char *point;
} BerthNewDesktop;

/*
 * Makes a new machine with that disk; it is its user's when the disk is there.
 *
 * Errors: also BERTH_ERR_EXISTS if the user has a desktop of that pool.
 */
int berth_restore_to_new(BerthTx *tx, const BerthCause *cause, const BerthNewDesktop *new_desktop,
                         const char *account, BerthStarted *ret, char **ret_why);

/* Removes restore points whose time is over, and asks again for what was not removed. */
int berth_restore_points_tidy(BerthTx *tx, const BerthCause *cause);

/* Ends of tasks, for host-task-kinds.c. */
int berth_task_finish_snapshot(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                               int code, const json_t *result);
int berth_task_finish_restore(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                              int code, const json_t *result);
int berth_task_finish_rebase(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                             int code, const json_t *result);
int berth_task_finish_export(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                             int code, const json_t *result);
int berth_task_finish_remove_point(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                                   int code, const json_t *result);
int berth_task_finish_disk_export(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                                  int code, const json_t *result);
int berth_task_finish_disk_import(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                                  int code, const json_t *result);
