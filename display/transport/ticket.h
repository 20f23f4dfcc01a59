/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Launch tickets: the broker signs them, a session verifies them without asking anyone.
 *
 * Layout and meaning are in berth/ticket.h; Ed25519 over context string and signed bytes.  Pure but
 * for the functions that read a file.  Any thread.
 */
#pragma once

#include "berth/limits.h"
#include "berth/ticket.h"

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_TICKET_KEY_BYTES 32
#define BERTH_TICKET_KEY_HEX_CHARS 64

/* Private half: in the broker only. */
typedef struct BerthSigningKey BerthSigningKey;

/* Public half: what the broker tells every host. */
typedef struct {
    uint8_t bytes[BERTH_TICKET_KEY_BYTES];
} BerthTicketKey;

/* Makes a new key pair.  Returns NULL on error (BERTH_ERR_INTERNAL). */
BerthSigningKey *berth_signing_key_generate(GError **error);

/*
 * Reads an Ed25519 private key from PEM (PKCS#8) text or file.  Returns NULL on error
 * (BERTH_ERR_INVALID: not PEM, or another kind of key; a file: also BERTH_ERR_FORBIDDEN, it is open
 * to everyone; file errors).
 */
BerthSigningKey *berth_signing_key_new_from_pem(const char *pem, GError **error);
BerthSigningKey *berth_signing_key_load(const char *path, GError **error);

/* NULL is allowed. */
void berth_signing_key_free(BerthSigningKey *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthSigningKey, berth_signing_key_free)

/* Returns the private key as PEM (PKCS#8) text; owned, g_free() after wiping.  NULL on error. */
char *berth_signing_key_dup_pem(const BerthSigningKey *self);

/* Gets the public half. */
void berth_signing_key_get_public(const BerthSigningKey *self, BerthTicketKey *ret);

/* The public half as 64 lower-case hexadecimal digits. */
void berth_ticket_key_format(const BerthTicketKey *key, char out[BERTH_TICKET_KEY_HEX_CHARS + 1]);
/* Errors: BERTH_ERR_INVALID: not exactly 64 hexadecimal digits. */
int berth_ticket_key_parse(const char *hex, BerthTicketKey *ret);

#define BERTH_STATEMENT_SIGNATURE_BYTES 64

/*
 * Signs a text that is no ticket.  The key signs context, a line end and the text: contexts that
 * differ in their first bytes from BERTH_TICKET_CONTEXT can never be taken for a ticket.
 *
 * Errors: BERTH_ERR_INTERNAL: the crypto library failed.
 */
int berth_signing_key_sign_text(const BerthSigningKey *self, const char *context, const char *text,
                                uint8_t out[BERTH_STATEMENT_SIGNATURE_BYTES]);

/* Errors: BERTH_ERR_UNTRUSTED. */
int berth_ticket_key_verify_text(const BerthTicketKey *key, const char *context, const char *text,
                                 const uint8_t signature[BERTH_STATEMENT_SIGNATURE_BYTES]);

/*
 * Writes and signs a ticket.
 * Errors: BERTH_ERR_INVALID: it would live longer than BERTH_LIMIT_TICKET_LIFE_US, or ends before
 * it begins, or carries rights that do not exist; BERTH_ERR_INTERNAL: the crypto library failed.
 */
int berth_ticket_sign(const BerthTicket *ticket, const BerthSigningKey *key,
                      uint8_t out[BERTH_TICKET_BYTES]);

/*
 * Verifies signature, layout and time.  Who it is for (session, machine, epoch, key hashes, used
 * before) is the caller's to compare.
 *
 * keys:         any of them may have signed it
 * now_wall_us:  microseconds since 1970; BERTH_LIMIT_TICKET_SKEW_US of skew is forgiven
 * ret:          set on success only
 *
 * Errors: BERTH_ERR_TRUNCATED, BERTH_ERR_TRAILING (length); BERTH_ERR_UNTRUSTED (signature);
 *         BERTH_ERR_VERSION; BERTH_ERR_PROTOCOL (signed, but the layout is wrong);
 *         BERTH_ERR_EXPIRED; BERTH_ERR_INVALID (not yet valid, or lives too long).
 */
int berth_ticket_verify(const uint8_t *data, size_t len, const BerthTicketKey *keys, size_t n_keys,
                        int64_t now_wall_us, BerthTicket *ret);
