/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tasks about disks have in common: a row of steps, done one after the other, each of
 * which waits for a child, a thread, QEMU or a machine.
 *
 * A task that is begun again after a crash begins at its first step: what it had half made has the
 * task's id in its name and is made anew, and what is committed is found to be committed.  Nothing
 * that belongs to a machine changes before the step that swaps its disk, by one rename.
 * Nobody but the kinds in this folder includes this.  Thread: main.
 */
#pragma once

#include "base/kill-point.h"
#include "host-agent/child.h"
#include "host-agent/tasks/backup-manifest.h"
#include "host-agent/tasks/disk-work.h"
#include "host-agent/tasks/task-kind.h"
#include "host-agent/vm/overlay-header.h"
#include "host-agent/vm/vm-snapshot.h"

typedef struct BerthDiskTask BerthDiskTask;

typedef struct {
    /* Does it, and ends with berth_disk_task_next() or berth_disk_task_fail(), now or later. */
    void (*run)(BerthDiskTask *task);
    const char *doing;    /* "copying the disk" */
    BerthKillPoint after; /* passed when it is done */
} BerthDiskStep;

struct BerthDiskTask {
    BerthTaskContext *context;
    const BerthTaskHost *host;
    const BerthDiskStep *steps;
    int n_steps, step;
    guint next_source;     /* a step waits for the loop, or looks again in a moment */
    guint progress_source; /* tells how far the step is */
    char *temp;            /* file or folder that goes unless it was committed; NULL: none */

    /* what is under way; at most one */
    BerthChild *child;
    BerthDiskWork *work;
    BerthVmSnapshot *snapshot;

    bool is_own;        /* "fresh" is a disk that the machine had before */
    bool holds_machine; /* it is held off */
    bool is_swapped;    /* the machine's disk is the new one */
    json_t *result;     /* of the task; NULL: what manifest tells */
    int64_t wait_until_us;

    /* what the steps tell one another; each kind says which it uses */
    char *folder;           /* of the restore point or backup */
    char *source;           /* disk that is written to a backup */
    char *fresh;            /* the disk that a machine gets */
    char *base;             /* the file that it brings along into the machine's folder */
    char *backing, *format; /* what it stands on */
    BerthOverlayHeader header;
    BerthBackupManifest manifest;
    BerthChunkList *list;
    BerthId disk; /* user disk that is taken */
    bool has_disk;
    BerthManifest image; /* that the machine is of from now on */
    BerthId image_version;
    bool has_image;
};

/*
 * Begins; for BerthTaskKind.start.
 *
 * steps:  constant
 */
BerthDiskTask *berth_disk_task_new(BerthTaskContext *context, const BerthDiskStep *steps,
                                   int n_steps);

/* For BerthTaskKind.free. */
void berth_disk_task_free(void *work, bool is_undone);

/* This step is done: the next one follows from the loop, or the task ends. */
void berth_disk_task_next(BerthDiskTask *self);

/* Ends the task without the steps that are left. */
void berth_disk_task_finish(BerthDiskTask *self);

/* Ends the task; the task is gone.  text is printf's; take: with an error that is freed. */
void berth_disk_task_fail(BerthDiskTask *self, int code, const char *text, ...) G_GNUC_PRINTF(3, 4);
void berth_disk_task_fail_with(BerthDiskTask *self, GError *error);

/*
 * Says in the header of a disk that nobody uses what it stands on; nothing else of it changes.  The
 * step is done then.
 */
void berth_disk_task_set_backing(BerthDiskTask *self, const char *disk, const char *backing,
                                 const char *format);

/* Runs a program; the step is done when it has ended well. */
void berth_disk_task_run(BerthDiskTask *self, const char *const *argv, int timeout_ms);

/* Writes "source" and what it stands on to a raw file, "fresh"; the step is done then. */
void berth_disk_task_flatten(BerthDiskTask *self, const char *point, int timeout_ms);

/* Reads a disk file; the step is done when it was good, and manifest.root and file_bytes are set.
 */
void berth_disk_task_work(BerthDiskTask *self, const BerthDiskWorkPlan *plan);

/* Runs this step again in a moment; fails it with text when it has waited for limit_ms. */
void berth_disk_task_wait(BerthDiskTask *self, int limit_ms, const char *text);

/* The machine, NULL if it is not here (any more). */
BerthVm *berth_disk_task_get_vm(const BerthDiskTask *self);

/* "<folder of the machine>/<prefix><id of the task><suffix>"; NULL if it is not here. */
char *berth_disk_task_dup_machine_file(const BerthDiskTask *self, const char *prefix,
                                       const char *suffix);

/* An id among the arguments as text, "" without; borrowed.  Errors: BERTH_ERR_INVALID. */
bool berth_disk_task_get_id(const BerthDiskTask *self, const char *key, const char **ret,
                            GError **error);

/* A word among the arguments, "" without; borrowed. */
const char *berth_disk_task_get_text(const BerthDiskTask *self, const char *key);

/* A true among the arguments. */
bool berth_disk_task_get_bool(const BerthDiskTask *self, const char *key);

/* Brings a folder to its place for good: synced, renamed, synced.  Errors: of the errno. */
bool berth_disk_task_commit(const char *temp, const char *folder, GError **error);

/* Path of the socket of the guest's agent; NULL if the machine is not here. */
char *berth_disk_task_dup_agent_socket(const BerthDiskTask *self);

/* ---- steps that several kinds have ---- */

/* Waits until the machine is here and its disk is made. */
void berth_disk_step_find_machine(BerthDiskTask *self);

/*
 * Looks whether the restore point of the arguments is there, whole, and has what it stands on:
 * "folder", "manifest", "list" and "header" are of it then.
 */
void berth_disk_step_check_point(BerthDiskTask *self);

/*
 * Looks whether the backup of the arguments is there, whole, and of that content: "folder",
 * "manifest" and "list" are of it then.
 */
void berth_disk_task_check_backup(BerthDiskTask *self, BerthBackupContent content);

/* Switches the machine off, unless somebody is at it, and keeps it so. */
void berth_disk_step_rest_machine(BerthDiskTask *self);

/*
 * Makes a version the one that the machine is of from now on: "image".  One that is still being
 * fetched is waited for: then the step runs again.
 *
 * Returns whether the step may go on; else it waits or has failed.
 */
bool berth_disk_task_take_version(BerthDiskTask *self, const BerthId *version);

/* Makes "fresh" on "backing". */
void berth_disk_step_make_overlay(BerthDiskTask *self);

/* The machine's disk is "fresh" from now on, and it may run again. */
void berth_disk_step_swap(BerthDiskTask *self);
