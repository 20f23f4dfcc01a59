/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages of pixels (EXACT, tiles, photos, videos) and of viewers there and back, at every
 * cut, and with the values that must be refused.
 */
#include "message-testing.h"

#include "display/wire/msg-exact.h"
#include "display/wire/msg-notice.h"
#include "display/wire/msg-photo.h"
#include "display/wire/msg-statistics.h"
#include "display/wire/msg-tiles.h"
#include "display/wire/msg-video.h"
#include "display/wire/msg-viewers.h"

/* --- EXACT --- */

static void
exact_comes_back(void **state)
{
    BerthWriter *writer = *state;
    const BerthMsgExact exact = { BERTH_EXACT_GRADIENT, 2, 64 * 64 + 15, NULL, 0 };
    BerthMsgExact out;
    assert_berth_ok(berth_msg_exact_encode_head(writer, &exact));
    for (size_t n = 0; n < writer->len; n++) {
        assert_berth_error(berth_msg_exact_decode(writer->data, n, &out), BERTH_ERR_TRUNCATED);
    }
    assert_berth_error(berth_msg_exact_decode(writer->data, writer->len, &out),
                       BERTH_ERR_TRUNCATED);
    berth_writer_put_bytes(writer, "stream", 6);
    assert_berth_ok(berth_msg_exact_decode(writer->data, writer->len, &out));
    assert_int_equal(out.stream, BERTH_EXACT_GRADIENT);
    assert_true(out.n == 2 && out.area_px == 64 * 64 + 15 && out.data_len == 6);
    assert_memory_equal(out.data, "stream", 6);
}

static void
bad_exact_heads_are_refused(void **state)
{
    static const BerthMsgExact bad[] = {
        { BERTH_N_EXACT_STREAMS, 1, 1, NULL, 0 },
        { 0, 0, 1, NULL, 0 },
        { 0, 2, 1, NULL, 0 },
        { 0, 1, BERTH_LIMIT_HEAD_AREA_PX + 1, NULL, 0 },
    };
    BerthWriter *writer = *state;
    BerthMsgExact out;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_berth_error(berth_msg_exact_encode_head(writer, &bad[i]), BERTH_ERR_INVALID);
        berth_writer_reset(writer);
        berth_writer_put_u8(writer, bad[i].stream);
        berth_writer_put_u16(writer, bad[i].n);
        berth_writer_put_u32(writer, bad[i].area_px);
        berth_writer_put_u8(writer, 0);
        assert_berth_error(berth_msg_exact_decode(writer->data, writer->len, &out),
                           BERTH_ERR_PROTOCOL);
        berth_writer_reset(writer);
    }
}

static void
exact_table_is_in_columns_and_comes_back(void **state)
{
    static const BerthWireRect rects[] = { { 0x0102, 1, 64, 64 }, { 100, 200, 3, 5 } };
    uint8_t table[2 * BERTH_EXACT_TABLE_BYTES];
    BerthWireRect out[2];
    BerthMsgExact exact = { .n = 2 };
    assert_berth_ok(berth_exact_table_encode(rects, 2, table, &exact.area_px));
    assert_int_equal(exact.area_px, 64 * 64 + 15);
    assert_memory_equal(table, "\x02\x01\x64\0\x01\0\xc8\0\x40\0\x03\0\x40\0\x05\0", 16);
    assert_berth_ok(berth_exact_table_decode(&exact, table, out));
    assert_memory_equal(out, rects, sizeof rects);
    exact.area_px++;
    assert_berth_error(berth_exact_table_decode(&exact, table, out), BERTH_ERR_PROTOCOL);
    exact.area_px -= 2;
    assert_berth_error(berth_exact_table_decode(&exact, table, out), BERTH_ERR_PROTOCOL);
}

