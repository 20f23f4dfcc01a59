/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The network card of a machine that runs: plugged in, its cable in or out.
 *
 * A refused command shows as a guest without a network; QEMU's log has the reason.  Thread: main.
 */
#pragma once

#include "host-agent/vm/networks.h"
#include "host-agent/vm/qmp.h"
#include "host-agent/vm/vm-spec.h"

#include <stdbool.h>

/*
 * Plugs the card in, with its cable in.
 *
 * plug: its tap, if it has one, is taken
 */
void berth_vm_card_plug(BerthQmp *qmp, const uint8_t mac[BERTH_MAC_BYTES], BerthNetworkPlug *plug);

/* Puts the cable in, or takes it out: the guest sees that, and no packet passes. */
void berth_vm_card_set_link(BerthQmp *qmp, bool is_up);
