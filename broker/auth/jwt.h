/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ID tokens of OpenID Connect: signed JSON (RFC 7515, 7517, 7519) from a hostile hand.
 *
 * Only RS256 and ES256 are known; the key decides which one a token may use, so that neither "none"
 * nor a public key taken for a shared secret gets anywhere.  Pure; reads no clock.  Thread: any;
 * key sets are immutable.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthKeySet BerthKeySet;

/*
 * Reads a JWK set; keys that cannot sign ID tokens are left out.
 *
 * Errors: BERTH_ERR_INVALID without any key that can, or over BERTH_LIMIT_PROVIDER_KEYS.  Returns
 * NULL on error.
 */
BerthKeySet *berth_key_set_new(const json_t *set, GError **error);

/* Frees; NULL is allowed. */
void berth_key_set_free(BerthKeySet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthKeySet, berth_key_set_free)

/*
 * Checks the signature of a token and gives its claims.
 *
 * Ownership: new reference; NULL on error.
 * Errors: BERTH_ERR_NOT_FOUND for a key that the set does not have (it may be new), else
 * BERTH_ERR_UNTRUSTED.
 */
json_t *berth_jwt_open(const char *token, const BerthKeySet *keys, GError **error);

typedef struct {
    const char *issuer;
    const char *audience;
    const char *nonce;
    int64_t now_us;
} BerthClaimRules;

/* Clocks of provider and broker may differ by so much. */
#define BERTH_JWT_SKEW_S 60

/* Whether claims were made for us, for this login, and now.  Errors: BERTH_ERR_UNTRUSTED. */
bool berth_claims_check(const json_t *claims, const BerthClaimRules *rules, GError **error);
