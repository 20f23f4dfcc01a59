/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/gateway/gateway-limits.h"

#include "testing.h"

static BerthAddress
address(const char *text)
{
    BerthAddress parsed;
    assert_berth_ok(berth_address_parse(text, &parsed));
    return parsed;
}

static void
one_source_cannot_take_all(void **state)
{
    BerthGatewayLimits *limits = berth_gateway_limits_new(10, 2);
    BerthAddress greedy = address("192.0.2.1:1000");
    BerthAddress greedy_again = address("192.0.2.1:2000");
    BerthAddress other = address("192.0.2.2:1000");
    assert_berth_ok(berth_gateway_limits_admit(limits, &greedy));
    assert_berth_ok(berth_gateway_limits_admit(limits, &greedy_again));
    assert_berth_error(berth_gateway_limits_admit(limits, &greedy), BERTH_ERR_THROTTLED);
    assert_berth_ok(berth_gateway_limits_admit(limits, &other));
    assert_int_equal(berth_gateway_limits_get_total(limits), 3);
    berth_gateway_limits_release(limits, &greedy);
    assert_berth_ok(berth_gateway_limits_admit(limits, &greedy_again));
    berth_gateway_limits_free(limits);
}

static void
the_total_is_a_ceiling(void **state)
{
    BerthGatewayLimits *limits = berth_gateway_limits_new(2, 2);
    BerthAddress a = address("192.0.2.1:1");
    BerthAddress b = address("192.0.2.2:1");
    BerthAddress c = address("192.0.2.3:1");
    assert_berth_ok(berth_gateway_limits_admit(limits, &a));
    assert_berth_ok(berth_gateway_limits_admit(limits, &b));
    assert_berth_error(berth_gateway_limits_admit(limits, &c), BERTH_ERR_BUSY);
    berth_gateway_limits_release(limits, &a);
    assert_berth_ok(berth_gateway_limits_admit(limits, &c));
    berth_gateway_limits_free(limits);
}

static void
a_network_of_ipv6_is_one_source(void **state)
{
    BerthGatewayLimits *limits = berth_gateway_limits_new(10, 1);
    BerthAddress a = address("[2001:db8:1:2::1]:1");
    BerthAddress neighbour = address("[2001:db8:1:2:ffff::9]:1");
    BerthAddress elsewhere = address("[2001:db8:1:3::1]:1");
    assert_berth_ok(berth_gateway_limits_admit(limits, &a));
    assert_berth_error(berth_gateway_limits_admit(limits, &neighbour), BERTH_ERR_THROTTLED);
    assert_berth_ok(berth_gateway_limits_admit(limits, &elsewhere));
    berth_gateway_limits_free(limits);
}

static void
an_ipv4_address_is_the_same_source_in_ipv6_dress(void **state)
{
    BerthGatewayLimits *limits = berth_gateway_limits_new(10, 1);
    BerthAddress plain = address("192.0.2.1:1");
    BerthAddress mapped = address("[::ffff:192.0.2.1]:1");
    assert_berth_ok(berth_gateway_limits_admit(limits, &plain));
    assert_berth_error(berth_gateway_limits_admit(limits, &mapped), BERTH_ERR_THROTTLED);
    berth_gateway_limits_free(limits);
}

static void
a_release_too_many_changes_nothing(void **state)
{
    BerthGatewayLimits *limits = berth_gateway_limits_new(10, 1);
    BerthAddress a = address("192.0.2.1:1");
    berth_gateway_limits_release(limits, &a);
    assert_int_equal(berth_gateway_limits_get_total(limits), 0);
    berth_gateway_limits_free(limits);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_source_cannot_take_all),
        cmocka_unit_test(the_total_is_a_ceiling),
        cmocka_unit_test(a_network_of_ipv6_is_one_source),
        cmocka_unit_test(an_ipv4_address_is_the_same_source_in_ipv6_dress),
        cmocka_unit_test(a_release_too_many_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
