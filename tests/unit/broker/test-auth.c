/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/api/http-server.h"
#include "broker/auth/password.h"
#include "broker/auth/throttle.h"
#include "broker/auth/token.h"

#include <string.h>

#define SECOND_US (1000LL * 1000)

static const BerthPasswordCost cheap = { .memory_kib = 8, .n_passes = 1, .n_lanes = 1 };

static void
a_password_verifies_and_another_does_not(void **state)
{
    char *phc = berth_password_hash("secret word", 11, &cheap);
    bool is_right = berth_password_verify(phc, "secret word", 11);
    bool is_wrong = berth_password_verify(phc, "secret worD", 11);
    bool is_argon2id = g_str_has_prefix(phc, "$argon2id$v=19$m=8,t=1,p=1$");
    bool is_old = berth_password_needs_rehash(phc, &berth_password_cost_default);
    bool is_same = berth_password_needs_rehash(phc, &cheap);
    g_free(phc);
    assert_true(is_right);
    assert_false(is_wrong);
    assert_true(is_argon2id);
    assert_true(is_old);
    assert_false(is_same);
}

static void
a_damaged_hash_verifies_nothing(void **state)
{
    static const char *const hashes[] = { "", "$", "$argon2id$", "plain",
                                          "$argon2id$v=19$m=8,t=1" };
    for (size_t i = 0; i < G_N_ELEMENTS(hashes); i++) {
        assert_false(berth_password_verify(hashes[i], "", 0));
    }
}

static void
five_failures_are_free_and_then_the_wait_doubles(void **state)
{
    BerthThrottle *throttle = berth_throttle_new(10);
    int64_t now_us = 1000;
    for (int i = 0; i < 4; i++) {
        berth_throttle_fail(throttle, "k", now_us);
        assert_int_equal(berth_throttle_wait_us(throttle, "k", now_us), 0);
    }
    int64_t expected_us = 2 * SECOND_US;
    for (int i = 0; i < 12; i++) {
        berth_throttle_fail(throttle, "k", now_us);
        int64_t wait_us = berth_throttle_wait_us(throttle, "k", now_us);
        assert_int_equal(wait_us, expected_us);
        now_us += wait_us;
        assert_int_equal(berth_throttle_wait_us(throttle, "k", now_us), 0);
        expected_us = MIN(expected_us * 2, BERTH_THROTTLE_MAX_WAIT_US);
    }
    assert_int_equal(berth_throttle_wait_us(throttle, "other", now_us), 0);
    berth_throttle_forgive(throttle, "k");
    assert_int_equal(berth_throttle_n_keys(throttle), 0);
    berth_throttle_free(throttle);
}

static void
failures_are_forgotten_after_a_while(void **state)
{
    BerthThrottle *throttle = berth_throttle_new(10);
    for (int i = 0; i < 5; i++) {
        berth_throttle_fail(throttle, "k", 0);
    }
    int64_t later_us = 2 * SECOND_US + BERTH_THROTTLE_MEMORY_US + 1;
    berth_throttle_fail(throttle, "k", later_us);
    assert_int_equal(berth_throttle_wait_us(throttle, "k", later_us), 0);
    berth_throttle_free(throttle);
}

static void
a_full_table_stays_bounded_and_keeps_who_is_being_guessed(void **state)
{
    BerthThrottle *throttle = berth_throttle_new(4);
    char key[8];
    for (int i = 0; i < BERTH_THROTTLE_FREE; i++) {
        berth_throttle_fail(throttle, "victim", 0);
    }
    for (int i = 0; i < 100; i++) {
        g_snprintf(key, sizeof key, "%d", i);
        berth_throttle_fail(throttle, key, i);
        assert_true(berth_throttle_n_keys(throttle) <= 4);
    }
    assert_int_equal(berth_throttle_wait_us(throttle, "victim", 0), 2 * SECOND_US);
    /* A key that comes to a full table counts as any other. */
    for (int i = 0; i < BERTH_THROTTLE_FREE; i++) {
        berth_throttle_fail(throttle, "next", 100);
    }
    assert_int_equal(berth_throttle_wait_us(throttle, "next", 100), 2 * SECOND_US);
    berth_throttle_free(throttle);
}

