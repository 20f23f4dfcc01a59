/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * UNIX sockets by path, never blocking.
 */
#pragma once

#include <glib.h>

/*
 * Connects; type is SOCK_STREAM or SOCK_SEQPACKET.  The socket is non-blocking and close-on-exec.
 *
 * Returns the descriptor, or -1.  Errors: the code of the errno (BERTH_ERR_NOT_FOUND while nobody
 * made the socket, BERTH_ERR_CLOSED if nobody listens on it).
 */
int berth_unix_connect(const char *path, int type, GError **error);

/* Makes a listening socket of mode 0600; a stale socket of that path is removed first.  -1: error.
 */
int berth_unix_listen(const char *path, int type, GError **error);
