/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a pool will be full: how many more users it takes, what stops it, how its use grows.
 *
 * Every pool is looked at as if it had the hosts' free room for itself.  Pure.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Days of sessions that are looked at, and days with sessions below which there is no trend. */
#define BERTH_CAPACITY_DAYS 28
#define BERTH_CAPACITY_MIN_DAYS 3

typedef struct {
    const char *id;
    const char *name;
    bool is_usable;                          /* up, and neither drained nor in maintenance */
    int64_t memory_mib, memory_reserved_mib; /* with the overcommit of the host */
    int64_t vcpus, vcpus_reserved;           /* vcpus 0: not known, no limit */
    const json_t *labels;                    /* object or NULL */
} BerthCapacityHost;

typedef struct {
    const char *id;
    const char *name;
    int64_t size, n_machines, n_assigned;
    int64_t memory_mib, vcpus;
    const json_t *labels; /* what its hosts must have; object or NULL */
} BerthCapacityPool;

/* One session of a pool; end_us is now for one that goes on. */
typedef struct {
    int64_t begin_us, end_us;
} BerthCapacityUse;

typedef enum {
    BERTH_CAPACITY_BY_SIZE,
    BERTH_CAPACITY_BY_HOSTS, /* no usable host has the labels */
    BERTH_CAPACITY_BY_MEMORY,
    BERTH_CAPACITY_BY_VCPUS,
    BERTH_N_CAPACITY_LIMITS
} BerthCapacityLimit;

typedef struct {
    int64_t room;             /* users who can still get a desktop */
    BerthCapacityLimit limit; /* what stops the next one after that */
    int64_t peak;             /* most users at once in the days that were looked at */
    int64_t peak_us;          /* when that began */
    int64_t n_days;           /* days with sessions */
    double growth;            /* of the daily peak, users a day; 0 without a trend */
    int64_t full_in_days;     /* -1: not at the present growth */
} BerthCapacity;

/*
 * Looks at one pool.
 *
 * uses:  sorted by begin_us
 */
BerthCapacity berth_capacity_of_pool(const BerthCapacityPool *pool, const BerthCapacityHost *hosts,
                                     size_t n_hosts, const BerthCapacityUse *uses, size_t n_uses,
                                     int64_t now_us);

/* "size", "hosts", "memory", "vcpus": as in the API. */
const char *berth_capacity_limit_name(BerthCapacityLimit limit);

/* The result as a sentence about the pool, to be freed with g_free(). */
char *berth_capacity_explain(const BerthCapacityPool *pool, const BerthCapacity *capacity);
