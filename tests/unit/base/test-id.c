/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/id.h"

#include "testing.h"

#include <string.h>

static void
random_ids_differ_and_are_not_zero(void **state)
{
    BerthId a, b;
    berth_id_random(&a);
    berth_id_random(&b);
    assert_false(berth_id_is_zero(&a));
    assert_false(berth_id_equal(&a, &b));
}

static void
text_comes_back_as_the_same_id(void **state)
{
    BerthId id, back;
    char text[BERTH_ID_HEX_CHARS + 1];
    berth_id_random(&id);
    berth_id_format(&id, text);
    assert_int_equal(strlen(text), BERTH_ID_HEX_CHARS);
    assert_berth_ok(berth_id_parse(text, &back));
    assert_true(berth_id_equal(&id, &back));
}

static void
only_the_one_spelling_is_accepted(void **state)
{
    static const char *const bad[] = {
        NULL,
        "",
        "00112233445566778899aabbccddeef",
        "00112233445566778899aabbccddeeff0",
        "00112233445566778899AABBCCDDEEFF",
        " 0112233445566778899aabbccddeeff",
        "00112233445566778899aabbccddeefg",
        "0x112233445566778899aabbccddeeff",
        "00112233-4455-6677-8899-aabbccddeeff",
    };
    BerthId id;
    memset(&id, 0x5a, sizeof(id));
    BerthId before = id;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_berth_error(berth_id_parse(bad[i], &id), BERTH_ERR_INVALID);
    }
    assert_true(berth_id_equal(&id, &before));
}

static void
hex_of_nothing_is_empty(void **state)
{
    char text[1] = { 'x' };
    berth_hex_format(NULL, 0, text);
    assert_string_equal(text, "");
    assert_berth_ok(berth_hex_parse("", NULL, 0));
    assert_berth_error(berth_hex_parse("0", NULL, 0), BERTH_ERR_INVALID);
}

static void
ids_work_as_keys_of_a_table(void **state)
{
    BerthId a, b;
    berth_id_random(&a);
    berth_id_random(&b);
    BerthId copy = a;
    g_autoptr(GHashTable) table = g_hash_table_new(berth_id_hash, berth_id_equal_func);
    g_hash_table_insert(table, &a, &b);
    assert_ptr_equal(g_hash_table_lookup(table, &copy), &b);
    assert_null(g_hash_table_lookup(table, &b));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_ids_differ_and_are_not_zero),
        cmocka_unit_test(text_comes_back_as_the_same_id),
        cmocka_unit_test(only_the_one_spelling_is_accepted),
        cmocka_unit_test(hex_of_nothing_is_empty),
        cmocka_unit_test(ids_work_as_keys_of_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
