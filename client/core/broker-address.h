/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The address of a broker as a person writes it, and its parts.
 *
 * "https://vdi.example.org:8443"; scheme and port may be left out (https, 443).  Anything else a
 * URL may hold (user, path, query) is refused, so that nothing is quietly ignored.  A value
 * without allocation.  Thread: any.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A DNS name has at most 253 characters. */
#define BERTH_BROKER_HOST_CHARS 253

typedef struct {
    char host[BERTH_BROKER_HOST_CHARS + 1];     /* name or number, an IPv6 one without brackets */
    uint16_t port;                              /* never 0 */
    char url[BERTH_BROKER_HOST_CHARS + 1 + 24]; /* "https://host:port", no slash at the end */
} BerthBrokerAddress;

/*
 * Reads an address.
 *
 * text:         may be NULL, which is an error
 * ret_address:  set on success only
 *
 * Errors: BERTH_ERR_INVALID with a sentence that quotes the text.
 */
bool berth_broker_address_parse(const char *text, BerthBrokerAddress *ret_address, GError **error);
