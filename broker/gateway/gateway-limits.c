/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/gateway/gateway-limits.h"

#include "berth/errors.h"

#include <glib.h>
#include <netinet/in.h>
#include <string.h>

struct BerthGatewayLimits {
    uint32_t max_total;
    uint32_t max_per_source;
    uint32_t total;
    GHashTable *sources; /* gint64 * -> number of connections */
};

/* Eight bytes that name a source: the /64 of IPv6, and IPv4 in a range that IPv6 does not use. */
static gint64
source_key(const BerthAddress *source)
{
    gint64 key = 0;
    if (source->storage.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&source->storage;
        memcpy(&key, &v4->sin_addr, sizeof(v4->sin_addr));
    } else if (source->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&source->storage;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            memcpy(&key, &v6->sin6_addr.s6_addr[12], 4);
        } else {
            memcpy(&key, &v6->sin6_addr, sizeof(key));
        }
    }
    return key;
}

BerthGatewayLimits *
berth_gateway_limits_new(uint32_t max_total, uint32_t max_per_source)
{
    BerthGatewayLimits *self = g_new0(BerthGatewayLimits, 1);
    self->max_total = max_total;
    self->max_per_source = max_per_source;
    self->sources = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    return self;
}

void
berth_gateway_limits_free(BerthGatewayLimits *self)
{
    if (self) {
        g_hash_table_unref(self->sources);
        g_free(self);
    }
}

static uint32_t
get_count(const BerthGatewayLimits *self, gint64 key)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(self->sources, &key));
}

static void
set_count(BerthGatewayLimits *self, gint64 key, uint32_t count)
{
    if (count == 0) {
        g_hash_table_remove(self->sources, &key);
    } else {
        g_hash_table_insert(self->sources, g_memdup2(&key, sizeof(key)), GUINT_TO_POINTER(count));
    }
}

int
berth_gateway_limits_admit(BerthGatewayLimits *self, const BerthAddress *source)
{
    gint64 key = source_key(source);
    uint32_t count = get_count(self, key);
    if (self->total >= self->max_total) {
        return BERTH_ERR_BUSY;
    }
    if (count >= self->max_per_source) {
        return BERTH_ERR_THROTTLED;
    }
    self->total++;
    set_count(self, key, count + 1);
    return BERTH_OK;
}

void
berth_gateway_limits_release(BerthGatewayLimits *self, const BerthAddress *source)
{
    gint64 key = source_key(source);
    uint32_t count = get_count(self, key);
    if (count > 0) {
        set_count(self, key, count - 1);
        self->total--;
    }
}

uint32_t
berth_gateway_limits_get_total(const BerthGatewayLimits *self)
{
    return self->total;
}
