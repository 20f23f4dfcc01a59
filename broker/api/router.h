/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The API as const tables, one an area (routes-*.c): method, path, who may call it, what it takes,
 * who answers.
 */
#pragma once

#include "broker/api/rate-limit.h"
#include "broker/api/request.h"
#include "broker/rights.h"

/* Where in the object tree (rights.h) a request acts: what {id} of its path names. */
typedef enum {
    BERTH_SCOPE_NONE,  /* no object: NOBODY, INTERNAL, SELF */
    BERTH_SCOPE_SITE,  /* "/" */
    BERTH_SCOPE_ANY,   /* anywhere; the handler shows only what the caller may see */
    BERTH_SCOPE_BODY,  /* the handler checks what the body names */
    BERTH_SCOPE_AUDIT, /* "/audit" */
    BERTH_SCOPE_POOLS, /* "/pools", and so on: the collection itself */
    BERTH_SCOPE_HOSTS,
    BERTH_SCOPE_IMAGES,
    BERTH_SCOPE_SCHEDULES,
    BERTH_SCOPE_USERS,
    BERTH_SCOPE_GROUPS,
    BERTH_SCOPE_POOL, /* "/pools/{id}", and so on */
    BERTH_SCOPE_HOST,
    BERTH_SCOPE_IMAGE,
    BERTH_SCOPE_SCHEDULE,
    BERTH_SCOPE_USER,
    BERTH_SCOPE_GROUP,
    BERTH_SCOPE_MACHINE,       /* "/pools/<its pool>/machines/{id}" */
    BERTH_SCOPE_SESSION,       /* "/pools/<its pool>/sessions/{id}" */
    BERTH_SCOPE_ENTITLEMENT,   /* "/pools/<its pool>/entitlements/{id}" */
    BERTH_SCOPE_ROLLOUT,       /* "/pools/<its pool>/rollouts/{id}" */
    BERTH_SCOPE_IMAGE_VERSION, /* "/images/<its image>/versions/{id}" */
    BERTH_SCOPE_USER_DISK,     /* "/pools/<its pool>/user-disks/{id}" */
    BERTH_SCOPE_RESTORE_POINT, /* "/pools/<its pool>/machines/<its machine>" */
    BERTH_SCOPE_GRANT,         /* where the grant {id} is */
} BerthScopeOf;

typedef enum {
    BERTH_HANDLE_READ,      /* func.tx in a snapshot, in a reader thread; it uses only tx */
    BERTH_HANDLE_READ_SLOW, /* the same in threads for long reads; may become an operation */
    BERTH_HANDLE_WRITE,     /* func.tx in the writer thread */
    BERTH_HANDLE_ASYNC,     /* func.async in the main thread; it answers now or later */
} BerthHandling;

/* What a login that came by a link may do with a route: most of all, nothing. */
typedef enum {
    BERTH_LINKS_NEVER,
    BERTH_LINKS_ALWAYS,
    BERTH_LINKS_POOL,    /* {id} is the pool of the link */
    BERTH_LINKS_SESSION, /* {id} is a session of that pool */
} BerthLinkUse;

/* Fills reply, text and status of the request, or returns an error (and may set detail). */
typedef int (*BerthTxHandler)(BerthTx *tx, BerthRequest *request);
typedef void (*BerthAsyncHandler)(BerthRequest *request);

struct BerthRoute {
    const char *method;
    const char *path; /* "{id}" stands for an id, "{part}" for a word, a number or another id */
    BerthPermission permission;
    BerthScopeOf scope;
    BerthHandling handling;

    union {
        BerthTxHandler tx;
        BerthAsyncHandler async;
    } func;

    int status; /* of a good answer */
    const BerthBodyField *fields;
    size_t n_fields;
    const BerthQueryField *query;
    size_t n_query;
    bool needs_match;   /* 428 without If-Match */
    bool needs_live;    /* request->live is filled in */
    BerthLinkUse links; /* whether a login by a link is enough */
    bool has_secret;    /* the answer may not be kept: no Idempotency-Key */
    size_t raw_bytes;   /* the body is bytes, so many at most; taken only from who may; 0: JSON */
    const char *answer; /* name of a schema (schemas.c), or NULL */
    const char *doc;    /* one sentence */
};

