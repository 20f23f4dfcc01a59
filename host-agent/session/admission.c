/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/admission.h"

#include "base/id.h"
#include "base/secret.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "berth/protocol.h"

#include <glib.h>
#include <string.h>

/* No loss yet: the token of a live connection has no end. */
#define NOT_LOST INT64_MAX

struct BerthAdmission {
    BerthAdmissionConfig config;
    uint64_t connection_epoch;
    uint8_t client_key_hash[BERTH_KEY_HASH_BYTES]; /* of the client let in last */
    uint32_t rights;                               /* of that client */
    bool has_token;
    uint8_t token[BERTH_RECONNECT_TOKEN_BYTES];
    int64_t lost_us;
    /*
     * Ids of used tickets, the oldest is overwritten.  Forgetting is harmless: a ticket is also
     * refused for its connection epoch once a newer one was let in.
     */
    BerthId used[BERTH_LIMIT_TICKETS_REMEMBERED];
    size_t n_used;
};

BerthAdmission *
berth_admission_new(const BerthAdmissionConfig *config)
{
    BerthAdmission *self = g_new0(BerthAdmission, 1);

    self->config = *config;
    self->lost_us = NOT_LOST;
    return self;
}

void
berth_admission_free(BerthAdmission *self)
{
    if (self) {
        berth_wipe(self, sizeof(*self));
        g_free(self);
    }
}

static bool
is_used(const BerthAdmission *self, const BerthId *ticket)
{
    size_t n = MIN(self->n_used, G_N_ELEMENTS(self->used));

    for (size_t i = 0; i < n; i++) {
        if (berth_id_equal(&self->used[i], ticket)) {
            return true;
        }
    }
    return false;
}

static bool
is_key_equal(const uint8_t *a, const uint8_t *b)
{
    return berth_equal_secret(a, b, BERTH_KEY_HASH_BYTES);
}

static bool
is_observer(const BerthTicket *ticket)
{
    return ticket->rights & BERTH_RIGHT_OBSERVE;
}

/* A genuine ticket of the broker: is it for us, and for the desktop as it is now? */
static int
check_place(const BerthAdmission *self, const BerthTicket *ticket)
{
    const BerthAdmissionConfig *config = &self->config;

    if (!berth_id_equal(&ticket->session, &config->session) ||
        !berth_id_equal(&ticket->machine, &config->machine) ||
        !berth_id_equal(&ticket->host, &config->host) ||
        (!is_observer(ticket) && !berth_id_equal(&ticket->user, &config->user))) {
        return BERTH_ERR_FORBIDDEN;
    }
    if (ticket->machine_epoch != config->machine_epoch) {
        return BERTH_ERR_STALE_EPOCH;
    }
    return is_key_equal(ticket->session_key_hash, config->session_key_hash) ? BERTH_OK
                                                                            : BERTH_ERR_UNTRUSTED;
}

/* Is it the ticket of the client that shows it, for the first time, and newer than all others? */
static int
check_use(const BerthAdmission *self, const BerthTicket *ticket, const uint8_t *client_key_hash)
{
    bool is_same_client = is_key_equal(self->client_key_hash, client_key_hash);

    if (!is_key_equal(ticket->client_key_hash, client_key_hash)) {
        return BERTH_ERR_UNTRUSTED;
    }
    if (is_used(self, &ticket->ticket)) {
        return BERTH_ERR_REPLAYED;
    }
    if (is_observer(ticket)) {
        return BERTH_OK; /* it takes nobody's place, so it need not be newer */
    }
    if (ticket->connection_epoch < self->connection_epoch ||
        (ticket->connection_epoch == self->connection_epoch && self->n_used > 0 &&
         !is_same_client)) {
        return BERTH_ERR_STALE_EPOCH;
    }
    return BERTH_OK;
}

static void
renew_token(BerthAdmission *self, const uint8_t *fresh_token)
{
    memcpy(self->token, fresh_token, sizeof(self->token));
    self->has_token = true;
    self->lost_us = NOT_LOST;
}

static uint32_t
get_observer_rights(const BerthAdmission *self, const BerthTicket *ticket)
{
    const uint32_t possible = BERTH_RIGHT_INPUT | BERTH_RIGHT_SCREENSHOT;

    return BERTH_RIGHT_OBSERVE | (ticket->rights & self->config.rights & possible);
}

