/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server name in a TLS ClientHello, read without taking part in the handshake.
 *
 * Gateway and agent peek the first bytes of a connection (MSG_PEEK) to decide where it goes.  Pure,
 * allocates nothing, reads at most BERTH_LIMIT_CLIENT_HELLO_BYTES.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Room for the longest DNS name with its end. */
#define BERTH_SERVER_NAME_CHARS 256

/*
 * Finds the server name in the first bytes of a connection.
 *
 * data, len:  what has arrived so far, from its first byte
 * ret_name:   the host name in lower case, letters digits '.' '-' '_' only; "" if the client sent
 *             none; set on success only.  cap: at least BERTH_SERVER_NAME_CHARS
 *
 * Errors: BERTH_ERR_AGAIN (good so far, more bytes are needed), BERTH_ERR_PROTOCOL (not a TLS
 *         ClientHello, or broken), BERTH_ERR_TOO_LARGE (over BERTH_LIMIT_CLIENT_HELLO_BYTES).
 */
int berth_client_hello_sni(const uint8_t *data, size_t len, char *ret_name, size_t cap);
