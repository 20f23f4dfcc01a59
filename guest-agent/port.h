/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest's end of the port to the host: messages in, a line of messages out.
 *
 * The host's end comes and goes with sessions.  While it is gone nothing is kept: what was half
 * said is void at both ends.  The device is looked at once a second then, because it says nothing.
 *
 * Callbacks come from the default main context.  Thread: main.
 */
#pragma once

#include "display/wire/vdagent-parser.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthAgentPort BerthAgentPort;

typedef struct {
    /* The host's end is there, anew; or it has gone. */
    void (*changed)(bool is_there, void *user_data);
    void (*message)(const BerthVdagentMessage *message, void *user_data);
    /* There is room again. */
    void (*writable)(void *user_data);
} BerthAgentPortCallbacks;

/*
 * Opens the device.  callbacks: borrowed, must outlive it
 *
 * Returns NULL with error set; G_FILE_ERROR_NOENT: this machine has no such port.
 */
BerthAgentPort *berth_agent_port_open(const char *path, const BerthAgentPortCallbacks *callbacks,
                                      void *user_data, GError **error);

/* NULL is allowed. */
void berth_agent_port_close(BerthAgentPort *self);

/* Queues whole messages; they are dropped while the host's end is gone.  data: g_malloc(), taken */
void berth_agent_port_send(BerthAgentPort *self, uint8_t *data, size_t len);

/* Bytes that wait to be written. */
size_t berth_agent_port_get_queued_bytes(const BerthAgentPort *self);
