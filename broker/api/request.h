/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request of the API, from its first line to its answer.
 *
 * A request belongs to the main thread; while a write runs for it, it is lent to the writer thread.
 * Every request is answered exactly once, by berth_request_reply() or berth_request_fail().
 */
#pragma once

#include "broker/api/body.h"
#include "broker/auth/token.h"
#include "broker/rights.h"
#include "broker/store/tx.h"

#include <glib.h>
#include <jansson.h>

typedef struct BerthBroker BerthBroker;
typedef struct BerthRequest BerthRequest;
typedef struct BerthRoute BerthRoute;

#define BERTH_REQUEST_SOURCE_CHARS 64
/* What may stand in {part} of a path, with its end. */
#define BERTH_REQUEST_PART_CHARS 65

struct BerthRequest {
    BerthBroker *broker;
    const BerthRoute *route;
    void *server;       /* BerthHttpServer *, borrowed */
    void *connection;   /* struct MHD_Connection, borrowed */
    GByteArray *input;  /* bytes of the body */
    bool is_too_large;  /* the body went over its limit */
    bool is_dispatched; /* a handler has it */
    bool is_suspended;  /* MHD waits for berth_request_finish() */
    bool is_done;       /* the answer is there */

    int64_t now_us;                          /* wall clock when it was dispatched */
    char source[BERTH_REQUEST_SOURCE_CHARS]; /* address of the client, "local" */
    char token_hash[BERTH_TOKEN_CHARS + 1];  /* "" without a login */
    char account[BERTH_ID_HEX_CHARS + 1];    /* who asks */
    char actor[BERTH_LIMIT_NAME_BYTES + 16]; /* "user:anna", for the audit log */
    BerthSight sight;                        /* what of a list may be seen */
    int64_t token_used_us;
    char id[BERTH_ID_HEX_CHARS + 1];     /* the {id} of the path */
    char part[BERTH_REQUEST_PART_CHARS]; /* the {part} of the path */
    json_t *query;                       /* the query string, checked; an object */
    json_t *body;                        /* checked by the fields of the route; NULL without */

    int status; /* of the answer */
    int error;  /* BERTH_OK, or what the answer tells about */
    json_t *reply;
    char *text;   /* an answer that is not JSON */
    char *detail; /* of an error */
    int64_t retry_after_s;
};

/* Answers; json is taken and may be NULL (no body). */
void berth_request_reply(BerthRequest *request, int status, json_t *json);

/* Answers with a problem; detail is printf's and may be "". */
void berth_request_fail(BerthRequest *request, int error, const char *detail, ...)
    G_GNUC_PRINTF(3, 4);

/* HTTP status of an error number.  Pure. */
int berth_request_status_of_error(int error);

/* The answer's body as text, to be freed with free(); NULL if there is none. */
char *berth_request_format_answer(const BerthRequest *request);

/* Wipes and frees what a request holds, and the request. */
void berth_request_free(BerthRequest *request);
