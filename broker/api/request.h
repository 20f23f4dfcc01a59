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
#include "broker/live.h"
#include "broker/rights.h"
#include "broker/store/tx.h"

#include <glib.h>
#include <jansson.h>

typedef struct BerthBroker BerthBroker;
typedef struct BerthRequest BerthRequest;
typedef struct BerthRoute BerthRoute;

#define BERTH_REQUEST_SOURCE_CHARS 64
/* Of a request's number, with its end. */
#define BERTH_REQUEST_NUMBER_CHARS 32
/* What may stand in {part} of a path, with its end. */
#define BERTH_REQUEST_PART_CHARS 65

/* What HTTP holds on to: the request that will be answered. */
typedef struct {
    BerthRequest *request;
    bool holds_raw; /* counts as one with a large body */
} BerthExchange;

struct BerthRequest {
    BerthBroker *broker;
    BerthExchange *exchange; /* NULL: the client was answered, or went away */
    guint deadline_source;
    const char *deadline_detail;
    int result; /* of what ran in a thread */
    const BerthRoute *route;
    void *server;                            /* BerthHttpServer *, borrowed */
    void *connection;                        /* struct MHD_Connection, borrowed */
    GByteArray *input;                       /* bytes of the body */
    bool is_too_large;                       /* the body went over its limit */
    char number[BERTH_REQUEST_NUMBER_CHARS]; /* tells requests apart in answers and logs */
    char *idempotency_key;                   /* NULL without */
    bool has_match;                          /* there is If-Match */
    int64_t match_version;                   /* what it says; 0: any */
    int64_t none_match_version;              /* what If-None-Match says; 0: nothing */
    char *accept;                            /* NULL without */
    char *last_event_id;                     /* NULL without */
    void *watcher;                           /* BerthWatcher *: the answer is a stream; NULL else */
    bool is_dispatched;                      /* a handler has it */
    bool is_admitting;                       /* who asks is looked up before the body is taken */
    bool is_admitted;                        /* and may */
    bool is_suspended;                       /* MHD waits for berth_request_finish() */
    bool is_done;                            /* the answer is there */

    int64_t began_us;                          /* monotonic, when its headers were there */
    int64_t now_us;                            /* wall clock when it was dispatched */
    char source[BERTH_REQUEST_SOURCE_CHARS];   /* address of the client, "local" */
    char device[2 * BERTH_KEY_HASH_BYTES + 1]; /* key of the client's device, proven; "" without */
    char token_hash[BERTH_TOKEN_CHARS + 1];    /* "" without a login */
    char account[BERTH_ID_HEX_CHARS + 1];      /* who asks */
    char actor[BERTH_LIMIT_NAME_BYTES + 16];   /* "user:anna", for the audit log */
    char link_pool[BERTH_ID_HEX_CHARS + 1]; /* the login came by a link to it; "" if it did not */
    BerthSight sight;                       /* what of a list may be seen */
    int64_t token_used_us;
    char id[BERTH_ID_HEX_CHARS + 1];     /* the {id} of the path */
    char part[BERTH_REQUEST_PART_CHARS]; /* the {part} of the path */
    BerthLive *live;                     /* if the route asks for it; NULL else */
    json_t *query;                       /* the query string, checked; an object */
    json_t *body;                        /* checked by the fields of the route; NULL without */

    int status; /* of the answer */
    int error;  /* BERTH_OK, or what the answer tells about */
    json_t *reply;
    char *text;            /* an answer that is not JSON, or JSON that was made text already */
    const char *text_type; /* its type; NULL is Prometheus text */
    int64_t version;       /* of the object in the answer, for ETag; 0: none */
    char *location;        /* path of what was made; NULL without */
    bool is_replay;        /* the answer was given before */
    char *detail;          /* of an error */
    int64_t retry_after_s;
    const char *allow; /* a method that the path does take; NULL if not known */
};

/* Answers; json is taken and may be NULL (no body). */
void berth_request_reply(BerthRequest *request, int status, json_t *json);

/* Answers with a problem; detail is printf's and may be "". */
void berth_request_fail(BerthRequest *request, int error, const char *detail, ...)
    G_GNUC_PRINTF(3, 4);

/* HTTP status of an error number.  Pure. */
int berth_request_status_of_error(int error);

/*
 * What a guarded change of one object means when it changed nothing: NOT_FOUND becomes
 * PRECONDITION if the request named a version (If-Match); other errors stay.
 */
int berth_request_match_error(BerthRequest *request, int error);

/*
 * Takes the client away from a request that a handler still works on: the new request that is
 * returned is to be answered instead, and the old one is freed by its own answer.
 */
BerthRequest *berth_request_detach(BerthRequest *request);

/* Answers with STORE_DOWN and detail (a literal) when us have passed before another answer is
 * there. */
void berth_request_set_deadline(BerthRequest *request, int64_t us, const char *detail);
void berth_request_clear_deadline(BerthRequest *request);

/* Makes text and version of an answer; for a worker, so that the main thread need not. */
void berth_request_prepare(BerthRequest *request);

/* A problem (RFC 9457) as text, to be freed with free(). */
char *berth_request_format_problem(const BerthRequest *request);

/* Wipes and frees what a request holds, and the request. */
void berth_request_free(BerthRequest *request);
