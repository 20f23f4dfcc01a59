/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/vm-card.h"

#include "base/cleanup.h"
#include "host-agent/vm/qemu-argv.h"

/* The port of the card inside QEMU. */
#define TAP_NAME "port"

static void
add_netdev(BerthQmp *qmp, BerthNetworkPlug *plug)
{
    if (plug->tap_fd >= 0) {
        berth_qmp_pass_fd(qmp, TAP_NAME, berth_steal_fd(&plug->tap_fd), NULL, NULL);
        berth_qmp_command(
            qmp, "netdev_add",
            json_pack("{s:s,s:s,s:s}", "type", "tap", "id", BERTH_QEMU_NETDEV_ID, "fd", TAP_NAME),
            NULL, NULL);
    } else {
        berth_qmp_command(qmp, "netdev_add",
                          json_pack("{s:s,s:s,s:b,s:b}", "type", "user", "id", BERTH_QEMU_NETDEV_ID,
                                    "ipv6", 0, "restrict", plug->is_restricted),
                          NULL, NULL);
    }
}

void
berth_vm_card_plug(BerthQmp *qmp, const uint8_t mac[BERTH_MAC_BYTES], BerthNetworkPlug *plug)
{
    g_autofree char *text = berth_qemu_mac_text(mac);
    add_netdev(qmp, plug);
    berth_qmp_command(qmp, "device_add",
                      json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "driver", "virtio-net-pci", "id",
                                BERTH_QEMU_NIC_ID, "bus", BERTH_QEMU_NIC_BUS, "netdev",
                                BERTH_QEMU_NETDEV_ID, "mac", text, "romfile", ""),
                      NULL, NULL);
}

void
berth_vm_card_set_link(BerthQmp *qmp, bool is_up)
{
    berth_qmp_command(qmp, "set_link",
                      json_pack("{s:s,s:b}", "name", BERTH_QEMU_NIC_ID, "up", is_up), NULL, NULL);
}
