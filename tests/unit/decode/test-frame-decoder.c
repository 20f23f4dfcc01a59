/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a hostile session may try.  Good streams are the part of the property test.
 */
#include "testing.h"

#include "display/decode/frame-decoder.h"
#include "display/pixels/tile-hash.h"
#include "display/wire/msg-exact.h"
#include "display/wire/msg-photo.h"
#include "display/wire/msg-tiles.h"
#include "display/wire/msg-video.h"

#include "berth/limits.h"

#include <string.h>
#include <zstd.h>

#define W 100
#define H 80

typedef struct {
    BerthFrameDecoder *decoder;
    BerthWriter writer;
    ZSTD_CCtx *stream;
    size_t frame_bytes;
} World;

static BerthFrameDecoder *
new_decoder(int max_width, int max_height, int window_log)
{
    BerthFrameDecoderCaps caps = { .max_width = max_width,
                                   .max_height = max_height,
                                   .window_log = window_log,
                                   .n_cache_tiles = 4,
                                   .photo_mask = BERTH_PHOTO_BIT(BERTH_PHOTO_JPEG),
                                   .video_mask = BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_420) };
    return berth_frame_decoder_new(&caps);
}

static int
set_up(void **state)
{
    World *world = calloc(1, sizeof *world);
    world->decoder = new_decoder(1000, 1000, 17);
    world->stream = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(world->stream, ZSTD_c_windowLog, 17);
    berth_writer_init(&world->writer, BERTH_LIMIT_MESSAGE_BYTES);
    *state = world;
    return 0;
}

static int
tear_down(void **state)
{
    World *world = *state;
    berth_frame_decoder_free(world->decoder);
    ZSTD_freeCCtx(world->stream);
    berth_writer_clear(&world->writer);
    free(world);
    return 0;
}

/* Gives what the writer holds to the decoder. */
static int
handle(World *world, uint8_t type, BerthDecodedEvent *ret_event)
{
    BerthDecodedEvent event;
    int error = berth_frame_decoder_handle(world->decoder, type, world->writer.data,
                                           world->writer.len, ret_event ? ret_event : &event);
    world->frame_bytes += world->writer.len;
    berth_writer_reset(&world->writer);
    return error;
}

static int
head_config(World *world, uint16_t head, uint16_t w, uint16_t h)
{
    berth_writer_put_u16(&world->writer, head);
    berth_writer_put_u16(&world->writer, w);
    berth_writer_put_u16(&world->writer, h);
    return handle(world, BERTH_MSG_HEAD_CONFIG, NULL);
}

static int
frame_begin(World *world, uint16_t head)
{
    BerthMsgFrameBegin begin = { .frame = 9, .head = head, .input_serial = 4, .capture_us = 5 };
    assert_berth_ok(berth_msg_frame_begin_encode(&world->writer, &begin));
    world->frame_bytes = 0;
    return handle(world, BERTH_MSG_FRAME_BEGIN, NULL);
}

static int
frame_end(World *world, uint32_t frame, uint32_t n_bytes, BerthDecodedEvent *ret_event)
{
    BerthMsgFrameEnd end = { frame, n_bytes, 6, true };
    assert_berth_ok(berth_msg_frame_end_encode(&world->writer, &end));
    return handle(world, BERTH_MSG_FRAME_END, ret_event);
}

/* A configured head and an open frame. */
static void
open_frame(World *world)
{
    assert_berth_ok(head_config(world, 0, W, H));
    assert_berth_ok(frame_begin(world, 0));
}

/* An EXACT of one rectangle, with n_bytes pixel bytes of 0x40 and the given end. */
static int
exact(World *world, BerthWireRect rect, size_t n_bytes, ZSTD_EndDirective end)
{
    uint8_t data[BERTH_EXACT_TABLE_BYTES + W * H * 3 + 8];
    uint8_t packed[2048];
    BerthMsgExact message = { .stream = BERTH_EXACT_PLAIN, .n = 1 };
    assert_true(BERTH_EXACT_TABLE_BYTES + n_bytes <= sizeof data);
    assert_berth_ok(berth_exact_table_encode(&rect, 1, data, &message.area_px));
    memset(data + BERTH_EXACT_TABLE_BYTES, 0x40, n_bytes);
    ZSTD_inBuffer input = { data, BERTH_EXACT_TABLE_BYTES + n_bytes, 0 };
    ZSTD_outBuffer output = { packed, sizeof packed, 0 };
    assert_int_equal(ZSTD_compressStream2(world->stream, &output, &input, end), 0);
    assert_berth_ok(berth_msg_exact_encode_head(&world->writer, &message));
    berth_writer_put_bytes(&world->writer, packed, output.pos);
    return handle(world, BERTH_MSG_EXACT, NULL);
}

