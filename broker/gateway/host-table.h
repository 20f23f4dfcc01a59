/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which address the display connections of each host go to, as the broker told last.
 *
 * A table that cannot be read leaves the old one in force: running sessions stay reachable while
 * the broker is down or confused.  Pure.  Thread: main.
 */
#pragma once

#include "berth/ids.h"
#include "display/transport/tcp.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct BerthHostTable BerthHostTable;

/* New table without hosts. */
BerthHostTable *berth_host_table_new(void);

/* Frees the table; NULL is allowed. */
void berth_host_table_free(BerthHostTable *self);

/*
 * Replaces the table by the broker's JSON: {"hosts":[{"id":"<32 hex>","address":"ip:port"}]}.
 * A host without an address (null) is left out; further keys are ignored.
 *
 * Errors: BERTH_ERR_PROTOCOL; the table stays as it was.
 */
bool berth_host_table_load(BerthHostTable *self, const char *json, size_t len, GError **error);

/* Looks a host up.  Errors: BERTH_ERR_NOT_FOUND. */
int berth_host_table_lookup(const BerthHostTable *self, const BerthId *host,
                            BerthAddress *ret_address);

/* Hosts in the table. */
guint berth_host_table_get_size(const BerthHostTable *self);
