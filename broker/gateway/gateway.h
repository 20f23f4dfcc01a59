/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one TCP port of a site: accepts, counts, and hands each connection to its own object.
 *
 * Thread: main.
 */
#pragma once

#include "base/poller.h"
#include "display/transport/tls.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthGateway BerthGateway;

typedef struct {
    const char *listen; /* ip:port; port 0: the kernel chooses */
    const char *api_socket;
    const char *internal_socket;
    uint32_t max_connections;
    uint32_t max_per_source;
} BerthGatewayConfig;

/*
 * Listens and begins to serve.
 *
 * config:       copied
 * poller, tls:  borrowed, outlive the gateway
 *
 * Returns NULL on error.
 */
BerthGateway *berth_gateway_new(const BerthGatewayConfig *config, BerthPoller *poller,
                                BerthTlsContext *tls, GError **error);

/* Closes the port and every connection; NULL is allowed. */
void berth_gateway_free(BerthGateway *self);

/* The port that it listens on. */
uint16_t berth_gateway_get_port(const BerthGateway *self);