static void
exact_table_takes_no_bad_rectangle(void **state)
{
    static const BerthWireRect bad[] = {
        { 0, 0, 0, 1 },     { 0, 0, 1, 0 },     { 16384, 0, 1, 1 },     { 0, 16384, 1, 1 },
        { 1, 0, 16384, 1 }, { 0, 16383, 1, 2 }, { 65535, 0, 65535, 1 },
    };
    uint8_t table[BERTH_EXACT_TABLE_BYTES];
    BerthWireRect out;
    uint32_t area_px;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        const BerthMsgExact exact = { .n = 1, .area_px = (uint32_t)bad[i].w * bad[i].h };
        assert_berth_error(berth_exact_table_encode(&bad[i], 1, table, &area_px),
                           BERTH_ERR_INVALID);
        memcpy(table, &bad[i], sizeof table); /* one rectangle: columns are rows */
        assert_berth_error(berth_exact_table_decode(&exact, table, &out), BERTH_ERR_PROTOCOL);
    }
    assert_berth_error(berth_exact_table_encode(bad, 0, table, &area_px), BERTH_ERR_INVALID);
}

static void
exact_area_is_bounded(void **state)
{
    const BerthWireRect rects[3] = { { 0, 0, 16384, 1024 }, { 0, 0, 16384, 1024 }, { 0, 0, 1, 1 } };
    uint8_t table[3 * BERTH_EXACT_TABLE_BYTES];
    uint32_t area_px;
    assert_berth_ok(berth_exact_table_encode(rects, 2, table, &area_px));
    assert_int_equal(area_px, BERTH_LIMIT_HEAD_AREA_PX);
    assert_berth_error(berth_exact_table_encode(rects, 3, table, &area_px), BERTH_ERR_INVALID);
}

/* --- tiles --- */

static void
tiles_come_back(void **state)
{
    static const BerthWireTile items[] = { { 0, BERTH_LIMIT_CACHE_TILES - 1 },
                                           { BERTH_LIMIT_HEAD_TILES - 1, 0 } };
    BerthWriter *writer = *state;
    BerthMsgTiles out;
    assert_berth_ok(berth_msg_tiles_encode(writer, items, 2));
    check_payload(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_CACHED,
                  berth_msg_tiles_decode(bytes, n, &out));
    check_payload(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_TILE_STORE,
                  berth_msg_tiles_decode(bytes, n, &out));
    assert_int_equal(out.n, 2);
    for (unsigned i = 0; i < 2; i++) {
        BerthWireTile got = berth_msg_tiles_get(&out, i);
        assert_memory_equal(&got, &items[i], sizeof got);
    }
}

static void
bad_tiles_are_refused(void **state)
{
    static const BerthWireTile bad[] = { { BERTH_LIMIT_HEAD_TILES, 0 },
                                         { 0, BERTH_LIMIT_CACHE_TILES } };
    BerthWriter *writer = *state;
    BerthMsgTiles out;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_berth_error(berth_msg_tiles_encode(writer, &bad[i], 1), BERTH_ERR_INVALID);
        berth_writer_reset(writer);
        berth_writer_put_u16(writer, 1);
        berth_writer_put_u16(writer, bad[i].tile);
        berth_writer_put_u16(writer, bad[i].slot);
        assert_berth_error(berth_msg_tiles_decode(writer->data, writer->len, &out),
                           BERTH_ERR_PROTOCOL);
        berth_writer_reset(writer);
    }
    assert_berth_error(berth_msg_tiles_encode(writer, bad, 0), BERTH_ERR_INVALID);
    assert_berth_error(berth_msg_tiles_encode(writer, bad, BERTH_LIMIT_HEAD_TILES + 1),
                       BERTH_ERR_INVALID);
    assert_berth_error(berth_msg_tiles_decode((const uint8_t *)"\0\0", 2, &out),
                       BERTH_ERR_PROTOCOL);
}

static void
more_tiles_than_a_head_has_are_refused(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgTiles out;
    berth_writer_put_u16(writer, BERTH_LIMIT_HEAD_TILES + 1);
    for (unsigned i = 0; i <= BERTH_LIMIT_HEAD_TILES; i++) {
        berth_writer_put_u32(writer, 0);
    }
    assert_berth_error(berth_msg_tiles_decode(writer->data, writer->len, &out), BERTH_ERR_PROTOCOL);
}

