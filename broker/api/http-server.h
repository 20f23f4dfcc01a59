/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP on a UNIX socket, inside the GLib loop: libmicrohttpd behind its epoll descriptor.
 *
 * The peer's address tells the client's: the gateway binds its end to the abstract name
 * "berth-gateway/<random>/<client ip>".  Thread: main.
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

/*
 * The client's address in the abstract socket name of a gateway's connection, "local" for others.
 *
 * name:  len bytes of sun_path, beginning with the zero byte of an abstract name
 *
 * Pure.
 */
void berth_http_source_of_name(const char *name, size_t len,
                               char ret_source[BERTH_REQUEST_SOURCE_CHARS]);
