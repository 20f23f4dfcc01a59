/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit log: append-only, and chained so that a missing or changed row shows.
 *
 *   hash = SHA-256(prev_hash "\n" chain "\n" seq "\n" at_us "\n" n ":" actor "\n" n ":" kind
 *                  "\n" n ":" object "\n" n ":" data), n the length in bytes of what follows
 *
 * Each broker writes a chain of its own, so that brokers never wait for one another.
 *
 * Each row is written in the transaction of the change that it tells of.  It never holds
 * passwords, tokens or tickets.
 */
#pragma once

#include "broker/store/tx.h"
#include "display/transport/ticket.h"

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

/* What verify found. */
typedef struct {
    int64_t n_records; /* that are good */
    int64_t n_chains;
    int64_t n_heads;     /* signed heads that were compared */
    int64_t bad_seq;     /* the first place that does not fit; 0 if all do */
    char bad_chain[33];  /* and its chain */
    const char *problem; /* a sentence; "" if there is none */
} BerthAuditReport;

/* A chain is signed after so many records, or so long after the first that is not. */
#define BERTH_AUDIT_SEAL_RECORDS 1000
#define BERTH_AUDIT_SEAL_US (60LL * 1000 * 1000)

/*
 * Signs where this writer's chain stands, if it has grown: who has the database but not the key
 * can then neither write it anew nor cut it off before this place.  (ADR 0021)
 *
 * Errors: those of berth_tx_run(), BERTH_ERR_INTERNAL.  Thread: writer.
 */
int berth_audit_seal(BerthTx *tx, const BerthSigningKey *key, int64_t now_us);

/*
 * Recomputes every chain, however long, in parts of bounded size, and compares them with every
 * signed head.
 *
 * key:  checks the heads' signatures; NULL compares their hashes only
 * ret:  set on success only; that something does not fit is no error
 *
 * Errors: those of berth_tx_run().
 */
int berth_audit_verify(BerthTx *tx, const BerthTicketKey *key, BerthAuditReport *ret);