static void
an_attempt_that_was_not_made_takes_back_one_failure_only(void **state)
{
    BerthThrottle *throttle = berth_throttle_new(4);
    for (int i = 0; i < BERTH_THROTTLE_FREE; i++) {
        berth_throttle_fail(throttle, "k", 0);
    }
    berth_throttle_take_back(throttle, "k");
    assert_int_equal(berth_throttle_wait_us(throttle, "k", 0), 0);
    berth_throttle_fail(throttle, "k", 0);
    assert_int_equal(berth_throttle_wait_us(throttle, "k", 0), 2 * SECOND_US);
    berth_throttle_fail(throttle, "once", 0);
    berth_throttle_take_back(throttle, "once");
    berth_throttle_take_back(throttle, "never");
    assert_int_equal(berth_throttle_n_keys(throttle), 1);
    berth_throttle_free(throttle);
}

static void
an_ipv6_source_counts_as_its_network(void **state)
{
    static const char *const rows[][2] = {
        { "192.0.2.1", "source:192.0.2.1" },
        { "2001:db8:1:2:3:4:5:6", "source:2001:db8:1:2::/64" },
        { "2001:db8:1:2::7", "source:2001:db8:1:2::/64" },
        { "::ffff:192.0.2.1", "source:::ffff:192.0.2.1" },
        { "local", "source:local" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *key = berth_throttle_dup_source_key(rows[i][0]);
        assert_string_equal(key, rows[i][1]);
    }
}

static void
a_token_is_long_random_and_stored_as_its_hash(void **state)
{
    char a[BERTH_TOKEN_CHARS + 1];
    char b[BERTH_TOKEN_CHARS + 1];
    char hash[BERTH_TOKEN_CHARS + 1];
    berth_token_new(a);
    berth_token_new(b);
    assert_int_equal(strlen(a), BERTH_TOKEN_CHARS);
    assert_string_not_equal(a, b);
    assert_berth_ok(berth_token_hash(a, hash));
    assert_string_not_equal(a, hash);
    assert_berth_error(berth_token_hash("zz", hash), BERTH_ERR_INVALID);
    assert_berth_error(berth_token_hash("", hash), BERTH_ERR_INVALID);
}

static void
the_client_address_is_read_from_the_gateways_socket_name(void **state)
{
    static const struct {
        const char *name;
        size_t len;
        const char *expected;
    } rows[] = {
        { "\0berth-gateway/abc/192.0.2.1", 28, "192.0.2.1" },
        { "\0berth-gateway/abc/2001:db8::1", 30, "2001:db8::1" },
        { "\0berth-gateway/abc/not an ip", 28, "local" },
        { "\0berth-gateway/abc", 18, "local" },
        { "\0berth-gateway/", 15, "local" },
        { "\0other/abc/192.0.2.1", 20, "local" },
        { "/run/x", 6, "local" },
        { "", 0, "local" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char source[BERTH_REQUEST_SOURCE_CHARS];
        berth_http_source_of_name(rows[i].name, rows[i].len, source);
        assert_string_equal(source, rows[i].expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_verifies_and_another_does_not),
        cmocka_unit_test(a_damaged_hash_verifies_nothing),
        cmocka_unit_test(five_failures_are_free_and_then_the_wait_doubles),
        cmocka_unit_test(failures_are_forgotten_after_a_while),
        cmocka_unit_test(a_full_table_stays_bounded_and_keeps_who_is_being_guessed),
        cmocka_unit_test(an_attempt_that_was_not_made_takes_back_one_failure_only),
        cmocka_unit_test(an_ipv6_source_counts_as_its_network),
        cmocka_unit_test(a_token_is_long_random_and_stored_as_its_hash),
        cmocka_unit_test(the_client_address_is_read_from_the_gateways_socket_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
