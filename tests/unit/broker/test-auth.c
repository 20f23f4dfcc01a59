/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "berth/limits.h"
#include "broker/api/http-server.h"
#include "broker/auth/password-rules.h"
#include "broker/auth/password.h"
#include "broker/auth/throttle.h"
#include "broker/auth/token.h"
#include "broker/auth/totp.h"

#include <glib/gstdio.h>

#include <string.h>
#include <unistd.h>

#define SECOND_US (1000LL * 1000)

static const BerthPasswordCost cheap = { .memory_kib = 8, .n_passes = 1, .n_lanes = 1 };

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
#define KEY_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100\n"

static void
a_password_verifies_and_another_does_not(void **state)
{
    g_autoptr(BerthPepper) pepper = berth_pepper_new_from_text(KEY_A, NULL);
    g_autofree char *stored = berth_password_hash(pepper, "secret word", &cheap);
    assert_true(berth_password_verify(pepper, stored, "secret word"));
    assert_false(berth_password_verify(pepper, stored, "secret worD"));
    assert_true(g_str_has_prefix(stored, "pepper="));
    assert_true(g_str_has_prefix(stored + 15, "$argon2id$v=19$m=8,t=1,p=1$"));
    assert_true(berth_password_needs_rehash(pepper, stored, &berth_password_cost_default));
    assert_false(berth_password_needs_rehash(pepper, stored, &cheap));
}

static void
composed_and_decomposed_letters_are_one_password(void **state)
{
    g_autoptr(BerthPepper) pepper = berth_pepper_new_from_text(KEY_A, NULL);
    g_autofree char *stored = berth_password_hash(pepper, "caf\xc3\xa9 noir", &cheap);
    assert_true(berth_password_verify(pepper, stored, "cafe\xcc\x81 noir"));
}

static void
an_older_pepper_verifies_and_asks_for_a_new_hash(void **state)
{
    g_autoptr(BerthPepper) old = berth_pepper_new_from_text(KEY_A, NULL);
    g_autoptr(BerthPepper) both = berth_pepper_new_from_text(KEY_B KEY_A, NULL);
    g_autoptr(BerthPepper) other = berth_pepper_new_from_text(KEY_B, NULL);
    g_autofree char *stored = berth_password_hash(old, "secret word", &cheap);
    assert_true(berth_password_verify(both, stored, "secret word"));
    assert_true(berth_password_needs_rehash(both, stored, &cheap));
    assert_false(berth_password_verify(other, stored, "secret word"));
    assert_true(berth_pepper_has_id(both, berth_pepper_get_id(old)));
    assert_false(berth_pepper_has_id(other, berth_pepper_get_id(old)));
}

static void
a_damaged_hash_verifies_nothing(void **state)
{
    static const char *const hashes[] = { "",
                                          "$",
                                          "$argon2id$",
                                          "plain",
                                          "$argon2id$v=19$m=8,t=1",
                                          "pepper=",
                                          "pepper=0011",
                                          "pepper=00112233$argon2id$v=19$m=8,t=1,p=1$" };
    g_autoptr(BerthPepper) pepper = berth_pepper_new_from_text(KEY_A, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(hashes); i++) {
        assert_false(berth_password_verify(pepper, hashes[i], ""));
    }
}

