/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a new machine goes, and why not elsewhere.
 *
 * Hosts that cannot take it are left out one by one, each with its reason; the rest get a score and
 * the best one wins.  Pure; the reservation itself is a guarded UPDATE.
 */
#pragma once

#include "broker/breaker.h"
#include "broker/fsm/host.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME, "code-in-the-api") in the order in which they are looked at. */
#define BERTH_PLACE_REASONS(X)    \
    X(FITS, "fits")               \
    X(OTHER_HOST, "other-host")   \
    X(NOT_UP, "not-up")           \
    X(DEGRADED, "degraded")       \
    X(MAINTENANCE, "maintenance") \
    X(DRAIN, "drain")             \
    X(LABELS, "labels")           \
    X(NO_VERSION, "no-version")   \
    X(NO_IMAGE, "no-image")       \
    X(BREAKER, "breaker")         \
    X(NO_MEMORY, "no-memory")     \
    X(NO_VCPUS, "no-vcpus")

typedef enum {
#define BERTH_PLACE_REASON(name, text) BERTH_PLACE_##name,
    BERTH_PLACE_REASONS(BERTH_PLACE_REASON)
#undef BERTH_PLACE_REASON
    BERTH_N_PLACE_REASONS
} BerthPlaceReason;

/* How far a host has the version that is asked for. */
typedef struct {
    const char *state; /* of its replica: "fetching", ...; NULL: nothing of it is there */
    const char *detail;
    int64_t bytes, total_bytes;
} BerthPlaceImage;

typedef struct {
    const char *id;
    const char *name;
    BerthHostState state;
    bool is_draining;
    bool is_in_maintenance;
    bool has_template; /* a RAM template of the image is there */
    BerthPlaceImage image;
    const json_t *labels; /* object; NULL is an empty one */
    const char *detail;   /* why it is degraded; may be NULL */
    int64_t memory_limit_mib, memory_reserved_mib, memory_overcommit_pct;
    int64_t vcpu_limit, vcpu_reserved, vcpu_overcommit_pct; /* limit 0: the agent does not say */
    int64_t start_slots;
    int64_t n_starting;   /* machines that wait for a slot or hold one */
    BerthBreaker breaker; /* of this pool and image there */
    int64_t n_tries;      /* machines of this pool and image that start there */
} BerthPlaceHost;

typedef struct {
    int64_t memory_mib;
    int64_t vcpus;
    const json_t *labels; /* every one of them must be the host's, too; NULL: none */
    bool is_packed;       /* fill hosts one after the other instead of spreading */
    const char *version;  /* name for sentences of what the host must have; NULL: nothing */
    bool lacks_version;   /* there is none yet of which the machine could be made */
    const char *host;     /* id of the only host that may have it; NULL: any */
    int64_t now_us;
} BerthPlaceNeed;

typedef struct {
    BerthPlaceReason reason;
    int64_t score; /* higher is better; 0 unless it fits */
} BerthPlaceVerdict;

/*
 * Chooses.
 *
 * ret_verdicts:  one a host; may be NULL
 *
 * Returns the index of the best host, -1 if none fits; the first of equals wins.
 */
int berth_place(const BerthPlaceNeed *need, const BerthPlaceHost *hosts, size_t n_hosts,
                BerthPlaceVerdict *ret_verdicts);

/* "no-memory": as in the API. */
const char *berth_place_reason_code(BerthPlaceReason reason);

/* The verdict as a sentence about the host, to be freed with g_free(). */
char *berth_place_explain(const BerthPlaceNeed *need, const BerthPlaceHost *host,
                          const BerthPlaceVerdict *verdict);

/* Whether every label that is wanted is among those of a host; either may be NULL.  Pure. */
bool berth_place_has_labels(const json_t *wanted, const json_t *labels);

/* Memory that machines may reserve there, by the overcommit that its administrator set. */
int64_t berth_place_memory_mib(const BerthPlaceHost *host);

/* Virtual processors that machines may reserve there; 0 if the agent does not say how many it has.
 */
int64_t berth_place_vcpus(const BerthPlaceHost *host);
