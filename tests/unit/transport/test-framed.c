/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two ends over a socket pair in one main context; every wait ends when a condition holds, and a
 * timer that should never fire ends the test if it does not.
 */
#include "testing.h"

#include "base/bytes-writer.h"
#include "display/transport/framed.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FRAME_BYTES 100000
#define GIVE_UP_S 20

typedef struct End End;

struct End {
    BerthFramed *framed;
    GString *got; /* frames, each followed by '|' */
    int n_opened, n_closed;
    int code;
    int answer; /* what the frame callback returns */
    bool does_free_on_frame;
    bool does_free_on_closed;
};

typedef struct {
    BerthTlsContext *server_context, *client_context;
    BerthSocketHub *hub; /* NULL: each end waits by itself */
    End a, b;            /* client, server */
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
on_open(BerthFramed *framed, BerthTlsStream *stream, void *user_data)
{
    End *end = user_data;
    end->n_opened++;
}

static int
on_frame(BerthFramed *framed, const uint8_t *data, size_t len, void *user_data)
{
    End *end = user_data;
    assert_int_equal(data[len], 0);
    g_string_append_len(end->got, (const char *)data, (gssize)len);
    g_string_append_c(end->got, '|');
    if (end->does_free_on_frame) {
        g_clear_pointer(&end->framed, berth_framed_free);
    }
    return end->answer;
}

static void
on_closed(BerthFramed *framed, int code, const char *text, void *user_data)
{
    End *end = user_data;
    assert_true(text[0] != '\0');
    end->n_closed++;
    end->code = code;
    if (end->does_free_on_closed) {
        g_clear_pointer(&end->framed, berth_framed_free);
    }
}

static const BerthFramedCallbacks callbacks = { on_open, on_frame, on_closed };

static int
setup(void **state)
{
    World *world = g_new0(World, 1);
    uint8_t hash[BERTH_KEY_HASH_BYTES];
    g_autoptr(BerthTlsKey) key = berth_tls_key_new_self_signed("server", NULL);
    berth_tls_key_get_hash(key, hash);
    BerthTlsConfig server = { .key = key,
                              .peer_check = BERTH_TLS_PEER_NONE,
                              .is_mostly_idle = true };
    BerthTlsConfig client = { .peer_check = BERTH_TLS_PEER_PINNED, .pin = hash };
    world->server_context = berth_tls_context_new_server(&server, NULL);
    world->client_context = berth_tls_context_new_client(&client, NULL);
    world->a.got = g_string_new(NULL);
    world->b.got = g_string_new(NULL);
    *state = world;
    is_given_up = false;
    return 0;
}

static int
setup_in_hub(void **state)
{
    setup(state);
    ((World *)*state)->hub = berth_socket_hub_new(NULL);
    return 0;
}

static int
teardown(void **state)
{
    World *world = *state;
    berth_framed_free(world->a.framed);
    berth_framed_free(world->b.framed);
    berth_socket_hub_free(world->hub);
    berth_tls_context_unref(world->server_context);
    berth_tls_context_unref(world->client_context);
    g_string_free(world->a.got, TRUE);
    g_string_free(world->b.got, TRUE);
    g_free(world);
    return 0;
}

static BerthFramed *
new_framed(World *world, BerthTlsStream *stream, int64_t silence_us, End *end)
{
    return world->hub != NULL
               ? berth_framed_new_in_hub(world->hub, stream, MAX_FRAME_BYTES, silence_us,
                                         &callbacks, end)
               : berth_framed_new(NULL, stream, MAX_FRAME_BYTES, silence_us, &callbacks, end);
}

static void
connect_ends(World *world, int64_t silence_us)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    BerthTlsStream *a = berth_tls_stream_new(world->client_context, fds[0], NULL, NULL);
    BerthTlsStream *b = berth_tls_stream_new(world->server_context, fds[1], NULL, NULL);
    world->a.framed = new_framed(world, a, 0, &world->a);
    world->b.framed = new_framed(world, b, silence_us, &world->b);
}