static void
picture_check_comes_back(void **state)
{
    static const uint8_t bitmap[BERTH_LIMIT_HEAD_TILES / 8 + 1] = { 0x81, 7 };
    BerthWriter *writer = *state;
    BerthMsgPictureCheck out, check = { 15, 77, UINT64_MAX - 1, 2, bitmap };
    assert_berth_ok(berth_msg_picture_check_encode(writer, &check));
    check_payload(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_PICTURE_CHECK,
                  berth_msg_picture_check_decode(bytes, n, &out));
    assert_true(out.head == 15 && out.frame == 77 && out.hash == UINT64_MAX - 1);
    assert_int_equal(out.n_bytes, 2);
    assert_memory_equal(out.bitmap, bitmap, 2);
    writer->data[0] = BERTH_LIMIT_HEADS;
    assert_berth_error(berth_msg_picture_check_decode(writer->data, writer->len, &out),
                       BERTH_ERR_PROTOCOL);
    check.n_bytes = 0;
    assert_berth_error(berth_msg_picture_check_encode(writer, &check), BERTH_ERR_INVALID);
    check.n_bytes = sizeof bitmap;
    assert_berth_error(berth_msg_picture_check_encode(writer, &check), BERTH_ERR_INVALID);
    check.n_bytes = 2;
    check.head = BERTH_LIMIT_HEADS;
    assert_berth_error(berth_msg_picture_check_encode(writer, &check), BERTH_ERR_INVALID);
}

/* --- photos --- */

static void
photo_comes_back(void **state)
{
    BerthWriter *writer = *state;
    const BerthMsgPhoto photo = {
        { 1, 2, 512, 300 }, BERTH_PHOTO_JPEG, 85, (const uint8_t *)"jpeg", 4
    };
    BerthMsgPhoto out;
    assert_berth_ok(berth_msg_photo_encode(writer, &photo));
    assert_int_equal(writer->len, 14);
    for (size_t n = 0; n <= 10; n++) {
        assert_berth_error(berth_msg_photo_decode(writer->data, n, &out), BERTH_ERR_TRUNCATED);
    }
    assert_berth_ok(berth_msg_photo_decode(writer->data, writer->len, &out));
    assert_memory_equal(&out.rect, &photo.rect, sizeof out.rect);
    assert_true(out.codec == BERTH_PHOTO_JPEG && out.quality == 85 && out.data_len == 4);
    assert_memory_equal(out.data, "jpeg", 4);
}

static void
bad_photos_are_refused(void **state)
{
    static const BerthMsgPhoto bad[] = {
        { { 0, 0, 0, 1 }, BERTH_PHOTO_JPEG, 85, (const uint8_t *)"j", 1 },
        { { 0, 0, 16384, 257 }, BERTH_PHOTO_JPEG, 85, (const uint8_t *)"j", 1 },
        { { 16383, 0, 2, 1 }, BERTH_PHOTO_JPEG, 85, (const uint8_t *)"j", 1 },
        { { 0, 0, 1, 1 }, 0, 85, (const uint8_t *)"j", 1 },
        { { 0, 0, 1, 1 }, 2, 85, (const uint8_t *)"j", 1 },
        { { 0, 0, 1, 1 }, BERTH_PHOTO_JPEG, 0, (const uint8_t *)"j", 1 },
        { { 0, 0, 1, 1 }, BERTH_PHOTO_JPEG, 101, (const uint8_t *)"j", 1 },
    };
    BerthWriter *writer = *state;
    BerthMsgPhoto out;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_berth_error(berth_msg_photo_encode(writer, &bad[i]), BERTH_ERR_INVALID);
        berth_writer_reset(writer);
        berth_wire_rect_put(writer, bad[i].rect);
        berth_writer_put_u8(writer, bad[i].codec);
        berth_writer_put_u8(writer, bad[i].quality);
        berth_writer_put_u8(writer, 'j');
        assert_berth_error(berth_msg_photo_decode(writer->data, writer->len, &out),
                           BERTH_ERR_PROTOCOL);
        berth_writer_reset(writer);
    }
}

/* --- videos --- */

