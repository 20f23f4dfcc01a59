/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/gateway/gateway-route.h"

#include "berth/errors.h"
#include "display/transport/client-hello.h"
#include "display/transport/session-name.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static const char *const http_methods[] = {
    "GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "CONNECT ", "PATCH ", "TRACE ", "PRI ",
};

/* Whether data begins with a method, or could still become one. */
static bool
looks_like_http(const uint8_t *data, size_t len, bool *ret_is_whole)
{
    for (size_t i = 0; i < G_N_ELEMENTS(http_methods); i++) {
        size_t method_len = strlen(http_methods[i]);
        if (len > 0 && memcmp(data, http_methods[i], MIN(len, method_len)) == 0) {
            *ret_is_whole = len >= method_len;
            return true;
        }
    }
    return false;
}

static BerthRoute
route_by_name(const char *name)
{
    BerthRoute route = { .kind = BERTH_ROUTE_SESSION };
    switch (berth_session_name_parse(name, NULL, &route.host)) {
    case BERTH_OK:
        return route;
    case BERTH_ERR_NOT_FOUND:
        return (BerthRoute){ .kind = BERTH_ROUTE_API };
    default:
        return (BerthRoute){ .kind = BERTH_ROUTE_REFUSE };
    }
}

BerthRoute
berth_gateway_route(const uint8_t *data, size_t len)
{
    char name[BERTH_SERVER_NAME_CHARS];
    bool is_whole;
    if (looks_like_http(data, len, &is_whole)) {
        return (BerthRoute){ .kind = is_whole ? BERTH_ROUTE_PLAIN_HTTP : BERTH_ROUTE_MORE };
    }
    switch (berth_client_hello_sni(data, len, name, sizeof(name))) {
    case BERTH_OK:
        return route_by_name(name);
    case BERTH_ERR_AGAIN:
        return (BerthRoute){ .kind = BERTH_ROUTE_MORE };
    default:
        return (BerthRoute){ .kind = BERTH_ROUTE_REFUSE };
    }
}
