/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connecting a user to a desktop: one transaction, safe to repeat.
 *
 * The ladder: the user's own open assignment (switched on if it is off); a ready machine; one that
 * is starting; a frozen one; a cold one; one that is being made; a new one within the limits of
 * pool and hosts; else a place in the queue (claim-queue.h).  Who waits longer comes first: a
 * newcomer takes a machine only if those before it could have one each.  Once the host has told the
 * session's key, the same call marks the machine dirty, opens the next connection epoch and writes
 * the ticket's row: from then on nobody else gets this machine before it was recycled.
 *
 * Each claim leaves a trace of how it went (claim-trace.h), refused ones too.
 */
#pragma once

#include "berth/ids.h"
#include "broker/audit.h"

#include <stdbool.h>

#define BERTH_CLAIM_HASH_CHARS (2 * BERTH_KEY_HASH_BYTES)

typedef enum {
    BERTH_CLAIM_REFUSED,  /* see error */
    BERTH_CLAIM_GRANTED,  /* a ticket may be signed */
    BERTH_CLAIM_STARTING, /* the desktop is the user's, the host has not told its key */
    BERTH_CLAIM_QUEUED,   /* see position */
} BerthClaimOutcome;

typedef struct {
    const char *account;    /* id */
    const char *pool;       /* id */
    const char *client;     /* name of the device, for people */
    const char *client_key; /* 64 hexadecimal digits */
    const char *login;      /* hash of the token that asks, "" without */
    int64_t slot;           /* which of the user's desktops of this pool, from 0 */
} BerthClaim;

typedef struct {
    BerthClaimOutcome outcome;
    /* BERTH_ERR_FORBIDDEN: disabled or outside its hours; BERTH_ERR_NO_DESKTOP;
     * BERTH_ERR_HOST_DOWN. */
    int error;
    const char *why;                      /* a sentence on the error; static */
    char session[BERTH_ID_HEX_CHARS + 1]; /* "" while queued */
    char machine[BERTH_ID_HEX_CHARS + 1];
    char host[BERTH_ID_HEX_CHARS + 1];
    int64_t machine_epoch;
    int64_t started_us;  /* when the session was opened */
    int64_t estimate_us; /* until it is there; negative if nobody can say */
    int64_t position;    /* in the queue, from 1; 0 outside it */
    bool is_new;         /* this call took the machine, opened the session or joined the queue */
    /* Only when granted: */
    int64_t connection_epoch;
    int64_t not_before_us; /* by the clock of the host, which is the one that checks it */
    int64_t expires_us;
    char ticket[BERTH_ID_HEX_CHARS + 1];
    char session_key[BERTH_CLAIM_HASH_CHARS + 1];
} BerthClaimResult;

/*
 * Connects.
 *
 * ret:         set on success only
 * ret_policy:  the session's policy as JSON text when granted, else NULL; free with free()
 *
 * Errors: BERTH_ERR_NOT_FOUND if the user may not use such a pool; BERTH_ERR_EXISTS or
 * BERTH_ERR_AGAIN if another claim of this user was faster: claim again and read what it got; and
 * those of berth_tx_run().  Thread: writer.
 */
int berth_claim(BerthTx *tx, const BerthCause *cause, const BerthClaim *claim,
                BerthClaimResult *ret, char **ret_policy);
