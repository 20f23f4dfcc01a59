/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a client needs to open a session: the signed ticket, and where to dial.
 *
 * Pure but for the signature.  Thread: any.
 */
#pragma once

#include "display/transport/ticket.h"
#include "policies/policy.h"

#include <jansson.h>
#include <stdint.h>

/* Ids and hashes are hexadecimal digits, borrowed. */
typedef struct {
    const char *ticket;
    const char *account; /* who will hold the ticket */
    const char *machine;
    const char *session;
    const char *host;
    const char *client_key;  /* hash of the holder's key */
    const char *session_key; /* hash of the session's key */
    uint32_t rights;
    int64_t machine_epoch;
    int64_t connection_epoch;
    int64_t not_before_us;
    int64_t expires_us;
} BerthLaunch;

/*
 * Signs the ticket and makes the answer of the API.
 *
 * policy: what the client is told
 *
 * Returns a new reference; NULL if an id is none or the ticket cannot be signed.
 */
json_t *berth_launch_reply(const BerthLaunch *launch, const BerthPolicy *policy,
                           const BerthSigningKey *key);
