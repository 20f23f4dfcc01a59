/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The requests that a client makes to its broker: log in, list, connect, disconnect, log off.
 * How a login goes on from one request to the next is login-flow.h's.
 *
 * Every request ends in exactly one reply, but for connect, which gives one reply for each "not
 * yet" of the broker and asks again by itself.  After cancel no reply comes.  Errors are whole
 * sentences that say what to do next.  Thread: main.
 */
#pragma once

#include "client/core/broker-address.h"
#include "client/core/broker-http.h"
#include "client/core/broker-json.h"
#include "client/core/login-json.h"

#include "base/secret.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthBrokerClient BerthBrokerClient;

typedef enum {
    BERTH_BROKER_PROVIDERS,
    BERTH_BROKER_LOGIN,  /* any proof of who the user is */
    BERTH_BROKER_ENROL,  /* a second factor begins */
    BERTH_BROKER_BROWSE, /* where the browser has to go */
    BERTH_BROKER_LIST,
    BERTH_BROKER_CONNECT,
    BERTH_BROKER_DISCONNECT,
    BERTH_BROKER_LOGOFF,
    BERTH_BROKER_RESTART,
    BERTH_BROKER_REPORT,
    BERTH_BROKER_LOGOUT,
} BerthBrokerRequest;

/* Borrowed for the time of the callback. */
typedef struct {
    BerthBrokerRequest request;
    const GError *error;              /* NULL on success; code is BERTH_ERR_* */
    int64_t retry_after_s;            /* of a throttled login */
    GPtrArray *providers;             /* of a good PROVIDERS: BerthProviderName */
    const BerthLogin *login;          /* of a good LOGIN; it may owe a second factor */
    const BerthEnrolment *enrolment;  /* of a good ENROL */
    const BerthBrowserLogin *browser; /* of a good BROWSE */
    GPtrArray *desktops;              /* of a good LIST: BerthDesktop; take a reference to keep */
    const BerthConnectAnswer *answer; /* of a good CONNECT; not ready: another reply follows */
    int64_t tcp_us, tls_us, total_us; /* see BerthHttpAnswer */
} BerthBrokerReply;

typedef void (*BerthBrokerFunc)(const BerthBrokerReply *reply, void *user_data);

/*
 * Makes a client that is not logged in; connects to nothing yet.
 *
 * files: copied
 * func:  gets all replies
 */
BerthBrokerClient *berth_broker_client_new(const BerthBrokerAddress *address,
                                           const BerthBrokerFiles *files, BerthBrokerFunc func,
                                           void *user_data);

/* Cancels, waits for the worker and frees; forgets the login without logging out. */
void berth_broker_client_free(BerthBrokerClient *self);

/* Asks where else than at the broker a user may log in. */
void berth_broker_client_ask_providers(BerthBrokerClient *self);

/*
 * Prove who the user is, by one thing or another; a token that comes back is kept for the requests
 * below.  What is a secret is borrowed.
 */
void berth_broker_client_login(BerthBrokerClient *self, const char *user, BerthSecret *password);
void berth_broker_client_login_by_device(BerthBrokerClient *self);
/* code: of a link, BERTH_API_TOKEN_CHARS hexadecimal digits */
void berth_broker_client_login_by_code(BerthBrokerClient *self, const char *code);
/* code: six digits, or one of the user's recovery codes */
void berth_broker_client_second_step(BerthBrokerClient *self, const char *pending,
                                     const char *code);
/* code: as the browser brought it back; any text */
void berth_broker_client_finish_browser(BerthBrokerClient *self, const BerthBrowserLogin *browser,
                                        const char *code);

/* Begins a second factor for a login that owes one. */
void berth_broker_client_enrol(BerthBrokerClient *self, const char *pending);

/* Asks where the browser has to go, and tells where it shall come back to. */
void berth_broker_client_browse(BerthBrokerClient *self, const BerthId *provider,
                                const char *redirect_uri);

/* Asks for the user's desktops. */
void berth_broker_client_list(BerthBrokerClient *self);

/* What a connection to a desktop is for. */
typedef enum {
    BERTH_WISH_DESKTOP = 0, /* a desktop of a pool, for this user */
    BERTH_WISH_WATCH = 1,   /* somebody's session, for an administrator, if its user agrees */
    BERTH_WISH_HELP = 2,    /* the same, with keys and pointer */
} BerthWish;

/*
 * Asks for a desktop until it is ready or refused.
 *
 * id:              of the pool, or of the session to watch
 * client_key_hash: BERTH_KEY_HASH_BYTES of the key that the client will prove to the session
 * name:            of this device, for logs
 */
void berth_broker_client_connect(BerthBrokerClient *self, BerthWish wish, const BerthId *id,
                                 const uint8_t *client_key_hash, const char *name);

/* Asks the broker to disconnect the session, which can be opened again later. */
void berth_broker_client_disconnect(BerthBrokerClient *self, const BerthId *session);

/* Asks the broker to end the session and to throw its desktop away. */
void berth_broker_client_logoff(BerthBrokerClient *self, const BerthId *session);

/* Asks the broker to restart the user's desktop of a pool. */
void berth_broker_client_restart(BerthBrokerClient *self, const BerthId *pool);

/* Tells those who look after the site what is wrong with a desktop. */
void berth_broker_client_report(BerthBrokerClient *self, const BerthId *pool, const char *text);

/* Gives the token back. */
void berth_broker_client_logout(BerthBrokerClient *self);

/* Aborts every request; no reply of them comes any more. */
void berth_broker_client_cancel(BerthBrokerClient *self);
