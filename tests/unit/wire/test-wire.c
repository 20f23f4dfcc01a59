/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "base/bytes-writer.h"
#include "berth/limits.h"
#include "display/wire/wire.h"

#include <string.h>

#define HEADER BERTH_PROTOCOL_HEADER_BYTES

/* A wire and a record of what it gave out: "channel/type:len:sum;" for each message. */
typedef struct {
    BerthWire *wire;
    GString *log;
    int answer;                 /* what the callback returns */
    BerthWireState state_after; /* set by the callback if not BERTH_N_WIRE_STATES */
} Side;

static int
on_message(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Side *side = user_data;
    uint32_t sum = 0;
    assert_non_null(payload);
    for (size_t i = 0; i < len; i++) {
        sum = sum * 31 + payload[i];
    }
    g_string_append_printf(side->log, "%d/%u:%zu:%08x;", channel, type, len, sum);
    if (side->state_after != BERTH_N_WIRE_STATES) {
        berth_wire_set_state(side->wire, side->state_after);
    }
    return side->answer;
}

static const BerthWireCallbacks callbacks = { on_message };

static void
side_init(Side *side, BerthWireRole role, BerthWireState state)
{
    memset(side, 0, sizeof *side);
    side->wire = berth_wire_new(role, &callbacks, side);
    side->log = g_string_new(NULL);
    side->state_after = BERTH_N_WIRE_STATES;
    berth_wire_set_state(side->wire, state);
}

static void
side_clear(Side *side)
{
    berth_wire_free(side->wire);
    g_string_free(side->log, TRUE);
}

static void
put_fragment(BerthWriter *writer, uint8_t channel, uint8_t type, uint16_t flags, size_t len)
{
    berth_writer_put_u8(writer, channel);
    berth_writer_put_u8(writer, type);
    berth_writer_put_u16(writer, flags);
    berth_writer_put_u32(writer, (uint32_t)len);
    for (size_t i = 0; i < len; i++) {
        berth_writer_put_u8(writer, (uint8_t)(writer->len * 7 + i));
    }
}

/* Feeds bytes to a fresh wire in pieces of a size; returns the log, owned. */
static char *
log_of_pieces(const uint8_t *data, size_t len, size_t piece, BerthWireState state, int *ret_error)
{
    Side side;
    const char *text;
    side_init(&side, BERTH_WIRE_CLIENT, state);
    for (size_t pos = 0; pos < len; pos += piece) {
        size_t n = MIN(piece, len - pos);
        uint8_t *copy = g_memdup2(data + pos, n);
        berth_wire_feed(side.wire, copy, n);
        g_free(copy);
    }
    *ret_error = berth_wire_get_error(side.wire, &text);
    g_string_append(side.log, text);
    char *log = g_strdup(side.log->str);
    side_clear(&side);
    return log;
}

/* A stream with small, empty, cut and interleaved messages. */
static void
put_stream(BerthWriter *writer)
{
    put_fragment(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_FRAME_BEGIN, 0, 20);
    put_fragment(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT, BERTH_FLAG_MORE, 300);
    put_fragment(writer, BERTH_CHANNEL_CURSOR, BERTH_MSG_CURSOR_HIDE, 0, 0);
    put_fragment(writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_PING, 0, 8);
    put_fragment(writer, BERTH_CHANNEL_CURSOR, BERTH_MSG_CURSOR_DEFINE, BERTH_FLAG_MORE, 17);
    put_fragment(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT, BERTH_FLAG_MORE, 1);
    put_fragment(writer, BERTH_CHANNEL_CURSOR, BERTH_MSG_CURSOR_DEFINE, 0, 5);
    put_fragment(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT, 0, 0);
    put_fragment(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_FRAME_END, 0, 12);
}

static void
every_split_gives_the_same_messages(void **state)
{
    BerthWriter writer;
    int expected_error, error;
    berth_writer_init(&writer, 1 << 20);
    put_stream(&writer);
    g_autofree char *expected =
        log_of_pieces(writer.data, writer.len, writer.len, BERTH_WIRE_OPEN, &expected_error);
    assert_berth_ok(expected_error);
    assert_non_null(strstr(expected, "2/3:0:"));
    assert_non_null(strstr(expected, "1/6:301:"));
    assert_non_null(strstr(expected, "2/1:22:"));
    for (size_t piece = 1; piece < writer.len; piece++) {
        g_autofree char *log =
            log_of_pieces(writer.data, writer.len, piece, BERTH_WIRE_OPEN, &error);
        assert_string_equal(log, expected);
    }
    berth_writer_clear(&writer);
}

