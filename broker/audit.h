/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit log: append-only, and chained so that a missing or changed row shows.
 *
 *   hash = SHA-256(prev_hash "\n" seq "\n" at_us "\n" actor "\n" kind "\n" object "\n" data)
 *
 * Each row is written in the transaction of the change that it tells of.  It never holds
 * passwords, tokens or tickets.
 */
#pragma once

#include "broker/store/tx.h"

/* Who makes a change, and when: passed down to everything that writes. */
typedef struct {
    int64_t now_us;    /* wall clock */
    const char *actor; /* "user:anna", "host:<id>", "timer", "planner", "setup" */
} BerthCause;

/*
 * Appends one row.
 *
 * kind:    "machine.claim", "login.failed", ...
 * object:  id or name of what changed
 * data:    JSON object, taken; NULL is an empty one
 *
 * Errors: those of berth_tx_run().  Thread: writer.
 */
int berth_audit(BerthTx *tx, const BerthCause *cause, const char *kind, const char *object,
                json_t *data);

/*
 * Recomputes the whole chain.
 *
 * ret_n:    rows checked
 * ret_bad:  number of the first row that does not fit; 0 if all do
 *
 * Errors: those of berth_tx_run().
 */
int berth_audit_verify(BerthTx *tx, int64_t *ret_n, int64_t *ret_bad);
