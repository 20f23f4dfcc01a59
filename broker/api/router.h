/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The API as one const table: method, path, who may call it, what it takes, who answers.
 */
#pragma once

#include "broker/api/request.h"

typedef enum {
    BERTH_ROLE_NOBODY,   /* no login needed */
    BERTH_ROLE_USER,     /* any login */
    BERTH_ROLE_ADMIN,    /* a login of an administrator */
    BERTH_ROLE_INTERNAL, /* the internal socket only, no login */
} BerthRole;

typedef enum {
    BERTH_HANDLE_READ,  /* func.tx in a snapshot, in the main thread */
    BERTH_HANDLE_WRITE, /* func.tx in the writer thread */
    BERTH_HANDLE_ASYNC, /* func.async in the main thread; it answers now or later */
} BerthHandling;

/* Fills reply, text and status of the request, or returns an error (and may set detail). */
typedef int (*BerthTxHandler)(BerthTx *tx, BerthRequest *request);
typedef void (*BerthAsyncHandler)(BerthRequest *request);

struct BerthRoute {
    const char *method;
    const char *path; /* "{id}" stands for one id */
    BerthRole role;
    BerthHandling handling;

    union {
        BerthTxHandler tx;
        BerthAsyncHandler async;
    } func;

    int status; /* of a good answer */
    const BerthBodyField *fields;
    size_t n_fields;
};

extern const BerthRoute berth_routes[];
extern const size_t berth_n_routes;

/*
 * Finds the route of a request.
 *
 * is_internal:  the request came by the internal socket
 * ret_route:    set on success only
 * ret_id:       the id in the path, "" if there is none; set on success only
 *
 * Errors: BERTH_ERR_NOT_FOUND, BERTH_ERR_UNSUPPORTED if the path exists with another method.
 * Pure.
 */
int berth_router_find(const char *method, const char *path, bool is_internal,
                      const BerthRoute **ret_route, char ret_id[BERTH_ID_HEX_CHARS + 1]);

/* Checks who asks, decodes the body and runs the handler; it will be answered.  Thread: main. */
void berth_router_dispatch(BerthRequest *request, const char *authorization);
