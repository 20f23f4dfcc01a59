/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How one machine is on the network, as its pool says.  A value.
 */
#pragma once

#include "host-agent/json-fields.h"

#include <jansson.h>
#include <stdbool.h>

/* Names of network interfaces, with their end. */
#define BERTH_INTERFACE_CHARS 16
#define BERTH_VLAN_MAX 4094

typedef enum {
    BERTH_NETWORK_USER,   /* QEMU's own: connections of the guest are connections of this host */
    BERTH_NETWORK_BRIDGE, /* a port of a bridge that the administrator made */
    BERTH_NETWORK_NONE,   /* a card without a cable */
} BerthNetworkMode;

typedef struct {
    BerthNetworkMode mode;
    char bridge[BERTH_INTERFACE_CHARS]; /* "" unless BERTH_NETWORK_BRIDGE */
    int vlan;                           /* 1..4094; 0: none */
    bool is_isolated; /* from other guests, and from the ports of this host and the broker */
} BerthVmNetwork;

/*
 * Reads the optional object "network" of a machine; without it the machine has the user network,
 * isolated.  Mistakes are recorded in fields.
 */
void berth_vm_network_read(BerthJsonFields *fields, BerthVmNetwork *ret);

/* As a new JSON object. */
json_t *berth_vm_network_to_json(const BerthVmNetwork *self);

bool berth_vm_network_equal(const BerthVmNetwork *a, const BerthVmNetwork *b);

/* Whether the text can be the name of an interface: 1..15 of letters, digits and . _ - */
bool berth_interface_name_is_plain(const char *name);
