/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connecting a user to a desktop: one transaction, safe to repeat.
 *
 * The ladder: the user's own open assignment; a ready machine; a machine that is starting; a place
 * in the queue if one is coming; else there is none.  Once the host has told the session's key, the
 * same call marks the machine dirty, opens the next connection epoch and writes the ticket's row:
 * from then on nobody else gets this machine before it was recycled.
 */
#pragma once

#include "berth/ids.h"
#include "broker/audit.h"

#include <stdbool.h>

#define BERTH_CLAIM_HASH_CHARS (2 * BERTH_KEY_HASH_BYTES)

typedef enum {
    BERTH_CLAIM_GRANTED,  /* a ticket may be signed */
    BERTH_CLAIM_STARTING, /* the desktop is the user's, the host has not told its key */
    BERTH_CLAIM_QUEUED,   /* a machine is coming */
} BerthClaimOutcome;

typedef struct {
    const char *account;    /* id */
    const char *pool;       /* id */
    const char *client;     /* name of the device, for people */
    const char *client_key; /* 64 hexadecimal digits */
} BerthClaim;

typedef struct {
    BerthClaimOutcome outcome;
    char session[BERTH_ID_HEX_CHARS + 1]; /* "" while queued */
    char machine[BERTH_ID_HEX_CHARS + 1];
    char host[BERTH_ID_HEX_CHARS + 1];
    int64_t machine_epoch;
    int64_t started_us; /* when the session was opened */
    bool is_new;        /* this call took the machine or opened the session */
    /* Only when granted: */
    int64_t connection_epoch;
    int64_t not_before_us;
    int64_t expires_us;
    char ticket[BERTH_ID_HEX_CHARS + 1];
    char session_key[BERTH_CLAIM_HASH_CHARS + 1];
} BerthClaimResult;

/*
 * Connects.
 *
 * ret:         set on success only
 * ret_policy:  the pool's policy as JSON text, to be freed with g_free(); set on success only
 *
 * Errors: BERTH_ERR_NOT_FOUND if the user may not use such a pool, BERTH_ERR_FORBIDDEN if it is
 * disabled, BERTH_ERR_NO_DESKTOP, BERTH_ERR_HOST_DOWN, and those of berth_tx_run().
 * Thread: writer.
 */
int berth_claim(BerthTx *tx, const BerthCause *cause, const BerthClaim *claim,
                BerthClaimResult *ret, char **ret_policy);