static int
fill(World *world, BerthWireFill item)
{
    berth_writer_put_u16(&world->writer, 1);
    berth_writer_put_u16(&world->writer, item.x);
    berth_writer_put_u16(&world->writer, item.y);
    berth_writer_put_u16(&world->writer, item.w);
    berth_writer_put_u16(&world->writer, item.h);
    berth_writer_put_u32(&world->writer, item.xrgb);
    return handle(world, BERTH_MSG_FILL, NULL);
}

static void
put_copy(World *world, BerthWireCopy item)
{
    berth_writer_put_u16(&world->writer, item.sx);
    berth_writer_put_u16(&world->writer, item.sy);
    berth_writer_put_u16(&world->writer, item.w);
    berth_writer_put_u16(&world->writer, item.h);
    berth_writer_put_u16(&world->writer, item.dx);
    berth_writer_put_u16(&world->writer, item.dy);
}

static uint32_t
get_pixel(World *world, int x, int y)
{
    uint32_t word;
    memcpy(&word, berth_frame_pixel(berth_frame_decoder_get_canvas(world->decoder, 0), x, y), 4);
    return word & 0xffffff;
}

static void
finished_frame_tells_what_changed(void **state)
{
    World *world = *state;
    BerthDecodedEvent event;
    open_frame(world);
    assert_true(berth_frame_decoder_is_in_frame(world->decoder));
    assert_berth_ok(fill(world, (BerthWireFill){ 1, 2, 3, 4, 0x112233 }));
    assert_berth_ok(exact(world, (BerthWireRect){ 50, 60, 2, 2 }, 12, ZSTD_e_flush));
    assert_berth_ok(frame_end(world, 9, (uint32_t)world->frame_bytes, &event));
    assert_int_equal(event.kind, BERTH_DECODED_FRAME);
    assert_int_equal(event.frame_id, 9);
    assert_int_equal(event.input_serial, 4);
    assert_int_equal(event.capture_us, 5);
    assert_int_equal(event.encode_us, 6);
    assert_int_equal(event.n_rects, 2);
    assert_int_equal(get_pixel(world, 3, 5), 0x112233);
    assert_int_equal(get_pixel(world, 51, 61), 0x404040);
    assert_int_equal(get_pixel(world, 52, 61), 0);
    assert_false(berth_frame_decoder_is_in_frame(world->decoder));
}

static void
copies_of_a_message_happen_at_once(void **state)
{
    World *world = *state;
    open_frame(world);
    assert_berth_ok(fill(world, (BerthWireFill){ 0, 0, 10, 10, 0xaa0000 }));
    assert_berth_ok(fill(world, (BerthWireFill){ 10, 0, 10, 10, 0x00bb00 }));
    berth_writer_put_u16(&world->writer, 2);
    put_copy(world, (BerthWireCopy){ 0, 0, 10, 10, 10, 0 });
    put_copy(world, (BerthWireCopy){ 10, 0, 10, 10, 0, 0 });
    assert_berth_ok(handle(world, BERTH_MSG_COPY, NULL));
    assert_int_equal(get_pixel(world, 5, 5), 0x00bb00);
    assert_int_equal(get_pixel(world, 15, 5), 0xaa0000);
}

static void
rectangles_outside_are_refused(void **state)
{
    static const BerthWireRect rects[] = {
        { W, 0, 1, 1 }, { 0, H, 1, 1 }, { W - 1, 0, 2, 1 }, { 0, H - 1, 1, 2 }, { 0, 0, W + 1, 1 },
    };
    for (size_t i = 0; i < sizeof rects / sizeof rects[0]; i++) {
        BerthWireRect r = rects[i];
        World *world = *state;
        open_frame(world);
        assert_berth_error(fill(world, (BerthWireFill){ r.x, r.y, r.w, r.h, 1 }),
                           BERTH_ERR_INVALID);
        tear_down(state);
        set_up(state);
        world = *state;
        open_frame(world);
        assert_berth_error(exact(world, r, (size_t)r.w * r.h * 3, ZSTD_e_flush), BERTH_ERR_INVALID);
        tear_down(state);
        set_up(state);
        world = *state;
        open_frame(world);
        berth_writer_put_u16(&world->writer, 1);
        put_copy(world, (BerthWireCopy){ r.x, r.y, r.w, r.h, 0, 0 });
        assert_berth_error(handle(world, BERTH_MSG_COPY, NULL), BERTH_ERR_INVALID);
        tear_down(state);
        set_up(state);
        world = *state;
        open_frame(world);
        berth_writer_put_u16(&world->writer, 1);
        put_copy(world, (BerthWireCopy){ 0, 0, r.w, r.h, r.x, r.y });
        assert_berth_error(handle(world, BERTH_MSG_COPY, NULL), BERTH_ERR_INVALID);
        tear_down(state);
        set_up(state);
    }
}