static void
video_open_and_close_come_back(void **state)
{
    BerthWriter *writer = *state;
    const BerthMsgVideoOpen open = { 3, BERTH_VIDEO_VP8, 4096, 2304 };
    const BerthMsgVideoClose close = { 3 };
    BerthMsgVideoOpen open_out;
    BerthMsgVideoClose close_out;
    assert_berth_ok(berth_msg_video_open_encode(writer, &open));
    check_payload(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_VIDEO_OPEN,
                  berth_msg_video_open_decode(bytes, n, &open_out));
    assert_memory_equal(&open_out, &open, sizeof open);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_video_close_encode(writer, &close));
    check_payload(writer, BERTH_CHANNEL_DISPLAY, BERTH_MSG_VIDEO_CLOSE,
                  berth_msg_video_close_decode(bytes, n, &close_out));
    assert_int_equal(close_out.stream, 3);
    writer->data[0] = BERTH_LIMIT_VIDEO_STREAMS;
    assert_berth_error(berth_msg_video_close_decode(writer->data, 1, &close_out),
                       BERTH_ERR_PROTOCOL);
}

static void
bad_video_opens_are_refused(void **state)
{
    static const BerthMsgVideoOpen bad[] = {
        { BERTH_LIMIT_VIDEO_STREAMS, BERTH_VIDEO_VP8, 64, 64 },
        { 0, 0, 64, 64 },
        { 0, BERTH_VIDEO_VP8 + 1, 64, 64 },
        { 0, BERTH_VIDEO_VP9_420, 0, 64 },
        { 0, BERTH_VIDEO_VP9_420, 64, 0 },
        { 0, BERTH_VIDEO_VP9_444, 4096, 2305 },
        { 0, BERTH_VIDEO_VP9_444, 16385, 1 },
        { 0, BERTH_VIDEO_VP9_444, 65535, 65535 },
    };
    BerthWriter *writer = *state;
    BerthMsgVideoOpen out;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_berth_error(berth_msg_video_open_encode(writer, &bad[i]), BERTH_ERR_INVALID);
        berth_writer_reset(writer);
        berth_writer_put_u8(writer, bad[i].stream);
        berth_writer_put_u8(writer, bad[i].codec);
        berth_writer_put_u16(writer, bad[i].w);
        berth_writer_put_u16(writer, bad[i].h);
        assert_berth_error(berth_msg_video_open_decode(writer->data, writer->len, &out),
                           BERTH_ERR_PROTOCOL);
        berth_writer_reset(writer);
    }
}

static void
video_comes_back(void **state)
{
    static const BerthWireRect keep[] = { { 10, 20, 30, 40 }, { 16383, 16383, 1, 1 } };
    BerthWriter *writer = *state;
    const BerthMsgVideo video = { 1,    BERTH_VIDEO_KEY,           16383, 5, 2,
                                  NULL, (const uint8_t *)"packet", 6 };
    BerthMsgVideo out;
    assert_berth_ok(berth_msg_video_encode(writer, &video, keep));
    for (size_t n = 0; n <= 8 + sizeof keep; n++) {
        assert_berth_error(berth_msg_video_decode(writer->data, n, &out), BERTH_ERR_TRUNCATED);
    }
    assert_berth_ok(berth_msg_video_decode(writer->data, writer->len, &out));
    assert_true(out.stream == 1 && out.flags == BERTH_VIDEO_KEY && out.x == 16383 && out.y == 5);
    assert_true(out.n_keep == 2 && out.data_len == 6);
    assert_memory_equal(out.data, "packet", 6);
    for (unsigned i = 0; i < 2; i++) {
        BerthWireRect got = berth_msg_video_get_keep(&out, i);
        assert_memory_equal(&got, &keep[i], sizeof got);
    }
}

