/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The packet filter of a host's guests as text for nft: two tables "berth", replaced whole.  Pure.
 *
 * A guest on a bridge sends with its own address only, plays neither DHCP server nor router, and
 * may open nothing of this host but DNS and DHCP; other guests are out of its reach, also by way of
 * the host's routing (its packets carry a mark).  The connections of a guest with QEMU's own
 * network are those of its QEMU, known by its control group: they may go to no address of this
 * host but for DNS, and not to the broker's port for agents.
 */
#pragma once

#include "berth/ids.h"
#include "host-agent/vm/vm-network.h"
#include "host-agent/vm/vm-spec.h"

#include <glib.h>
#include <stdbool.h>

/* On packets that came from an isolated guest; "bert". */
#define BERTH_GUEST_MARK 0x62657274

typedef struct {
    BerthId id;
    BerthNetworkMode mode;
    bool is_isolated;
    uint8_t mac[BERTH_MAC_BYTES];
    char port[BERTH_INTERFACE_CHARS]; /* on the bridge; "" for others */
    char *cgroup;     /* of QEMU below the hierarchy of version 2; NULL for others */
    int cgroup_level; /* how many names that has */
} BerthNetGuest;

typedef struct {
    const char *broker_ip; /* NULL: not fenced */
    bool is_broker_ip6;
    int broker_port;
} BerthNetHost;

/* Name of a machine's port, made of its id. */
void berth_net_port_name(const BerthId *id, char ret[BERTH_INTERFACE_CHARS]);

/*
 * The rules for these guests; for g_free().
 *
 * guests: of BerthNetGuest; those that are not isolated only lose their right to lie
 */
char *berth_net_rules_build(const BerthNetHost *host, const GArray *guests);
