/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every message there and back, at every cut, and with the values that must be refused.
 */
#include "message-testing.h"

#include "display/wire/msg-control.h"
#include "display/wire/msg-cursor.h"
#include "display/wire/msg-display.h"
#include "display/wire/msg-input.h"

#include <glib.h>
#include <string.h>

/* --- control --- */

static void
hello_comes_back(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgHello in, out;
    berth_msg_hello_init(&in);
    in.max_head_w = 3840;
    in.max_head_h = 2160;
    in.cache_tiles = BERTH_LIMIT_CACHE_TILES;
    in.gradient_window_log = 20;
    in.photo_mask = BERTH_PHOTO_BIT(BERTH_PHOTO_JPEG);
    in.clipboard_mask = BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_PNG);
    in.sends_files = 1;
    in.takes_files = 1;
    in.input_mask = BERTH_INPUT_BIT(BERTH_MSG_LOCKS) | BERTH_INPUT_BIT(BERTH_MSG_TOUCH);
    in.video_mask = BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_444) | BERTH_VIDEO_BIT(BERTH_VIDEO_VP8);
    g_strlcpy(in.client_name, "Zoë's laptop", sizeof in.client_name);
    assert_berth_ok(berth_msg_hello_encode(writer, &in));
    check_payload(writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_HELLO,
                  berth_msg_hello_decode(bytes, n, &out));
    assert_memory_equal(&in, &out, sizeof in);
}

static void
hello_without_capabilities_comes_back(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgHello out;
    const BerthMsgHello in = { .version_min = 1, .version_max = 65535 };
    assert_berth_ok(berth_msg_hello_encode(writer, &in));
    check_payload(writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_HELLO,
                  berth_msg_hello_decode(bytes, n, &out));
    assert_int_equal(writer->len, 10);
    assert_memory_equal(&in, &out, sizeof in);
}

/* Writes the fixed part of a HELLO that announces n capabilities. */
static void
put_hello(BerthWriter *writer, uint16_t n)
{
    berth_writer_reset(writer);
    berth_writer_put_u32(writer, BERTH_PROTOCOL_MAGIC);
    berth_writer_put_u16(writer, 1);
    berth_writer_put_u16(writer, 1);
    berth_writer_put_u16(writer, n);
}

static void
put_capability(BerthWriter *writer, uint16_t id, const void *value, uint16_t len)
{
    berth_writer_put_u16(writer, id);
    berth_writer_put_u16(writer, len);
    berth_writer_put_bytes(writer, value, len);
}

static void
unknown_capabilities_are_skipped(void **state)
{
    static const uint8_t value[BERTH_LIMIT_CAPABILITY_BYTES];
    BerthWriter *writer = *state;
    BerthMsgHello out;
    put_hello(writer, 4);
    put_capability(writer, 999, value, sizeof value);
    put_capability(writer, BERTH_CAP_EXACT_ZSTD, "\x14", 1);
    put_capability(writer, 999, value, 0);
    put_capability(writer, 0xffff, value, 3);
    assert_berth_ok(berth_msg_hello_decode(writer->data, writer->len, &out));
    assert_int_equal(out.exact_window_log, 20);
    assert_int_equal(out.n_unknown, 3);
}

