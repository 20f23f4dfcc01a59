/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens a TCP connection to a name, trying all its addresses, without blocking and without proxy.
 * As long as nobody answers it begins anew beside what is under way: the first answer counts.
 * Thread: main.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct BerthDialer BerthDialer;

/*
 * The connection, or why there is none.
 *
 * fd:     taken by the callback, non-blocking; -1 with an error
 * error:  borrowed; code BERTH_ERR_NOT_FOUND (name), BERTH_ERR_TIMEOUT or BERTH_ERR_CLOSED
 */
typedef void (*BerthDialerFunc)(int fd, const GError *error, void *user_data);

/* Starts; func is called once, later.  Free the dialer after that, or before to give up. */
BerthDialer *berth_dialer_new(const char *host, uint16_t port, BerthDialerFunc func,
                              void *user_data);

/* func is not called any more.  NULL is allowed; may be called inside func. */
void berth_dialer_free(BerthDialer *self);