static void
every_split_gives_the_same_error(void **state)
{
    static const struct {
        uint8_t channel, type;
        uint16_t flags;
        uint32_t len;
        int code;
    } rows[] = {
        { 9, 9, 0, 0, BERTH_ERR_PROTOCOL },
        { 200, 1, 0, 0, BERTH_ERR_PROTOCOL },
        { BERTH_CHANNEL_DISPLAY, BERTH_MSG_FRAME_ACK, 0, 14, BERTH_ERR_PROTOCOL },
        { BERTH_CHANNEL_CONTROL, BERTH_MSG_HELLO, 0, 10, BERTH_ERR_PROTOCOL },
        { BERTH_CHANNEL_CONTROL, BERTH_MSG_PING, 2, 8, BERTH_ERR_PROTOCOL },
        { BERTH_CHANNEL_CONTROL, BERTH_MSG_PING, 0, 7, BERTH_ERR_TRUNCATED },
        { BERTH_CHANNEL_CONTROL, BERTH_MSG_PING, 0, 9, BERTH_ERR_TOO_LARGE },
        { BERTH_CHANNEL_CONTROL, BERTH_MSG_PING, BERTH_FLAG_MORE, 9, BERTH_ERR_TOO_LARGE },
        { BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT, BERTH_FLAG_MORE, 0, BERTH_ERR_PROTOCOL },
        { BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT, 0, 16385, BERTH_ERR_TOO_LARGE },
        { BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT, 0, UINT32_MAX, BERTH_ERR_TOO_LARGE },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        BerthWriter writer;
        int error;
        g_autofree char *expected = NULL;
        berth_writer_init(&writer, 1 << 20);
        put_stream(&writer);
        size_t start = writer.len;
        put_fragment(&writer, rows[i].channel, rows[i].type, rows[i].flags, 20);
        berth_writer_patch_u32(&writer, start + 4, rows[i].len);
        for (size_t piece = writer.len; piece > 0; piece--) {
            g_autofree char *log =
                log_of_pieces(writer.data, writer.len, piece, BERTH_WIRE_OPEN, &error);
            assert_berth_error(error, rows[i].code);
            if (expected == NULL) {
                expected = g_strdup(log);
            }
            assert_string_equal(log, expected);
        }
        berth_writer_clear(&writer);
    }
}

static void
fragments_of_one_channel_may_not_mix(void **state)
{
    Side side;
    BerthWriter writer;
    side_init(&side, BERTH_WIRE_CLIENT, BERTH_WIRE_OPEN);
    berth_writer_init(&writer, 1 << 20);
    put_fragment(&writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT, BERTH_FLAG_MORE, 20);
    put_fragment(&writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_FRAME_END, 0, 12);
    assert_berth_error(berth_wire_feed(side.wire, writer.data, writer.len), BERTH_ERR_PROTOCOL);
    assert_string_equal(side.log->str, "");
    berth_writer_clear(&writer);
    side_clear(&side);
}

static void
a_message_over_its_row_is_refused_while_it_grows(void **state)
{
    Side side;
    BerthWriter writer;
    const BerthMessageRow *row =
        berth_message_table_find(BERTH_CHANNEL_CURSOR, BERTH_MSG_CURSOR_DEFINE);
    side_init(&side, BERTH_WIRE_CLIENT, BERTH_WIRE_OPEN);
    berth_writer_init(&writer, 1 << 20);
    put_fragment(&writer, BERTH_CHANNEL_CURSOR, BERTH_MSG_CURSOR_DEFINE, BERTH_FLAG_MORE, 16384);
    size_t fits = row->max_bytes / 16384;
    for (size_t i = 0; i < fits; i++) {
        assert_berth_ok(berth_wire_feed(side.wire, writer.data, writer.len));
    }
    assert_berth_error(berth_wire_feed(side.wire, writer.data, HEADER), BERTH_ERR_TOO_LARGE);
    assert_berth_error(berth_wire_feed(side.wire, writer.data, 1), BERTH_ERR_TOO_LARGE);
    berth_writer_clear(&writer);
    side_clear(&side);
}

