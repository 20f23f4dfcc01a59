/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps a host table fresh from the broker's internal socket: every ten seconds, and at once
 * (at most once a second) when somebody asks for a host that is not in it.
 *
 * Thread: main.
 */
#pragma once

#include "base/poller.h"
#include "broker/gateway/host-table.h"

typedef struct BerthHostRefresh BerthHostRefresh;

/* Called after every attempt, good or bad. */
typedef void (*BerthHostRefreshFunc)(void *user_data);

/*
 * New refresher; berth_host_refresh_tick() drives it.
 *
 * poller, table:    borrowed, outlive it
 * internal_socket:  path of the broker's UNIX socket; copied
 */
BerthHostRefresh *berth_host_refresh_new(BerthPoller *poller, BerthHostTable *table,
                                         const char *internal_socket, BerthHostRefreshFunc done,
                                         void *user_data);

/* Ends an attempt that is under way and frees it; NULL is allowed. */
void berth_host_refresh_free(BerthHostRefresh *self);

/* Starts what is due and ends what takes too long; call it about four times a second. */
void berth_host_refresh_tick(BerthHostRefresh *self, int64_t now_us);

/* Asks for a refresh as soon as the rate allows it. */
void berth_host_refresh_request(BerthHostRefresh *self, int64_t now_us);