static void
bad_hellos_are_refused(void **state)
{
    static const uint8_t big[BERTH_LIMIT_CAPABILITY_BYTES + 1];

    const struct {
        uint16_t id;
        const char *value;
        uint16_t len;
        uint16_t times;
    } rows[] = {
        { BERTH_CAP_EXACT_ZSTD, "\x14", 1, 2 },    { BERTH_CAP_EXACT_ZSTD, "\x14\x14", 2, 1 },
        { BERTH_CAP_EXACT_ZSTD, "\x09", 1, 1 },    { BERTH_CAP_EXACT_ZSTD, "\xff", 1, 1 },
        { BERTH_CAP_TILE_CACHE, "1", 1, 1 },       { BERTH_CAP_GRADIENT_ZSTD, "\x09", 1, 1 },
        { BERTH_CAP_PHOTO, "\1\0", 2, 1 },         { BERTH_CAP_VIDEO, "", 0, 1 },
        { BERTH_CAP_CLIPBOARD, "\1\0", 2, 1 },     { BERTH_CAP_FILES, "\2", 1, 1 },
        { BERTH_CAP_FILES_TAKEN, "\2", 1, 1 },     { BERTH_CAP_CURSOR_SHAPES, "1", 1, 1 },
        { BERTH_CAP_CLIENT_NAME, "", 0, 1 },       { BERTH_CAP_CLIENT_NAME, "a\n", 2, 1 },
        { BERTH_CAP_CLIENT_NAME, "a\0b", 3, 1 },   { BERTH_CAP_CLIENT_NAME, "\xff", 1, 1 },
        { BERTH_CAP_MAX_HEAD, "\1\0\0\0", 4, 1 },  { BERTH_CAP_CLIENT_NAME, "\xc2\x9b", 2, 1 },
        { 999, (const char *)big, sizeof big, 1 },
    };

    BerthWriter *writer = *state;
    BerthMsgHello out;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        put_hello(writer, rows[i].times);
        for (int n = 0; n < rows[i].times; n++) {
            put_capability(writer, rows[i].id, rows[i].value, rows[i].len);
        }
        assert_berth_error(berth_msg_hello_decode(writer->data, writer->len, &out),
                           BERTH_ERR_PROTOCOL);
    }
    put_hello(writer, 65);
    for (int n = 0; n < 65; n++) {
        put_capability(writer, 999, NULL, 0);
    }
    assert_berth_error(berth_msg_hello_decode(writer->data, writer->len, &out), BERTH_ERR_PROTOCOL);
}

static void
hello_with_bad_magic_or_versions_is_refused(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgHello out;
    const BerthMsgHello upside_down = { .version_min = 2, .version_max = 1 };
    put_hello(writer, 0);
    writer->data[0] ^= 1;
    assert_berth_error(berth_msg_hello_decode(writer->data, writer->len, &out), BERTH_ERR_PROTOCOL);
    put_hello(writer, 0);
    writer->data[4] = 2; /* 2..1 */
    assert_berth_error(berth_msg_hello_decode(writer->data, writer->len, &out), BERTH_ERR_PROTOCOL);
    writer->data[4] = 0; /* 0..1 */
    assert_berth_error(berth_msg_hello_decode(writer->data, writer->len, &out), BERTH_ERR_PROTOCOL);
    assert_berth_error(berth_msg_hello_encode(writer, &upside_down), BERTH_ERR_INVALID);
}

static void
auth_comes_back_in_each_kind(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgAuth in, out;
    memset(&in, 0, sizeof in);
    in.kind = BERTH_AUTH_TICKET;
    memset(in.ticket, 0x7a, sizeof in.ticket);
    assert_berth_ok(berth_msg_auth_encode(writer, &in));
    check_payload(writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_AUTH,
                  berth_msg_auth_decode(bytes, n, &out));
    assert_memory_equal(&in, &out, sizeof in);
    memset(&in, 0, sizeof in);
    in.kind = BERTH_AUTH_RECONNECT;
    memset(in.session.bytes, 0x51, sizeof in.session.bytes);
    memset(in.token, 0x70, sizeof in.token);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_auth_encode(writer, &in));
    check_payload(writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_AUTH,
                  berth_msg_auth_decode(bytes, n, &out));
    assert_memory_equal(&in, &out, sizeof in);
    in.kind = BERTH_AUTH_SHARE;
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_auth_encode(writer, &in));
    assert_berth_ok(berth_msg_auth_decode(writer->data, writer->len, &out));
    assert_memory_equal(&in, &out, sizeof in);
    writer->data[0] = 4;
    assert_berth_error(berth_msg_auth_decode(writer->data, writer->len, &out), BERTH_ERR_PROTOCOL);
    in.kind = (BerthAuthKind)0;
    assert_berth_error(berth_msg_auth_encode(writer, &in), BERTH_ERR_INVALID);
}

static void
fill_welcome(BerthMsgWelcome *welcome, uint16_t n_heads)
{
    memset(welcome, 0, sizeof *welcome);
    welcome->version = 1;
    memset(welcome->session.bytes, 0x51, sizeof welcome->session.bytes);
    welcome->connection_epoch = UINT64_C(0x0123456789abcdef);
    memset(welcome->token, 0x70, sizeof welcome->token);
    welcome->resume_window_s = 180;
    welcome->rights = BERTH_RIGHT_INPUT | BERTH_RIGHT_RESIZE;
    welcome->n_heads = n_heads;
    for (uint16_t i = 0; i < n_heads; i++) {
        welcome->heads[i] = (BerthWireHead){ i, (uint16_t)(1280 + i), 800 };
    }
}

