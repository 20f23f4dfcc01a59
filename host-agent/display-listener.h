/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where display connections arrive at this host: reads the server name of each without consuming a
 * byte and hands the socket to that session.
 *
 * Who has not sent a whole ClientHello within the handshake limit is dropped, and so is the oldest
 * one waiting when too many wait.  Thread: main.
 */
#pragma once

#include "base/poller.h"
#include "berth/ids.h"
#include "display/transport/tcp.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Connections whose ClientHello is not complete yet. */
#define BERTH_DISPLAY_PENDING_MAX 512

typedef struct BerthDisplayListener BerthDisplayListener;

/* Gives a client to a session; fd is taken.  false: there is no such session, fd is still open. */
typedef bool (*BerthRouteFunc)(const BerthId *session, int fd, void *user_data);

/* Listens; NULL on error (BERTH_ERR_INVALID, and what listening gives). */
BerthDisplayListener *berth_display_listener_new(BerthPoller *poller, const BerthAddress *address,
                                                 const BerthId *host_id, BerthRouteFunc route,
                                                 void *user_data, GError **error);

/* Closes the socket and all connections that wait.  NULL is allowed. */
void berth_display_listener_free(BerthDisplayListener *self);

/* The address really listened on. */
void berth_display_listener_get_address(const BerthDisplayListener *self, BerthAddress *ret);
