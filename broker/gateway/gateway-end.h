/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One end of a spliced connection: a bare socket, or a socket with TLS on it.
 *
 * Thread: main.
 */
#pragma once

#include "display/transport/tls.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    int fd;              /* -1: none.  Owned, unless tls owns it */
    BerthTlsStream *tls; /* NULL: bare socket */
} BerthEnd;

#define BERTH_END_NONE ((BerthEnd){ .fd = -1 })

/* Closes the end at once and makes it BERTH_END_NONE. */
void berth_end_clear(BerthEnd *end);

/* Reads at most cap bytes.  Errors: BERTH_ERR_AGAIN, BERTH_ERR_CLOSED at the end, others. */
int berth_end_read(BerthEnd *end, void *buffer, size_t cap, size_t *ret_n);

/* Writes some of len bytes.  Errors: BERTH_ERR_AGAIN, others. */
int berth_end_write(BerthEnd *end, const void *data, size_t len, size_t *ret_n);

/* Tells the peer that nothing more follows; reading goes on. */
void berth_end_shutdown_write(BerthEnd *end);

/* Whether bytes wait inside TLS, which the socket's readiness does not show. */
bool berth_end_has_pending(const BerthEnd *end);

/* Whether TLS waits for the socket to become writable. */
bool berth_end_wants_write(const BerthEnd *end);