/* Beginnings of a row; more members may follow. */
#define BERTH_GET(path_, permission_, scope_, handler_)                                  \
    .method = "GET", .path = (path_), .permission = BERTH_PERMIT_##permission_,          \
    .scope = BERTH_SCOPE_##scope_, .handling = BERTH_HANDLE_READ, .func.tx = (handler_), \
    .status = 200
#define BERTH_GET_SLOW(path_, permission_, scope_, handler_)                                  \
    .method = "GET", .path = (path_), .permission = BERTH_PERMIT_##permission_,               \
    .scope = BERTH_SCOPE_##scope_, .handling = BERTH_HANDLE_READ_SLOW, .func.tx = (handler_), \
    .status = 200
#define BERTH_WRITE(method_, path_, permission_, scope_, handler_, status_)               \
    .method = (method_), .path = (path_), .permission = BERTH_PERMIT_##permission_,       \
    .scope = BERTH_SCOPE_##scope_, .handling = BERTH_HANDLE_WRITE, .func.tx = (handler_), \
    .status = (status_)
#define BERTH_ASYNC(method_, path_, permission_, scope_, handler_, status_)                  \
    .method = (method_), .path = (path_), .permission = BERTH_PERMIT_##permission_,          \
    .scope = BERTH_SCOPE_##scope_, .handling = BERTH_HANDLE_ASYNC, .func.async = (handler_), \
    .status = (status_)
#define BERTH_FIELDS(table) .fields = (table), .n_fields = G_N_ELEMENTS(table)
#define BERTH_QUERY(table) .query = (table), .n_query = G_N_ELEMENTS(table)

/* One table an area. */
extern const BerthRoute berth_routes_backups[];
extern const size_t berth_n_routes_backups;
extern const BerthRoute berth_routes_core[];
extern const size_t berth_n_routes_core;
extern const BerthRoute berth_routes_images[];
extern const size_t berth_n_routes_images;
extern const BerthRoute berth_routes_depot[];
extern const size_t berth_n_routes_depot;
extern const BerthRoute berth_routes_edit[];
extern const size_t berth_n_routes_edit;
extern const BerthRoute berth_routes_disks[];
extern const size_t berth_n_routes_disks;
extern const BerthRoute berth_routes_people[];
extern const size_t berth_n_routes_people;
extern const BerthRoute berth_routes_policies[];
extern const size_t berth_n_routes_policies;
extern const BerthRoute berth_routes_pools[];
extern const size_t berth_n_routes_pools;
extern const BerthRoute berth_routes_rollouts[];
extern const size_t berth_n_routes_rollouts;
extern const BerthRoute berth_routes_site[];
extern const size_t berth_n_routes_site;

/* All routes of all areas, by number; NULL after the last one.  Pure. */
const BerthRoute *berth_route_get(size_t number);

/* What was found for a path: the route, and what stands in its holes ("" without one). */
typedef struct {
    const BerthRoute *route;
    char id[BERTH_ID_HEX_CHARS + 1];
    char part[BERTH_REQUEST_PART_CHARS];
    const char *allow; /* a method that the path does take, set also with BERTH_ERR_UNSUPPORTED */
} BerthRouteHit;

/*
 * Finds the route of a request.
 *
 * is_internal:  the request came by the internal socket
 * ret_hit:      set on success only
 *
 * Errors: BERTH_ERR_NOT_FOUND, BERTH_ERR_UNSUPPORTED if the path exists with another method.
 * Pure.
 */
int berth_router_find(const char *method, const char *path, bool is_internal,
                      BerthRouteHit *ret_hit);

/*
 * Checks who asks, decodes the body and runs the handler; it will be answered.  A request with a
 * raw body is only admitted, before the body is there; berth_router_go_on() runs its handler.
 * Thread: main.
 */
void berth_router_dispatch(BerthRequest *request, const char *authorization);

/* Runs the handler of a request whose body came after it was admitted.  Thread: main. */
void berth_router_go_on(BerthRequest *request);

/* Takes a token for a request.  Errors: BERTH_ERR_THROTTLED; detail and Retry-After are filled in.
 */
int berth_router_check_rate(BerthRequest *request, BerthRateLimit *limit, const char *key);

/* Answers a request whose func.tx has run; error is what it returned.  Thread: main. */
void berth_router_answer(BerthRequest *request, int error);
