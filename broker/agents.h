/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hosts' agents: a TLS listener and one link for each.
 *
 * An agent is known by its certificate.  It asks for its desired state and gets it as soon as it
 * differs from what it was told last; it reports its inventory, which goes into the store.  Thread:
 * main.
 */
#pragma once

#include "berth/ids.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthAgents BerthAgents;
typedef struct BerthBroker BerthBroker;

/* Silence after which a link is dropped. */
#define BERTH_AGENT_SILENCE_US (15LL * 1000 * 1000)

typedef struct {
    const char *listen; /* ip:port */
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
} BerthAgentsConfig;

/* Listens.  Errors: those of TLS and of the socket.  Returns NULL on error. */
BerthAgents *berth_agents_new(BerthBroker *broker, const BerthAgentsConfig *config, GError **error);

/* Drops all links; hosts go on with what they know.  NULL is allowed. */
void berth_agents_free(BerthAgents *agents);

/* The port that agents dial. */
uint16_t berth_agents_get_port(const BerthAgents *agents);

/* Tells every agent that asked what changed for it, if anything did. */
void berth_agents_update(BerthAgents *agents);

/* Whether a link to the host is up. */
bool berth_agents_is_linked(const BerthAgents *agents, const char *host);

/* Looks at the clock: silent hosts become suspect, then lost. */
void berth_agents_check_silence(BerthAgents *agents);

/* Links that are up. */
guint berth_agents_n_links(const BerthAgents *agents);