static void
welcome_comes_back_with_any_number_of_heads(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgWelcome in, out;
    for (uint16_t n_heads = 0; n_heads <= BERTH_LIMIT_HEADS; n_heads++) {
        fill_welcome(&in, n_heads);
        berth_writer_reset(writer);
        assert_berth_ok(berth_msg_welcome_encode(writer, &in));
        check_payload(writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_WELCOME,
                      berth_msg_welcome_decode(bytes, n, &out));
        assert_memory_equal(&in, &out, sizeof in);
    }
}

static void
bad_welcomes_are_refused(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgWelcome in, out;
    fill_welcome(&in, 1);
    assert_berth_ok(berth_msg_welcome_encode(writer, &in));
    writer->data[66] = BERTH_LIMIT_HEADS + 1;
    assert_berth_error(berth_msg_welcome_decode(writer->data, writer->len, &out),
                       BERTH_ERR_PROTOCOL);
    writer->data[66] = 1;
    writer->data[68] = BERTH_LIMIT_HEADS; /* head number */
    assert_berth_error(berth_msg_welcome_decode(writer->data, writer->len, &out),
                       BERTH_ERR_PROTOCOL);
    in.heads[0].w = 16384;
    in.heads[0].h = 2049;
    assert_berth_error(berth_msg_welcome_encode(writer, &in), BERTH_ERR_INVALID);
    fill_welcome(&in, 1);
    in.rights = BERTH_RIGHTS_ALL + 1;
    assert_berth_error(berth_msg_welcome_encode(writer, &in), BERTH_ERR_INVALID);
}

static void
ping_comes_back(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgPing out;
    const BerthMsgPing in = { UINT64_C(0xfedcba9876543210) };
    assert_berth_ok(berth_msg_ping_encode(writer, &in));
    check_payload(writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_PING,
                  berth_msg_ping_decode(bytes, n, &out));
    assert_true(in.sent_us == out.sent_us);
    assert_int_equal(writer->data[0], 0x10);
}

static void
bye_comes_back(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgBye in, out;
    berth_msg_bye_set(&in, BERTH_ERR_TAKEN_OVER, NULL);
    assert_string_equal(in.text, "the session was opened from another device");
    assert_berth_ok(berth_msg_bye_encode(writer, &in));
    check_payload(writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_BYE,
                  berth_msg_bye_decode(bytes, n, &out));
    assert_memory_equal(&in, &out, sizeof in);
}

static void
bye_text_is_made_fit_for_people(void **state)
{
    BerthMsgBye bye;
    g_autofree char *longer = g_strnfill(BERTH_LIMIT_REASON_BYTES + 10, 'x');
    berth_msg_bye_set(&bye, 0, "a\nb\x1b[31m\xff\xc2\x9b");
    assert_string_equal(bye.text, "a b [31m\xef\xbf\xbd  ");
    berth_msg_bye_set(&bye, 0, longer);
    assert_int_equal(strlen(bye.text), BERTH_LIMIT_REASON_BYTES);
    memcpy(longer + BERTH_LIMIT_REASON_BYTES - 1, "\xc3\xab", 2); /* cut in the middle */
    berth_msg_bye_set(&bye, 0, longer);
    assert_int_equal(strlen(bye.text), BERTH_LIMIT_REASON_BYTES - 1);
}

static void
bad_byes_are_refused(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgBye out;
    const BerthMsgBye positive = { .code = 1 };
    assert_berth_error(berth_msg_bye_encode(writer, &positive), BERTH_ERR_INVALID);
    berth_writer_put_i32(writer, 1);
    berth_writer_put_u16(writer, 0);
    assert_berth_error(berth_msg_bye_decode(writer->data, writer->len, &out), BERTH_ERR_PROTOCOL);
    berth_writer_reset(writer);
    berth_writer_put_i32(writer, -1000000); /* of a later version: kept */
    berth_writer_put_u16(writer, 1);
    berth_writer_put_u8(writer, 'x');
    assert_berth_ok(berth_msg_bye_decode(writer->data, writer->len, &out));
    assert_int_equal(out.code, -1000000);
    writer->data[6] = 7;
    assert_berth_error(berth_msg_bye_decode(writer->data, writer->len, &out), BERTH_ERR_PROTOCOL);
}

/* --- display --- */

