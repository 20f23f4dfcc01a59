/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/gateway/host-table.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"

#include <jansson.h>

struct BerthHostTable {
    GHashTable *hosts; /* BerthId * -> BerthAddress * */
};

static GHashTable *
new_hosts(void)
{
    return g_hash_table_new_full(berth_id_hash, berth_id_equal_func, g_free, g_free);
}

BerthHostTable *
berth_host_table_new(void)
{
    BerthHostTable *self = g_new0(BerthHostTable, 1);
    self->hosts = new_hosts();
    return self;
}

void
berth_host_table_free(BerthHostTable *self)
{
    if (self) {
        g_hash_table_unref(self->hosts);
        g_free(self);
    }
}

/* A host without an address that can be dialled is left out: it must not take the others down. */
static bool
add_host(GHashTable *hosts, const json_t *item, GError **error)
{
    const char *id_text = json_string_value(json_object_get(item, "id"));
    const char *text = json_string_value(json_object_get(item, "address"));
    BerthId id;
    if (berth_id_parse(id_text, &id) < 0) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "a host has no id");
    }
    BerthAddress address;
    if (!text || berth_address_parse(text, &address) < 0 || berth_address_get_port(&address) == 0) {
        berth_log_debug("hosts", "host %s has no address that can be dialled", id_text);
        return true;
    }
    g_hash_table_insert(hosts, g_memdup2(&id, sizeof(id)), g_memdup2(&address, sizeof(address)));
    return true;
}

bool
berth_host_table_load(BerthHostTable *self, const char *json, size_t len, GError **error)
{
    json_error_t json_error;
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &json_error);
    const json_t *list = json_object_get(root, "hosts");
    GHashTable *hosts = new_hosts();
    bool is_good = json_is_array(list);
    if (!root) {
        berth_set_error(error, BERTH_ERR_PROTOCOL, "the host list is no JSON: %s", json_error.text);
    } else if (!is_good) {
        berth_set_error(error, BERTH_ERR_PROTOCOL, "the host list has no \"hosts\"");
    }
    for (size_t i = 0; is_good && i < json_array_size(list); i++) {
        is_good = add_host(hosts, json_array_get(list, i), error);
    }
    json_decref(root);
    if (is_good) {
        g_hash_table_unref(g_steal_pointer(&self->hosts));
        self->hosts = g_steal_pointer(&hosts);
    } else {
        g_hash_table_unref(hosts);
    }
    return is_good;
}

int
berth_host_table_lookup(const BerthHostTable *self, const BerthId *host, BerthAddress *ret_address)
{
    const BerthAddress *address = g_hash_table_lookup(self->hosts, host);
    if (!address) {
        return BERTH_ERR_NOT_FOUND;
    }
    *ret_address = *address;
    return BERTH_OK;
}

guint
berth_host_table_get_size(const BerthHostTable *self)
{
    return g_hash_table_size(self->hosts);
}