static void
copies_over_the_size_of_the_picture_are_refused(void **state)
{
    World *world = *state;
    open_frame(world);
    berth_writer_put_u16(&world->writer, 2);
    put_copy(world, (BerthWireCopy){ 0, 0, W, H, 0, 0 });
    put_copy(world, (BerthWireCopy){ 0, 0, 1, 1, 0, 0 });
    assert_berth_error(handle(world, BERTH_MSG_COPY, NULL), BERTH_ERR_TOO_LARGE);
}

/* A message of half a megabyte must not paint for hours. */
static void
fills_over_the_size_of_the_picture_are_refused(void **state)
{
    World *world = *state;
    const unsigned n = 3;
    open_frame(world);
    berth_writer_put_u16(&world->writer, (uint16_t)n);
    for (unsigned i = 0; i < n; i++) {
        berth_writer_put_u16(&world->writer, 0);
        berth_writer_put_u16(&world->writer, 0);
        berth_writer_put_u16(&world->writer, W);
        berth_writer_put_u16(&world->writer, H / 2);
        berth_writer_put_u32(&world->writer, 0x112233);
    }
    assert_berth_error(handle(world, BERTH_MSG_FILL, NULL), BERTH_ERR_TOO_LARGE);
}

static void
too_few_pixels_are_refused(void **state)
{
    World *world = *state;
    open_frame(world);
    assert_berth_error(exact(world, (BerthWireRect){ 0, 0, 10, 10 }, 299, ZSTD_e_flush),
                       BERTH_ERR_CORRUPT);
}

static void
too_many_pixels_are_refused(void **state)
{
    World *world = *state;
    open_frame(world);
    assert_berth_error(exact(world, (BerthWireRect){ 0, 0, 10, 10 }, 301, ZSTD_e_flush),
                       BERTH_ERR_CORRUPT);
}

static void
end_of_the_zstd_frame_is_refused(void **state)
{
    World *world = *state;
    open_frame(world);
    assert_berth_error(exact(world, (BerthWireRect){ 0, 0, 10, 10 }, 300, ZSTD_e_end),
                       BERTH_ERR_CORRUPT);
}

static void
window_over_the_offer_is_refused(void **state)
{
    World *world = *state;
    ZSTD_CCtx_setParameter(world->stream, ZSTD_c_windowLog, 18);
    open_frame(world);
    assert_berth_error(exact(world, (BerthWireRect){ 0, 0, 10, 10 }, 300, ZSTD_e_flush),
                       BERTH_ERR_CORRUPT);
}

static void
first_error_is_sticky(void **state)
{
    World *world = *state;
    open_frame(world);
    assert_berth_error(exact(world, (BerthWireRect){ 0, 0, 10, 10 }, 1, ZSTD_e_flush),
                       BERTH_ERR_CORRUPT);
    assert_berth_error(fill(world, (BerthWireFill){ 0, 0, 1, 1, 1 }), BERTH_ERR_CORRUPT);
    assert_berth_error(head_config(world, 0, W, H), BERTH_ERR_CORRUPT);
}

static void
wrong_order_is_refused(void **state)
{
    World *world = *state;
    assert_berth_error(frame_begin(world, 0), BERTH_ERR_STATE);
    tear_down(state);
    set_up(state);
    world = *state;
    assert_berth_ok(head_config(world, 0, W, H));
    assert_berth_error(fill(world, (BerthWireFill){ 0, 0, 1, 1, 1 }), BERTH_ERR_STATE);
    tear_down(state);
    set_up(state);
    world = *state;
    open_frame(world);
    assert_berth_error(frame_begin(world, 0), BERTH_ERR_STATE);
    tear_down(state);
    set_up(state);
    world = *state;
    open_frame(world);
    assert_berth_error(head_config(world, 0, W, H), BERTH_ERR_STATE);
    tear_down(state);
    set_up(state);
    world = *state;
    assert_berth_error(handle(world, BERTH_MSG_FRAME_ACK, NULL), BERTH_ERR_UNSUPPORTED);
}

static void
frame_end_must_fit_the_frame(void **state)
{
    World *world = *state;
    open_frame(world);
    assert_berth_error(frame_end(world, 8, (uint32_t)world->frame_bytes, NULL), BERTH_ERR_PROTOCOL);
    tear_down(state);
    set_up(state);
    world = *state;
    open_frame(world);
    assert_berth_error(frame_end(world, 9, (uint32_t)world->frame_bytes + 1, NULL),
                       BERTH_ERR_PROTOCOL);
}

