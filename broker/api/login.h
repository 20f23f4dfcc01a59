/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One login on its way, whatever proves it: a password, a directory, PAM, a provider, a device.
 *
 * Whoever checked the proof ends it by berth_login_accept() or berth_login_refuse(), once; both
 * write the audit log, answer the request and free the login.  Thread: main; while a write or a
 * check runs, it is lent to that thread.
 */
#pragma once

#include "broker/api/request.h"
#include "broker/audit.h"
#include "broker/auth/identity.h"
#include "broker/broker.h"

/* The method of logins that came by the code of a link; their name is the pool. */
#define BERTH_LOGIN_METHOD_LINK "link"

typedef struct {
    char id[BERTH_ID_HEX_CHARS + 1];
    char *name;
    char *kind; /* "ldap", "pam" */
    char *settings;
} BerthLoginSource;

typedef struct {
    BerthBroker *broker;
    BerthRequest *request;
    BerthCause cause;
    char actor[BERTH_LIMIT_NAME_BYTES + 16];
    const char *name;   /* as it was typed; borrowed from the request, "" before it is known */
    const char *method; /* "password", "ldap", "pam", "oidc", "device", "link" */
    bool is_whole;      /* no second factor is asked for: it was shown, or the proof is enough */
    int64_t begun_us;   /* monotonic */

    /* Throttle. */
    char *user_key; /* counted as failed already; NULL if none is */
    char *source_key;
    char device_hash[BERTH_TOKEN_CHARS + 1]; /* of the device token that came along, or "" */
    bool is_known_device;

    /* What is known of the user. */
    char account[BERTH_ID_HEX_CHARS + 1]; /* "" if there is none yet */
    char source[BERTH_ID_HEX_CHARS + 1];  /* "" for local accounts */
    char *source_name;
    char *phc;
    char *new_phc; /* the password hashed at today's cost, NULL if it was already */
    bool is_verified;
    bool is_enabled;
    GPtrArray *sources; /* of BerthLoginSource: whom to ask */
    BerthIdentity *identity;
    int error; /* why it failed */
    char *why; /* for the log */

    /* What was decided. */
    char link_pool[BERTH_ID_HEX_CHARS + 1]; /* all that the login will open; "" for others */
    bool is_admin;
    const char *second_factor; /* "totp" or "enrol" if one is owed; NULL if not */
    char user_name[BERTH_LIMIT_NAME_BYTES + 1];
    char token[BERTH_TOKEN_CHARS + 1];
    char device_token[BERTH_TOKEN_CHARS + 1]; /* a new one, or "" */
    json_t *recovery_codes;
} BerthLogin;

/*
 * Begins a login.
 *
 * name:  what the user calls himself; borrowed
 */
BerthLogin *berth_login_new(BerthRequest *request, const char *name, const char *method);

/* Whom to ask, copied out of a row of the store. */
void berth_login_add_source(BerthLogin *login, const char *id, const char *name, const char *kind,
                            const char *settings);

/* The proof is good: account or identity are set. */
void berth_login_accept(BerthLogin *login);

/* The proof is bad, or could not be looked at; login->error tells. */
void berth_login_refuse(BerthLogin *login);

/* Answers with an error and frees, without a word in the audit log: nothing was tried. */
void berth_login_drop(BerthLogin *login, int error, const char *detail);

/*
 * Writes a login token and what belongs to it; for those who are inside of a transaction.
 *
 * Fills token, device_token and second_factor in.  Errors: BERTH_ERR_FORBIDDEN for a user who may
 * not log in, those of the store.
 */
int berth_login_write(BerthTx *tx, BerthLogin *login);

/* The answer of a login that was written. */
json_t *berth_login_answer(const BerthLogin *login);

/* Wipes and frees; NULL is allowed. */
void berth_login_free(BerthLogin *login);

/* memberships.c: makes account and groups what an identity says; fills account in. */
int berth_login_take_identity(BerthTx *tx, BerthLogin *login);
