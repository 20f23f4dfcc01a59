/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Restore points of user disks: points inside their files, made, returned to and dropped by tasks
 * of the host that has the disk.
 *
 * A disk at rest is "checking" meanwhile, so that nobody gets it; one in use stays with its
 * machine. Errors: those of berth_tx_run().  Thread: writer.
 */
#pragma once

#include "berth/ids.h"
#include "broker/host-tasks.h"

typedef enum {
    BERTH_DISK_POINT_SNAPSHOT,
    BERTH_DISK_POINT_RESTORE,
    BERTH_DISK_POINT_DROP,
} BerthDiskPointWork;

typedef struct {
    const char *disk;    /* id */
    const char *point;   /* id of the restore point */
    const char *host;    /* who does it */
    const char *machine; /* that has the disk, "" at rest */
    const char *account; /* who asked */
} BerthDiskPointAsk;

/* Begins the work; ret_operation tells how it goes. */
int berth_disk_point_begin(BerthTx *tx, const BerthCause *cause, BerthDiskPointWork work,
                           const BerthDiskPointAsk *ask,
                           char ret_operation[BERTH_ID_HEX_CHARS + 1]);

/* Ends of tasks, for host-task-kinds.c. */
int berth_task_finish_disk_snapshot(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                                    int code, const json_t *result);
int berth_task_finish_disk_restore(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                                   int code, const json_t *result);
int berth_task_finish_disk_drop_point(BerthTx *tx, const BerthCause *cause,
                                      const BerthHostTask *task, int code, const json_t *result);
