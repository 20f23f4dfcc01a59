/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One agent's connection: hello and welcome, poll and desired, inventory, ping.
 *
 * Thread: main.
 */
#pragma once

#include "berth/ids.h"
#include "broker/inventory.h"
#include "display/transport/socket-hub.h"
#include "display/transport/tls.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthAgentLink BerthAgentLink;
typedef struct BerthBroker BerthBroker;

typedef struct {
    /* The host proved who it is and was welcomed; a link that it had before is stale. */
    void (*welcomed)(BerthAgentLink *link, void *user_data);
    /* The host was welcomed with a higher cluster epoch: our store is an old one. */
    void (*outdated)(BerthAgentLink *link, int64_t cluster_epoch, void *user_data);
    /* Any message came. */
    void (*heard)(BerthAgentLink *link, void *user_data);
    /* It is over; free it. */
    void (*closed)(BerthAgentLink *link, void *user_data);
} BerthAgentLinkCallbacks;

/* Takes an accepted stream and begins. */
BerthAgentLink *berth_agent_link_new(BerthBroker *broker, BerthSocketHub *hub,
                                     BerthTlsStream *stream,
                                     const BerthAgentLinkCallbacks *callbacks, void *user_data);

/* Drops the connection; work that is under way for it ends unseen.  NULL is allowed. */
void berth_agent_link_free(BerthAgentLink *link);

/* The host at the other end, "" before it was welcomed. */
const char *berth_agent_link_get_host(const BerthAgentLink *link);

/*
 * Tells the agent what it should run if it asked and that has changed, or that nothing has if it
 * waits for long.
 *
 * Returns true if the rows of the host were read for that.
 */
bool berth_agent_link_update(BerthAgentLink *link);

/*
 * Rows of the host were changed: the next update reads them.
 *
 * is_own:  by its own reports, which need not be compared with them again; rarely is anything else
 *          wanted of the host for them, so they are read with the next change of somebody else or
 *          after berth_agent_link_end_patience()
 */
void berth_agent_link_rows_changed(BerthAgentLink *link, bool is_own);
void berth_agent_link_end_patience(BerthAgentLink *link);

/* What the host reported last, NULL if nothing yet; borrowed until the loop turns. */
BerthInventory *berth_agent_link_get_inventory(const BerthAgentLink *link);

/* What the host as a whole uses; zeros before it was told. */
BerthHostUsage berth_agent_link_get_usage(const BerthAgentLink *link);

/* Machines of the host that no row knows. */
int berth_agent_link_n_strangers(const BerthAgentLink *link);