static void
a_pepper_file_is_checked(void **state)
{
    static const char *const bad[] = {
        "", "\n", "00", KEY_A "\n", KEY_A KEY_A KEY_A, "0011223344556677889900aabbccddeeFF"
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(BerthPepper) pepper = berth_pepper_new_from_text(bad[i], &error);
        assert_null(pepper);
        assert_int_equal(error->code, BERTH_ERR_CORRUPT);
    }
    g_autofree char *dir = g_dir_make_tmp("berth-pepper-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "pepper.key", NULL);
    g_autoptr(GError) error = NULL;
    assert_true(berth_pepper_create(path, NULL));
    assert_false(berth_pepper_create(path, &error));
    assert_int_equal(error->code, BERTH_ERR_EXISTS);
    g_clear_error(&error);
    g_autoptr(BerthPepper) loaded = berth_pepper_load(path, NULL);
    assert_non_null(loaded);
    assert_int_equal(g_chmod(path, 0640), 0);
    assert_null(berth_pepper_load(path, &error));
    assert_int_equal(error->code, BERTH_ERR_FORBIDDEN);
    g_unlink(path);
    g_rmdir(dir);
}

static void
what_is_sealed_opens_for_its_owner_only(void **state)
{
    g_autoptr(BerthPepper) pepper = berth_pepper_new_from_text(KEY_A, NULL);
    g_autoptr(BerthPepper) other = berth_pepper_new_from_text(KEY_B, NULL);
    g_autofree char *sealed = berth_pepper_seal(pepper, "anna", "12345678901234567890", 20);
    g_autofree char *again = berth_pepper_seal(pepper, "anna", "12345678901234567890", 20);
    uint8_t plain[20];
    size_t len = 0;
    assert_string_not_equal(sealed, again);
    assert_berth_ok(berth_pepper_open(pepper, "anna", sealed, plain, sizeof plain, &len));
    assert_int_equal(len, 20);
    assert_memory_equal(plain, "12345678901234567890", 20);
    assert_berth_error(berth_pepper_open(pepper, "bert", sealed, plain, sizeof plain, &len),
                       BERTH_ERR_CORRUPT);
    assert_berth_error(berth_pepper_open(other, "anna", sealed, plain, sizeof plain, &len),
                       BERTH_ERR_NOT_FOUND);
    assert_berth_error(berth_pepper_open(pepper, "anna", sealed, plain, 19, &len),
                       BERTH_ERR_TOO_LARGE);
    size_t n_chars = strlen(sealed);
    for (size_t i = 0; i < n_chars; i++) {
        char kept = sealed[i];
        sealed[i] = kept == '0' ? '1' : '0';
        assert_true(berth_pepper_open(pepper, "anna", sealed, plain, sizeof plain, &len) < 0);
        sealed[i] = '\0';
        assert_true(berth_pepper_open(pepper, "anna", sealed, plain, sizeof plain, &len) < 0);
        sealed[i] = kept;
    }
}

static void
new_passwords_follow_the_rules(void **state)
{
    static const struct {
        const char *password;
        int error;
    } rows[] = {
        { "Correct Horse", BERTH_OK },
        { "eleven char", BERTH_ERR_INVALID },
        { "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", BERTH_ERR_INVALID },
        { "PASSWORD1234", BERTH_ERR_INVALID },
        { "Anna Anders!", BERTH_ERR_INVALID },
    };

    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("berth-blocked-XXXXXX", &path, NULL);
    assert_true(g_file_set_contents(path, "letmein\r\npassword1234\r\n", -1, NULL));
    g_autoptr(BerthPasswordRules) rules = berth_password_rules_new(12, path, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        bool is_good = berth_password_rules_check(rules, "anna anders!", rows[i].password, &error);
        assert_int_equal(is_good ? BERTH_OK : error->code, rows[i].error);
        assert_true(is_good || strstr(error->message, rows[i].password) == NULL);
    }
    g_autofree char *huge = g_strnfill(BERTH_LIMIT_PASSWORD_BYTES + 1, 'a');
    assert_false(berth_password_rules_check(rules, "anna", huge, NULL));
    assert_null(berth_password_rules_new(12, "/nonexistent/list", NULL));
    close(fd);
    g_unlink(path);
}

/* RFC 6238, appendix B, SHA-1: the last six digits. */
static void
one_time_passwords_are_those_of_the_rfc(void **state)
{
    static const struct {
        int64_t at_s;
        const char *code;
    } rows[] = { { 59, "287082" },         { 1111111109, "081804" }, { 1111111111, "050471" },
                 { 1234567890, "005924" }, { 2000000000, "279037" }, { 20000000000, "353130" } };

    const uint8_t *secret = (const uint8_t *)"12345678901234567890";
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int64_t counter = 0;
        int64_t now_us = rows[i].at_s * SECOND_US;
        assert_berth_ok(berth_totp_check(secret, rows[i].code, now_us, 0, &counter));
        assert_int_equal(counter, rows[i].at_s / 30);
        /* A step early or late is good, two are not; no code is good twice. */
        assert_berth_ok(
            berth_totp_check(secret, rows[i].code, now_us + 30 * SECOND_US, 0, &counter));
        assert_berth_error(
            berth_totp_check(secret, rows[i].code, now_us + 60 * SECOND_US, 0, &counter),
            BERTH_ERR_BAD_CREDENTIALS);
        assert_berth_error(berth_totp_check(secret, rows[i].code, now_us, counter, &counter),
                           BERTH_ERR_REPLAYED);
    }
    int64_t counter = 7;
    static const char *const bad[] = { "", "28708", "2870822", "28708a", "999999" };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_berth_error(berth_totp_check(secret, bad[i], 59 * SECOND_US, 0, &counter),
                           BERTH_ERR_BAD_CREDENTIALS);
    }
    assert_int_equal(counter, 7);
    g_autofree char *uri = berth_totp_dup_uri("Berth a&b", "anna o", secret);
    assert_string_equal(uri, "otpauth://totp/Berth%20a%26b:anna%20o?"
                             "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Berth%20a%26b"
                             "&digits=6&period=30");
}

