/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a version comes to be: an administrator edits a clone of its parent in a maintenance machine,
 * and seals it; and pools that only try a version.
 *
 * A maintenance machine is the one machine of a pool of its own ("edit-<image>", dedicated), which
 * its administrator opens like any desktop.  Everything goes on from the rows: the ends of host
 * tasks and the tick drive it, on whichever broker.  Each act writes its audit row in the same
 * transaction.  Errors: those of berth_tx_run().  Thread: writer.
 */
#pragma once

#include "broker/audit.h"

#include "berth/ids.h"

#include <jansson.h>
#include <stdbool.h>

/* A pool that tries a version is removed after so long, whatever became of who made it. */
#define BERTH_TEST_POOL_LIFE_US (4LL * 3600 * 1000 * 1000)

typedef struct {
    const char *image;   /* id */
    const char *version; /* id or number to start from; "": what is stable, or the newest */
    const char *account; /* who edits */
    const char *changelog;
} BerthEdit;

/*
 * Begins: a draft, its pool, and the right to open it.
 *
 * ret_version:  of the draft
 * ret_busy:     name of the pool of the edit that is open already, with BERTH_ERR_BUSY; g_free()
 *
 * Errors: BERTH_ERR_NOT_FOUND without such a version, BERTH_ERR_BUSY: one edit an image at a time,
 * BERTH_ERR_EXISTS if there is a pool of that name.
 */
int berth_edit_begin(BerthTx *tx, const BerthCause *cause, const BerthEdit *edit,
                     char ret_version[BERTH_ID_HEX_CHARS + 1], char **ret_busy);

/*
 * Gives the maintenance machine of a version something to do, as an operation.
 *
 * kind:     "run-script" or "seal" (which begins sealing)
 * args:     of the task, taken
 * account:  who asks
 *
 * Errors: BERTH_ERR_STATE if it is no draft, BERTH_ERR_AGAIN if its machine is not ready yet,
 * BERTH_ERR_BUSY while another task works in it, BERTH_ERR_TOO_LARGE.
 */
int berth_edit_do(BerthTx *tx, const BerthCause *cause, const char *version, const char *kind,
                  json_t *args, const char *account, int64_t limit_us,
                  char ret_operation[BERTH_ID_HEX_CHARS + 1]);

/* Throws an edit away, with its machine.  Errors: BERTH_ERR_STATE if it is no draft. */
int berth_edit_discard(BerthTx *tx, const BerthCause *cause, const char *version);

typedef struct {
    const char *version; /* id */
    const char *account; /* who tries it */
    int64_t n_machines;
    bool uses_template;
} BerthTrial;

/*
 * Makes a pool of n machines that only try a version.
 *
 * Errors: BERTH_ERR_STATE for a version that may not be run.
 */
int berth_trial_begin(BerthTx *tx, const BerthCause *cause, const BerthTrial *trial,
                      char ret_pool[BERTH_ID_HEX_CHARS + 1]);

/* Ends a trial: its machines go, then the pool.  Errors: BERTH_ERR_NOT_FOUND if it is none. */
int berth_trial_end(BerthTx *tx, const BerthCause *cause, const char *version, const char *pool);

/*
 * For the tick: gives new maintenance machines to their administrators, removes pools that are
 * over, and ends what is overdue.
 *
 * n_changes:  grows by what was done
 */
int berth_maintenance_step(BerthTx *tx, const BerthCause *cause, int *n_changes);

/* Closes the pool of a version that is sealed or thrown away. */
int berth_edit_close_pool(BerthTx *tx, const BerthCause *cause, const char *pool);
