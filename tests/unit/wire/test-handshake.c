/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both roles joined by their wires, without a network or a clock.
 */
#include "testing.h"

#include "berth/limits.h"
#include "display/wire/handshake.h"

#include <string.h>

typedef struct {
    BerthWire *wire;
    BerthHandshake *handshake;
    int64_t now_us;
    int verdict; /* what authorize returns */
    int n_authorized, n_opened, n_byes;
    BerthMsgHello seen_hello;
    BerthMsgAuth seen_auth;
    BerthMsgWelcome welcome; /* session: to give; client: received */
    BerthMsgBye bye;
} Side;

static int
on_message(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Side *side = user_data;
    assert_int_equal(channel, BERTH_CHANNEL_CONTROL);
    return berth_handshake_handle(side->handshake, type, payload, len, side->now_us);
}

static int
on_authorize(const BerthMsgHello *client, const BerthMsgAuth *auth, BerthMsgWelcome *ret_welcome,
             void *user_data)
{
    Side *side = user_data;
    side->n_authorized++;
    side->seen_hello = *client;
    side->seen_auth = *auth;
    if (side->verdict == BERTH_OK) {
        uint16_t version = ret_welcome->version;
        *ret_welcome = side->welcome;
        ret_welcome->version = version;
    }
    return side->verdict;
}

static void
on_open(const BerthMsgWelcome *welcome, void *user_data)
{
    Side *side = user_data;
    side->n_opened++;
    side->welcome = *welcome;
}

static void
on_bye(const BerthMsgBye *bye, void *user_data)
{
    Side *side = user_data;
    side->n_byes++;
    side->bye = *bye;
}

static const BerthWireCallbacks wire_callbacks = { on_message };
static const BerthHandshakeCallbacks callbacks = { on_authorize, on_open, on_bye };

typedef struct {
    Side client, session;
    BerthMsgHello client_hello, session_hello;
    BerthMsgAuth auth;
} Pair;

static int
setup(void **state)
{
    Pair *pair = g_new0(Pair, 1);
    berth_msg_hello_init(&pair->client_hello);
    berth_msg_hello_init(&pair->session_hello);
    g_strlcpy(pair->client_hello.client_name, "test", sizeof pair->client_hello.client_name);
    pair->auth.kind = BERTH_AUTH_TICKET;
    memset(pair->auth.ticket, 0x7a, sizeof pair->auth.ticket);
    pair->session.welcome.resume_window_s = 180;
    pair->session.welcome.connection_epoch = 5;
    *state = pair;
    return 0;
}

static int
teardown(void **state)
{
    Pair *pair = *state;
    berth_handshake_free(pair->client.handshake);
    berth_handshake_free(pair->session.handshake);
    berth_wire_free(pair->client.wire);
    berth_wire_free(pair->session.wire);
    g_free(pair);
    return 0;
}

static void
start(Pair *pair)
{
    Side *client = &pair->client, *session = &pair->session;
    client->wire = berth_wire_new(BERTH_WIRE_CLIENT, &wire_callbacks, client);
    session->wire = berth_wire_new(BERTH_WIRE_SESSION, &wire_callbacks, session);
    client->handshake =
        berth_handshake_new(client->wire, &pair->client_hello, &pair->auth, &callbacks, client);
    session->handshake =
        berth_handshake_new(session->wire, &pair->session_hello, NULL, &callbacks, session);
    assert_berth_ok(berth_handshake_start(client->handshake, 0));
    assert_berth_ok(berth_handshake_start(session->handshake, 0));
}

/* Moves output of one side to the other; returns what feeding said. */
static int
move(Side *from, Side *to)
{
    const uint8_t *data;
    int r = BERTH_OK;
    for (size_t n = berth_wire_peek_output(from->wire, &data); n > 0 && r == BERTH_OK;
         n = berth_wire_peek_output(from->wire, &data)) {
        r = berth_wire_feed(to->wire, data, n);
        berth_wire_consume_output(from->wire, n);
    }
    return r;
}

/* Lets both talk until neither has anything to say; returns the first error of each. */
static void
talk(Pair *pair, int *ret_client, int *ret_session)
{
    *ret_client = *ret_session = BERTH_OK;
    for (int i = 0; i < 10; i++) {
        int r = move(&pair->client, &pair->session);
        *ret_session = *ret_session == BERTH_OK ? r : *ret_session;
        r = move(&pair->session, &pair->client);
        *ret_client = *ret_client == BERTH_OK ? r : *ret_client;
    }
}

static void
tables_are_sound(void **state)
{
    g_autofree char *why = NULL;
    assert_berth_ok(berth_fsm_check(&berth_handshake_client_fsm, &why));
    assert_berth_ok(berth_fsm_check(&berth_handshake_session_fsm, &why));
}

