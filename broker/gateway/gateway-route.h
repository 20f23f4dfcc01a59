/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a connection goes, from its first bytes.  Pure.
 */
#pragma once

#include "berth/ids.h"

#include <stddef.h>
#include <stdint.h>

typedef enum {
    BERTH_ROUTE_MORE,       /* cannot be told yet */
    BERTH_ROUTE_SESSION,    /* to the host, unread */
    BERTH_ROUTE_API,        /* TLS ends here, then to the broker */
    BERTH_ROUTE_PLAIN_HTTP, /* somebody forgot the s: told so */
    BERTH_ROUTE_REFUSE,     /* neither: closed without a word */
} BerthRouteKind;

typedef struct {
    BerthRouteKind kind;
    BerthId host; /* for BERTH_ROUTE_SESSION */
} BerthRoute;

/* Decides on the first len bytes of a connection. */
BerthRoute berth_gateway_route(const uint8_t *data, size_t len);