static void
head_messages_come_back(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgHeadConfig config_out, config = { 15, 16384, 2048 };
    BerthMsgHeadRequest request_out, request = { 1, 1920, 1080, 530, 300 };
    BerthMsgRefresh refresh_out, refresh = { 15, BERTH_REFRESH_CHECK_FAILED };
    assert_berth_ok(berth_msg_head_config_encode(writer, &config));
    check_payload(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_HEAD_CONFIG,
                  berth_msg_head_config_decode(bytes, n, &config_out));
    assert_memory_equal(&config, &config_out, sizeof config);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_head_request_encode(writer, &request));
    check_payload(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_HEAD_REQUEST,
                  berth_msg_head_request_decode(bytes, n, &request_out));
    assert_memory_equal(&request, &request_out, sizeof request);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_refresh_encode(writer, &refresh));
    check_payload(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_REFRESH,
                  berth_msg_refresh_decode(bytes, n, &refresh_out));
    assert_int_equal(refresh_out.head, 15);
    assert_int_equal(refresh_out.reason, BERTH_REFRESH_CHECK_FAILED);
    refresh.reason = 2;
    assert_berth_error(berth_msg_refresh_encode(writer, &refresh), BERTH_ERR_INVALID);
    writer->data[2] = 2;
    assert_berth_error(berth_msg_refresh_decode(writer->data, writer->len, &refresh_out),
                       BERTH_ERR_PROTOCOL);
}

static void
bad_head_messages_are_refused(void **state)
{
    static const BerthMsgHeadConfig bad[] = {
        { 16, 64, 64 }, { 0, 0, 64 }, { 0, 64, 0 }, { 0, 16385, 1 }, { 0, 16384, 2049 },
    };
    BerthWriter *writer = *state;
    BerthMsgHeadConfig config;
    BerthMsgHeadRequest request;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_berth_error(berth_msg_head_config_encode(writer, &bad[i]), BERTH_ERR_INVALID);
        berth_writer_reset(writer);
        berth_writer_put_u16(writer, bad[i].head);
        berth_writer_put_u16(writer, bad[i].w);
        berth_writer_put_u16(writer, bad[i].h);
        assert_berth_error(berth_msg_head_config_decode(writer->data, writer->len, &config),
                           BERTH_ERR_PROTOCOL);
        berth_writer_put_u32(writer, 0);
        assert_berth_error(berth_msg_head_request_decode(writer->data, writer->len, &request),
                           BERTH_ERR_PROTOCOL);
    }
    request = (BerthMsgHeadRequest){ 1, 0, 0, 0, 0 }; /* the head is not wanted any more */
    assert_berth_ok(berth_msg_head_request_encode(writer, &request));
    request = (BerthMsgHeadRequest){ 0, 0, 0, 0, 0 };
    assert_berth_error(berth_msg_head_request_encode(writer, &request), BERTH_ERR_INVALID);
    request = (BerthMsgHeadRequest){ 1, 0, 64, 0, 0 };
    assert_berth_error(berth_msg_head_request_encode(writer, &request), BERTH_ERR_INVALID);
    request = (BerthMsgHeadRequest){ 0, 63, 64, 0, 0 };
    assert_berth_error(berth_msg_head_request_encode(writer, &request), BERTH_ERR_INVALID);
}

static void
frame_messages_come_back(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgFrameBegin begin_out,
        begin = { UINT32_MAX, 3, BERTH_FRAME_WHOLE | BERTH_FRAME_REFINEMENT, 9, -5 };
    BerthMsgFrameEnd end_out, end = { 1, 2, 0xffffff, true };
    BerthMsgFrameAck ack_out, ack = { 4, 5, 6, 7 };
    memset(&begin_out, 0, sizeof begin_out);
    assert_berth_ok(berth_msg_frame_begin_encode(writer, &begin));
    check_payload(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_FRAME_BEGIN,
                  berth_msg_frame_begin_decode(bytes, n, &begin_out));
    assert_true(begin_out.frame == UINT32_MAX && begin_out.head == 3 && begin_out.flags == 3);
    assert_true(begin_out.input_serial == 9 && begin_out.capture_us == -5);
    writer->data[6] = 4; /* an unknown flag */
    assert_berth_error(berth_msg_frame_begin_decode(writer->data, writer->len, &begin_out),
                       BERTH_ERR_PROTOCOL);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_frame_end_encode(writer, &end));
    check_payload(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_FRAME_END,
                  berth_msg_frame_end_decode(bytes, n, &end_out));
    assert_true(end_out.frame == 1 && end_out.n_bytes == 2 && end_out.is_exact);
    assert_int_equal(end_out.encode_us, 0xffffff);
    writer->data[11] = 2; /* an unknown flag */
    assert_berth_error(berth_msg_frame_end_decode(writer->data, writer->len, &end_out),
                       BERTH_ERR_PROTOCOL);
    berth_writer_reset(writer);
    end.encode_us = UINT32_MAX;
    end.is_exact = false;
    assert_berth_ok(berth_msg_frame_end_encode(writer, &end));
    assert_berth_ok(berth_msg_frame_end_decode(writer->data, writer->len, &end_out));
    assert_true(end_out.encode_us == 0xffffff && !end_out.is_exact);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_frame_ack_encode(writer, &ack));
    check_payload(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_FRAME_ACK,
                  berth_msg_frame_ack_decode(bytes, n, &ack_out));
    assert_true(ack_out.frame == 4 && ack_out.decode_us == 5 && ack_out.present_delay_us == 6);
    assert_int_equal(ack_out.queued, 7);
}

