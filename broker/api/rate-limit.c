/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/rate-limit.h"

#include <glib.h>
#include <stdbool.h>

/* Tokens are counted in millionths, so that the clock's unit needs no rounding. */
#define TOKEN INT64_C(1000000)

typedef struct {
    char *key;
    int64_t level; /* millionths of tokens, at since_us */
    int64_t since_us;
    GList link; /* in by_age, newest last */
} Bucket;

struct BerthRateLimit {
    int64_t per_second;
    int64_t burst;
    unsigned max_keys;
    GHashTable *buckets;
    GQueue by_age;
};

static void
bucket_free(gpointer data)
{
    Bucket *bucket = data;
    g_free(bucket->key);
    g_free(bucket);
}

BerthRateLimit *
berth_rate_limit_new(int64_t per_second, int64_t burst, unsigned max_keys)
{
    BerthRateLimit *limit = g_new0(BerthRateLimit, 1);
    limit->per_second = per_second;
    limit->burst = burst;
    limit->max_keys = max_keys;
    limit->buckets = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, bucket_free);
    g_queue_init(&limit->by_age);
    return limit;
}

void
berth_rate_limit_free(BerthRateLimit *limit)
{
    if (limit != NULL) {
        g_hash_table_unref(limit->buckets);
        g_free(limit);
    }
}

static int64_t
refilled(const BerthRateLimit *limit, const Bucket *bucket, int64_t now_us)
{
    int64_t passed_us = MAX(now_us - bucket->since_us, 0);
    int64_t full = limit->burst * TOKEN;
    /* Whoever was away long is full: no multiplication that could overflow. */
    if (passed_us / limit->per_second > full) {
        return full;
    }
    return MIN(bucket->level + passed_us * limit->per_second, full);
}

static void
forget(BerthRateLimit *limit, Bucket *bucket)
{
    g_queue_unlink(&limit->by_age, &bucket->link);
    g_hash_table_remove(limit->buckets, bucket->key);
}

/* The oldest ones that are full again go, and the oldest of all if the table is full. */
static void
tidy(BerthRateLimit *limit, int64_t now_us)
{
    /* The newest is the one in use: it stays. */
    for (int i = 0; i < 2 && limit->by_age.length > 1; i++) {
        Bucket *oldest = limit->by_age.head->data;
        bool is_full = refilled(limit, oldest, now_us) >= limit->burst * TOKEN;
        if (!is_full && g_hash_table_size(limit->buckets) <= limit->max_keys) {
            return;
        }
        forget(limit, oldest);
    }
}

static Bucket *
ensure_bucket(BerthRateLimit *limit, const char *key, int64_t now_us)
{
    Bucket *bucket = g_hash_table_lookup(limit->buckets, key);
    if (bucket == NULL) {
        bucket = g_new0(Bucket, 1);
        bucket->key = g_strdup(key);
        bucket->level = limit->burst * TOKEN;
        bucket->since_us = now_us;
        bucket->link.data = bucket;
        g_hash_table_insert(limit->buckets, bucket->key, bucket);
    } else {
        g_queue_unlink(&limit->by_age, &bucket->link);
    }
    g_queue_push_tail_link(&limit->by_age, &bucket->link);
    return bucket;
}

int64_t
berth_rate_limit_take(BerthRateLimit *limit, const char *key, int64_t now_us)
{
    if (limit == NULL || limit->per_second == 0) {
        return 0;
    }
    Bucket *bucket = ensure_bucket(limit, key, now_us);
    bucket->level = refilled(limit, bucket, now_us);
    bucket->since_us = MAX(now_us, bucket->since_us);
    tidy(limit, now_us);
    if (bucket->level >= TOKEN) {
        bucket->level -= TOKEN;
        return 0;
    }
    return (TOKEN - bucket->level + limit->per_second - 1) / limit->per_second;
}
