/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The launch ticket: what the broker signs and a session verifies without asking anyone.
 *
 * Fixed binary layout, little-endian, BERTH_TICKET_BYTES long.  The Ed25519 signature covers
 * BERTH_TICKET_CONTEXT followed by all bytes before it.  Functions: display/transport/ticket.h.
 *
 *   offset size field
 *        0    1 version (1)
 *        1    3 zero
 *        4    4 rights (BERTH_RIGHT_*)
 *        8   16 ticket id, random; accepted once
 *       24   16 user id
 *       40   16 machine id
 *       56   16 session id
 *       72   16 host id
 *       88    8 machine epoch
 *       96    8 connection epoch; higher takes the session over
 *      104    8 not before, microseconds since 1970
 *      112    8 expires, microseconds since 1970
 *      120   32 SHA-256 of the client's SubjectPublicKeyInfo
 *      152   32 SHA-256 of the session's SubjectPublicKeyInfo
 *      184   64 Ed25519 signature
 */
#pragma once

#include "berth/ids.h"

#include <stdint.h>

#define BERTH_TICKET_VERSION 1
#define BERTH_TICKET_SIGNED_BYTES 184
#define BERTH_TICKET_BYTES 248
#define BERTH_TICKET_CONTEXT "berth launch ticket v1"
#define BERTH_RECONNECT_TOKEN_BYTES 32

typedef struct {
    uint32_t rights;
    BerthId ticket;
    BerthId user;
    BerthId machine;
    BerthId session;
    BerthId host;
    uint64_t machine_epoch;
    uint64_t connection_epoch;
    int64_t not_before_us;
    int64_t expires_us;
    uint8_t client_key_hash[BERTH_KEY_HASH_BYTES];
    uint8_t session_key_hash[BERTH_KEY_HASH_BYTES];
} BerthTicket;
