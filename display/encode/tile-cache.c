/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/tile-cache.h"

#include <glib.h>
#include <string.h>

#define NO_SLOT (-1)

typedef struct {
    BerthTileHash hash;
    int32_t next; /* slot of the same bucket */
    bool is_taken;
    bool is_of_use; /* found since the hand passed */
} Slot;

struct BerthTileCache {
    Slot *slots;
    int32_t *buckets;
    unsigned n_slots;
    unsigned n_buckets; /* a power of two */
    unsigned hand;
};

BerthTileCache *
berth_tile_cache_new(unsigned n_slots)
{
    BerthTileCache *self = g_try_new0(BerthTileCache, 1);
    if (self == NULL) {
        return NULL;
    }
    self->n_slots = n_slots;
    self->n_buckets = 1;
    while (self->n_buckets < n_slots) {
        self->n_buckets *= 2;
    }
    self->slots = g_try_new(Slot, n_slots);
    self->buckets = g_try_new(int32_t, self->n_buckets);
    if (self->slots == NULL || self->buckets == NULL) {
        berth_tile_cache_free(self);
        return NULL;
    }
    berth_tile_cache_clear(self);
    return self;
}

void
berth_tile_cache_free(BerthTileCache *self)
{
    if (self != NULL) {
        g_free(self->slots);
        g_free(self->buckets);
        g_free(self);
    }
}

void
berth_tile_cache_clear(BerthTileCache *self)
{
    memset(self->slots, 0, self->n_slots * sizeof *self->slots);
    for (unsigned i = 0; i < self->n_buckets; i++) {
        self->buckets[i] = NO_SLOT;
    }
    self->hand = 0;
}

static int32_t *
get_bucket(BerthTileCache *self, BerthTileHash hash)
{
    return &self->buckets[hash.low & (self->n_buckets - 1)];
}

bool
berth_tile_cache_find(BerthTileCache *self, BerthTileHash hash, uint16_t *ret_slot)
{
    for (int32_t i = *get_bucket(self, hash); i != NO_SLOT; i = self->slots[i].next) {
        if (berth_tile_hash_equal(self->slots[i].hash, hash)) {
            self->slots[i].is_of_use = true;
            *ret_slot = (uint16_t)i;
            return true;
        }
    }
    return false;
}

/* Takes a slot out of its bucket. */
static void
forget(BerthTileCache *self, int32_t slot)
{
    int32_t *link = get_bucket(self, self->slots[slot].hash);
    while (*link != slot) {
        link = &self->slots[*link].next;
    }
    *link = self->slots[slot].next;
}

/* Moves the hand to a slot that is free or was of no use. */
static int32_t
choose_slot(BerthTileCache *self)
{
    for (;;) {
        int32_t slot = (int32_t)self->hand;
        self->hand = (self->hand + 1) % self->n_slots;
        if (!self->slots[slot].is_of_use) {
            return slot;
        }
        self->slots[slot].is_of_use = false;
    }
}

uint16_t
berth_tile_cache_store(BerthTileCache *self, BerthTileHash hash)
{
    int32_t slot = choose_slot(self);
    if (self->slots[slot].is_taken) {
        forget(self, slot);
    }
    int32_t *bucket = get_bucket(self, hash);
    self->slots[slot] = (Slot){ .hash = hash, .next = *bucket, .is_taken = true };
    *bucket = slot;
    return (uint16_t)slot;
}
