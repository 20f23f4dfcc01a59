/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One agent's connection: hello and welcome, poll and desired, inventory, ping.
 *
 * Thread: main.
 */
#pragma once

#include "berth/ids.h"
#include "display/transport/tls.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthAgentLink BerthAgentLink;
typedef struct BerthBroker BerthBroker;

typedef struct {
    /* The host proved who it is and was welcomed; a link that it had before is stale. */
    void (*welcomed)(BerthAgentLink *link, void *user_data);
    /* Any message came. */
    void (*heard)(BerthAgentLink *link, void *user_data);
    /* It is over; free it. */
    void (*closed)(BerthAgentLink *link, void *user_data);
} BerthAgentLinkCallbacks;

/* Takes an accepted stream and begins. */
BerthAgentLink *berth_agent_link_new(BerthBroker *broker, BerthTlsStream *stream,
                                     const BerthAgentLinkCallbacks *callbacks, void *user_data);

/* Drops the connection; work that is under way for it ends unseen.  NULL is allowed. */
void berth_agent_link_free(BerthAgentLink *link);

/* The host at the other end, "" before it was welcomed. */
const char *berth_agent_link_get_host(const BerthAgentLink *link);

/* Sends the desired state if the agent asked for it and it differs from the one sent last. */
void berth_agent_link_update(BerthAgentLink *link);
