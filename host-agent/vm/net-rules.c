/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/net-rules.h"

#include "base/id.h"

#define PORT_PREFIX "bt"
#define PORT_ID_CHARS 12

void
berth_net_port_name(const BerthId *id, char ret[BERTH_INTERFACE_CHARS])
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    berth_id_format(id, hex);
    g_snprintf(ret, BERTH_INTERFACE_CHARS, PORT_PREFIX "%.*s", PORT_ID_CHARS, hex);
}

static bool
is_port(const BerthNetGuest *guest)
{
    return guest->mode == BERTH_NETWORK_BRIDGE;
}

static bool
is_fenced(const BerthNetGuest *guest)
{
    return guest->mode == BERTH_NETWORK_USER && guest->is_isolated && guest->cgroup != NULL;
}

/* One line for each guest on a bridge; %port in the pattern is its port, %mac its address. */
static void
add_port_lines(GString *out, const GArray *guests, bool only_isolated, const char *before,
               const char *after)
{
    for (guint i = 0; i < guests->len; i++) {
        const BerthNetGuest *guest = &g_array_index(guests, BerthNetGuest, i);
        if (is_port(guest) && (guest->is_isolated || !only_isolated)) {
            g_string_append_printf(out, "    %s \"%s\" %s\n", before, guest->port, after);
        }
    }
}

static void
add_spoof_lines(GString *out, const GArray *guests)
{
    for (guint i = 0; i < guests->len; i++) {
        const BerthNetGuest *guest = &g_array_index(guests, BerthNetGuest, i);
        const uint8_t *mac = guest->mac;
        if (!is_port(guest)) {
            continue;
        }
        g_autofree char *address = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
                                                   mac[2], mac[3], mac[4], mac[5]);
        g_string_append_printf(out, "    iifname \"%s\" ether saddr != %s drop\n", guest->port,
                               address);
        g_string_append_printf(out, "    iifname \"%s\" arp saddr ether != %s drop\n", guest->port,
                               address);
    }
}

static void
add_bridge_table(GString *out, const GArray *guests)
{
    g_autofree char *mark = g_strdup_printf("meta mark set 0x%x", BERTH_GUEST_MARK);
    g_autofree char *marked = g_strdup_printf("meta mark 0x%x drop", BERTH_GUEST_MARK);
    g_string_append(out, "add table bridge berth\ndelete table bridge berth\n"
                         "table bridge berth {\n"
                         "  chain prerouting {\n"
                         "    type filter hook prerouting priority -300; policy accept;\n");
    add_spoof_lines(out, guests);
    add_port_lines(out, guests, true, "iifname", "ether type 8021q drop");
    add_port_lines(out, guests, true, "iifname", "udp sport 67 drop");
    add_port_lines(out, guests, true, "iifname", "icmpv6 type nd-router-advert drop");
    add_port_lines(out, guests, true, "iifname", mark);
    g_string_append(out, "  }\n"
                         "  chain forward {\n"
                         "    type filter hook forward priority 0; policy accept;\n");
    add_port_lines(out, guests, true, "oifname", marked);
    g_string_append(out, "  }\n"
                         "  chain output {\n"
                         "    type filter hook output priority 0; policy accept;\n");
    add_port_lines(out, guests, true, "oifname", marked);
    g_string_append(out, "  }\n}\n");
}

static void
add_fence(GString *out, const BerthNetHost *host)
{
    g_string_append(out, "  chain fence {\n"
                         "    fib daddr type local udp dport 53 accept\n"
                         "    fib daddr type local tcp dport 53 accept\n"
                         "    fib daddr type local counter drop\n");
    if (host->broker_ip != NULL) {
        g_string_append_printf(out, "    %s daddr %s tcp dport %d counter drop\n",
                               host->is_broker_ip6 ? "ip6" : "ip", host->broker_ip,
                               host->broker_port);
    }
    g_string_append(out, "  }\n");
}

static void
add_inet_table(GString *out, const BerthNetHost *host, const GArray *guests)
{
    g_string_append(out, "add table inet berth\ndelete table inet berth\n"
                         "table inet berth {\n");
    add_fence(out, host);
    g_string_append_printf(
        out,
        "  chain host {\n"
        "    udp dport { 53, 67 } accept\n"
        "    tcp dport 53 accept\n"
        "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept\n"
        "    counter drop\n"
        "  }\n"
        "  chain input {\n"
        "    type filter hook input priority -10; policy accept;\n"
        "    meta mark 0x%x jump host\n"
        "  }\n"
        "  chain output {\n"
        "    type filter hook output priority -10; policy accept;\n",
        BERTH_GUEST_MARK);
    for (guint i = 0; i < guests->len; i++) {
        const BerthNetGuest *guest = &g_array_index(guests, BerthNetGuest, i);
        if (is_fenced(guest)) {
            g_string_append_printf(out, "    socket cgroupv2 level %d \"%s\" jump fence\n",
                                   guest->cgroup_level, guest->cgroup);
        }
    }
    g_string_append(out, "  }\n}\n");
}

char *
berth_net_rules_build(const BerthNetHost *host, const GArray *guests)
{
    GString *out = g_string_new(NULL);
    add_bridge_table(out, guests);
    add_inet_table(out, host, guests);
    return g_string_free(out, FALSE);
}
