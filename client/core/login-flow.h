/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way from "log in" to "logged in": a proof, perhaps a browser, perhaps a second factor.
 *
 * The steps are a const table (berth_login_fsm); the requests go through the broker client, whose
 * replies are handed in.  Who uses it shows the questions and gives the answers.  A code that was
 * wrong is asked for again; everything else that fails ends the login.  Thread: main.
 */
#pragma once

#include "client/core/broker-client.h"

#include "base/fsm.h"
#include "base/secret.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    BERTH_LOGIN_IDLE,
    BERTH_LOGIN_PROOF,   /* the broker checks who the user is */
    BERTH_LOGIN_START,   /* the broker is asked where the browser has to go */
    BERTH_LOGIN_BROWSER, /* the user is in the browser */
    BERTH_LOGIN_ENROL,   /* a second factor is being made */
    BERTH_LOGIN_CODE,    /* the user is asked for a code */
    BERTH_LOGIN_CHECK,   /* the broker checks the code */
    BERTH_N_LOGIN_STATES,
} BerthLoginState;

typedef enum {
    BERTH_LOGIN_ON_PROOF,     /* the user has something that proves who it is */
    BERTH_LOGIN_ON_PROVIDER,  /* the user wants to log in at a provider */
    BERTH_LOGIN_ON_TOKEN,     /* the broker is content */
    BERTH_LOGIN_ON_OWED,      /* the broker wants a second factor */
    BERTH_LOGIN_ON_NO_FACTOR, /* the same, and there is none yet */
    BERTH_LOGIN_ON_ENROLLED,
    BERTH_LOGIN_ON_STARTED, /* the broker told where the browser has to go */
    BERTH_LOGIN_ON_BACK,    /* the browser brought a code */
    BERTH_LOGIN_ON_ANSWER,  /* the user typed a code */
    BERTH_LOGIN_ON_WRONG,   /* that code was wrong, another one may be right */
    BERTH_LOGIN_ON_FAILED,
    BERTH_LOGIN_ON_CANCEL,
    BERTH_N_LOGIN_EVENTS,
} BerthLoginEvent;

typedef enum {
    BERTH_LOGIN_DO_NOTHING,
    BERTH_LOGIN_DO_START,
    BERTH_LOGIN_DO_BROWSE,
    BERTH_LOGIN_DO_FINISH,
    BERTH_LOGIN_DO_ENROL,
    BERTH_LOGIN_DO_ASK,
    BERTH_LOGIN_DO_CHECK,
    BERTH_LOGIN_DO_DONE,
    BERTH_LOGIN_DO_FAIL,
    BERTH_N_LOGIN_ACTIONS,
} BerthLoginAction;

extern const BerthFsmTable berth_login_fsm;

/* How the user proves who it is. */
typedef enum {
    BERTH_PROOF_PASSWORD,
    BERTH_PROOF_PROVIDER, /* by the browser */
    BERTH_PROOF_DEVICE,   /* by the certificate that the connection shows */
    BERTH_PROOF_CODE,     /* by a one-time code of a link */
} BerthProofKind;

/* Borrowed for the time of the call. */
typedef struct {
    BerthProofKind kind;
    const char *user;      /* of PASSWORD */
    BerthSecret *password; /* of PASSWORD */
    BerthId provider;      /* of PROVIDER */
    const char *code;      /* of CODE */
} BerthCredentials;

/* What the user has to do, or what is being done meanwhile.  Borrowed. */
typedef struct {
    BerthLoginState state;           /* BROWSER, CODE, or one that waits for the broker */
    const char *url;                 /* of BROWSER: to be opened, and to be shown */
    const BerthEnrolment *enrolment; /* of CODE, while the factor is new; else NULL */
    const char *why;                 /* of CODE: what was wrong with the last one; else NULL */
} BerthLoginQuestion;

typedef struct {
    void (*ask)(const BerthLoginQuestion *question, void *user_data);
    /* Logged in; the token is with the broker client already. */
    void (*done)(const BerthBrokerReply *reply, void *user_data);
    void (*failed)(const GError *error, int64_t retry_after_s, void *user_data);
} BerthLoginCallbacks;

typedef struct BerthLoginFlow BerthLoginFlow;

/* broker: borrowed, outlives the flow */
BerthLoginFlow *berth_login_flow_new(BerthBrokerClient *broker,
                                     const BerthLoginCallbacks *callbacks, void *user_data);

/* Drops everything without a callback.  NULL is allowed. */
void berth_login_flow_free(BerthLoginFlow *self);

/* Begins; a login that was under way is dropped. */
void berth_login_flow_begin(BerthLoginFlow *self, const BerthCredentials *credentials);

/* The code that the user typed, spaces and all.  Errors: BERTH_ERR_STATE if none is asked for. */
int berth_login_flow_answer(BerthLoginFlow *self, const char *code);

/* Drops the login, without a callback; the caller cancels the requests. */
void berth_login_flow_cancel(BerthLoginFlow *self);

/* A reply of the broker.  Returns whether it belongs to a login, and was taken. */
bool berth_login_flow_take(BerthLoginFlow *self, const BerthBrokerReply *reply);

/* Whether a refused second factor may be tried again with another code.  Pure. */
bool berth_login_is_code_wrong(int code);
