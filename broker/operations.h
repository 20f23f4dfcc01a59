/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Long work that goes on after its request was answered (202): a row that tells how far it is.
 *
 * Who works reports progress at least every BERTH_OPERATION_SILENCE_US; an operation that is silent
 * longer lost its broker and is called failed.
 */
#pragma once

#include "berth/ids.h"
#include "broker/audit.h"

/* Silence after which an operation is called failed, and life of one that ended. */
#define BERTH_OPERATION_SILENCE_US (10LL * 60 * 1000 * 1000)
#define BERTH_OPERATION_KEEP_US (24LL * 3600 * 1000 * 1000)

/*
 * Begins one.
 *
 * kind:     "fsck", "pool.resize"
 * object:   id of what it works on, or ""
 * account:  who may ask for it; "" for administrators only
 *
 * Thread: writer.  Errors: those of berth_tx_run().
 */
int berth_operation_start(BerthTx *tx, const BerthCause *cause, const char *kind,
                          const char *object, const char *account,
                          char ret_id[BERTH_ID_HEX_CHARS + 1]);

/* Tells how far it is: 0 to 100, and a short sentence.  Thread: writer. */
int berth_operation_progress(BerthTx *tx, const BerthCause *cause, const char *id, int pct,
                             const char *detail);

/*
 * Ends one.
 *
 * error:   BERTH_OK, or what went wrong
 * detail:  a sentence; NULL: that of the error
 * result:  JSON, taken; NULL is {}
 */
int berth_operation_finish(BerthTx *tx, const BerthCause *cause, const char *id, int error,
                           const char *detail, json_t *result);

/* Forgets old ones and gives silent ones up; for the tick.  Thread: writer. */
int berth_operations_tidy(BerthTx *tx, int64_t now_us);
