/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client and a session over loopback TCP in one main context, with real TLS.  Every wait ends
 * when a condition holds; a timer that should never fire ends the test if it does not.
 */
#include "testing.h"

#include "base/bytes-writer.h"
#include "display/transport/link.h"
#include "display/transport/tcp.h"
#include "display/wire/msg-input.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#define GIVE_UP_S 20

typedef struct {
    BerthLink *link;
    int n_secured, n_opened, n_messages, n_writable, n_closed;
    size_t n_bytes;
    int code;
    bool is_bye;
    char *text;
    uint8_t peer_key[BERTH_KEY_HASH_BYTES];
    BerthMsgWelcome welcome;
    int verdict; /* of authorize */
    int answer;  /* of message */
    bool does_free_on_message, does_close_on_open, does_free_on_closed;
} End;

typedef struct {
    GMainContext *client_loop; /* NULL is the default one, where the session always is */
    uint8_t client_key[BERTH_KEY_HASH_BYTES], session_key[BERTH_KEY_HASH_BYTES];
    BerthTlsContext *client_context, *session_context;
    End client, session;
} World;

static bool is_given_up;

static gboolean
give_up(gpointer unused)
{
    is_given_up = true;
    return G_SOURCE_REMOVE;
}

#define run_until(condition)                                            \
    do {                                                                \
        guint timer_ = g_timeout_add_seconds(GIVE_UP_S, give_up, NULL); \
        while (!(condition) && !is_given_up) {                          \
            g_main_context_iteration(NULL, TRUE);                       \
        }                                                               \
        assert_false(is_given_up);                                      \
        g_source_remove(timer_);                                        \
    } while (0)

static void
on_secured(BerthLink *link, const uint8_t hash[BERTH_KEY_HASH_BYTES], void *user_data)
{
    End *end = user_data;
    end->n_secured++;
    memcpy(end->peer_key, hash, sizeof end->peer_key);
}

static int
on_authorize(BerthLink *link, const BerthMsgHello *client, const BerthMsgAuth *auth,
             BerthMsgWelcome *ret_welcome, void *user_data)
{
    End *end = user_data;
    ret_welcome->connection_epoch = 3;
    ret_welcome->resume_window_s = 180;
    memcpy(ret_welcome->token, auth->ticket, sizeof ret_welcome->token);
    return end->verdict;
}

static void
on_open(BerthLink *link, const BerthMsgWelcome *welcome, void *user_data)
{
    End *end = user_data;
    end->n_opened++;
    end->welcome = *welcome;
    if (end->does_close_on_open) {
        berth_link_close(link, BERTH_ERR_LOGGED_OFF, NULL);
    }
}

static int
on_message(BerthLink *link, BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len,
           void *user_data)
{
    End *end = user_data;
    end->n_messages++;
    end->n_bytes += len;
    if (end->does_free_on_message) {
        g_clear_pointer(&end->link, berth_link_free);
    }
    return end->answer;
}

static void
on_writable(BerthLink *link, void *user_data)
{
    End *end = user_data;
    end->n_writable++;
}

static void
on_closed(BerthLink *link, int code, const char *text, bool is_bye, void *user_data)
{
    End *end = user_data;
    end->n_closed++;
    end->code = code;
    end->is_bye = is_bye;
    g_free(end->text);
    end->text = g_strdup(text);
    if (end->does_free_on_closed) {
        g_clear_pointer(&end->link, berth_link_free);
    }
}

static const BerthLinkCallbacks callbacks = { on_secured, on_authorize, on_open,
                                              on_message, on_writable,  on_closed };

static int
setup(void **state)
{
    World *world = g_new0(World, 1);
    g_autoptr(BerthTlsKey) client_key = berth_tls_key_new_self_signed("client", NULL);
    g_autoptr(BerthTlsKey) session_key = berth_tls_key_new_self_signed("session", NULL);
    berth_tls_key_get_hash(client_key, world->client_key);
    berth_tls_key_get_hash(session_key, world->session_key);
    BerthTlsConfig session = { .key = session_key,
                               .peer_check = BERTH_TLS_PEER_ANY_KEY,
                               .alpn = BERTH_PROTOCOL_ALPN,
                               .is_alpn_needed = true };
    BerthTlsConfig client = { .key = client_key,
                              .peer_check = BERTH_TLS_PEER_PINNED,
                              .pin = world->session_key,
                              .alpn = BERTH_PROTOCOL_ALPN,
                              .is_alpn_needed = true };
    world->session_context = berth_tls_context_new_server(&session, NULL);
    world->client_context = berth_tls_context_new_client(&client, NULL);
    *state = world;
    is_given_up = false;
    return 0;
}

static int
teardown(void **state)
{
    World *world = *state;
    berth_link_free(world->client.link);
    berth_link_free(world->session.link);
    berth_tls_context_unref(world->client_context);
    berth_tls_context_unref(world->session_context);
    g_free(world->client.text);
    g_free(world->session.text);
    g_free(world);
    return 0;
}