static void
bad_videos_are_refused(void **state)
{
    static const struct {
        uint8_t stream, flags;
        uint16_t x, n_keep;
        BerthWireRect keep;
    } bad[] = {
        { BERTH_LIMIT_VIDEO_STREAMS, 0, 0, 1, { 0, 0, 1, 1 } },
        { 0, 2, 0, 1, { 0, 0, 1, 1 } },
        { 0, 0, BERTH_LIMIT_HEAD_SIDE_PX, 1, { 0, 0, 1, 1 } },
        { 0, 0, 0, 1, { 0, 0, 0, 1 } },
        { 0, 0, 0, 1, { 1, 0, 16384, 1 } },
    };

    BerthWriter *writer = *state;
    BerthMsgVideo out;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        const BerthMsgVideo video = {
            bad[i].stream, bad[i].flags, bad[i].x, 0, bad[i].n_keep, NULL, (const uint8_t *)"p", 1
        };
        assert_berth_error(berth_msg_video_encode(writer, &video, &bad[i].keep), BERTH_ERR_INVALID);
        berth_writer_reset(writer);
        berth_writer_put_u8(writer, bad[i].stream);
        berth_writer_put_u8(writer, bad[i].flags);
        berth_writer_put_u16(writer, bad[i].x);
        berth_writer_put_u16(writer, 0);
        berth_writer_put_u16(writer, bad[i].n_keep);
        berth_wire_rect_put(writer, bad[i].keep);
        berth_writer_put_u8(writer, 'p');
        assert_berth_error(berth_msg_video_decode(writer->data, writer->len, &out),
                           BERTH_ERR_PROTOCOL);
        berth_writer_reset(writer);
    }
}

static void
a_video_keeps_no_more_rectangles_than_allowed(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgVideo out;
    unsigned n_keep = BERTH_LIMIT_VIDEO_KEEP_RECTS + 1;
    berth_writer_put_u8(writer, 0);
    berth_writer_put_u8(writer, 0);
    berth_writer_put_u32(writer, 0);
    berth_writer_put_u16(writer, (uint16_t)n_keep);
    for (unsigned i = 0; i < n_keep; i++) {
        berth_wire_rect_put(writer, (BerthWireRect){ 0, 0, 1, 1 });
    }
    berth_writer_put_u8(writer, 'p');
    assert_berth_error(berth_msg_video_decode(writer->data, writer->len, &out), BERTH_ERR_PROTOCOL);
}

/* --- viewers --- */

static void
shadow_messages_come_back(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgShadowAsk ask_out, ask = { 7, BERTH_SHADOW_CONTROL, "Zoë (help desk)" };
    BerthMsgShadowAnswer answer_out, answer = { 7, true };
    BerthMsgViewers viewers_out, viewers = { 3, true };
    assert_berth_ok(berth_msg_shadow_ask_encode(writer, &ask));
    check_payload(writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_SHADOW_ASK,
                  berth_msg_shadow_ask_decode(bytes, n, &ask_out));
    assert_memory_equal(&ask_out, &ask, sizeof ask);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_shadow_answer_encode(writer, &answer));
    check_payload(writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_SHADOW_ANSWER,
                  berth_msg_shadow_answer_decode(bytes, n, &answer_out));
    assert_true(answer_out.id == 7 && answer_out.is_allowed);
    writer->data[4] = 2;
    assert_berth_error(berth_msg_shadow_answer_decode(writer->data, writer->len, &answer_out),
                       BERTH_ERR_PROTOCOL);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_viewers_encode(writer, &viewers));
    check_payload(writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_VIEWERS,
                  berth_msg_viewers_decode(bytes, n, &viewers_out));
    assert_true(viewers_out.n_observers == 3 && viewers_out.is_recorded);
    writer->data[2] = 255;
    assert_berth_error(berth_msg_viewers_decode(writer->data, writer->len, &viewers_out),
                       BERTH_ERR_PROTOCOL);
}

static void
statistics_come_back(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgInputTimes times_out, times = { 7, 1, 2, UINT32_MAX };
    BerthMsgHostState state_out, host = { 9000, 5, 33000, 85, 3 };
    assert_berth_ok(berth_msg_input_times_encode(writer, &times));
    check_payload(writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_INPUT_TIMES,
                  berth_msg_input_times_decode(bytes, n, &times_out));
    assert_memory_equal(&times_out, &times, sizeof times);
    berth_writer_reset(writer);
    times.serial = 0;
    assert_berth_error(berth_msg_input_times_encode(writer, &times), BERTH_ERR_INVALID);
    assert_berth_ok(berth_msg_host_state_encode(writer, &host));
    check_payload(writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_HOST_STATE,
                  berth_msg_host_state_decode(bytes, n, &state_out));
    assert_memory_equal(&state_out, &host, sizeof host);
    writer->data[13] = 4; /* there is no such effort */
    assert_berth_error(berth_msg_host_state_decode(writer->data, writer->len, &state_out),
                       BERTH_ERR_PROTOCOL);
    berth_writer_reset(writer);
    host.photo_quality = 0;
    assert_berth_error(berth_msg_host_state_encode(writer, &host), BERTH_ERR_INVALID);
}

