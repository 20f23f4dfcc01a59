/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Long work on a host that is done once: a row until its end is written down.
 *
 * The host is told of it with its desired state and reports how far it is with its inventory.  What
 * its end means is the business of its kind (host-task-kinds.h).  Errors: those of berth_tx_run().
 * Thread: writer.
 */
#pragma once

#include "broker/audit.h"
#include "broker/inventory-parts.h"

#include "berth/ids.h"

/* A task that ended, for its kind; all is borrowed. */
typedef struct {
    const char *id;
    const char *host;
    const char *kind;
    const char *object;    /* of whom it is: id of a machine, a version, a disk */
    const char *operation; /* "" if none waits for it */
    const char *detail;    /* what the host said at its end */
    const json_t *args;
    const BerthSigningKey *signing_key; /* of the site; NULL if the end did not come from a host */
} BerthHostTask;

/*
 * Adds a task.
 *
 * args:         JSON object, taken; NULL is {}.  Its member "machine" (an id) is what the task
 * works in, if it works in one operation:    that waits for it; "" for none deadline_us:  by when
 * it must have ended; it is failed then
 *
 * Errors: also BERTH_ERR_UNSUPPORTED for a kind that is not known, BERTH_ERR_TOO_LARGE if args have
 * more than BERTH_LIMIT_TASK_ARGS_BYTES.
 */
int berth_host_task_add(BerthTx *tx, const BerthCause *cause, const char *host, const char *kind,
                        const char *object, json_t *args, const char *operation,
                        int64_t deadline_us, char ret_id[BERTH_ID_HEX_CHARS + 1]);

/*
 * Takes a task back: its host ends it, and its kind hears BERTH_ERR_AGAIN.  One that ended stays as
 * it is.
 */
int berth_host_task_cancel(BerthTx *tx, const BerthCause *cause, const char *id);

/*
 * Writes down what a host says of its tasks.
 *
 * n_changes:  grows by the tasks that ended
 */
int berth_host_tasks_apply(BerthTx *tx, const BerthCause *cause, const char *host,
                           const GArray *reports, const BerthSigningKey *key, int *n_changes);

/* Fails the tasks whose time is over, and forgets old ones; for the tick. */
int berth_host_tasks_tidy(BerthTx *tx, const BerthCause *cause, const BerthSigningKey *key);