/* A connected pair of TCP sockets: only they lose data when one end closes with unread bytes. */
static void
make_tcp_pair(int fds[2])
{
    BerthAddress address;
    int listener;
    assert_berth_ok(berth_address_parse("127.0.0.1:0", &address));
    assert_berth_ok(berth_tcp_listen(&address, &listener));
    assert_berth_ok(berth_tcp_get_local(listener, &address));
    assert_berth_ok(berth_tcp_connect(&address, &fds[0]));
    struct pollfd pollfd = { .fd = listener, .events = POLLIN };
    assert_int_equal(poll(&pollfd, 1, GIVE_UP_S * 1000), 1);
    assert_berth_ok(berth_tcp_accept(listener, &fds[1], NULL));
    close(listener);
}

static void
start(World *world)
{
    int fds[2];
    BerthMsgHello hello;
    BerthMsgAuth auth = { .kind = BERTH_AUTH_TICKET };
    memset(auth.ticket, 0x7a, sizeof auth.ticket);
    berth_msg_hello_init(&hello);
    make_tcp_pair(fds);
    world->client.link = berth_link_new(
        world->client_loop, berth_tls_stream_new(world->client_context, fds[0], "x.y", NULL),
        BERTH_WIRE_CLIENT, &hello, &auth, &callbacks, &world->client);
    world->session.link =
        berth_link_new(NULL, berth_tls_stream_new(world->session_context, fds[1], NULL, NULL),
                       BERTH_WIRE_SESSION, &hello, NULL, &callbacks, &world->session);
}

static void
start_open(World *world)
{
    start(world);
    run_until(world->client.n_opened == 1 && world->session.n_opened == 1);
}

static void
press_key(World *world, uint32_t serial)
{
    BerthWriter writer;
    BerthMsgInput input = { .serial = serial };
    input.key.evdev = 30;
    berth_writer_init(&writer, 64);
    assert_berth_ok(berth_msg_input_encode(&writer, BERTH_MSG_KEY, &input));
    assert_berth_ok(berth_link_send(world->client.link, BERTH_CHANNEL_INPUT, BERTH_MSG_KEY,
                                    writer.data, writer.len));
    berth_writer_clear(&writer);
}

static void
both_sides_open_and_know_each_other(void **state)
{
    World *world = *state;
    start_open(world);
    assert_memory_equal(world->client.peer_key, world->session_key, BERTH_KEY_HASH_BYTES);
    assert_memory_equal(world->session.peer_key, world->client_key, BERTH_KEY_HASH_BYTES);
    assert_true(berth_link_is_open(world->client.link) && berth_link_is_open(world->session.link));
    assert_int_equal(world->client.welcome.connection_epoch, 3);
    assert_non_null(berth_link_get_peer_hello(world->session.link));
    assert_int_equal(world->client.welcome.token[0], 0x7a);
    press_key(world, 1);
    press_key(world, 2);
    run_until(world->session.n_messages == 2);
    run_until(berth_link_get_rtt_us(world->client.link) >= 0);
}

static void
pixels_flow_and_writable_is_told(void **state)
{
    World *world = *state;
    const size_t n_bytes = 5 * 1000 * 1000;
    start_open(world);
    assert_berth_ok(berth_link_send_owned(world->session.link, BERTH_CHANNEL_DISPLAY,
                                          BERTH_MSG_EXACT, g_malloc0(n_bytes), n_bytes));
    berth_link_flush(world->session.link);
    assert_true(berth_link_get_queued_bytes(world->session.link, BERTH_CHANNEL_DISPLAY) > 0);
    press_key(world, 1);
    run_until(world->client.n_messages == 1 && world->session.n_writable > 0);
    assert_int_equal(world->client.n_bytes, n_bytes);
    assert_int_equal(world->session.n_messages, 1);
    assert_true(berth_link_get_bytes_out(world->session.link) > n_bytes);
}

static void
a_refused_client_learns_why(void **state)
{
    World *world = *state;
    world->session.verdict = BERTH_ERR_STALE_EPOCH;
    start(world);
    run_until(world->client.n_closed == 1 && world->session.n_closed == 1);
    assert_berth_error(world->client.code, BERTH_ERR_STALE_EPOCH);
    assert_true(world->client.is_bye);
    assert_berth_error(world->session.code, BERTH_ERR_STALE_EPOCH);
    assert_false(world->session.is_bye);
    assert_int_equal(world->client.n_opened, 0);
}

/* Turns both loops until the condition holds. */
#define run_both_until(condition)                                       \
    do {                                                                \
        guint timer_ = g_timeout_add_seconds(GIVE_UP_S, give_up, NULL); \
        while (!(condition) && !is_given_up) {                          \
            g_main_context_iteration(NULL, FALSE);                      \
            g_main_context_iteration(world->client_loop, FALSE);        \
        }                                                               \
        assert_false(is_given_up);                                      \
        g_source_remove(timer_);                                        \
    } while (0)

