/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests for a desktop that wait: for a machine, or for the host to tell the session's key.
 *
 * Each is tried again, in the order of arrival, whenever something changed, and answered after
 * BERTH_CONNECT_WAIT_US at the latest; the client then asks again.  Waiting is not remembered by
 * anybody else: a client that goes away loses only its place.  Thread: main.
 */
#pragma once

#include "broker/api/request.h"

#include <glib.h>

#define BERTH_CONNECT_WAIT_US (15LL * 1000 * 1000)

typedef struct BerthConnects BerthConnects;

BerthConnects *berth_connects_new(BerthBroker *broker);

/* Answers everybody who waits; NULL is allowed. */
void berth_connects_free(BerthConnects *connects);

/* Takes a request for the desktop of pool request->id; it will be answered. */
void berth_connects_add(BerthConnects *connects, BerthRequest *request);

/* Tries everybody again. */
void berth_connects_retry(BerthConnects *connects);

/* Users who wait for a machine: pool id -> GINT_TO_POINTER(n).  Free with g_hash_table_unref(). */
GHashTable *berth_connects_count_queued(const BerthConnects *connects);
