/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many sockets behind one epoll descriptor in one main context: for programs with hundreds of
 * links.
 *
 * The cost of a turn of the loop follows the sockets that have something, not all of them.  In
 * return deadlines are late by up to BERTH_SOCKET_HUB_SWEEP_US.  Sockets of a hub are made with
 * berth_socket_source_new_in_hub() and used like any other BerthSocketSource.
 *
 * Thread: the one of the context.
 */
#pragma once

#include <glib.h>

typedef struct BerthSocketHub BerthSocketHub;

/* How often deadlines are looked at. */
#define BERTH_SOCKET_HUB_SWEEP_US (200LL * 1000)

/* New hub; NULL is the default context. */
BerthSocketHub *berth_socket_hub_new(GMainContext *context);

/* Frees a hub after all of its sockets.  NULL is allowed. */
void berth_socket_hub_free(BerthSocketHub *hub);