static void
recovery_codes_are_read_as_people_write_them(void **state)
{
    g_autoptr(BerthPepper) pepper = berth_pepper_new_from_text(KEY_A, NULL);
    char code[BERTH_RECOVERY_CODE_CHARS + 1];
    char hash[BERTH_RECOVERY_HASH_CHARS + 1];
    char same[BERTH_RECOVERY_HASH_CHARS + 1];
    char other[BERTH_RECOVERY_HASH_CHARS + 1];
    berth_recovery_code_new(code);
    assert_int_equal(strlen(code), BERTH_RECOVERY_CODE_CHARS);
    g_autofree char *upper = g_ascii_strup(code, -1);
    upper[5] = ' ';
    assert_berth_ok(berth_recovery_code_hash(pepper, NULL, "a1", code, hash));
    assert_berth_ok(berth_recovery_code_hash(pepper, NULL, "a1", upper, same));
    assert_berth_ok(berth_recovery_code_hash(pepper, NULL, "a2", code, other));
    assert_string_equal(hash, same);
    assert_string_not_equal(hash, other);
    static const char *const bad[] = { "", "abcde", "abcde-fghj", "abcde-fghjkm", "abcde-fghi1" };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_berth_error(berth_recovery_code_hash(pepper, NULL, "a1", bad[i], hash),
                           BERTH_ERR_INVALID);
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
        char device[2 * BERTH_KEY_HASH_BYTES + 1];
        berth_http_read_name(rows[i].name, rows[i].len, source, device);
        assert_string_equal(source, rows[i].expected);
        assert_string_equal(device, "");
    }
}

static void
a_devices_key_is_read_from_the_gateways_socket_name(void **state)
{
    static const char start[] = "\0berth-gateway/00ff/192.0.2.1";
    char name[108];
    char source[BERTH_REQUEST_SOURCE_CHARS];
    char device[2 * BERTH_KEY_HASH_BYTES + 1];
    size_t at = sizeof start; /* with the zero byte that ends the address */
    memcpy(name, start, sizeof start);
    memset(name + at, 0xab, BERTH_KEY_HASH_BYTES);
    berth_http_read_name(name, at + BERTH_KEY_HASH_BYTES, source, device);
    assert_string_equal(source, "192.0.2.1");
    assert_int_equal(strlen(device), 64);
    assert_memory_equal(device, "abababab", 8);
    /* One byte less or more is none of ours. */
    for (size_t n = at; n <= at + BERTH_KEY_HASH_BYTES + 1; n++) {
        if (n != at + BERTH_KEY_HASH_BYTES) {
            berth_http_read_name(name, n, source, device);
            assert_string_equal(source, "local");
            assert_string_equal(device, "");
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_verifies_and_another_does_not),
        cmocka_unit_test(composed_and_decomposed_letters_are_one_password),
        cmocka_unit_test(an_older_pepper_verifies_and_asks_for_a_new_hash),
        cmocka_unit_test(a_damaged_hash_verifies_nothing),
        cmocka_unit_test(a_pepper_file_is_checked),
        cmocka_unit_test(what_is_sealed_opens_for_its_owner_only),
        cmocka_unit_test(new_passwords_follow_the_rules),
        cmocka_unit_test(one_time_passwords_are_those_of_the_rfc),
        cmocka_unit_test(recovery_codes_are_read_as_people_write_them),
        cmocka_unit_test(five_failures_are_free_and_then_the_wait_doubles),
        cmocka_unit_test(failures_are_forgotten_after_a_while),
        cmocka_unit_test(a_full_table_stays_bounded_and_keeps_who_is_being_guessed),
        cmocka_unit_test(an_attempt_that_was_not_made_takes_back_one_failure_only),
        cmocka_unit_test(an_ipv6_source_counts_as_its_network),
        cmocka_unit_test(a_token_is_long_random_and_stored_as_its_hash),
        cmocka_unit_test(the_client_address_is_read_from_the_gateways_socket_name),
        cmocka_unit_test(a_devices_key_is_read_from_the_gateways_socket_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
