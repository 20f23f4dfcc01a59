/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/admission.h"

#include "berth/limits.h"
#include "berth/protocol.h"

#include <string.h>

#define NOW_US (1700000000LL * 1000 * 1000)
#define SECOND_US (1000LL * 1000)

typedef struct {
    BerthSigningKey *key;
    BerthAdmissionConfig config;
    BerthAdmission *admission;
    BerthTicket ticket; /* a good one; tests spoil it */
    uint8_t client[BERTH_KEY_HASH_BYTES];
    uint8_t fresh[BERTH_RECONNECT_TOKEN_BYTES];
    BerthAdmitted admitted;
} Fixture;

static void
fill_id(BerthId *id, uint8_t value)
{
    memset(id->bytes, value, sizeof(id->bytes));
}

static int
set_up(void **state)
{
    static Fixture fixture;

    memset(&fixture, 0, sizeof(fixture));
    fixture.key = berth_signing_key_generate(NULL);
    assert_non_null(fixture.key);
    fill_id(&fixture.config.session, 1);
    fill_id(&fixture.config.machine, 2);
    fill_id(&fixture.config.host, 3);
    fill_id(&fixture.config.user, 4);
    fixture.config.machine_epoch = 5;
    memset(fixture.config.session_key_hash, 6, BERTH_KEY_HASH_BYTES);
    berth_signing_key_get_public(fixture.key, &fixture.config.keys[0]);
    fixture.config.n_keys = 1;
    fixture.config.rights = BERTH_RIGHT_INPUT;
    fixture.config.resume_window_us = 180 * SECOND_US;
    fixture.admission = berth_admission_new(&fixture.config);
    memset(fixture.client, 7, sizeof(fixture.client));
    memset(fixture.fresh, 8, sizeof(fixture.fresh));
    fixture.ticket = (BerthTicket){
        .rights = BERTH_RIGHT_INPUT | BERTH_RIGHT_RESIZE,
        .machine_epoch = 5,
        .connection_epoch = 10,
        .not_before_us = NOW_US,
        .expires_us = NOW_US + 60 * SECOND_US,
    };
    fill_id(&fixture.ticket.ticket, 99);
    fixture.ticket.session = fixture.config.session;
    fixture.ticket.machine = fixture.config.machine;
    fixture.ticket.host = fixture.config.host;
    fixture.ticket.user = fixture.config.user;
    memcpy(fixture.ticket.client_key_hash, fixture.client, BERTH_KEY_HASH_BYTES);
    memcpy(fixture.ticket.session_key_hash, fixture.config.session_key_hash, BERTH_KEY_HASH_BYTES);
    *state = &fixture;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *fixture = *state;

    berth_admission_free(fixture->admission);
    berth_signing_key_free(fixture->key);
    return 0;
}

static int
show_ticket_at(Fixture *fixture, int64_t now_us)
{
    uint8_t bytes[BERTH_TICKET_BYTES];

    assert_berth_ok(berth_ticket_sign(&fixture->ticket, fixture->key, bytes));
    return berth_admission_check_ticket(fixture->admission, bytes, sizeof(bytes), fixture->client,
                                        now_us, fixture->fresh, &fixture->admitted);
}

static int
show_ticket(Fixture *fixture)
{
    return show_ticket_at(fixture, NOW_US);
}

static int
show_token(Fixture *fixture, uint8_t value, int64_t now_us)
{
    uint8_t token[BERTH_RECONNECT_TOKEN_BYTES];

    memset(token, value, sizeof(token));
    memset(fixture->fresh, value + 1, sizeof(fixture->fresh));
    return berth_admission_check_token(fixture->admission, &fixture->config.session, token,
                                       fixture->client, now_us, fixture->fresh, &fixture->admitted);
}

static void
a_good_ticket_opens_the_session_once(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(show_ticket(fixture));
    assert_int_equal(fixture->admitted.connection_epoch, 10);
    assert_int_equal(fixture->admitted.rights,
                     BERTH_RIGHT_INPUT); /* the policy's and the ticket's */
    assert_false(fixture->admitted.is_resume);
    assert_berth_error(show_ticket(fixture), BERTH_ERR_REPLAYED);
}

static void
every_field_of_the_ticket_must_fit(void **state)
{
    Fixture *fixture = *state;
    BerthTicket good = fixture->ticket;

#define SPOIL(change, expected)                               \
    do {                                                      \
        fixture->ticket = good;                               \
        change;                                               \
        assert_berth_error(show_ticket(fixture), (expected)); \
    } while (0)

    SPOIL(fixture->ticket.session.bytes[0] ^= 1, BERTH_ERR_FORBIDDEN);
    SPOIL(fixture->ticket.machine.bytes[15] ^= 1, BERTH_ERR_FORBIDDEN);
    SPOIL(fixture->ticket.host.bytes[7] ^= 1, BERTH_ERR_FORBIDDEN);
    SPOIL(fixture->ticket.user.bytes[3] ^= 1, BERTH_ERR_FORBIDDEN);
    SPOIL(fixture->ticket.machine_epoch = 4, BERTH_ERR_STALE_EPOCH);
    SPOIL(fixture->ticket.machine_epoch = 6, BERTH_ERR_STALE_EPOCH);
    SPOIL(fixture->ticket.client_key_hash[0] ^= 1, BERTH_ERR_UNTRUSTED);
    SPOIL(fixture->ticket.session_key_hash[31] ^= 1, BERTH_ERR_UNTRUSTED);
#undef SPOIL
    fixture->ticket = good;
    assert_berth_error(show_ticket_at(fixture, NOW_US + 600 * SECOND_US), BERTH_ERR_EXPIRED);
    assert_berth_ok(show_ticket(fixture)); /* nothing above has used it up */
}