static void
copy_comes_back(void **state)
{
    static const BerthWireCopy items[] = { { 0, 0, 1, 1, 16383, 16383 }, { 5, 6, 7, 8, 9, 10 } };
    BerthWriter *writer = *state;
    BerthMsgCopy out;
    assert_berth_ok(berth_msg_copy_encode(writer, items, 2));
    check_payload(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_COPY,
                  berth_msg_copy_decode(bytes, n, &out));
    assert_int_equal(out.n, 2);
    for (unsigned i = 0; i < 2; i++) {
        BerthWireCopy got = berth_msg_copy_get(&out, i);
        assert_memory_equal(&got, &items[i], sizeof got);
    }
}

static void
fill_comes_back(void **state)
{
    static const BerthWireFill items[] = { { 0, 0, 16384, 16384, 0xffffff }, { 5, 6, 7, 8, 0 } };
    BerthWriter *writer = *state;
    BerthMsgFill out;
    assert_berth_ok(berth_msg_fill_encode(writer, items, 2));
    check_payload(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_FILL,
                  berth_msg_fill_decode(bytes, n, &out));
    for (unsigned i = 0; i < 2; i++) {
        BerthWireFill got = berth_msg_fill_get(&out, i);
        assert_memory_equal(&got, &items[i], sizeof got);
    }
}

static void
bad_rectangles_are_refused(void **state)
{
    static const BerthWireRect bad[] = {
        { 0, 0, 0, 1 },     { 0, 0, 1, 0 },     { 16384, 0, 1, 1 },     { 0, 16384, 1, 1 },
        { 1, 0, 16384, 1 }, { 0, 16383, 1, 2 }, { 65535, 0, 65535, 1 },
    };
    BerthWriter *writer = *state;
    BerthMsgFill fill;
    BerthMsgCopy copy;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        const BerthWireFill bad_fill = { bad[i].x, bad[i].y, bad[i].w, bad[i].h, 0 };
        assert_berth_error(berth_msg_fill_encode(writer, &bad_fill, 1), BERTH_ERR_INVALID);
        berth_writer_reset(writer);
        berth_writer_put_u16(writer, 1);
        berth_writer_put_u16(writer, bad[i].x);
        berth_writer_put_u16(writer, bad[i].y);
        berth_writer_put_u16(writer, bad[i].w);
        berth_writer_put_u16(writer, bad[i].h);
        berth_writer_put_u32(writer, 0); /* colour, destination, or stream */
        const uint8_t *data = writer->data;
        assert_berth_error(berth_msg_fill_decode(data, 14, &fill), BERTH_ERR_PROTOCOL);
        assert_berth_error(berth_msg_copy_decode(data, 14, &copy), BERTH_ERR_PROTOCOL);
    }
}

static void
empty_lists_and_strange_colours_are_refused(void **state)
{
    static const uint8_t nothing[2];
    static const BerthWireFill colour = { 0, 0, 1, 1, 0x1000000 };
    BerthWriter *writer = *state;
    BerthMsgFill fill;
    BerthMsgCopy copy;
    assert_berth_error(berth_msg_fill_decode(nothing, 2, &fill), BERTH_ERR_PROTOCOL);
    assert_berth_error(berth_msg_copy_decode(nothing, 2, &copy), BERTH_ERR_PROTOCOL);
    assert_berth_error(berth_msg_fill_encode(writer, &colour, 0), BERTH_ERR_INVALID);
    assert_berth_error(berth_msg_fill_encode(writer, &colour, 1), BERTH_ERR_INVALID);
}

