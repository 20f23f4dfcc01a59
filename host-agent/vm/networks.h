/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guests' side of this host's network: ports on bridges, and the filter of net-rules.h.
 *
 * Ports are taps without a life of their own: they go when QEMU does.  The filter stands before a
 * port is there; where it cannot be had an isolated guest gets no network.  Thread: main; a change
 * waits for nft, some milliseconds.
 */
#pragma once

#include "host-agent/vm/cgroup.h"
#include "host-agent/vm/net-rules.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct BerthNetworks BerthNetworks;

/*
 * Finds out what this host can do.
 *
 * cgroups: borrowed for life
 * broker:  "ip:port" that guests must not reach
 */
BerthNetworks *berth_networks_new(BerthCgroups *cgroups, const char *broker);

/*
 * All machines of an earlier agent are adopted: from here on the filter is ours, in one step.
 * berth_networks_connect() must not be called before.
 */
void berth_networks_settle(BerthNetworks *self);

/* Leaves ports and filter as they are: guests outlive the agent.  NULL is allowed. */
void berth_networks_free(BerthNetworks *self);

/* Names of the kinds that work here, as the control link wants them; a new reference. */
json_t *berth_networks_report(const BerthNetworks *self);

/* How QEMU is to be connected. */
typedef struct {
    int tap_fd;         /* owned; -1: QEMU's own network */
    bool is_restricted; /* QEMU's own network reaches nothing */
} BerthNetworkPlug;

/*
 * Prepares a machine's network; before QEMU runs.
 *
 * Errors: BERTH_ERR_UNSUPPORTED, BERTH_ERR_NOT_FOUND (no such bridge), BERTH_ERR_FORBIDDEN,
 * BERTH_ERR_IO; ret is a plug that reaches nothing then.
 */
bool berth_networks_connect(BerthNetworks *self, const BerthVmSpec *spec, BerthNetworkPlug *ret,
                            GError **error);

/* The machine runs already: its rules are made again.  Errors: as above. */
bool berth_networks_adopt(BerthNetworks *self, const BerthVmSpec *spec, GError **error);

/* The machine is gone. */
void berth_networks_disconnect(BerthNetworks *self, const BerthId *id);