static void
the_state_decides_what_may_come(void **state)
{
    size_t n_rows = 0;
    const BerthMessageRow *rows = berth_message_table_get_rows(&n_rows);
    for (size_t i = 0; i < n_rows; i++) {
        for (int role = 0; role < 2; role++) {
            for (int at = 0; at < BERTH_N_WIRE_STATES; at++) {
                Side side;
                BerthWriter writer;
                side_init(&side, (BerthWireRole)role, (BerthWireState)at);
                berth_writer_init(&writer, 1 << 20);
                put_fragment(&writer, rows[i].channel, rows[i].type, 0, rows[i].min_bytes);
                bool is_ours = (rows[i].senders & BERTH_SENT_BY(1 - role)) != 0;
                bool is_now = (rows[i].states & BERTH_IN_STATE(at)) != 0;
                int expected = at == BERTH_WIRE_CLOSED && is_ours ? BERTH_ERR_CLOSED
                               : is_ours && is_now                ? BERTH_OK
                                                                  : BERTH_ERR_PROTOCOL;
                assert_berth_error(berth_wire_feed(side.wire, writer.data, writer.len), expected);
                assert_int_equal(side.log->len > 0, expected == BERTH_OK);
                berth_writer_clear(&writer);
                side_clear(&side);
            }
        }
    }
}

static void
bytes_before_authentication_are_bounded(void **state)
{
    BerthWriter writer;
    int error = 0;
    g_autofree char *expected = NULL;
    berth_writer_init(&writer, 1 << 20);
    /* A client that answers nothing lets HELLOs pass here; the handshake would not. */
    put_fragment(&writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_HELLO, 0, 3000);
    put_fragment(&writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_HELLO, 0, 2000);
    for (size_t piece = writer.len; piece > 0; piece -= MIN(piece, 97)) {
        g_autofree char *log =
            log_of_pieces(writer.data, writer.len, piece, BERTH_WIRE_HELLO, &error);
        assert_berth_error(error, BERTH_ERR_TOO_LARGE);
        if (expected == NULL) {
            expected = g_strdup(log);
        }
        assert_string_equal(log, expected);
    }
    berth_writer_clear(&writer);
}

static void
bytes_behind_the_last_message_before_open_are_not_counted(void **state)
{
    Side side;
    BerthWriter writer;
    side_init(&side, BERTH_WIRE_CLIENT, BERTH_WIRE_AUTH);
    side.state_after = BERTH_WIRE_OPEN;
    berth_writer_init(&writer, 1 << 20);
    put_fragment(&writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_WELCOME, 0, 68);
    put_fragment(&writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT, 0, 16384);
    assert_berth_ok(berth_wire_feed(side.wire, writer.data, writer.len));
    assert_int_equal(berth_wire_get_bytes_in(side.wire), writer.len);
    berth_writer_clear(&writer);
    side_clear(&side);
}

static void
an_error_of_the_callback_is_sticky(void **state)
{
    Side side;
    BerthWriter writer;
    const char *text;
    side_init(&side, BERTH_WIRE_SESSION, BERTH_WIRE_OPEN);
    side.answer = BERTH_ERR_FORBIDDEN;
    berth_writer_init(&writer, 1 << 20);
    put_fragment(&writer, BERTH_CHANNEL_INPUT, BERTH_MSG_KEY, 0, 7);
    put_fragment(&writer, BERTH_CHANNEL_INPUT, BERTH_MSG_KEY, 0, 7);
    assert_berth_error(berth_wire_feed(side.wire, writer.data, writer.len), BERTH_ERR_FORBIDDEN);
    assert_null(strstr(side.log->str, ";3/1"));
    assert_berth_error(berth_wire_get_error(side.wire, &text), BERTH_ERR_FORBIDDEN);
    assert_non_null(strstr(text, "KEY"));
    berth_writer_clear(&writer);
    side_clear(&side);
}

/* --- sending --- */

static void
send_zeros(Side *side, BerthChannel channel, uint8_t type, size_t len)
{
    g_autofree uint8_t *payload = g_malloc0(MAX(len, 1));
    assert_berth_ok(berth_wire_send(side->wire, channel, type, payload, len));
}

/* Moves all output of one wire into another. */
static void
deliver(Side *from, Side *to, size_t step)
{
    const uint8_t *data;
    for (size_t n = berth_wire_peek_output(from->wire, &data); n > 0;
         n = berth_wire_peek_output(from->wire, &data)) {
        assert_true(n <= 16384);
        size_t part = MIN(n, step);
        assert_berth_ok(berth_wire_feed(to->wire, data, part));
        berth_wire_consume_output(from->wire, part);
    }
}