static void
heads_over_the_limits_are_refused(void **state)
{
    World *world = *state;
    assert_true(head_config(world, 0, 1001, 10) != BERTH_OK);
    tear_down(state);
    set_up(state);
    world = *state;
    assert_true(head_config(world, BERTH_LIMIT_HEADS, 10, 10) != BERTH_OK);
    tear_down(state);
    set_up(state);
    world = *state;
    assert_true(head_config(world, 0, 0, 10) != BERTH_OK);
    berth_frame_decoder_free(world->decoder);
    /* Each head is allowed, both together are over the limit of a session. */
    world->decoder = new_decoder(16384, 16384, 17);
    assert_berth_ok(head_config(world, 0, 16384, 1));
    assert_berth_error(head_config(world, 1, 16384, 2048), BERTH_ERR_TOO_LARGE);
    assert_null(new_decoder(0, 10, 17));
    assert_null(new_decoder(10, 16385, 17));
    assert_null(new_decoder(10, 10, 9));
    assert_null(new_decoder(10, 10, 24));
    berth_frame_decoder_free(NULL);
}

static void
reconfigured_head_is_a_new_black_canvas(void **state)
{
    World *world = *state;
    open_frame(world);
    assert_berth_ok(fill(world, (BerthWireFill){ 0, 0, W, H, 0xffffff }));
    assert_berth_ok(frame_end(world, 9, (uint32_t)world->frame_bytes, NULL));
    BerthFrame *old = berth_frame_ref(berth_frame_decoder_get_canvas(world->decoder, 0));
    assert_berth_ok(head_config(world, 0, W, H));
    assert_int_equal(get_pixel(world, 0, 0), 0);
    assert_int_equal(berth_frame_pixel(old, 0, 0)[0], 0xff);
    berth_frame_unref(old);
    assert_null(berth_frame_decoder_get_canvas(world->decoder, 1));
    assert_null(berth_frame_decoder_get_canvas(world->decoder, BERTH_LIMIT_HEADS));
}

static int
tiles(World *world, uint8_t type, uint16_t tile, uint16_t slot)
{
    BerthWireTile item = { tile, slot };
    assert_berth_ok(berth_msg_tiles_encode(&world->writer, &item, 1));
    return handle(world, type, NULL);
}

/* The head has 2 x 2 tiles of four sizes. */
static void
tiles_are_drawn_only_where_they_fit(void **state)
{
    World *world = *state;
    open_frame(world);
    assert_berth_ok(tiles(world, BERTH_MSG_TILE_STORE, 3, 1));
    assert_berth_ok(tiles(world, BERTH_MSG_CACHED, 3, 1));
    assert_berth_error(tiles(world, BERTH_MSG_CACHED, 0, 1), BERTH_ERR_INVALID);
}

static void
tile_that_was_never_kept_is_refused(void **state)
{
    World *world = *state;
    open_frame(world);
    assert_berth_error(tiles(world, BERTH_MSG_CACHED, 0, 2), BERTH_ERR_INVALID);
}

static void
tile_outside_of_the_head_is_refused(void **state)
{
    World *world = *state;
    open_frame(world);
    assert_berth_error(tiles(world, BERTH_MSG_TILE_STORE, 4, 0), BERTH_ERR_INVALID);
}

static void
slot_that_was_not_offered_is_refused(void **state)
{
    World *world = *state;
    open_frame(world);
    assert_berth_error(tiles(world, BERTH_MSG_TILE_STORE, 0, 4), BERTH_ERR_INVALID);
}

static void
more_tiles_than_the_head_has_are_refused(void **state)
{
    World *world = *state;
    BerthWireTile items[5] = { { 0, 0 } };
    open_frame(world);
    assert_berth_ok(berth_msg_tiles_encode(&world->writer, items, 5));
    assert_berth_error(handle(world, BERTH_MSG_TILE_STORE, NULL), BERTH_ERR_TOO_LARGE);
}

static void
streams_that_were_not_offered_are_refused(void **state)
{
    World *world = *state;
    BerthMsgExact message = { .stream = BERTH_EXACT_GRADIENT, .n = 1, .area_px = 1 };
    open_frame(world);
    assert_berth_ok(berth_msg_exact_encode_head(&world->writer, &message));
    berth_writer_put_u8(&world->writer, 0);
    assert_berth_error(handle(world, BERTH_MSG_EXACT, NULL), BERTH_ERR_UNSUPPORTED);
}

