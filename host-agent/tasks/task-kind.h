/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A kind of task that a host can do, and what the task park gives to the work of one.
 *
 * Work may be ended by SIGKILL at any instant and is begun again then, with the last checkpoint it
 * wrote: whatever it does must be right to be done twice (names made of the task's id, renames at
 * the end).  Thread: main; bulk work belongs into worker threads or children of the kind's own.
 */
#pragma once

#include "berth/ids.h"
#include "host-agent/images/image-store.h"
#include "host-agent/machine-park.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

/* What the work of a task may use; borrowed. */
typedef struct {
    const BerthVmHost *vm_host;
    BerthMachinePark *machines;
    BerthImageStore *images;
    const char *image_folder;   /* files of images */
    const char *work_folder;    /* of all tasks: <work_folder>/<id> is a task's own, made by it */
    const char *restore_folder; /* of restore points, on the file system of the machines */
    const char *backup_folder;  /* of backups, perhaps on another server */
    const char *thaw_program;
} BerthTaskHost;

typedef struct BerthTaskContext BerthTaskContext;

typedef struct {
    const char *name;

    /*
     * Begins the work, or takes it up at the checkpoint.  It ends with berth_task_finish(), which
     * must not be called inside start.
     *
     * context:  borrowed until the work is freed
     *
     * Returns NULL on error: the task fails with it.
     */
    void *(*start)(BerthTaskContext *context, GError **error);

    /*
     * Stops and frees the work.  Not called after berth_task_finish().
     *
     * is_undone:  the task is not wanted any more: what it made goes, what it used is given back;
     *             else the agent ends, and another one takes the work up
     */
    void (*free)(void *work, bool is_undone);
} BerthTaskKind;

/* Those of this agent, until NULL. */
extern const BerthTaskKind *const berth_task_kinds[];

/* Id of the task as text; borrowed. */
const char *berth_task_get_id(const BerthTaskContext *context);

/* The machine that it is about; zero without one. */
const BerthId *berth_task_get_machine(const BerthTaskContext *context);

/* Its arguments: an object that nobody has checked; borrowed. */
const json_t *berth_task_get_args(const BerthTaskContext *context);

/* What the work wrote down last, NULL if nothing; borrowed until it writes again. */
const json_t *berth_task_get_checkpoint(const BerthTaskContext *context);

const BerthTaskHost *berth_task_get_host(const BerthTaskContext *context);

/*
 * Writes down from where the work can go on; on disk when this returns.
 *
 * checkpoint:  taken
 *
 * Errors: BERTH_ERR_DISK_FULL, BERTH_ERR_IO.
 */
bool berth_task_set_checkpoint(BerthTaskContext *context, json_t *checkpoint, GError **error);

/* Says how far it is, and what is being done at the moment: "copying the disk".  Cheap. */
void berth_task_set_progress(BerthTaskContext *context, int pct, const char *detail);

/*
 * Ends the task.  The work frees itself before or after this; the context is gone.
 *
 * code, detail:  BERTH_OK, or why it failed as a sentence
 * result:        taken; NULL: none
 */
void berth_task_finish(BerthTaskContext *context, int code, const char *detail, json_t *result);