static void
large_messages_pass_whole(void **state)
{
    static const size_t sizes[] = { 11, 16368, 16376, 16377, 32752, 1000000, 5000000 };
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        Side session, client;
        side_init(&session, BERTH_WIRE_SESSION, BERTH_WIRE_OPEN);
        side_init(&client, BERTH_WIRE_CLIENT, BERTH_WIRE_OPEN);
        uint8_t *payload = g_malloc(sizes[i]);
        memset(payload, 0xab, sizes[i]);
        assert_berth_ok(berth_wire_send_owned(session.wire, BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT,
                                              payload, sizes[i]));
        assert_int_equal(berth_wire_get_queued_bytes(session.wire, BERTH_CHANNEL_DISPLAY),
                         sizes[i]);
        deliver(&session, &client, 1000);
        g_autofree char *expected = g_strdup_printf("1/6:%zu:", sizes[i]);
        assert_non_null(strstr(client.log->str, expected));
        assert_int_equal(berth_wire_get_queued_bytes(session.wire, BERTH_ALL_CHANNELS), 0);
        assert_false(berth_wire_has_output(session.wire));
        side_clear(&session);
        side_clear(&client);
    }
}

static void
urgent_messages_overtake_pixels_at_the_next_fragment(void **state)
{
    Side session, client;
    const uint8_t *data;
    side_init(&session, BERTH_WIRE_SESSION, BERTH_WIRE_OPEN);
    side_init(&client, BERTH_WIRE_CLIENT, BERTH_WIRE_OPEN);
    send_zeros(&session, BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT, 100000);
    size_t n = berth_wire_peek_output(session.wire, &data);
    assert_int_equal(n, 16384);
    assert_berth_ok(berth_wire_feed(client.wire, data, n));
    send_zeros(&session, BERTH_CHANNEL_CURSOR, BERTH_MSG_CURSOR_SET, 4);
    send_zeros(&session, BERTH_CHANNEL_INPUT, BERTH_MSG_LEDS, 1);
    send_zeros(&session, BERTH_CHANNEL_CURSOR, BERTH_MSG_CURSOR_SET, 4);
    send_zeros(&session, BERTH_CHANNEL_CONTROL, BERTH_MSG_PING, 8);
    assert_int_equal(berth_wire_peek_output(session.wire, &data), n); /* unchanged */
    berth_wire_consume_output(session.wire, n);
    deliver(&session, &client, 16384);
    assert_non_null(strstr(client.log->str, "0/4:8:00000000;"));
    /* Control, then cursor and input in turns, then the pixels. */
    assert_string_equal(client.log->str, "0/4:8:00000000;2/2:4:00000000;3/16:1:00000000;"
                                         "2/2:4:00000000;1/6:100000:00000000;");
    side_clear(&session);
    side_clear(&client);
}

static void
small_messages_share_a_record(void **state)
{
    Side session, client;
    const uint8_t *data;
    side_init(&session, BERTH_WIRE_SESSION, BERTH_WIRE_OPEN);
    side_init(&client, BERTH_WIRE_CLIENT, BERTH_WIRE_OPEN);
    send_zeros(&session, BERTH_CHANNEL_DISPLAY, BERTH_MSG_FRAME_BEGIN, 20);
    send_zeros(&session, BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT, 100);
    send_zeros(&session, BERTH_CHANNEL_DISPLAY, BERTH_MSG_FRAME_END, 12);
    assert_int_equal(berth_wire_peek_output(session.wire, &data), 3 * HEADER + 132);
    side_clear(&session);
    side_clear(&client);
}