static void
frames_arrive_whole_and_in_order(void **state)
{
    World *world = *state;
    connect_ends(world, 0);
    assert_false(berth_framed_is_open(world->a.framed));
    assert_berth_ok(berth_framed_send(world->a.framed, "{\"before\":\"open\"}", 17));
    run_until(world->a.n_opened == 1 && world->b.n_opened == 1);
    assert_true(berth_framed_is_open(world->a.framed) && berth_framed_is_open(world->b.framed));
    assert_non_null(berth_framed_get_stream(world->a.framed));
    assert_berth_ok(berth_framed_send(world->a.framed, "second", 6));
    assert_berth_ok(berth_framed_send(world->b.framed, "answer", 6));
    run_until(world->b.got->len == 25 && world->a.got->len == 7);
    assert_string_equal(world->b.got->str, "{\"before\":\"open\"}|second|");
    assert_string_equal(world->a.got->str, "answer|");
}

static void
frames_larger_than_the_socket_buffer_pass_both_ways(void **state)
{
    World *world = *state;
    g_autofree char *big = g_strnfill(MAX_FRAME_BYTES, 'x');
    connect_ends(world, 0);
    for (int i = 0; i < 3; i++) {
        assert_berth_ok(berth_framed_send(world->a.framed, big, MAX_FRAME_BYTES));
        assert_berth_ok(berth_framed_send(world->b.framed, big, MAX_FRAME_BYTES));
    }
    run_until(world->a.got->len == 3 * (MAX_FRAME_BYTES + 1) &&
              world->b.got->len == 3 * (MAX_FRAME_BYTES + 1));
}

static void
a_stalled_peer_fills_the_queue_and_no_more(void **state)
{
    World *world = *state;
    g_autofree char *big = g_strnfill(MAX_FRAME_BYTES, 'x');
    connect_ends(world, 0);
    for (int i = 0; i < 4; i++) {
        assert_true(berth_framed_send(world->a.framed, big, MAX_FRAME_BYTES - 4) == BERTH_OK);
    }
    assert_berth_error(berth_framed_send(world->a.framed, big, MAX_FRAME_BYTES),
                       BERTH_ERR_TOO_LARGE);
    assert_berth_error(berth_framed_send(world->a.framed, big, MAX_FRAME_BYTES + 1),
                       BERTH_ERR_TOO_LARGE);
    assert_berth_error(berth_framed_send(world->a.framed, big, 0), BERTH_ERR_INVALID);
}

/* Sends raw bytes as the client over a stream of its own; returns how the server ended. */
static int
code_after_raw(World *world, const uint8_t *data, size_t len)
{
    int fds[2];
    size_t n = 0;
    int r = BERTH_ERR_AGAIN;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    BerthTlsStream *raw = berth_tls_stream_new(world->client_context, fds[0], NULL, NULL);
    BerthTlsStream *b = berth_tls_stream_new(world->server_context, fds[1], NULL, NULL);
    world->b.framed = new_framed(world, b, 0, &world->b);
    for (int i = 0; i < 100 && r == BERTH_ERR_AGAIN; i++) {
        r = berth_tls_stream_handshake(raw);
        g_main_context_iteration(NULL, FALSE);
    }
    run_until(world->b.n_opened == 1);
    assert_berth_ok(berth_tls_stream_write(raw, data, len, &n));
    berth_tls_stream_shutdown(raw);
    run_until(world->b.n_closed == 1);
    berth_tls_stream_free(raw);
    return world->b.code;
}

static void
a_frame_over_the_limit_ends_the_connection(void **state)
{
    static const uint8_t bytes[] = { 0xa1, 0x86, 0x01, 0x00, 'x' }; /* 100001 */
    assert_berth_error(code_after_raw(*state, bytes, sizeof bytes), BERTH_ERR_TOO_LARGE);
}

static void
an_empty_frame_ends_the_connection(void **state)
{
    static const uint8_t bytes[] = { 1, 0, 0, 0, 'x', 0, 0, 0, 0 };
    World *world = *state;
    assert_berth_error(code_after_raw(world, bytes, sizeof bytes), BERTH_ERR_PROTOCOL);
    assert_string_equal(world->b.got->str, "x|");
}

static void
a_cut_frame_is_not_given_out(void **state)
{
    static const uint8_t bytes[] = { 2, 0, 0, 0, 'x' };
    World *world = *state;
    assert_berth_error(code_after_raw(world, bytes, sizeof bytes), BERTH_ERR_CLOSED);
    assert_string_equal(world->b.got->str, "");
}