static void
a_notice_comes_back_and_says_nothing_bad(void **state)
{
    static const BerthMsgNotice bad[] = {
        { 1, BERTH_RIGHTS_ALL + 1, "text" },
        { 1, 1, "a\nb" },
        { 1, 1, "\xff" },
        { 1, 1, "\x7f" },
    };
    BerthWriter *writer = *state;
    BerthMsgNotice out, notice = { 7, BERTH_RIGHT_INPUT, "Zoë closes at 18:00." };
    assert_berth_ok(berth_msg_notice_encode(writer, &notice));
    check_payload(writer, BERTH_CHANNEL_CONTROL, BERTH_MSG_NOTICE,
                  berth_msg_notice_decode(bytes, n, &out));
    assert_memory_equal(&out, &notice, sizeof notice);
    writer->data[7] = 1; /* a right that nobody knows */
    assert_berth_error(berth_msg_notice_decode(writer->data, writer->len, &out),
                       BERTH_ERR_PROTOCOL);
    berth_writer_reset(writer);
    memset(notice.text, 'x', BERTH_LIMIT_NOTICE_BYTES);
    assert_berth_ok(berth_msg_notice_encode(writer, &notice));
    assert_berth_ok(berth_msg_notice_decode(writer->data, writer->len, &out));
    berth_writer_reset(writer);
    notice.text[0] = '\0';
    assert_berth_ok(berth_msg_notice_encode(writer, &notice));
    assert_berth_ok(berth_msg_notice_decode(writer->data, writer->len, &out));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        berth_writer_reset(writer);
        assert_berth_error(berth_msg_notice_encode(writer, &bad[i]), BERTH_ERR_INVALID);
    }
}

static void
bad_questions_are_refused(void **state)
{
    static const BerthMsgShadowAsk bad[] = {
        { 1, 0, "who" }, { 1, 3, "who" }, { 1, 1, "" }, { 1, 1, "a\nb" }, { 1, 1, "\xff" },
    };
    BerthWriter *writer = *state;
    BerthMsgShadowAsk out;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_berth_error(berth_msg_shadow_ask_encode(writer, &bad[i]), BERTH_ERR_INVALID);
        berth_writer_reset(writer);
        berth_writer_put_u32(writer, 1);
        berth_writer_put_u8(writer, bad[i].mode);
        berth_writer_put_u16(writer, (uint16_t)strlen(bad[i].who));
        berth_writer_put_bytes(writer, bad[i].who, strlen(bad[i].who));
        assert_berth_error(berth_msg_shadow_ask_decode(writer->data, writer->len, &out),
                           BERTH_ERR_PROTOCOL);
        berth_writer_reset(writer);
    }
    berth_writer_put_u32(writer, 1);
    berth_writer_put_u8(writer, BERTH_SHADOW_VIEW);
    berth_writer_put_u16(writer, BERTH_LIMIT_NAME_BYTES + 1);
    for (unsigned i = 0; i <= BERTH_LIMIT_NAME_BYTES; i++) {
        berth_writer_put_u8(writer, 'a');
    }
    assert_berth_error(berth_msg_shadow_ask_decode(writer->data, writer->len, &out),
                       BERTH_ERR_PROTOCOL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(exact_comes_back),
        T(bad_exact_heads_are_refused),
        T(exact_table_is_in_columns_and_comes_back),
        T(exact_table_takes_no_bad_rectangle),
        T(exact_area_is_bounded),
        T(tiles_come_back),
        T(bad_tiles_are_refused),
        T(more_tiles_than_a_head_has_are_refused),
        T(picture_check_comes_back),
        T(photo_comes_back),
        T(bad_photos_are_refused),
        T(video_open_and_close_come_back),
        T(bad_video_opens_are_refused),
        T(video_comes_back),
        T(bad_videos_are_refused),
        T(a_video_keeps_no_more_rectangles_than_allowed),
        T(shadow_messages_come_back),
        T(a_notice_comes_back_and_says_nothing_bad),
        T(statistics_come_back),
        T(bad_questions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