static void
our_own_mistakes_are_refused(void **state)
{
    Side side;
    uint8_t payload[300] = { 0 };
    side_init(&side, BERTH_WIRE_CLIENT, BERTH_WIRE_OPEN);
    BerthWire *wire = side.wire;
    assert_berth_error(berth_wire_send(wire, BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT, payload, 100),
                       BERTH_ERR_INVALID);
    assert_berth_error(berth_wire_send(wire, BERTH_CHANNEL_USB, 1, payload, 1), BERTH_ERR_INVALID);
    assert_berth_error(berth_wire_send(wire, BERTH_CHANNEL_CONTROL, BERTH_MSG_HELLO, payload, 10),
                       BERTH_ERR_STATE);
    assert_berth_error(berth_wire_send(wire, BERTH_CHANNEL_INPUT, BERTH_MSG_KEY, payload, 8),
                       BERTH_ERR_TOO_LARGE);
    assert_berth_error(berth_wire_send(wire, BERTH_CHANNEL_INPUT, BERTH_MSG_KEY, payload, 6),
                       BERTH_ERR_TOO_LARGE);
    assert_berth_ok(berth_wire_send(wire, BERTH_CHANNEL_INPUT, BERTH_MSG_KEY, payload, 7));
    berth_wire_set_state(wire, BERTH_WIRE_CLOSED);
    assert_berth_error(berth_wire_send(wire, BERTH_CHANNEL_INPUT, BERTH_MSG_KEY, payload, 7),
                       BERTH_ERR_STATE);
    side_clear(&side);
}

static void
the_output_queue_is_bounded_but_control_passes(void **state)
{
    Side side;
    const size_t block = 16u * 1024 * 1024;
    uint8_t payload[8] = { 0 };
    side_init(&side, BERTH_WIRE_SESSION, BERTH_WIRE_OPEN);
    for (size_t n = block; n < BERTH_LIMIT_OUTPUT_QUEUE_BYTES; n += block) {
        assert_berth_ok(berth_wire_send_owned(side.wire, BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT,
                                              g_malloc0(block), block));
    }
    assert_berth_error(berth_wire_send_owned(side.wire, BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT,
                                             g_malloc0(block), block),
                       BERTH_ERR_TOO_LARGE);
    assert_berth_ok(berth_wire_send(side.wire, BERTH_CHANNEL_CONTROL, BERTH_MSG_PING, payload, 8));
    side_clear(&side);
}

static void
many_small_messages_fill_the_queue_too(void **state)
{
    Side side;
    size_t n = 0;
    side_init(&side, BERTH_WIRE_SESSION, BERTH_WIRE_OPEN);
    while (n <= BERTH_LIMIT_OUTPUT_QUEUE_BYTES / BERTH_LIMIT_OUTPUT_MESSAGE_COST_BYTES &&
           berth_wire_send_owned(side.wire, BERTH_CHANNEL_CURSOR, BERTH_MSG_CURSOR_HIDE, NULL, 0) ==
               BERTH_OK) {
        n++;
    }
    assert_int_equal(n, BERTH_LIMIT_OUTPUT_QUEUE_BYTES / BERTH_LIMIT_OUTPUT_MESSAGE_COST_BYTES);
    side_clear(&side);
}

static void
after_the_end_only_control_leaves(void **state)
{
    Side session;
    const uint8_t *data;
    uint8_t bye[6] = { 0 };
    side_init(&session, BERTH_WIRE_SESSION, BERTH_WIRE_OPEN);
    send_zeros(&session, BERTH_CHANNEL_DISPLAY, BERTH_MSG_EXACT, 100000);
    assert_berth_ok(
        berth_wire_send(session.wire, BERTH_CHANNEL_CONTROL, BERTH_MSG_BYE, bye, sizeof bye));
    berth_wire_set_state(session.wire, BERTH_WIRE_CLOSED);
    assert_int_equal(berth_wire_peek_output(session.wire, &data), HEADER + sizeof bye);
    berth_wire_consume_output(session.wire, HEADER + sizeof bye);
    assert_false(berth_wire_has_output(session.wire));
    side_clear(&session);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_gives_the_same_messages),
        cmocka_unit_test(every_split_gives_the_same_error),
        cmocka_unit_test(fragments_of_one_channel_may_not_mix),
        cmocka_unit_test(a_message_over_its_row_is_refused_while_it_grows),
        cmocka_unit_test(the_state_decides_what_may_come),
        cmocka_unit_test(bytes_before_authentication_are_bounded),
        cmocka_unit_test(bytes_behind_the_last_message_before_open_are_not_counted),
        cmocka_unit_test(an_error_of_the_callback_is_sticky),
        cmocka_unit_test(large_messages_pass_whole),
        cmocka_unit_test(urgent_messages_overtake_pixels_at_the_next_fragment),
        cmocka_unit_test(small_messages_share_a_record),
        cmocka_unit_test(our_own_mistakes_are_refused),
        cmocka_unit_test(the_output_queue_is_bounded_but_control_passes),
        cmocka_unit_test(many_small_messages_fill_the_queue_too),
        cmocka_unit_test(after_the_end_only_control_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