static void
close_sends_what_waits_and_both_learn_it(void **state)
{
    World *world = *state;
    connect_ends(world, 0);
    run_until(world->a.n_opened == 1 && world->b.n_opened == 1);
    assert_berth_ok(berth_framed_send(world->a.framed, "last", 4));
    berth_framed_close(world->a.framed);
    assert_int_equal(world->a.n_closed, 0);
    assert_berth_error(berth_framed_send(world->a.framed, "late", 4), BERTH_ERR_CLOSED);
    run_until(world->a.n_closed == 1 && world->b.n_closed == 1);
    assert_string_equal(world->b.got->str, "last|");
    assert_berth_ok(world->a.code);
    assert_berth_error(world->b.code, BERTH_ERR_CLOSED);
}

static void
silence_ends_the_connection(void **state)
{
    World *world = *state;
    connect_ends(world, 50 * 1000);
    run_until(world->b.n_closed == 1);
    assert_berth_error(world->b.code, BERTH_ERR_TIMEOUT);
}

static void
the_owner_may_refuse_a_frame(void **state)
{
    World *world = *state;
    connect_ends(world, 0);
    world->b.answer = BERTH_ERR_FORBIDDEN;
    assert_berth_ok(berth_framed_send(world->a.framed, "a", 1));
    assert_berth_ok(berth_framed_send(world->a.framed, "b", 1));
    run_until(world->b.n_closed == 1);
    assert_berth_error(world->b.code, BERTH_ERR_FORBIDDEN);
    assert_string_equal(world->b.got->str, "a|");
}

static void
it_may_be_freed_in_any_callback(void **state)
{
    World *world = *state;
    connect_ends(world, 0);
    world->b.does_free_on_frame = true;
    world->a.does_free_on_closed = true;
    assert_berth_ok(berth_framed_send(world->a.framed, "a", 1));
    assert_berth_ok(berth_framed_send(world->a.framed, "b", 1));
    run_until(world->a.framed == NULL);
    assert_null(world->b.framed);
    assert_string_equal(world->b.got->str, "a|");
    assert_int_equal(world->b.n_closed, 0);
    assert_int_equal(world->a.n_closed, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_arrive_whole_and_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(frames_larger_than_the_socket_buffer_pass_both_ways, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_stalled_peer_fills_the_queue_and_no_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_frame_over_the_limit_ends_the_connection, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_empty_frame_ends_the_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cut_frame_is_not_given_out, setup, teardown),
        cmocka_unit_test_setup_teardown(close_sends_what_waits_and_both_learn_it, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_ends_the_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(the_owner_may_refuse_a_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(it_may_be_freed_in_any_callback, setup, teardown),
        { "frames arrive whole and in order, in a hub", frames_arrive_whole_and_in_order,
          setup_in_hub, teardown, NULL },
        { "large frames, in a hub", frames_larger_than_the_socket_buffer_pass_both_ways,
          setup_in_hub, teardown, NULL },
        { "a stalled peer, in a hub", a_stalled_peer_fills_the_queue_and_no_more, setup_in_hub,
          teardown, NULL },
        { "a frame over the limit, in a hub", a_frame_over_the_limit_ends_the_connection,
          setup_in_hub, teardown, NULL },
        { "an empty frame ends the connection, in a hub", an_empty_frame_ends_the_connection,
          setup_in_hub, teardown, NULL },
        { "a cut frame is not given out, in a hub", a_cut_frame_is_not_given_out, setup_in_hub,
          teardown, NULL },
        { "close sends what waits and both learn it, in a hub",
          close_sends_what_waits_and_both_learn_it, setup_in_hub, teardown, NULL },
        { "silence ends the connection, in a hub", silence_ends_the_connection, setup_in_hub,
          teardown, NULL },
        { "the owner may refuse a frame, in a hub", the_owner_may_refuse_a_frame, setup_in_hub,
          teardown, NULL },
        { "it may be freed in any callback, in a hub", it_may_be_freed_in_any_callback,
          setup_in_hub, teardown, NULL },
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
