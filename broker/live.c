/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/live.h"

#include "broker/broker.h"

BerthLive *
berth_live_new(const BerthBroker *broker, const char *host)
{
    BerthLive *live = g_new0(BerthLive, 1);
    live->is_safe_mode = broker->is_safe_mode;
    live->cluster_epoch = broker->cluster_epoch;
    live->n_strangers = berth_agents_n_strangers(broker->agents);
    live->stampede = *berth_agents_get_stampede(broker->agents);
    live->has_usage = berth_agents_get_host_usage(broker->agents, host, &live->usage);
    live->inventory = berth_agents_ref_inventory(broker->agents, host);
    return live;
}

void
berth_live_free(BerthLive *live)
{
    if (live != NULL) {
        berth_inventory_unref(live->inventory);
        g_free(live);
    }
}
