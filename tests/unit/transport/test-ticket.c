/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "base/id.h"
#include "berth/protocol.h"
#include "display/transport/ticket.h"

#include <glib/gstdio.h>
#include <string.h>

#define NOW_US 1700000000000000LL

/* A key of its own, its public half, and a ticket signed with it. */
typedef struct {
    BerthSigningKey *signer;
    BerthTicketKey key;
    BerthTicket ticket;
    uint8_t bytes[BERTH_TICKET_BYTES];
} Fixture;

static void
fill_ticket(BerthTicket *ticket)
{
    memset(ticket, 0, sizeof *ticket);
    ticket->rights = BERTH_RIGHT_INPUT;
    berth_id_random(&ticket->ticket);
    berth_id_random(&ticket->user);
    berth_id_random(&ticket->machine);
    berth_id_random(&ticket->session);
    berth_id_random(&ticket->host);
    ticket->machine_epoch = 7;
    ticket->connection_epoch = UINT64_MAX;
    ticket->not_before_us = NOW_US;
    ticket->expires_us = NOW_US + BERTH_LIMIT_TICKET_LIFE_US;
    memset(ticket->client_key_hash, 0xc1, sizeof ticket->client_key_hash);
    memset(ticket->session_key_hash, 0x5e, sizeof ticket->session_key_hash);
}

static int
setup(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->signer = berth_signing_key_generate(NULL);
    assert_non_null(fixture->signer);
    berth_signing_key_get_public(fixture->signer, &fixture->key);
    fill_ticket(&fixture->ticket);
    assert_berth_ok(berth_ticket_sign(&fixture->ticket, fixture->signer, fixture->bytes));
    *state = fixture;
    return 0;
}

static int
teardown(void **state)
{
    Fixture *fixture = *state;
    berth_signing_key_free(fixture->signer);
    g_free(fixture);
    return 0;
}

static int
verify(const Fixture *fixture, int64_t now_us, BerthTicket *ret)
{
    return berth_ticket_verify(fixture->bytes, sizeof fixture->bytes, &fixture->key, 1, now_us,
                               ret);
}

static void
every_field_comes_back(void **state)
{
    Fixture *fixture = *state;
    BerthTicket got;
    const BerthTicket *sent = &fixture->ticket;
    memset(&got, 0, sizeof got);
    assert_berth_ok(verify(fixture, NOW_US, &got));
    assert_int_equal(got.rights, sent->rights);
    assert_true(berth_id_equal(&got.ticket, &sent->ticket));
    assert_true(berth_id_equal(&got.user, &sent->user));
    assert_true(berth_id_equal(&got.machine, &sent->machine));
    assert_true(berth_id_equal(&got.session, &sent->session));
    assert_true(berth_id_equal(&got.host, &sent->host));
    assert_true(got.machine_epoch == 7 && got.connection_epoch == UINT64_MAX);
    assert_true(got.not_before_us == sent->not_before_us && got.expires_us == sent->expires_us);
    assert_memory_equal(got.client_key_hash, sent->client_key_hash, BERTH_KEY_HASH_BYTES);
    assert_memory_equal(got.session_key_hash, sent->session_key_hash, BERTH_KEY_HASH_BYTES);
}

static void
layout_is_as_documented(void **state)
{
    const Fixture *fixture = *state;
    const uint8_t *b = fixture->bytes;
    assert_int_equal(b[0], BERTH_TICKET_VERSION);
    assert_int_equal(b[4], BERTH_RIGHT_INPUT);
    assert_memory_equal(b + 8, fixture->ticket.ticket.bytes, BERTH_ID_BYTES);
    assert_memory_equal(b + 72, fixture->ticket.host.bytes, BERTH_ID_BYTES);
    assert_int_equal(b[88], 7);
    assert_int_equal(b[103], 0xff);
    assert_int_equal(b[120], 0xc1);
    assert_int_equal(b[183], 0x5e);
}

static void
a_flipped_bit_anywhere_is_refused(void **state)
{
    Fixture *fixture = *state;
    BerthTicket got;
    for (size_t i = 0; i < sizeof fixture->bytes; i++) {
        fixture->bytes[i] ^= (uint8_t)(1u << (i % 8));
        assert_berth_error(verify(fixture, NOW_US, &got), BERTH_ERR_UNTRUSTED);
        fixture->bytes[i] ^= (uint8_t)(1u << (i % 8));
    }
    assert_berth_ok(verify(fixture, NOW_US, &got));
}

static void
another_key_is_refused_and_any_of_several_will_do(void **state)
{
    Fixture *fixture = *state;
    BerthTicket got;
    BerthTicketKey keys[3];
    g_autoptr(BerthSigningKey) other = berth_signing_key_generate(NULL);
    berth_signing_key_get_public(other, &keys[0]);
    memset(&keys[1], 0xff, sizeof keys[1]);
    keys[2] = fixture->key;
    const uint8_t *b = fixture->bytes;
    assert_berth_error(berth_ticket_verify(b, BERTH_TICKET_BYTES, keys, 2, NOW_US, &got),
                       BERTH_ERR_UNTRUSTED);
    assert_berth_error(berth_ticket_verify(b, BERTH_TICKET_BYTES, keys, 0, NOW_US, &got),
                       BERTH_ERR_UNTRUSTED);
    assert_berth_ok(berth_ticket_verify(b, BERTH_TICKET_BYTES, keys, 3, NOW_US, &got));
}

