/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * OpenID Connect providers: authorization code with PKCE (RFC 7636), discovery, ID tokens.
 *
 * Settings (JSON, strict):
 *
 *   issuer              https:// address, exactly as the provider calls itself
 *   client_id           ours there
 *   client_secret_file  "" for a public client
 *   ca_file             PEM of the authorities; the system's without it
 *   scopes              "openid profile"
 *   name_claim, display_name_claim, groups_claim   "preferred_username", "name", "groups"
 *   redirect_uris       array of https:// addresses that a console comes back to; loopback
 *                       addresses (RFC 8252) are always good
 *   second_factor       whether Berth asks for its own, too; false
 *   timeout_s           of each request, 1..30; 5
 *
 * Nothing is asked but over verified TLS, and redirections are not followed.  Objects are
 * immutable; functions that talk to the provider block: worker threads only.
 */
#pragma once

#include "broker/auth/identity.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthProvider BerthProvider;

/* What providers said of themselves, kept for a while.  Thread: any. */
typedef struct BerthProviderCache BerthProviderCache;

BerthProviderCache *berth_provider_cache_new(void);

/* NULL is allowed. */
void berth_provider_cache_free(BerthProviderCache *cache);

/* Reads settings.  Errors: BERTH_ERR_INVALID that names the key.  Returns NULL on error. */
BerthProvider *berth_provider_new(const json_t *settings, GError **error);

/* Frees; NULL is allowed. */
void berth_provider_free(BerthProvider *provider);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthProvider, berth_provider_free)

/* Whether Berth asks for a second factor of its own. */
bool berth_provider_wants_second_factor(const BerthProvider *provider);

/* Whether an answer may be sent to this address: a loopback one or one of redirect_uris.  Pure. */
bool berth_provider_allows_redirect(const BerthProvider *provider, const char *uri);

/* One login on its way to a provider and back. */
typedef struct {
    const char *redirect_uri;
    const char *state;
    const char *nonce;
    const char *verifier; /* of PKCE: 43..128 letters and digits */
} BerthProviderFlow;

/*
 * The address that the user's browser goes to; g_free().  Asks the provider about itself.
 * Errors: BERTH_ERR_SOURCE_DOWN, BERTH_ERR_UNTRUSTED.
 */
char *berth_provider_dup_start_url(const BerthProvider *provider, BerthProviderCache *cache,
                                   const BerthProviderFlow *flow, GError **error);

/*
 * Turns a code into who the user is.
 *
 * Returns NULL on error: BERTH_ERR_SOURCE_DOWN, BERTH_ERR_BAD_CREDENTIALS for a code that the
 * provider does not take, BERTH_ERR_UNTRUSTED for an ID token that must not be believed,
 * BERTH_ERR_INVALID for names that cannot be kept.
 */
BerthIdentity *berth_provider_finish(const BerthProvider *provider, BerthProviderCache *cache,
                                     const BerthProviderFlow *flow, const char *code,
                                     int64_t now_us, GError **error);
