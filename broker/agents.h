/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hosts' agents: a TLS listener and one link for each.
 *
 * An agent is known by its certificate.  It asks for its desired state and gets it as soon as it
 * differs from what it was told last; it reports its inventory, which goes into the store.  Thread:
 * main.
 */
#pragma once

#include "broker/inventory.h"
#include "broker/stampede.h"

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

/* Reads what was changed, and tells every agent that asked what changed for it. */
void berth_agents_update(BerthAgents *agents);

/* Whether a link to the host is up. */
bool berth_agents_is_linked(const BerthAgents *agents, const char *host);

/*
 * Looks at the clock: silent hosts become suspect, then lost, unless so many are silent that the
 * fault must be ours.  Renews leases.  To be called about once a second.
 */
void berth_agents_check_silence(BerthAgents *agents);

/* Links that are up. */
guint berth_agents_n_links(const BerthAgents *agents);

/* What a host uses as it told last; false if this broker has no link to it.  Cost: one look-up. */
bool berth_agents_get_host_usage(const BerthAgents *agents, const char *host, BerthHostUsage *ret);

/* What a host reported last; NULL if this broker has no link to it.  Ownership: new reference. */
BerthInventory *berth_agents_ref_inventory(const BerthAgents *agents, const char *host);

/* Machines that hosts have and no row knows. */
int berth_agents_n_strangers(const BerthAgents *agents);

/* Whether most hosts are silent. */
const BerthStampede *berth_agents_get_stampede(const BerthAgents *agents);
