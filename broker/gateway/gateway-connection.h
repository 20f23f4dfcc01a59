/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One accepted connection on its way: peeked, routed, connected, spliced.
 *
 *   peek -> (host known?) -> connect to host -> splice                   (session)
 *        -> TLS handshake -> connect to the broker's socket -> splice    (API)
 *                                                           -> 503       (broker down)
 *        -> 400                                                          (plain HTTP)
 *
 * Everything before the splice shares one deadline.  Thread: main.
 */
#pragma once

#include "base/poller.h"
#include "broker/gateway/host-refresh.h"
#include "display/transport/tcp.h"
#include "display/transport/tls.h"

#include <stdint.h>

typedef struct BerthGatewayConnection BerthGatewayConnection;

/* What all connections share; borrowed, outlives them. */
typedef struct {
    BerthPoller *poller;
    BerthTlsContext *tls;
    BerthHostTable *hosts;
    BerthHostRefresh *refresh;
    const char *api_socket;
} BerthGatewayShared;

/* Called once when the connection is over; frees it with berth_gateway_connection_free(). */
typedef void (*BerthGatewayConnectionFunc)(BerthGatewayConnection *connection, void *user_data);

/*
 * Takes an accepted socket over.
 *
 * fd:    taken
 * peer:  whom it came from; copied
 *
 * done is never called before this returns.
 */
BerthGatewayConnection *berth_gateway_connection_new(const BerthGatewayShared *shared, int fd,
                                                     const BerthAddress *peer, int64_t now_us,
                                                     BerthGatewayConnectionFunc done,
                                                     void *user_data);

/* Closes everything at once and frees it; NULL is allowed. */
void berth_gateway_connection_free(BerthGatewayConnection *self);

/* Whom it came from; borrowed. */
const BerthAddress *berth_gateway_connection_get_peer(const BerthGatewayConnection *self);

/* Ends what is past its deadline; may call done.  Call it about four times a second. */
void berth_gateway_connection_tick(BerthGatewayConnection *self, int64_t now_us);

/* The host table was refreshed: goes on if this waits for a host, or gives up. */
void berth_gateway_connection_hosts_changed(BerthGatewayConnection *self);