static void
longest_list_passes_its_row(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgCopy out;
    BerthWireCopy *items = g_new(BerthWireCopy, BERTH_WIRE_MAX_ITEMS + 1);
    for (size_t i = 0; i <= BERTH_WIRE_MAX_ITEMS; i++) {
        items[i] = (BerthWireCopy){ 0, 0, 1, 1, 1, 1 };
    }
    assert_berth_error(berth_msg_copy_encode(writer, items, BERTH_WIRE_MAX_ITEMS + 1),
                       BERTH_ERR_INVALID);
    assert_berth_ok(berth_msg_copy_encode(writer, items, BERTH_WIRE_MAX_ITEMS));
    assert_berth_ok(berth_msg_copy_decode(writer->data, writer->len, &out));
    assert_int_equal(writer->len,
                     berth_message_table_find(BERTH_CHANNEL_DISPLAY, BERTH_MSG_COPY)->max_bytes);
    g_free(items);
}

/* --- cursor --- */

static void
cursor_messages_come_back(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgCursorDefine define_out, define = { 7, 256, 32, 255, 31, (const uint8_t *)"zstd", 4 };
    BerthMsgCursorSet set_out, set = { 8 };
    BerthMsgCursorMove move_out, move = { -1, INT32_MIN };
    assert_berth_ok(berth_msg_cursor_define_encode(writer, &define));
    check_payload(writer, BERTH_CHANNEL_CURSOR, BERTH_MSG_CURSOR_DEFINE,
                  berth_msg_cursor_define_decode(bytes, n, &define_out));
    assert_true(define_out.id == 7 && define_out.w == 256 && define_out.h == 32);
    assert_true(define_out.hot_x == 255 && define_out.hot_y == 31 && define_out.data_len == 4);
    assert_memory_equal(define_out.data, "zstd", 4);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_cursor_set_encode(writer, &set));
    check_payload(writer, BERTH_CHANNEL_CURSOR, BERTH_MSG_CURSOR_SET,
                  berth_msg_cursor_set_decode(bytes, n, &set_out));
    assert_int_equal(set_out.id, 8);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_cursor_move_encode(writer, &move));
    check_payload(writer, BERTH_CHANNEL_CURSOR, BERTH_MSG_CURSOR_MOVE,
                  berth_msg_cursor_move_decode(bytes, n, &move_out));
    assert_memory_equal(&move, &move_out, sizeof move);
}

static void
bad_cursors_are_refused(void **state)
{
    static const uint16_t bad[][4] = {
        { 0, 1, 0, 0 },   { 1, 0, 0, 0 }, { 257, 1, 0, 0 },
        { 1, 257, 0, 0 }, { 4, 4, 4, 0 }, { 4, 4, 0, 4 },
    };
    BerthWriter *writer = *state;
    BerthMsgCursorDefine out;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        BerthMsgCursorDefine define = { 1,         bad[i][0], bad[i][1],
                                        bad[i][2], bad[i][3], (const uint8_t *)"x",
                                        1 };
        assert_berth_error(berth_msg_cursor_define_encode(writer, &define), BERTH_ERR_INVALID);
        berth_writer_reset(writer);
        berth_writer_put_u32(writer, 1);
        for (int n = 0; n < 4; n++) {
            berth_writer_put_u16(writer, bad[i][n]);
        }
        berth_writer_put_u32(writer, 1);
        berth_writer_put_u8(writer, 'x');
        assert_berth_error(berth_msg_cursor_define_decode(writer->data, writer->len, &out),
                           BERTH_ERR_PROTOCOL);
    }
    writer->data[12] = 0xff; /* longer than what is there */
    assert_berth_error(berth_msg_cursor_define_decode(writer->data, writer->len, &out),
                       BERTH_ERR_TRUNCATED);
}

/* --- input --- */