static void
close_tells_the_peer_even_while_it_talks(void **state)
{
    World *world = *state;
    world->client_loop = g_main_context_new();
    start(world);
    run_both_until(world->client.n_opened == 1 && world->session.n_opened == 1);
    press_key(world, 1);
    berth_link_flush(world->client.link);
    world->session.does_free_on_closed = true;
    berth_link_close(world->session.link, BERTH_ERR_TAKEN_OVER, NULL);
    berth_link_close(world->session.link, BERTH_ERR_INTERNAL, NULL);
    assert_int_equal(world->session.n_closed, 0);
    assert_berth_error(
        berth_link_send(world->session.link, BERTH_CHANNEL_CURSOR, BERTH_MSG_CURSOR_HIDE, NULL, 0),
        BERTH_ERR_CLOSED);
    /* The session says BYE; the client, who has not looked, goes on typing into the socket. */
    for (int i = 0; i < 100; i++) {
        g_main_context_iteration(NULL, FALSE);
    }
    for (uint32_t i = 2; i < 10; i++) {
        press_key(world, i);
        berth_link_flush(world->client.link);
    }
    run_both_until(world->client.n_closed == 1 && world->session.n_closed == 1);
    assert_berth_error(world->client.code, BERTH_ERR_TAKEN_OVER);
    assert_string_equal(world->client.text, "the session was opened from another device");
    assert_berth_ok(world->session.code);
    assert_null(world->session.link);
    g_clear_pointer(&world->client.link, berth_link_free);
    g_main_context_unref(world->client_loop);
}

static void
close_in_open_works(void **state)
{
    World *world = *state;
    world->session.does_close_on_open = true;
    world->client.does_free_on_closed = true;
    start(world);
    run_until(world->client.n_closed == 1 && world->session.n_closed == 1);
    assert_berth_error(world->client.code, BERTH_ERR_LOGGED_OFF);
    assert_null(world->client.link);
}

static void
close_before_tls_is_up_works(void **state)
{
    World *world = *state;
    start(world);
    berth_link_close(world->client.link, BERTH_ERR_DISCONNECTED, NULL);
    run_until(world->client.n_closed == 1);
    assert_berth_ok(world->client.code);
    g_clear_pointer(&world->client.link, berth_link_free);
    run_until(world->session.n_closed == 1);
    assert_true(world->session.code < 0);
}

static void
a_refused_message_ends_with_bye(void **state)
{
    World *world = *state;
    world->session.answer = BERTH_ERR_FORBIDDEN;
    start_open(world);
    press_key(world, 1);
    press_key(world, 2);
    run_until(world->client.n_closed == 1 && world->session.n_closed == 1);
    assert_int_equal(world->session.n_messages, 1);
    assert_berth_error(world->session.code, BERTH_ERR_FORBIDDEN);
    assert_berth_error(world->client.code, BERTH_ERR_FORBIDDEN);
    assert_true(world->client.is_bye);
}

static void
a_vanished_peer_is_noticed(void **state)
{
    World *world = *state;
    start_open(world);
    g_clear_pointer(&world->client.link, berth_link_free);
    run_until(world->session.n_closed == 1);
    assert_berth_error(world->session.code, BERTH_ERR_IO);
    assert_int_equal(world->client.n_closed, 0);
}

static void
free_in_message_works(void **state)
{
    World *world = *state;
    start_open(world);
    world->session.does_free_on_message = true;
    press_key(world, 1);
    press_key(world, 2);
    run_until(world->client.n_closed == 1);
    assert_int_equal(world->session.n_messages, 1);
    assert_int_equal(world->session.n_closed, 0);
    assert_null(world->session.link);
}

static void
a_wrong_key_is_told_to_both(void **state)
{
    World *world = *state;
    uint8_t pin[BERTH_KEY_HASH_BYTES] = { 0 };
    BerthTlsConfig config = { .peer_check = BERTH_TLS_PEER_PINNED,
                              .pin = pin,
                              .alpn = BERTH_PROTOCOL_ALPN };
    berth_tls_context_unref(world->client_context);
    world->client_context = berth_tls_context_new_client(&config, NULL);
    start(world);
    run_until(world->client.n_closed == 1 && world->session.n_closed == 1);
    assert_berth_error(world->client.code, BERTH_ERR_UNTRUSTED);
    assert_int_equal(world->client.n_secured + world->session.n_secured, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(both_sides_open_and_know_each_other),
        T(pixels_flow_and_writable_is_told),
        T(a_refused_client_learns_why),
        T(close_tells_the_peer_even_while_it_talks),
        T(close_in_open_works),
        T(close_before_tls_is_up_works),
        T(a_refused_message_ends_with_bye),
        T(a_vanished_peer_is_noticed),
        T(free_in_message_works),
        T(a_wrong_key_is_told_to_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
