/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may use this desktop: checks launch tickets and reconnect tokens for one session.
 *
 * Nothing is asked of anyone: the ticket carries all that the broker decided, and every field of
 * it must name this session, this machine and epoch, this host, this user, this very key of ours
 * and the key that the client has just proven.  A reconnect token is one random value, new at each
 * connect, bound to the client's key.
 *
 * Pure but for the signature's arithmetic; clocks and random bytes are parameters.  Thread: main.
 */
#pragma once

#include "host-agent/session/consent.h"

#include "berth/ids.h"
#include "berth/ticket.h"
#include "display/transport/ticket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Public halves that may have signed a ticket: the present one, and others in a rotation. */
#define BERTH_ADMISSION_MAX_KEYS 8

typedef struct BerthAdmission BerthAdmission;

/* What this session is; copied. */
typedef struct {
    BerthId session, machine, host, user;
    uint64_t machine_epoch;
    uint8_t session_key_hash[BERTH_KEY_HASH_BYTES];
    BerthTicketKey keys[BERTH_ADMISSION_MAX_KEYS];
    size_t n_keys;
    uint32_t rights; /* BERTH_RIGHT_* that the policy leaves */
    bool has_share_token;
    uint8_t share_token[BERTH_RECONNECT_TOKEN_BYTES]; /* of a display that is shared directly */
    int64_t resume_window_us;
    BerthPolicyObserve observe;
} BerthAdmissionConfig;

/* A client that was let in. */
typedef struct {
    uint64_t connection_epoch;
    uint32_t rights; /* of the ticket and the policy; with OBSERVE: an observer */
    bool is_resume;
} BerthAdmitted;

/* New admission with nobody in; the configuration is copied. */
BerthAdmission *berth_admission_new(const BerthAdmissionConfig *config);

/* Wipes and frees.  NULL is allowed. */
void berth_admission_free(BerthAdmission *self);

/* Another policy from now on: who comes gets its rights.  Who is here: berth_viewer_limit(). */
void berth_admission_set_policy(BerthAdmission *self, uint32_t rights, int64_t resume_window_us);

/*
 * Decides on a launch ticket.  On success the ticket is used up, its connection epoch is the
 * present one, and fresh_token is the only token from now on.
 *
 * A ticket with the right OBSERVE is for another user, who watches: it changes neither the epoch
 * nor the token, and gives no right to resize.
 *
 * client_key_hash: of the key that the client has proven in TLS
 * ret:             set on success only
 *
 * Errors: those of berth_ticket_verify(); BERTH_ERR_FORBIDDEN (another session, machine, host or
 * user), BERTH_ERR_STALE_EPOCH (an earlier life of the machine, or an older connection than the
 * present one), BERTH_ERR_UNTRUSTED (not this client's ticket, or not for our key),
 * BERTH_ERR_REPLAYED.
 */
int berth_admission_check_ticket(BerthAdmission *self, const uint8_t *ticket, size_t len,
                                 const uint8_t client_key_hash[BERTH_KEY_HASH_BYTES],
                                 int64_t now_wall_us,
                                 const uint8_t fresh_token[BERTH_RECONNECT_TOKEN_BYTES],
                                 BerthAdmitted *ret);

/*
 * Decides on a reconnect token.  On success fresh_token takes its place.
 *
 * now_us: monotonic
 *
 * Errors: BERTH_ERR_FORBIDDEN (another session), BERTH_ERR_EXPIRED (there is no token, or the
 * window is over), BERTH_ERR_UNTRUSTED (another client's key), BERTH_ERR_REPLAYED (not the present
 * token).
 */
int berth_admission_check_token(BerthAdmission *self, const BerthId *session,
                                const uint8_t token[BERTH_RECONNECT_TOKEN_BYTES],
                                const uint8_t client_key_hash[BERTH_KEY_HASH_BYTES], int64_t now_us,
                                const uint8_t fresh_token[BERTH_RECONNECT_TOKEN_BYTES],
                                BerthAdmitted *ret);

/*
 * Decides on the token of a display that its owner shares directly.  On success this connection
 * is newer than all others, and fresh_token is the only reconnect token from now on.
 *
 * Errors: BERTH_ERR_FORBIDDEN (another session), BERTH_ERR_UNTRUSTED (not the token, or this
 * session is not shared).
 */
int berth_admission_check_share(BerthAdmission *self, const BerthId *session,
                                const uint8_t token[BERTH_RECONNECT_TOKEN_BYTES],
                                const uint8_t client_key_hash[BERTH_KEY_HASH_BYTES],
                                const uint8_t fresh_token[BERTH_RECONNECT_TOKEN_BYTES],
                                BerthAdmitted *ret);

/* The connection was lost: the resume window begins.  now_us: monotonic. */
void berth_admission_note_lost(BerthAdmission *self, int64_t now_us);

/* No token is good any more: only a new ticket opens the session. */
void berth_admission_revoke_token(BerthAdmission *self);

/* The highest connection epoch let in; 0 before the first. */
uint64_t berth_admission_get_connection_epoch(const BerthAdmission *self);
