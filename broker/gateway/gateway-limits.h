/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many connections the gateway holds, in all and from one source.
 *
 * A source is an IPv4 address or the /64 network of an IPv6 address: one customer's network owns
 * all addresses of a /64.  Pure.  Thread: main.
 */
#pragma once

#include "display/transport/tcp.h"

#include <stdint.h>

typedef struct BerthGatewayLimits BerthGatewayLimits;

/* New counter that admits max_total connections, max_per_source of them from one source. */
BerthGatewayLimits *berth_gateway_limits_new(uint32_t max_total, uint32_t max_per_source);

/* Frees the counter; NULL is allowed. */
void berth_gateway_limits_free(BerthGatewayLimits *self);

/*
 * Counts one connection.
 *
 * Errors: BERTH_ERR_BUSY when the gateway is full, BERTH_ERR_THROTTLED when the source is.  Nothing
 * was counted then.
 */
int berth_gateway_limits_admit(BerthGatewayLimits *self, const BerthAddress *source);

/* Uncounts a connection that was admitted from this source. */
void berth_gateway_limits_release(BerthGatewayLimits *self, const BerthAddress *source);

/* Connections that are counted now. */
uint32_t berth_gateway_limits_get_total(const BerthGatewayLimits *self);
