/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way back from a browser: a listener on loopback that takes the one request with which a
 * provider sends the browser back (RFC 8252).
 *
 * Every program of this machine, and every page in the browser, can connect.  What does not bring
 * the state of this login, which nobody else knows, is answered with 404 and changes nothing.
 * Connections and their bytes are bounded and each has ten seconds.  Thread: main.
 */
#pragma once

#include "client/core/login-json.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* What one request of a browser says. */
typedef enum {
    BERTH_RETURN_MORE,    /* it is not there as a whole */
    BERTH_RETURN_OTHER,   /* something else: "/favicon.ico", nonsense */
    BERTH_RETURN_CODE,    /* the provider gave a code */
    BERTH_RETURN_REFUSED, /* the provider says no */
} BerthReturnKind;

typedef struct {
    char state[BERTH_API_TOKEN_CHARS + 1];
    char *code; /* secret; of CODE */
    char *why;  /* of REFUSED: what the provider says, safe to be shown */
} BerthReturn;

/*
 * Reads the head of a request.  Pure; thread: any.
 *
 * ret: set for CODE and REFUSED only; berth_return_clear() it
 */
BerthReturnKind berth_return_parse(const char *text, size_t len, BerthReturn *ret);

/* Wipes and frees. */
void berth_return_clear(BerthReturn *self);

typedef struct BerthBrowserReturn BerthBrowserReturn;

/* The browser is back; called once.  code is NULL if the provider refused, why tells. */
typedef void (*BerthReturnFunc)(const char *code, const char *why, void *user_data);

/* Listens on a free port of 127.0.0.1.  Errors: BERTH_ERR_IO. */
BerthBrowserReturn *berth_browser_return_new(BerthReturnFunc func, void *user_data, GError **error);

/* Closes everything.  NULL is allowed. */
void berth_browser_return_free(BerthBrowserReturn *self);

/* Where the provider sends the browser back to.  Borrowed. */
const char *berth_browser_return_get_uri(const BerthBrowserReturn *self);

/* What the request must bring; before that nothing is accepted.  Copied. */
void berth_browser_return_expect(BerthBrowserReturn *self, const char *state);