static void
a_ticket_of_another_broker_is_refused(void **state)
{
    Fixture *fixture = *state;

    berth_signing_key_free(fixture->key);
    fixture->key = berth_signing_key_generate(NULL);
    assert_berth_error(show_ticket(fixture), BERTH_ERR_UNTRUSTED);
}

static void
an_older_connection_cannot_take_over(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(show_ticket(fixture));
    fill_id(&fixture->ticket.ticket, 100);
    fixture->ticket.connection_epoch = 9;
    assert_berth_error(show_ticket(fixture), BERTH_ERR_STALE_EPOCH);
    fixture->ticket.connection_epoch = 11;
    assert_berth_ok(show_ticket(fixture));
    assert_int_equal(berth_admission_get_connection_epoch(fixture->admission), 11);
}

static void
another_client_needs_a_newer_connection(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(show_ticket(fixture));
    fill_id(&fixture->ticket.ticket, 100);
    memset(fixture->client, 70, sizeof(fixture->client));
    memset(fixture->ticket.client_key_hash, 70, BERTH_KEY_HASH_BYTES);
    assert_berth_error(show_ticket(fixture), BERTH_ERR_STALE_EPOCH);
    fixture->ticket.connection_epoch = 11;
    assert_berth_ok(show_ticket(fixture));
}

static void
a_token_works_once_and_is_replaced(void **state)
{
    Fixture *fixture = *state;

    assert_berth_error(show_token(fixture, 8, 0), BERTH_ERR_EXPIRED);
    memset(fixture->fresh, 8, sizeof(fixture->fresh));
    assert_berth_ok(show_ticket(fixture));
    berth_admission_note_lost(fixture->admission, 0);
    assert_berth_ok(show_token(fixture, 8, SECOND_US));
    assert_true(fixture->admitted.is_resume);
    assert_int_equal(fixture->admitted.connection_epoch, 10);
    assert_berth_error(show_token(fixture, 8, SECOND_US), BERTH_ERR_REPLAYED);
    assert_berth_ok(show_token(fixture, 9, SECOND_US));
}

static void
a_token_dies_with_its_window(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(show_ticket(fixture));
    assert_berth_ok(show_token(fixture, 8, 1000 * SECOND_US)); /* still connected: no window yet */
    berth_admission_note_lost(fixture->admission, 1000 * SECOND_US);
    assert_berth_error(show_token(fixture, 9, 1181 * SECOND_US), BERTH_ERR_EXPIRED);
}

static void
a_token_is_bound_to_key_and_session(void **state)
{
    Fixture *fixture = *state;
    BerthId other;
    uint8_t token[BERTH_RECONNECT_TOKEN_BYTES];

    assert_berth_ok(show_ticket(fixture));
    memset(token, 8, sizeof(token));
    fill_id(&other, 50);
    assert_berth_error(berth_admission_check_token(fixture->admission, &other, token,
                                                   fixture->client, 0, fixture->fresh,
                                                   &fixture->admitted),
                       BERTH_ERR_FORBIDDEN);
    fixture->client[0] ^= 1;
    assert_berth_error(show_token(fixture, 8, 0), BERTH_ERR_UNTRUSTED);
}

static void
a_revoked_token_is_gone(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(show_ticket(fixture));
    berth_admission_revoke_token(fixture->admission);
    assert_berth_error(show_token(fixture, 8, 0), BERTH_ERR_EXPIRED);
    assert_berth_error(show_token(fixture, 0, 0), BERTH_ERR_EXPIRED);
}

static void
a_share_token_opens_a_shared_session_only(void **state)
{
    Fixture *fixture = *state;
    uint8_t token[BERTH_RECONNECT_TOKEN_BYTES] = { 9 };
    uint8_t other[BERTH_KEY_HASH_BYTES] = { 1 };

    assert_int_equal(berth_admission_check_share(fixture->admission, &fixture->config.session,
                                                 token, fixture->client, fixture->fresh,
                                                 &fixture->admitted),
                     BERTH_ERR_UNTRUSTED);
    berth_admission_free(fixture->admission);
    fixture->config.has_share_token = true;
    memcpy(fixture->config.share_token, token, sizeof(token));
    fixture->admission = berth_admission_new(&fixture->config);
    for (unsigned i = 1; i <= 2; i++) {
        /* Any client's key will do, as often as anyone likes. */
        assert_berth_ok(berth_admission_check_share(fixture->admission, &fixture->config.session,
                                                    token, i == 1 ? fixture->client : other,
                                                    fixture->fresh, &fixture->admitted));
        assert_int_equal(fixture->admitted.connection_epoch, i);
        assert_int_equal(fixture->admitted.rights, BERTH_RIGHT_INPUT);
    }
    token[31] ^= 1;
    assert_int_equal(berth_admission_check_share(fixture->admission, &fixture->config.session,
                                                 token, fixture->client, fixture->fresh,
                                                 &fixture->admitted),
                     BERTH_ERR_UNTRUSTED);
    assert_int_equal(berth_admission_check_share(fixture->admission, &fixture->config.user, token,
                                                 fixture->client, fixture->fresh,
                                                 &fixture->admitted),
                     BERTH_ERR_FORBIDDEN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_share_token_opens_a_shared_session_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_good_ticket_opens_the_session_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_field_of_the_ticket_must_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_ticket_of_another_broker_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_older_connection_cannot_take_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_client_needs_a_newer_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_works_once_and_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_dies_with_its_window, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_is_bound_to_key_and_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_revoked_token_is_gone, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
