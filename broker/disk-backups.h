/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backups of user disks, written to the backup folder of a host and read from there: tasks of that
 * host.
 *
 * A disk is "checking" meanwhile: nobody gets it.  Errors: those of berth_tx_run().  Thread:
 * writer.
 */
#pragma once

#include "broker/restore-points.h"
#include "broker/user-disk.h"

typedef struct {
    const char *host;    /* id of who does it */
    const char *name;    /* of the backup */
    const char *account; /* who asked */
} BerthDiskBackup;

/*
 * Begins to write a disk that no machine has.
 *
 * point:  of the disk, to write that; "": the disk as it is
 *
 * Errors: also BERTH_ERR_EXISTS if the host has a backup of that name.
 */
int berth_disk_backup_export(BerthTx *tx, const BerthCause *cause, const BerthDiskBackup *backup,
                             const char *disk, const char *point, BerthStarted *ret);

/*
 * Begins to make a user's disk of a backup; its row is there when this returns.
 *
 * user, pool:  ids
 *
 * Errors: also BERTH_ERR_EXISTS if the user has a disk in the pool, BERTH_ERR_STATE if the host
 * is not up or does not have the storage that the rule names.
 */
int berth_disk_backup_import(BerthTx *tx, const BerthCause *cause, const BerthDiskBackup *backup,
                             const BerthUserDiskRule *rule, const char *user, const char *pool,
                             BerthStarted *ret);
