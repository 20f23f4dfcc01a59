/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/gateway/host-table.h"

#include "base/id.h"
#include "testing.h"

#include <string.h>

#define A "00112233445566778899aabbccddeeff"
#define B "ffeeddccbbaa99887766554433221100"

static bool
load(BerthHostTable *table, const char *json, GError **error)
{
    return berth_host_table_load(table, json, strlen(json), error);
}

static int
port_of(const BerthHostTable *table, const char *hex)
{
    BerthId id;
    BerthAddress address;
    assert_berth_ok(berth_id_parse(hex, &id));
    int result = berth_host_table_lookup(table, &id, &address);
    return result < 0 ? result : berth_address_get_port(&address);
}

static void
hosts_are_found_by_their_id(void **state)
{
    BerthHostTable *table = berth_host_table_new();
    assert_int_equal(port_of(table, A), BERTH_ERR_NOT_FOUND);
    assert_true(load(table,
                     "{\"hosts\":[{\"id\":\"" A "\",\"address\":\"192.0.2.1:4000\"},"
                     "{\"id\":\"" B "\",\"address\":\"[2001:db8::1]:5000\",\"new\":1}]}",
                     NULL));
    assert_int_equal(port_of(table, A), 4000);
    assert_int_equal(port_of(table, B), 5000);
    assert_true(load(table, "{\"hosts\":[]}", NULL));
    assert_int_equal(port_of(table, A), BERTH_ERR_NOT_FOUND);
    berth_host_table_free(table);
}

static void
a_host_without_an_address_is_left_out(void **state)
{
    BerthHostTable *table = berth_host_table_new();
    assert_true(load(table, "{\"hosts\":[{\"id\":\"" A "\",\"address\":null}]}", NULL));
    assert_int_equal(berth_host_table_get_size(table), 0);
    berth_host_table_free(table);
}

static void
a_host_with_a_bad_address_does_not_hide_the_others(void **state)
{
    static const char *const bad[] = { "\"host.example:1\"", "\"192.0.2.1:0\"", "\"\"", "7" };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        BerthHostTable *table = berth_host_table_new();
        g_autofree char *text =
            g_strdup_printf("{\"hosts\":[{\"id\":\"" B "\",\"address\":%s},"
                            "{\"id\":\"" A "\",\"address\":\"192.0.2.1:4000\"}]}",
                            bad[i]);
        assert_true(load(table, text, NULL));
        assert_int_equal(port_of(table, A), 4000);
        assert_int_equal(port_of(table, B), BERTH_ERR_NOT_FOUND);
        berth_host_table_free(table);
    }
}

static void
a_table_that_cannot_be_read_leaves_the_old_one(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"hosts\":{}}",
        "{\"hosts\":[1]}",
        "{\"hosts\":[{\"id\":\"x\",\"address\":\"192.0.2.1:1\"}]}",
        "{\"hosts\":[],\"hosts\":[]}",
    };
    BerthHostTable *table = berth_host_table_new();
    assert_true(
        load(table, "{\"hosts\":[{\"id\":\"" A "\",\"address\":\"192.0.2.1:4000\"}]}", NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        assert_false(load(table, bad[i], &error));
        assert_int_equal(error->code, BERTH_ERR_PROTOCOL);
        assert_int_equal(port_of(table, A), 4000);
    }
    berth_host_table_free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_found_by_their_id),
        cmocka_unit_test(a_host_without_an_address_is_left_out),
        cmocka_unit_test(a_host_with_a_bad_address_does_not_hide_the_others),
        cmocka_unit_test(a_table_that_cannot_be_read_leaves_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
