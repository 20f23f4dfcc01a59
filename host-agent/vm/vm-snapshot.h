/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One copy of what a running machine wrote to one of its disks, as it was at one instant.
 *
 * QEMU's backup job (blockdev-backup, sync=top) copies the clusters of the overlay into a new file
 * beside it; what the guest overwrites meanwhile is copied first.  The disk's own chain of files is
 * not touched: no file is added to it, moved or renamed, so a crash of anybody at any time leaves
 * the machine as it is, and at worst a file that nobody calls ready.  With a guest agent the file
 * systems are held still for the moment in which the job begins.
 *
 * One at a time for each disk; what an earlier process left in QEMU is cleared away first.
 * Thread: main.
 */
#pragma once

#include "host-agent/vm/guest-freeze.h"
#include "host-agent/vm/qmp.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BerthVmSnapshot BerthVmSnapshot;

typedef struct {
    /* The monitor of the machine, NULL if there is none any more; asked again and again. */
    BerthQmp *(*get_qmp)(void *owner);
    void *owner;
    const char *device; /* name of the disk in QEMU: "disk0" */
    /* A qcow2 file made before, as large as the disk and with the same backing file. */
    const char *target_path;
    /* NULL: the copy is as after a power cut. */
    const BerthGuestFreezeConfig *freeze;
    bool needs_freeze; /* fails if the guest cannot be frozen; else it goes on without */
} BerthVmSnapshotConfig;

typedef struct {
    int code;         /* BERTH_OK, BERTH_ERR_DISK_FULL, BERTH_ERR_CLOSED, BERTH_ERR_IO ... */
    const char *text; /* a sentence on error, else NULL */
    bool was_frozen;
    int64_t frozen_us; /* from the guest's rest to the order to thaw */
} BerthVmSnapshotResult;

typedef void (*BerthVmSnapshotDone)(const BerthVmSnapshotResult *result, void *user_data);

/* Starts; config is copied with its strings.  done is called once, from the loop. */
BerthVmSnapshot *berth_vm_snapshot_new(const BerthVmSnapshotConfig *config,
                                       BerthVmSnapshotDone done, void *user_data);

/* How much is copied, 0 to 100. */
int berth_vm_snapshot_get_pct(const BerthVmSnapshot *self);

/* Gives up what is under way and frees; done is not called.  NULL is allowed. */
void berth_vm_snapshot_free(BerthVmSnapshot *self);

/*
 * The job of that id in the answer to query-jobs; NULL if there is none.  Pure.
 *
 * ret_pct:  0 to 100, whatever the answer says
 */
const json_t *berth_vm_snapshot_find_job(const json_t *jobs, const char *id, int *ret_pct);
