/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk file read once in a thread: hashed, and copied if that is wanted.
 *
 * Holes and blocks of zeros are not written, so a copy is as sparse as it can be.  What is copied
 * is checked on the way, chunk by chunk if there is a list, and at the end against the root; a copy
 * that is not what it should be is removed.  Thread: main; the reading runs in a thread of its own.
 */
#pragma once

#include "base/depot/chunk-list.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BerthDiskWork BerthDiskWork;

typedef struct {
    const char *source;             /* regular file; no symbolic link is followed */
    const char *target;             /* new file, synced when done; NULL: only hash */
    const BerthDigest *root;        /* what the source must be; NULL: not known yet */
    const BerthChunkList *expected; /* its chunks, to stop at the first wrong one; may be NULL */
    const char *list_path;          /* where the chunk list is written, synced; NULL: nowhere */
} BerthDiskWorkPlan;

typedef struct {
    int code;         /* BERTH_OK, BERTH_ERR_CORRUPT, BERTH_ERR_DISK_FULL, BERTH_ERR_IO ... */
    const char *text; /* a sentence on error, else NULL */
    BerthDigest root; /* of the source */
    uint64_t size_bytes;
    uint64_t data_bytes; /* of chunks that are not all zeros */
} BerthDiskWorkResult;

typedef void (*BerthDiskWorkDone)(const BerthDiskWorkResult *result, void *user_data);

/* Starts; the plan is copied.  done is called once, from the loop; the work frees itself then. */
BerthDiskWork *berth_disk_work_start(const BerthDiskWorkPlan *plan, BerthDiskWorkDone done,
                                     void *user_data);

/* How far it is, 0 to 100. */
int berth_disk_work_get_pct(const BerthDiskWork *self);

/* Stops soon, waits for the thread, and removes a half-made target.  NULL is allowed. */
void berth_disk_work_cancel(BerthDiskWork *self);
