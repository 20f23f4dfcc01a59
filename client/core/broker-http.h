/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTPS requests to one broker, one at a time, in a worker thread.
 *
 * TLS 1.3 only, the certificate is checked against the CA file, nothing is redirected, no proxy is
 * used, and an answer is at most BERTH_LIMIT_HTTP_RESPONSE_BYTES.  The connection is kept for the
 * next request.  Thread: main; callbacks come in the main context.
 */
#pragma once

#include "client/core/broker-address.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthBrokerHttp BerthBrokerHttp;

/* What came back.  Borrowed for the time of the callback. */
typedef struct {
    const GError *error; /* NULL if there is an HTTP answer of any status */
    int status;          /* HTTP status */
    const char *body;    /* len bytes, not terminated */
    size_t len;
    int64_t tcp_us;   /* time to connect; 0 if a connection was kept */
    int64_t tls_us;   /* time of the handshake after that; 0 likewise */
    int64_t total_us; /* time of the whole request in the worker */
} BerthHttpAnswer;

/* PEM files of the TLS connection; NULL is none. */
typedef struct {
    const char *ca_file;          /* the only authorities to trust; NULL trusts the system's */
    const char *certificate_file; /* that proves who this device is; NULL proves nothing */
    const char *key_file;         /* of the certificate; NULL: it is in the same file */
} BerthBrokerFiles;

typedef void (*BerthHttpFunc)(const BerthHttpAnswer *answer, void *user_data);

/* Prepares requests to a broker; connects to nothing yet.  files: copied. */
BerthBrokerHttp *berth_broker_http_new(const BerthBrokerAddress *address,
                                       const BerthBrokerFiles *files);

/* Cancels what is under way, waits for the worker to let go and frees.  NULL is allowed. */
void berth_broker_http_free(BerthBrokerHttp *self);

/*
 * Sends a request when those before it are done.
 *
 * method:  "GET" or "POST"
 * path:    begins with "/v1/", printable ASCII
 * token:   bearer token of hexadecimal digits; NULL sends none
 * body:    JSON text, g_malloc; taken and wiped after use; NULL sends none
 *
 * Errors: BERTH_ERR_BUSY if too many wait (body is wiped and freed all the same).
 */
int berth_broker_http_send(BerthBrokerHttp *self, const char *method, const char *path,
                           const char *token, char *body, BerthHttpFunc func, void *user_data);

/* Aborts all requests; none of their callbacks is called any more. */
void berth_broker_http_cancel(BerthBrokerHttp *self);