static BerthMsgInput
make_input(uint8_t type)
{
    BerthMsgInput input = { .serial = 0xfffffffe };
    switch (type) {
    case BERTH_MSG_KEY:
        input.key.evdev = BERTH_WIRE_MAX_KEY;
        input.key.is_down = true;
        break;
    case BERTH_MSG_POINTER_ABS:
        input.abs.head = 15;
        input.abs.x = 16383;
        input.abs.y = 1;
        break;
    case BERTH_MSG_POINTER_REL:
        input.rel.dx = INT16_MIN;
        input.rel.dy = INT16_MAX;
        break;
    case BERTH_MSG_BUTTON:
        input.button.button = BERTH_BUTTON_EXTRA;
        input.button.is_down = true;
        break;
    case BERTH_MSG_WHEEL:
        input.wheel.dx = -120;
        input.wheel.dy = 120;
        break;
    case BERTH_MSG_TEXT:
        g_strlcpy(input.text,
                  "Stra\xc3\x9f"
                  "e",
                  sizeof input.text);
        break;
    case BERTH_MSG_LOCKS:
        input.locks = BERTH_LED_CAPS;
        break;
    case BERTH_MSG_LAYOUT:
        g_strlcpy(input.layout.layout, "us,ru", sizeof input.layout.layout);
        memset(input.layout.options, 'o', BERTH_LIMIT_LAYOUT_NAME_BYTES);
        break;
    case BERTH_MSG_TOUCH:
        input.touch.phase = BERTH_TOUCH_CANCEL;
        input.touch.finger = BERTH_LIMIT_FINGERS - 1;
        input.touch.head = 15;
        input.touch.x = 16383;
        break;
    default:
        break;
    }
    return input;
}

static bool
is_same_input(uint8_t type, const BerthMsgInput *a, const BerthMsgInput *b)
{
    if (a->serial != b->serial) {
        return false;
    }
    switch (type) {
    case BERTH_MSG_KEY:
        return a->key.evdev == b->key.evdev && a->key.is_down == b->key.is_down;
    case BERTH_MSG_POINTER_ABS:
        return a->abs.head == b->abs.head && a->abs.x == b->abs.x && a->abs.y == b->abs.y;
    case BERTH_MSG_POINTER_REL:
        return a->rel.dx == b->rel.dx && a->rel.dy == b->rel.dy;
    case BERTH_MSG_BUTTON:
        return a->button.button == b->button.button && a->button.is_down == b->button.is_down;
    case BERTH_MSG_WHEEL:
        return a->wheel.dx == b->wheel.dx && a->wheel.dy == b->wheel.dy;
    case BERTH_MSG_TEXT:
        return strcmp(a->text, b->text) == 0;
    case BERTH_MSG_LOCKS:
        return a->locks == b->locks;
    case BERTH_MSG_LAYOUT:
        return memcmp(&a->layout, &b->layout, sizeof a->layout) == 0;
    case BERTH_MSG_TOUCH:
        return memcmp(&a->touch, &b->touch, sizeof a->touch) == 0;
    default:
        return true;
    }
}

static void
input_messages_come_back(void **state)
{
    BerthWriter *writer = *state;
    for (uint8_t type = BERTH_MSG_KEY; type <= BERTH_MSG_TOUCH; type++) {
        BerthMsgInput in = make_input(type), out;
        berth_writer_reset(writer);
        assert_berth_ok(berth_msg_input_encode(writer, type, &in));
        check_payload(writer, BERTH_CHANNEL_INPUT, type,
                      berth_msg_input_decode(type, bytes, n, &out));
        assert_true(is_same_input(type, &in, &out));
    }
}

