/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where berth-send finds the agent of its session: a socket in the user's run-time folder.  It
 * gives descriptors of files with their names and hears how each ended.
 *
 * The folder is the user's own, so who connects is the user.  Thread: main.
 */
#pragma once

#include "guest-agent/file-queue.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BerthSendDesk BerthSendDesk;

/* A packet without descriptor: how files end is to be shown in a window, too. */
#define BERTH_SEND_WINDOW "window"
/* Bytes of a packet: a name, or a status and a name. */
#define BERTH_SEND_PACKET_BYTES 4200

/* The path of the socket, owned. */
char *berth_send_socket_path(void);

/* queue: borrowed; its `ended` is to be passed on. */
BerthSendDesk *berth_send_desk_new(BerthFileQueue *queue, GError **error);

/* NULL is allowed. */
void berth_send_desk_free(BerthSendDesk *self);

/* A file of a client (whose) is over. */
void berth_send_desk_note_ended(BerthSendDesk *self, void *whose, const char *name,
                                BerthFileStatus status);

/* A sentence for how a file ended; never NULL. */
const char *berth_send_status_sentence(BerthFileStatus status);
