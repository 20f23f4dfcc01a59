/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP on a UNIX socket, inside the GLib loop: libmicrohttpd behind its epoll descriptor.
 *
 * The peer's address tells the client's: the gateway binds its end to an abstract name.  What a
 * client writes (X-Forwarded-For and the like) tells nothing.  Thread: main.
 */
#pragma once

#include "broker/api/request.h"

typedef struct BerthHttpServer BerthHttpServer;

/*
 * Starts a server on a socket file, which is replaced if it exists (mode 0660).
 *
 * is_internal:  serves /internal/v1 too
 *
 * Errors: the code of the errno.  Returns NULL on error.
 */
BerthHttpServer *berth_http_server_new(BerthBroker *broker, const char *socket_path,
                                       bool is_internal, GError **error);

/* Stops; every request must have been answered.  NULL is allowed. */
void berth_http_server_free(BerthHttpServer *server);

/* Goes on with a request that is answered now. */
void berth_http_resume(BerthRequest *request);

/* Ends the connection of a request under way, whatever waits to be sent.  Thread: main. */
void berth_http_cut(BerthRequest *request);

/* There are bytes for the stream of a request, or it is over. */
void berth_http_wake(BerthRequest *request);

/*
 * Whether the client of a request that waits has closed its end, so that nobody takes the answer.
 * libmicrohttpd does not look at a connection while its request waits.
 */
bool berth_http_is_abandoned(const BerthRequest *request);

/*
 * What the abstract socket name of a gateway's connection says of the client.
 *
 * name:        len bytes of sun_path: a zero byte, "berth-gateway/<random>/<client ip>" and, for a
 *              client that proved the key of a device certificate, a zero byte and the SHA-256 of
 *              that key as 32 bytes
 * ret_source:  the address, "local" for other names
 * ret_device:  the hash as hexadecimal digits, "" without
 *
 * Pure.
 */
void berth_http_read_name(const char *name, size_t len, char ret_source[BERTH_REQUEST_SOURCE_CHARS],
                          char ret_device[2 * BERTH_KEY_HASH_BYTES + 1]);
