/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests for a desktop that wait: for a machine, or for the host to tell the session's key.
 *
 * Each is tried again when its session has a key or a machine is free for it, every two seconds in
 * any case (another broker may have heard of it), and answered after BERTH_CONNECT_WAIT_US at the
 * latest; the client then asks again.  A place in the queue is a row in the store: it survives the
 * request and the broker.  Thread: main.
 */
#pragma once

#include "broker/api/request.h"

#include <glib.h>

#define BERTH_CONNECT_WAIT_US (15LL * 1000 * 1000)
/* Who has just joined the queue hears of it at once. */
#define BERTH_CONNECT_NEWS_US (1LL * 1000 * 1000)

typedef struct BerthConnects BerthConnects;

BerthConnects *berth_connects_new(BerthBroker *broker);

/* Answers everybody who waits; NULL is allowed. */
void berth_connects_free(BerthConnects *connects);

/* Takes a request for the desktop of pool request->id; it will be answered. */
void berth_connects_add(BerthConnects *connects, BerthRequest *request);

/* Something was written: tries those again who may be served now. */
void berth_connects_retry(BerthConnects *connects);

/* A host told the key of a session, and the store has it: tries at once whoever waits for that. */
void berth_connects_session_ready(BerthConnects *connects, const char *session);