static void
bad_input_is_refused(void **state)
{
    static const struct {
        uint8_t type;
        uint8_t len;
        uint8_t bytes[14];
    } rows[] = {
        { BERTH_MSG_TEXT, 6, { 0, 0, 0, 0, 0, 0 } },                  /* no text */
        { BERTH_MSG_TEXT, 7, { 0, 0, 0, 0, 1, 0, '\n' } },            /* a control character */
        { BERTH_MSG_TEXT, 8, { 0, 0, 0, 0, 2, 0, 'a', 0 } },          /* a zero byte */
        { BERTH_MSG_TEXT, 7, { 0, 0, 0, 0, 1, 0, 0xc3 } },            /* half a character */
        { BERTH_MSG_TEXT, 7, { 0, 0, 0, 0, 1, 1, 'a' } },             /* 257 bytes */
        { BERTH_MSG_LOCKS, 5, { 0, 0, 0, 0, 8 } },                    /* a light of nothing */
        { BERTH_MSG_LAYOUT, 8, { 0, 0, 0, 0, 0, 0, 0, 0 } },          /* no layout */
        { BERTH_MSG_LAYOUT, 9, { 0, 0, 0, 0, 0, 1, ';', 0, 0 } },     /* no name */
        { BERTH_MSG_LAYOUT, 9, { 0, 0, 0, 0, 0, 129, 'd', 0, 0 } },   /* too long */
        { BERTH_MSG_TOUCH, 12, { 0, 0, 0, 0, 4 } },                   /* phase */
        { BERTH_MSG_TOUCH, 12, { 0, 0, 0, 0, 0, 10 } },               /* finger */
        { BERTH_MSG_TOUCH, 12, { 0, 0, 0, 0, 0, 0, 16 } },            /* head */
        { BERTH_MSG_TOUCH, 12, { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40 } }, /* place */
        { BERTH_MSG_KEY, 7, { 0, 0, 0, 0, 0, 0, 1 } },                /* key 0 */
        { BERTH_MSG_KEY, 7, { 0, 0, 0, 0, 0, 3, 1 } },                /* key 0x300 */
        { BERTH_MSG_KEY, 7, { 0, 0, 0, 0, 1, 0, 2 } },                /* neither up nor down */
        { BERTH_MSG_POINTER_ABS, 10, { 0, 0, 0, 0, 16 } },            /* head */
        { BERTH_MSG_POINTER_ABS, 10, { 0, 0, 0, 0, 0, 0, 0, 0x40 } },
        { BERTH_MSG_POINTER_ABS, 10, { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff } },
        { BERTH_MSG_BUTTON, 6, { 0, 0, 0, 0, BERTH_N_BUTTONS, 0 } },
        { BERTH_MSG_BUTTON, 6, { 0, 0, 0, 0, 0, 0xff } },
    };

    BerthWriter *writer = *state;
    BerthMsgInput out;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_berth_error(berth_msg_input_decode(rows[i].type, rows[i].bytes, rows[i].len, &out),
                           BERTH_ERR_PROTOCOL);
    }
    memset(&out, 0, sizeof out);
    assert_berth_error(berth_msg_input_decode(BERTH_MSG_LEDS, rows[0].bytes, 1, &out),
                       BERTH_ERR_INVALID);
    assert_berth_error(berth_msg_input_encode(writer, BERTH_MSG_KEY, &out), BERTH_ERR_INVALID);
    assert_berth_error(berth_msg_input_encode(writer, 0, &out), BERTH_ERR_INVALID);
}

static void
leds_and_pointer_mode_come_back(void **state)
{
    BerthWriter *writer = *state;
    uint8_t leds = 0;
    bool is_absolute = false;
    assert_berth_ok(berth_msg_leds_encode(writer, BERTH_LED_CAPS | BERTH_LED_SCROLL));
    check_payload(writer, BERTH_CHANNEL_INPUT, BERTH_MSG_LEDS,
                  berth_msg_leds_decode(bytes, n, &leds));
    assert_int_equal(leds, BERTH_LED_CAPS | BERTH_LED_SCROLL);
    writer->data[0] = 8;
    assert_berth_error(berth_msg_leds_decode(writer->data, 1, &leds), BERTH_ERR_PROTOCOL);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_pointer_mode_encode(writer, true));
    check_payload(writer, BERTH_CHANNEL_INPUT, BERTH_MSG_POINTER_MODE,
                  berth_msg_pointer_mode_decode(bytes, n, &is_absolute));
    assert_true(is_absolute);
    writer->data[0] = 2;
    assert_berth_error(berth_msg_pointer_mode_decode(writer->data, 1, &is_absolute),
                       BERTH_ERR_PROTOCOL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(hello_comes_back),
        T(hello_without_capabilities_comes_back),
        T(unknown_capabilities_are_skipped),
        T(bad_hellos_are_refused),
        T(hello_with_bad_magic_or_versions_is_refused),
        T(auth_comes_back_in_each_kind),
        T(welcome_comes_back_with_any_number_of_heads),
        T(bad_welcomes_are_refused),
        T(ping_comes_back),
        T(bye_comes_back),
        T(bye_text_is_made_fit_for_people),
        T(bad_byes_are_refused),
        T(head_messages_come_back),
        T(bad_head_messages_are_refused),
        T(frame_messages_come_back),
        T(copy_comes_back),
        T(fill_comes_back),
        T(bad_rectangles_are_refused),
        T(empty_lists_and_strange_colours_are_refused),
        T(longest_list_passes_its_row),
        T(cursor_messages_come_back),
        T(bad_cursors_are_refused),
        T(input_messages_come_back),
        T(bad_input_is_refused),
        T(leds_and_pointer_mode_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