static void
time_is_checked_with_skew(void **state)
{
    Fixture *fixture = *state;
    BerthTicket got;
    const int64_t skew = BERTH_LIMIT_TICKET_SKEW_US;
    const int64_t expires = fixture->ticket.expires_us;
    assert_berth_ok(verify(fixture, NOW_US - skew, &got));
    assert_berth_error(verify(fixture, NOW_US - skew - 1, &got), BERTH_ERR_INVALID);
    assert_berth_error(verify(fixture, 0, &got), BERTH_ERR_INVALID);
    assert_berth_error(verify(fixture, INT64_MIN, &got), BERTH_ERR_INVALID);
    assert_berth_ok(verify(fixture, expires + skew - 1, &got));
    assert_berth_error(verify(fixture, expires + skew, &got), BERTH_ERR_EXPIRED);
    assert_berth_error(verify(fixture, INT64_MAX, &got), BERTH_ERR_EXPIRED);
}

static void
wrong_lengths_are_refused(void **state)
{
    const Fixture *fixture = *state;
    BerthTicket got;
    uint8_t longer[BERTH_TICKET_BYTES + 1] = { 0 };
    memcpy(longer, fixture->bytes, BERTH_TICKET_BYTES);
    for (size_t n = 0; n < BERTH_TICKET_BYTES; n++) {
        assert_berth_error(berth_ticket_verify(longer, n, &fixture->key, 1, NOW_US, &got),
                           BERTH_ERR_TRUNCATED);
    }
    assert_berth_error(
        berth_ticket_verify(longer, BERTH_TICKET_BYTES + 1, &fixture->key, 1, NOW_US, &got),
        BERTH_ERR_TRAILING);
}

static void
a_ticket_that_breaks_the_rules_is_not_signed(void **state)
{
    Fixture *fixture = *state;
    BerthTicket bad = fixture->ticket;
    bad.expires_us++;
    assert_berth_error(berth_ticket_sign(&bad, fixture->signer, fixture->bytes), BERTH_ERR_INVALID);
    bad.expires_us = bad.not_before_us;
    assert_berth_error(berth_ticket_sign(&bad, fixture->signer, fixture->bytes), BERTH_ERR_INVALID);
    bad = fixture->ticket;
    bad.not_before_us = INT64_MIN;
    assert_berth_error(berth_ticket_sign(&bad, fixture->signer, fixture->bytes), BERTH_ERR_INVALID);
    bad = fixture->ticket;
    bad.rights = 0x80000000u;
    assert_berth_error(berth_ticket_sign(&bad, fixture->signer, fixture->bytes), BERTH_ERR_INVALID);
}

static void
keys_survive_pem_and_hex(void **state)
{
    Fixture *fixture = *state;
    BerthTicket got;
    BerthTicketKey parsed;
    char hex[BERTH_TICKET_KEY_HEX_CHARS + 1];
    g_autofree char *pem = berth_signing_key_dup_pem(fixture->signer);
    assert_non_null(pem);
    g_autoptr(BerthSigningKey) again = berth_signing_key_new_from_pem(pem, NULL);
    assert_non_null(again);
    assert_berth_ok(berth_ticket_sign(&fixture->ticket, again, fixture->bytes));
    berth_ticket_key_format(&fixture->key, hex);
    assert_int_equal(strlen(hex), BERTH_TICKET_KEY_HEX_CHARS);
    assert_berth_ok(berth_ticket_key_parse(hex, &parsed));
    fixture->key = parsed;
    assert_berth_ok(verify(fixture, NOW_US, &got));
    hex[63] = '\0';
    assert_berth_error(berth_ticket_key_parse(hex, &parsed), BERTH_ERR_INVALID);
}

static void
bad_key_files_are_named(void **state)
{
    static const char ec_key[] =
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VuBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
        "-----END PRIVATE KEY-----\n";
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "berth-ticket-XXXXXX", NULL);
    int fd = g_mkstemp(path);
    assert_true(fd >= 0);
    assert_null(berth_signing_key_new_from_pem(ec_key, &error)); /* X25519, not Ed25519 */
    assert_int_equal(error->code, BERTH_ERR_INVALID);
    g_clear_error(&error);
    assert_null(berth_signing_key_load(path, &error));
    assert_non_null(strstr(error->message, path));
    g_clear_error(&error);
    g_unlink(path);
    g_close(fd, NULL);
    assert_null(berth_signing_key_load(path, &error));
    assert_non_null(strstr(error->message, path));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_field_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(layout_is_as_documented, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flipped_bit_anywhere_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(another_key_is_refused_and_any_of_several_will_do, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(time_is_checked_with_skew, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_lengths_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ticket_that_breaks_the_rules_is_not_signed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(keys_survive_pem_and_hex, setup, teardown),
        cmocka_unit_test(bad_key_files_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