static void
a_good_client_gets_in(void **state)
{
    Pair *pair = *state;
    int client, session;
    start(pair);
    talk(pair, &client, &session);
    assert_berth_ok(client);
    assert_berth_ok(session);
    assert_true(berth_handshake_is_open(pair->client.handshake));
    assert_true(berth_handshake_is_open(pair->session.handshake));
    assert_int_equal(pair->session.n_authorized, 1);
    assert_string_equal(pair->session.seen_hello.client_name, "test");
    assert_memory_equal(pair->session.seen_auth.ticket, pair->auth.ticket, BERTH_TICKET_BYTES);
    assert_int_equal(pair->client.n_opened, 1);
    assert_int_equal(pair->session.n_opened, 1);
    assert_int_equal(pair->client.welcome.version, BERTH_PROTOCOL_VERSION_MAX);
    assert_int_equal(pair->client.welcome.connection_epoch, 5);
    assert_int_equal(berth_wire_get_state(pair->client.wire), BERTH_WIRE_OPEN);
    assert_non_null(berth_handshake_get_peer_hello(pair->client.handshake));
}

static void
a_refused_client_is_told_why(void **state)
{
    Pair *pair = *state;
    int client, session;
    pair->session.verdict = BERTH_ERR_EXPIRED;
    start(pair);
    talk(pair, &client, &session);
    assert_berth_error(session, BERTH_ERR_EXPIRED);
    assert_berth_error(client, BERTH_ERR_CLOSED);
    assert_int_equal(pair->client.n_byes, 1);
    assert_int_equal(pair->client.bye.code, BERTH_ERR_EXPIRED);
    assert_string_equal(pair->client.bye.text, "it is no longer valid");
    assert_int_equal(pair->client.n_opened + pair->session.n_opened, 0);
}

static void
the_highest_common_version_is_chosen(void **state)
{
    Pair *pair = *state;
    int client, session;
    pair->client_hello.version_max = 7;
    pair->session_hello.version_max = 4;
    start(pair);
    talk(pair, &client, &session);
    assert_int_equal(pair->client.welcome.version, 4);
}

static void
no_common_version_ends_it_on_both_sides(void **state)
{
    Pair *pair = *state;
    int client, session;
    pair->client_hello.version_min = pair->client_hello.version_max = 9;
    start(pair);
    talk(pair, &client, &session);
    assert_berth_error(client, BERTH_ERR_VERSION);
    assert_berth_error(session, BERTH_ERR_VERSION);
    assert_int_equal(pair->session.n_authorized, 0);
}

/* A peer that asks for ever and reads nothing must not fill our memory. */
static void
pings_that_nobody_takes_the_answers_of_are_refused(void **state)
{
    Pair *pair = *state;
    int client, session;
    const uint8_t ping[8] = { 1 };
    int r = BERTH_OK;
    start(pair);
    talk(pair, &client, &session);
    for (size_t n = 0; r == BERTH_OK && n < 10000; n++) {
        assert_berth_ok(berth_wire_send(pair->client.wire, BERTH_CHANNEL_CONTROL, BERTH_MSG_PING,
                                        ping, sizeof ping));
        r = move(&pair->client, &pair->session);
    }
    assert_berth_error(r, BERTH_ERR_THROTTLED);
    assert_true(berth_wire_get_queued_bytes(pair->session.wire, BERTH_CHANNEL_CONTROL) <=
                BERTH_LIMIT_PONG_QUEUE_BYTES + 6 + BERTH_LIMIT_REASON_BYTES);
}

static void
ping_is_answered_and_measured(void **state)
{
    Pair *pair = *state;
    int client, session;
    start(pair);
    talk(pair, &client, &session);
    assert_int_equal(berth_handshake_get_rtt_us(pair->session.handshake), -1);
    pair->session.now_us = 1000000;
    assert_berth_ok(berth_handshake_tick(pair->session.handshake, 1000000));
    pair->session.now_us += 23000;
    talk(pair, &client, &session);
    assert_int_equal(berth_handshake_get_rtt_us(pair->session.handshake), 23000);
    assert_int_equal(berth_handshake_get_deadline_us(pair->session.handshake),
                     1000000 + BERTH_HANDSHAKE_PING_US);
    assert_berth_ok(berth_handshake_tick(pair->session.handshake, 1100000));
    assert_false(berth_wire_has_output(pair->session.wire)); /* not due */
}

static void
a_silent_peer_is_given_up(void **state)
{
    Pair *pair = *state;
    int client, session;
    start(pair);
    talk(pair, &client, &session);
    BerthHandshake *handshake = pair->client.handshake;
    berth_handshake_note_received(handshake, 7000000);
    assert_berth_ok(
        berth_handshake_tick(handshake, 7000000 + BERTH_HANDSHAKE_CLIENT_SILENCE_US - 1));
    assert_berth_error(berth_handshake_tick(handshake, 7000000 + BERTH_HANDSHAKE_CLIENT_SILENCE_US),
                       BERTH_ERR_TIMEOUT);
    assert_int_equal(berth_handshake_get_deadline_us(handshake), INT64_MAX);
    assert_berth_ok(berth_handshake_tick(handshake, INT64_MAX));
    talk(pair, &client, &session);
    assert_int_equal(pair->session.bye.code, BERTH_ERR_TIMEOUT);
}

