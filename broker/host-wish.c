/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/host-wish.h"

#include <stdlib.h>
#include <string.h>

#define HASH_BYTES 32

struct BerthHostWish {
    int64_t generation;
    int64_t acked;
    bool is_sent;
    uint8_t hash[HASH_BYTES];
    GHashTable *sent_ids;  /* to live, of what was sent last */
    GHashTable *acked_ids; /* of what was taken in */
};

static GHashTable *
id_set_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

BerthHostWish *
berth_host_wish_new(int64_t first)
{
    BerthHostWish *self = g_new0(BerthHostWish, 1);
    self->generation = first;
    self->acked = first;
    self->sent_ids = id_set_new();
    self->acked_ids = g_hash_table_ref(self->sent_ids);
    return self;
}

void
berth_host_wish_free(BerthHostWish *self)
{
    if (self != NULL) {
        g_hash_table_unref(self->sent_ids);
        g_hash_table_unref(self->acked_ids);
        g_free(self);
    }
}

static GHashTable *
collect_living(const json_t *desired)
{
    size_t i = 0;
    json_t *machine = NULL;
    GHashTable *ids = id_set_new();
    json_array_foreach (json_object_get(desired, "machines"), i, machine) {
        const char *id = json_string_value(json_object_get(machine, "id"));
        const char *want = json_string_value(json_object_get(machine, "want"));
        if (id != NULL && g_strcmp0(want, "absent") != 0) {
            g_hash_table_add(ids, g_strdup(id));
        }
    }
    return ids;
}

static void
hash_text(const char *text, uint8_t ret[HASH_BYTES])
{
    gsize n = HASH_BYTES;
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(sum, (const guchar *)text, -1);
    g_checksum_get_digest(sum, ret, &n);
}

char *
berth_host_wish_offer(BerthHostWish *self, const json_t *desired)
{
    uint8_t hash[HASH_BYTES];
    char *content = json_dumps(desired, JSON_COMPACT);
    if (content == NULL) {
        return NULL;
    }
    hash_text(content, hash);
    if (self->is_sent && memcmp(hash, self->hash, HASH_BYTES) == 0) {
        free(content);
        return NULL;
    }
    memcpy(self->hash, hash, HASH_BYTES);
    self->is_sent = true;
    self->generation++;
    g_hash_table_unref(self->sent_ids);
    self->sent_ids = collect_living(desired);
    /* The content is an object: its members follow ours. */
    char *message = g_strdup_printf("{\"type\":\"desired\",\"generation\":%" G_GINT64_FORMAT ",%s",
                                    self->generation, content + 1);
    free(content);
    return message;
}

void
berth_host_wish_forget(BerthHostWish *self)
{
    self->is_sent = false;
}

void
berth_host_wish_ack(BerthHostWish *self, int64_t generation)
{
    if (generation == self->generation && self->acked != generation) {
        self->acked = generation;
        g_hash_table_unref(self->acked_ids);
        self->acked_ids = g_hash_table_ref(self->sent_ids);
    }
}

int64_t
berth_host_wish_get_generation(const BerthHostWish *self)
{
    return self->generation;
}

bool
berth_host_wish_is_open(const BerthHostWish *self)
{
    return self->acked != self->generation;
}

GHashTable *
berth_host_wish_ref_living(const BerthHostWish *self)
{
    if (!berth_host_wish_is_open(self)) {
        return g_hash_table_ref(self->acked_ids);
    }
    GHashTable *both = id_set_new();
    GHashTable *const sets[] = { self->sent_ids, self->acked_ids };
    for (size_t i = 0; i < G_N_ELEMENTS(sets); i++) {
        GHashTableIter iter;
        gpointer id = NULL;
        g_hash_table_iter_init(&iter, sets[i]);
        while (g_hash_table_iter_next(&iter, &id, NULL)) {
            g_hash_table_add(both, g_strdup(id));
        }
    }
    return both;
}