static int
video_open(World *world, uint8_t codec, uint16_t w, uint16_t h)
{
    BerthMsgVideoOpen message = { 1, codec, w, h };
    assert_berth_ok(berth_msg_video_open_encode(&world->writer, &message));
    return handle(world, BERTH_MSG_VIDEO_OPEN, NULL);
}

static void
video_codec_that_was_not_offered_is_refused(void **state)
{
    World *world = *state;
    open_frame(world);
    assert_berth_error(video_open(world, BERTH_VIDEO_VP8, 32, 32), BERTH_ERR_UNSUPPORTED);
}

static void
video_is_opened_once(void **state)
{
    World *world = *state;
    open_frame(world);
    assert_berth_ok(video_open(world, BERTH_VIDEO_VP9_420, 32, 32));
    assert_berth_error(video_open(world, BERTH_VIDEO_VP9_420, 32, 32), BERTH_ERR_STATE);
}

static void
video_that_is_not_open_is_refused(void **state)
{
    World *world = *state;
    uint8_t data[4] = { 0 };
    BerthMsgVideo message = { .stream = 1, .data = data, .data_len = sizeof data };
    open_frame(world);
    assert_berth_ok(berth_msg_video_encode(&world->writer, &message, NULL));
    assert_berth_error(handle(world, BERTH_MSG_VIDEO, NULL), BERTH_ERR_STATE);
}

static void
photo_outside_of_the_head_is_refused(void **state)
{
    World *world = *state;
    uint8_t data[4] = { 0xff, 0xd8, 0xff, 0xd9 };
    BerthMsgPhoto message = { .rect = { W - 5, 0, 10, 10 },
                              .codec = BERTH_PHOTO_JPEG,
                              .quality = 80,
                              .data = data,
                              .data_len = sizeof data };
    open_frame(world);
    assert_berth_ok(berth_msg_photo_encode(&world->writer, &message));
    assert_berth_error(handle(world, BERTH_MSG_PHOTO, NULL), BERTH_ERR_INVALID);
}

static int
picture_check(World *world, uint32_t frame, uint64_t wrong_by, BerthDecodedEvent *ret_event)
{
    uint8_t bitmap = 0x9;
    BerthMsgPictureCheck check = { .frame = frame, .n_bytes = 1, .bitmap = &bitmap };
    check.hash =
        berth_tile_hash_picture(berth_frame_decoder_get_canvas(world->decoder, 0), &bitmap, 1) +
        wrong_by;
    assert_berth_ok(berth_msg_picture_check_encode(&world->writer, &check));
    return handle(world, BERTH_MSG_PICTURE_CHECK, ret_event);
}

static void
picture_check_tells_what_is_wrong(void **state)
{
    World *world = *state;
    BerthDecodedEvent event;
    assert_berth_ok(head_config(world, 0, W, H));
    assert_berth_ok(picture_check(world, 0, 0, &event));
    assert_int_equal(event.kind, BERTH_DECODED_NOTHING);
    assert_berth_ok(picture_check(world, 0, 1, &event));
    assert_int_equal(event.kind, BERTH_DECODED_WRONG);
    assert_int_equal(event.head, 0);
    assert_berth_error(picture_check(world, 5, 0, &event), BERTH_ERR_PROTOCOL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finished_frame_tells_what_changed),
        TEST(copies_of_a_message_happen_at_once),
        TEST(rectangles_outside_are_refused),
        TEST(copies_over_the_size_of_the_picture_are_refused),
        TEST(fills_over_the_size_of_the_picture_are_refused),
        TEST(too_few_pixels_are_refused),
        TEST(too_many_pixels_are_refused),
        TEST(end_of_the_zstd_frame_is_refused),
        TEST(window_over_the_offer_is_refused),
        TEST(tiles_are_drawn_only_where_they_fit),
        TEST(tile_that_was_never_kept_is_refused),
        TEST(tile_outside_of_the_head_is_refused),
        TEST(slot_that_was_not_offered_is_refused),
        TEST(more_tiles_than_the_head_has_are_refused),
        TEST(streams_that_were_not_offered_are_refused),
        TEST(video_codec_that_was_not_offered_is_refused),
        TEST(video_is_opened_once),
        TEST(video_that_is_not_open_is_refused),
        TEST(photo_outside_of_the_head_is_refused),
        TEST(picture_check_tells_what_is_wrong),
        TEST(first_error_is_sticky),
        TEST(wrong_order_is_refused),
        TEST(frame_end_must_fit_the_frame),
        TEST(heads_over_the_limits_are_refused),
        TEST(reconfigured_head_is_a_new_black_canvas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