static void
a_session_has_more_patience_than_a_client(void **state)
{
    Pair *pair = *state;
    int client, session;
    start(pair);
    talk(pair, &client, &session);
    BerthHandshake *handshake = pair->session.handshake;
    berth_handshake_note_received(handshake, 7000000);
    assert_berth_ok(berth_handshake_tick(handshake, 7000000 + BERTH_HANDSHAKE_SILENCE_US - 1));
    assert_berth_error(berth_handshake_tick(handshake, 7000000 + BERTH_HANDSHAKE_SILENCE_US),
                       BERTH_ERR_TIMEOUT);
}

static void
a_peer_that_never_authenticates_is_given_up(void **state)
{
    Pair *pair = *state;
    start(pair);
    BerthHandshake *handshake = pair->session.handshake;
    assert_int_equal(berth_handshake_get_deadline_us(handshake), BERTH_LIMIT_AUTH_US);
    assert_berth_ok(berth_handshake_tick(handshake, BERTH_LIMIT_AUTH_US - 1));
    assert_berth_ok(move(&pair->client, &pair->session));
    /* HELLO does not buy time. */
    assert_berth_error(berth_handshake_tick(handshake, BERTH_LIMIT_AUTH_US), BERTH_ERR_TIMEOUT);
}

static void
bye_ends_both_sides_once(void **state)
{
    Pair *pair = *state;
    int client, session;
    start(pair);
    talk(pair, &client, &session);
    assert_berth_ok(berth_handshake_send_bye(pair->session.handshake, BERTH_ERR_TAKEN_OVER, NULL));
    assert_berth_ok(berth_handshake_send_bye(pair->session.handshake, BERTH_ERR_INTERNAL, NULL));
    talk(pair, &client, &session);
    assert_berth_error(client, BERTH_ERR_CLOSED);
    assert_int_equal(pair->client.n_byes, 1);
    assert_int_equal(pair->client.bye.code, BERTH_ERR_TAKEN_OVER);
    assert_int_equal(berth_wire_get_state(pair->client.wire), BERTH_WIRE_CLOSED);
    assert_false(berth_handshake_is_open(pair->client.handshake));
    assert_false(berth_handshake_is_open(pair->session.handshake));
}

/* Every message at every step: what the table has no row for is a protocol error and a BYE. */
static void
messages_out_of_turn_are_refused(void **state)
{
    static const uint8_t zeros[300];
    for (int n_before = 0; n_before < 3; n_before++) {
        for (uint8_t type = 0; type < 8; type++) {
            Pair *pair;
            setup((void **)&pair);
            start(pair);
            if (n_before > 0) {
                assert_berth_ok(move(&pair->client, &pair->session));
            }
            if (n_before > 1) {
                assert_berth_ok(move(&pair->session, &pair->client));
                assert_berth_ok(move(&pair->client, &pair->session));
            }
            /* The body is wrong for all but PING and PONG, so nothing else may succeed. */
            int r = berth_handshake_handle(pair->session.handshake, type, zeros, 8, 0);
            bool is_fine = n_before == 2 && (type == BERTH_MSG_PING || type == BERTH_MSG_PONG);
            assert_true(is_fine ? r == BERTH_OK : r < 0);
            assert_int_equal(berth_wire_get_state(pair->session.wire) == BERTH_WIRE_CLOSED,
                             !is_fine);
            teardown((void **)&pair);
        }
    }
}

static void
a_session_that_chooses_another_version_is_refused(void **state)
{
    Pair *pair = *state;
    BerthWriter writer;
    BerthMsgWelcome welcome = { .version = BERTH_PROTOCOL_VERSION_MAX + 1 };
    start(pair);
    assert_berth_ok(move(&pair->client, &pair->session));
    assert_berth_ok(move(&pair->session, &pair->client));
    berth_writer_init(&writer, 4096);
    assert_berth_ok(berth_msg_welcome_encode(&writer, &welcome));
    assert_berth_error(berth_handshake_handle(pair->client.handshake, BERTH_MSG_WELCOME,
                                              writer.data, writer.len, 0),
                       BERTH_ERR_VERSION);
    assert_int_equal(pair->client.n_opened, 0);
    berth_writer_clear(&writer);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_sound),
        T(a_good_client_gets_in),
        T(a_refused_client_is_told_why),
        T(the_highest_common_version_is_chosen),
        T(no_common_version_ends_it_on_both_sides),
        T(ping_is_answered_and_measured),
        T(pings_that_nobody_takes_the_answers_of_are_refused),
        T(a_silent_peer_is_given_up),
        T(a_session_has_more_patience_than_a_client),
        T(a_peer_that_never_authenticates_is_given_up),
        T(bye_ends_both_sides_once),
        cmocka_unit_test(messages_out_of_turn_are_refused),
        T(a_session_that_chooses_another_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
