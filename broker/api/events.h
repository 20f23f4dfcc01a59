/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Watching a site: change notes as server-sent events, read from the audit chains of all brokers.
 *
 * A note names what changed and the state it has now, so a watcher that missed some still ends up
 * right.  The id of a note is a place in the chains; whoever comes back with it in Last-Event-ID
 * misses nothing.  A watcher sees what its roles let it see, and its stream ends with its login.
 * What waits for a slow watcher stays in the store; one that takes nothing for a while is cut off.
 * State: up to 64 KiB a watcher.  Thread: main; the store is read in reader threads.
 */
#pragma once

#include "broker/api/request.h"

#include <sys/types.h>

typedef struct BerthEvents BerthEvents;
typedef struct BerthWatcher BerthWatcher;

/* The watchers of a broker. */
BerthEvents *berth_events_new(BerthBroker *broker);

/* Ends every stream; new ones are refused. */
void berth_events_stop(BerthEvents *events);

/* Frees; every stream must have been closed.  NULL is allowed. */
void berth_events_free(BerthEvents *events);

/*
 * Takes bytes of a stream.
 *
 * Returns how many, 0 if there are none yet (the stream's request is resumed when there are), -1 at
 * the end of the stream.
 */
ssize_t berth_watcher_read(BerthWatcher *watcher, char *buffer, size_t max);

/* The client is gone: frees the watcher and its request, now or when its reader is through. */
void berth_watcher_close(BerthWatcher *watcher);