int
berth_admission_check_ticket(BerthAdmission *self, const uint8_t *ticket, size_t len,
                             const uint8_t client_key_hash[BERTH_KEY_HASH_BYTES],
                             int64_t now_wall_us,
                             const uint8_t fresh_token[BERTH_RECONNECT_TOKEN_BYTES],
                             BerthAdmitted *ret)
{
    BerthTicket read;
    int r = berth_ticket_verify(ticket, len, self->config.keys, self->config.n_keys, now_wall_us,
                                &read);

    if (r == BERTH_OK) {
        r = check_place(self, &read);
    }
    if (r == BERTH_OK) {
        r = check_use(self, &read, client_key_hash);
    }
    if (r < 0) {
        return r;
    }
    self->used[self->n_used++ % G_N_ELEMENTS(self->used)] = read.ticket;
    if (is_observer(&read)) {
        *ret = (BerthAdmitted){ self->connection_epoch, get_observer_rights(self, &read), false };
        return BERTH_OK;
    }
    self->connection_epoch = read.connection_epoch;
    self->rights = read.rights;
    memcpy(self->client_key_hash, client_key_hash, BERTH_KEY_HASH_BYTES);
    renew_token(self, fresh_token);
    *ret = (BerthAdmitted){ self->connection_epoch, self->rights & self->config.rights, false };
    return BERTH_OK;
}

int
berth_admission_check_token(BerthAdmission *self, const BerthId *session,
                            const uint8_t token[BERTH_RECONNECT_TOKEN_BYTES],
                            const uint8_t client_key_hash[BERTH_KEY_HASH_BYTES], int64_t now_us,
                            const uint8_t fresh_token[BERTH_RECONNECT_TOKEN_BYTES],
                            BerthAdmitted *ret)
{
    if (!berth_id_equal(session, &self->config.session)) {
        return BERTH_ERR_FORBIDDEN;
    }
    if (!self->has_token ||
        (self->lost_us != NOT_LOST && now_us - self->lost_us > self->config.resume_window_us)) {
        return BERTH_ERR_EXPIRED;
    }
    if (!is_key_equal(self->client_key_hash, client_key_hash)) {
        return BERTH_ERR_UNTRUSTED;
    }
    if (!berth_equal_secret(token, self->token, sizeof(self->token))) {
        return BERTH_ERR_REPLAYED;
    }
    renew_token(self, fresh_token);
    *ret = (BerthAdmitted){ self->connection_epoch, self->rights & self->config.rights, true };
    return BERTH_OK;
}

int
berth_admission_check_share(BerthAdmission *self, const BerthId *session,
                            const uint8_t token[BERTH_RECONNECT_TOKEN_BYTES],
                            const uint8_t client_key_hash[BERTH_KEY_HASH_BYTES],
                            const uint8_t fresh_token[BERTH_RECONNECT_TOKEN_BYTES],
                            BerthAdmitted *ret)
{
    if (!berth_id_equal(session, &self->config.session)) {
        return BERTH_ERR_FORBIDDEN;
    }
    if (!self->config.has_share_token ||
        !berth_equal_secret(token, self->config.share_token, sizeof(self->config.share_token))) {
        return BERTH_ERR_UNTRUSTED;
    }
    self->connection_epoch++;
    self->rights = self->config.rights;
    memcpy(self->client_key_hash, client_key_hash, BERTH_KEY_HASH_BYTES);
    renew_token(self, fresh_token);
    *ret = (BerthAdmitted){ self->connection_epoch, self->rights, false };
    return BERTH_OK;
}

void
berth_admission_set_policy(BerthAdmission *self, uint32_t rights, int64_t resume_window_us)
{
    self->config.rights = rights;
    self->config.resume_window_us = resume_window_us;
}

void
berth_admission_note_lost(BerthAdmission *self, int64_t now_us)
{
    self->lost_us = now_us;
}

void
berth_admission_revoke_token(BerthAdmission *self)
{
    self->has_token = false;
    berth_wipe(self->token, sizeof(self->token));
}

uint64_t
berth_admission_get_connection_epoch(const BerthAdmission *self)
{
    return self->connection_epoch;
}
