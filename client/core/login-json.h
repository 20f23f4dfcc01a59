/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a broker's answers on the way to a login mean.  The broker is not trusted: see
 * broker-json.h.  Engine: no I/O.  Thread: any.
 */
#pragma once

#include "berth/ids.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tokens, the parts of a login by browser and one-time codes are 32 bytes in hexadecimal digits. */
#define BERTH_API_TOKEN_CHARS 64

/* Who is logged in, or what is still owed. */
typedef struct {
    char token[BERTH_API_TOKEN_CHARS + 1];   /* secret; "" while something is owed */
    char pending[BERTH_API_TOKEN_CHARS + 1]; /* secret; "" unless a second factor is owed */
    bool must_enrol;                         /* with pending: there is no second factor yet */
    char *user_name;                         /* NULL while something is owed */
    bool is_admin;
    int64_t expires_in_s;
    GStrv recovery_codes; /* secret, shown once; NULL if there are none */
    char *desktop;        /* id of the pool that a one-time code was made for; NULL without */
} BerthLogin;

/* A second factor that begins: both are secret and shown once. */
typedef struct {
    char *secret; /* for typing, base32 */
    char *uri;    /* for programs, "otpauth://..." */
} BerthEnrolment;

/* Somebody whom the site lets users log in at. */
typedef struct {
    BerthId id;
    char *name;
} BerthProviderName;

/* A login that goes by the browser. */
typedef struct {
    char *url;                             /* of the provider, "https://" */
    char state[BERTH_API_TOKEN_CHARS + 1]; /* goes by the browser and comes back */
    char flow[BERTH_API_TOKEN_CHARS + 1];  /* secret; the browser never sees it */
} BerthBrowserLogin;

/* Wipes and frees. */
void berth_login_clear(BerthLogin *login);
void berth_enrolment_clear(BerthEnrolment *enrolment);
void berth_provider_name_free(BerthProviderName *provider);
void berth_browser_login_clear(BerthBrowserLogin *browser);

/*
 * The answer of any request that logs in.
 *
 * ret_login: set on success only; berth_login_clear() it.  It has a token or a pending login,
 *            never both.
 *
 * Errors: BERTH_ERR_PROTOCOL with a sentence that names what is wrong.
 */
bool berth_login_json_parse(const char *text, size_t len, BerthLogin *ret_login, GError **error);

/* The answer to POST /v1/auth/totp; berth_enrolment_clear() it.  Errors: BERTH_ERR_PROTOCOL. */
bool berth_login_json_enrolment(const char *text, size_t len, BerthEnrolment *ret_enrolment,
                                GError **error);

/*
 * The providers among the answer to GET /v1/auth/sources: BerthProviderName pointers, freed with
 * the array.  Returns NULL with BERTH_ERR_PROTOCOL.
 */
GPtrArray *berth_login_json_providers(const char *text, size_t len, GError **error);

/*
 * The answer to POST /v1/auth/oidc/{id}/start; berth_browser_login_clear() it.
 *
 * The address begins with https:// and has printable ASCII only: it is given to another program.
 *
 * Errors: BERTH_ERR_PROTOCOL.
 */
bool berth_login_json_browser(const char *text, size_t len, BerthBrowserLogin *ret_browser,
                              GError **error);
