/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/net-rules.h"

#include "base/id.h"
#include "testing.h"

#include <string.h>

static const BerthNetHost host = { "192.0.2.10", false, 7410 };

static char *
build(const BerthNetGuest *guests, guint n)
{
    GArray *array = g_array_new(FALSE, FALSE, sizeof(BerthNetGuest));
    g_array_append_vals(array, guests, n);
    char *text = berth_net_rules_build(&host, array);
    g_array_unref(array);
    return text;
}

static void
assert_has(const char *text, const char *line)
{
    if (strstr(text, line) == NULL) {
        fail_msg("no \"%s\" in:\n%s", line, text);
    }
}

static BerthNetGuest
port(const char *name, bool is_isolated)
{
    BerthNetGuest guest = { .mode = BERTH_NETWORK_BRIDGE,
                            .is_isolated = is_isolated,
                            .mac = { 0x52, 0x54, 0, 1, 2, 3 } };
    g_strlcpy(guest.port, name, sizeof guest.port);
    return guest;
}

static void
an_isolated_port_is_marked_and_cannot_lie(void **state)
{
    BerthNetGuest guest = port("bt0", true);
    g_autofree char *text = build(&guest, 1);
    assert_has(text, "iifname \"bt0\" ether saddr != 52:54:00:01:02:03 drop");
    assert_has(text, "iifname \"bt0\" arp saddr ether != 52:54:00:01:02:03 drop");
    assert_has(text, "iifname \"bt0\" ether type 8021q drop");
    assert_has(text, "iifname \"bt0\" udp sport 67 drop");
    assert_has(text, "iifname \"bt0\" icmpv6 type nd-router-advert drop");
    assert_has(text, "iifname \"bt0\" meta mark set 0x62657274");
    assert_has(text, "oifname \"bt0\" meta mark 0x62657274 drop");
    assert_has(text, "meta mark 0x62657274 jump host");
}

static void
a_port_that_is_not_isolated_cannot_lie_either(void **state)
{
    BerthNetGuest guest = port("bt1", false);
    g_autofree char *text = build(&guest, 1);
    assert_has(text, "iifname \"bt1\" ether saddr != 52:54:00:01:02:03 drop");
    assert_null(strstr(text, "iifname \"bt1\" meta mark"));
    assert_null(strstr(text, "oifname \"bt1\""));
}

static void
a_user_network_is_fenced_by_its_group(void **state)
{
    BerthNetGuest guests[] = {
        { .mode = BERTH_NETWORK_USER,
          .is_isolated = true,
          .cgroup = (char *)"berth/x",
          .cgroup_level = 2 },
        { .mode = BERTH_NETWORK_USER,
          .is_isolated = false,
          .cgroup = (char *)"berth/y",
          .cgroup_level = 2 },
    };
    g_autofree char *text = build(guests, 2);
    assert_has(text, "socket cgroupv2 level 2 \"berth/x\" jump fence");
    assert_null(strstr(text, "berth/y"));
    assert_has(text, "fib daddr type local counter drop");
    assert_has(text, "ip daddr 192.0.2.10 tcp dport 7410 counter drop");
}

static void
the_tables_are_replaced_whole(void **state)
{
    g_autofree char *text = build(NULL, 0);
    assert_has(text, "add table inet berth\ndelete table inet berth\ntable inet berth {");
    assert_has(text, "add table bridge berth\ndelete table bridge berth\ntable bridge berth {");
}

static void
a_port_is_named_by_its_machine(void **state)
{
    BerthId id;
    char name[BERTH_INTERFACE_CHARS];
    berth_id_parse("0123456789abcdef0123456789abcdef", &id);
    berth_net_port_name(&id, name);
    assert_string_equal(name, "bt0123456789ab");
    assert_true(berth_interface_name_is_plain(name));
    assert_false(berth_interface_name_is_plain("br0\" drop"));
    assert_false(berth_interface_name_is_plain("sixteen-chars-xx"));
    assert_false(berth_interface_name_is_plain(""));
    assert_false(berth_interface_name_is_plain("../x"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_isolated_port_is_marked_and_cannot_lie),
        cmocka_unit_test(a_port_that_is_not_isolated_cannot_lie_either),
        cmocka_unit_test(a_user_network_is_fenced_by_its_group),
        cmocka_unit_test(the_tables_are_replaced_whole),
        cmocka_unit_test(a_port_is_named_by_its_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
