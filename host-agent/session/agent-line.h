/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One port of a guest with the agent behind it: it is there once it has answered with its
 * capabilities, and may go and come back (its user logs off and on) behind the same port.
 *
 * Callbacks come from the default main context, but `sent` from inside of _flush().  Thread: main.
 * Source: spice/vd_agent.h.
 */
#pragma once

#include "base/bytes-writer.h"
#include "display/wire/vdagent-parser.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthAgentLine BerthAgentLine;

typedef struct {
    /* The agent has begun (anew) with these capabilities; 0: it has gone. */
    void (*changed)(uint32_t caps, void *user_data);
    /* Any message but that of capabilities; only while it is there.  Must not free the line. */
    void (*message)(const BerthVdagentMessage *message, void *user_data);
    /* What was sent in bulk with this tag is with QEMU; may be NULL. */
    void (*sent)(uint32_t tag, size_t n_content_bytes, void *user_data);
    /* The port has ended and is closed; another one may be given. */
    void (*lost)(void *user_data);
} BerthAgentLineCallbacks;

/*
 * A line without a port.  name: for logs, static; own_caps: what the agent is told that we can do;
 * callbacks: borrowed, must outlive it
 */
BerthAgentLine *berth_agent_line_new(const char *name, uint32_t own_caps,
                                     const BerthAgentLineCallbacks *callbacks, void *user_data);

/* Nobody is told.  NULL is allowed. */
void berth_agent_line_free(BerthAgentLine *self);

/* The socket of the port, from now on.  fd: taken */
void berth_agent_line_set_port(BerthAgentLine *self, int fd);

/* See berth_vdagent_parser_set_clipboard_bytes(). */
void berth_agent_line_set_clipboard_bytes(BerthAgentLine *self, size_t max_bytes);

/* Capabilities of the agent; 0: it is not there. */
uint32_t berth_agent_line_get_caps(const BerthAgentLine *self);

/*
 * Sends whole messages, if there is a port.  data: g_malloc(), taken
 *
 * Returns false if the agent does not read and they are lost.
 */
bool berth_agent_line_send(BerthAgentLine *self, uint8_t *data, size_t len);

/* The same of a writer, which is cleared. */
bool berth_agent_line_say(BerthAgentLine *self, BerthWriter *messages);

/* The same behind everything that is urgent; see berth_vdagent_port_send_bulk(). */
bool berth_agent_line_send_bulk(BerthAgentLine *self, uint8_t *data, size_t len, uint32_t tag,
                                size_t n_content_bytes);

/* Writes what the guest takes, waiting for it at most so long; for the end of a process. */
void berth_agent_line_flush(BerthAgentLine *self, int timeout_ms);

/* Asks an agent anew that has not answered, ever more rarely. */
void berth_agent_line_tick(BerthAgentLine *self, int64_t now_us);
