/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/throttle.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define FIRST_WAIT_US (2LL * 1000 * 1000)
#define MAX_DOUBLINGS 16

typedef struct {
    int n_failures;
    int64_t last_us;
    int64_t blocked_until_us;
} Entry;

struct BerthThrottle {
    GHashTable *entries; /* key -> Entry */
    guint max_keys;
};

BerthThrottle *
berth_throttle_new(guint max_keys)
{
    BerthThrottle *throttle = g_new0(BerthThrottle, 1);
    throttle->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    throttle->max_keys = max_keys;
    return throttle;
}

void
berth_throttle_free(BerthThrottle *throttle)
{
    if (throttle != NULL) {
        g_hash_table_unref(throttle->entries);
        g_free(throttle);
    }
}

static gboolean
is_old(gpointer key, gpointer value, gpointer now_us)
{
    const Entry *entry = value;
    return *(const int64_t *)now_us - MAX(entry->last_us, entry->blocked_until_us) >
           BERTH_THROTTLE_MEMORY_US;
}

static Entry *
find(BerthThrottle *throttle, const char *key, int64_t now_us)
{
    Entry *entry = g_hash_table_lookup(throttle->entries, key);
    if (entry != NULL && is_old(NULL, entry, &now_us)) {
        g_hash_table_remove(throttle->entries, key);
        return NULL;
    }
    return entry;
}

int64_t
berth_throttle_wait_us(BerthThrottle *throttle, const char *key, int64_t now_us)
{
    const Entry *entry = find(throttle, key, now_us);
    return entry != NULL ? MAX(entry->blocked_until_us - now_us, 0) : 0;
}

/* Forgets the key that is worth least: an old one, else one with few failures long ago. */
static void
make_room(BerthThrottle *throttle, int64_t now_us)
{
    GHashTableIter iter;
    gpointer key = NULL;
    gpointer value = NULL;
    gpointer weakest_key = NULL;
    const Entry *weakest = NULL;
    g_hash_table_iter_init(&iter, throttle->entries);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const Entry *entry = value;
        if (weakest == NULL || is_old(NULL, value, &now_us) ||
            entry->n_failures < weakest->n_failures ||
            (entry->n_failures == weakest->n_failures && entry->last_us < weakest->last_us)) {
            weakest_key = key;
            weakest = entry;
        }
        if (is_old(NULL, value, &now_us)) {
            break;
        }
    }
    if (weakest_key != NULL) {
        g_hash_table_remove(throttle->entries, weakest_key);
    }
}

int64_t
berth_throttle_wait_after_us(int n_failures)
{
    int doublings = MIN(n_failures - BERTH_THROTTLE_FREE, MAX_DOUBLINGS);
    return doublings < 0 ? 0 : MIN(FIRST_WAIT_US << doublings, BERTH_THROTTLE_MAX_WAIT_US);
}

void
berth_throttle_fail(BerthThrottle *throttle, const char *key, int64_t now_us)
{
    Entry *entry = find(throttle, key, now_us);
    if (entry == NULL) {
        if (g_hash_table_size(throttle->entries) >= throttle->max_keys) {
            make_room(throttle, now_us);
        }
        entry = g_new0(Entry, 1);
        g_hash_table_insert(throttle->entries, g_strdup(key), entry);
    }
    entry->n_failures++;
    entry->last_us = now_us;
    if (entry->n_failures >= BERTH_THROTTLE_FREE) {
        entry->blocked_until_us = now_us + berth_throttle_wait_after_us(entry->n_failures);
    }
}

void
berth_throttle_take_back(BerthThrottle *throttle, const char *key)
{
    Entry *entry = g_hash_table_lookup(throttle->entries, key);
    if (entry == NULL) {
        return;
    }
    if (--entry->n_failures == 0) {
        g_hash_table_remove(throttle->entries, key);
    } else {
        /* The attempt was let through, so no wait was left before it. */
        entry->blocked_until_us = 0;
    }
}

void
berth_throttle_forgive(BerthThrottle *throttle, const char *key)
{
    g_hash_table_remove(throttle->entries, key);
}

guint
berth_throttle_n_keys(const BerthThrottle *throttle)
{
    return g_hash_table_size(throttle->entries);
}

char *
berth_throttle_dup_source_key(const char *source)
{
    struct in6_addr address;
    char network[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET6, source, &address) != 1 || IN6_IS_ADDR_V4MAPPED(&address)) {
        return g_strconcat("source:", source, NULL);
    }
    memset(&address.s6_addr[8], 0, 8);
    inet_ntop(AF_INET6, &address, network, sizeof network);
    return g_strconcat("source:", network, "/64", NULL);
}
