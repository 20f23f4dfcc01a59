/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rungs of the ladder below a user's own desktop: which machine somebody gets.
 */
#pragma once

#include "berth/ids.h"
#include "broker/claim-trace.h"

typedef struct {
    const char *pool;
    const char *assignment; /* id of the assignment that will own it */
    const char *host;       /* where the user's disk is, "" if anywhere will do */
    int64_t n_ahead;        /* users who waited longer */
} BerthPickAsk;

typedef struct {
    char machine[BERTH_ID_HEX_CHARS + 1];
    char host[BERTH_ID_HEX_CHARS + 1];
    int64_t epoch;
    const char *rung; /* "ready", "starting", "frozen", "cold", "making", "new" */
} BerthPicked;

/*
 * Takes the best machine that is nobody's and makes it the assignment's.
 *
 * Errors: BERTH_ERR_NOT_FOUND if there is none for this user now, those of tx.h.  Thread: writer.
 */
int berth_pick_machine(BerthTx *tx, const BerthCause *cause, const BerthPickAsk *ask,
                       BerthTrace *trace, BerthPicked *ret);
