/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/decode/photo-batch.h"

#include "berth/errors.h"
#include "display/decode/frame-decoder.h"
#include "display/encode/photo-encoder.h"
#include "display/wire/msg-display.h"
#include "display/wire/msg-photo.h"
#include "display/wire/msg-tiles.h"

#include "testing.h"

#include <glib.h>

#define SIDE 32

static unsigned n_runs, n_parts_run;

/* Backwards, so that no part can count on the one before. */
static void
run_backwards(void *runner, size_t n_parts, void (*func)(size_t part, void *user_data),
              void *user_data)
{
    n_runs++;
    for (size_t i = n_parts; i > 0; i--) {
        n_parts_run++;
        func(i - 1, user_data);
    }
}

/* A photo of one colour. */
static uint8_t *
make_photo(uint32_t xrgb, size_t *ret_len)
{
    BerthFrame *frame = berth_frame_new(SIDE, SIDE);
    BerthPhotoEncoder *encoder = berth_photo_encoder_new();
    BerthRect whole = { 0, 0, SIDE, SIDE };
    uint8_t *data = NULL;

    berth_frame_fill(frame, whole, xrgb);
    assert_berth_ok(berth_photo_encoder_encode(encoder, frame, whole, 90, &data, ret_len));
    berth_photo_encoder_free(encoder);
    berth_frame_unref(frame);
    return data;
}

static void
all_that_wait_are_painted_by_one_run(void **state)
{
    BerthPhotoBatch *batch = berth_photo_batch_new(run_backwards, NULL);
    BerthFrame *canvas = berth_frame_new(SIDE * BERTH_PHOTO_BATCH_SIZE, SIDE);
    size_t len = 0;
    g_autofree uint8_t *data = make_photo(0xffffff, &len);
    uint32_t xrgb = 0;

    n_runs = n_parts_run = 0;
    assert_berth_ok(berth_photo_batch_run(batch, canvas));
    assert_int_equal(n_runs, 0);
    for (int i = 0; i < BERTH_PHOTO_BATCH_SIZE; i++) {
        BerthRect rect = { i * SIDE, 0, SIDE, SIDE };

        assert_false(berth_photo_batch_is_full(batch));
        assert_false(berth_photo_batch_touches(batch, rect));
        assert_berth_ok(berth_photo_batch_add(batch, data, len, rect));
        assert_true(berth_photo_batch_touches(batch, (BerthRect){ rect.x + 5, 5, 1, 1 }));
    }
    assert_true(berth_photo_batch_is_full(batch));
    assert_berth_ok(berth_photo_batch_run(batch, canvas));
    assert_int_equal(n_runs, 1);
    assert_int_equal(n_parts_run, BERTH_PHOTO_BATCH_SIZE);
    assert_true(berth_frame_get_solid(canvas, berth_frame_get_rect(canvas), &xrgb));
    assert_int_equal(xrgb, 0xffffff);
    assert_false(berth_photo_batch_touches(batch, berth_frame_get_rect(canvas)));
    berth_photo_batch_free(batch);
    berth_frame_unref(canvas);
}

static void
one_bad_photo_is_told_and_the_batch_is_empty(void **state)
{
    BerthPhotoBatch *batch = berth_photo_batch_new(run_backwards, NULL);
    BerthFrame *canvas = berth_frame_new(2 * SIDE, SIDE);
    size_t len = 0;
    g_autofree uint8_t *data = make_photo(0x808080, &len);

    assert_berth_ok(berth_photo_batch_add(batch, data, len, (BerthRect){ 0, 0, SIDE, SIDE }));
    assert_berth_ok(
        berth_photo_batch_add(batch, data, len / 2, (BerthRect){ SIDE, 0, SIDE, SIDE }));
    assert_berth_error(berth_photo_batch_run(batch, canvas), BERTH_ERR_CORRUPT);
    assert_false(berth_photo_batch_is_full(batch));
    assert_berth_ok(berth_photo_batch_run(batch, canvas));
    berth_photo_batch_free(batch);
    berth_frame_unref(canvas);
}

/* Two decoders, one after the other and side by side, get the same messages. */
typedef struct {
    BerthFrameDecoder *plain, *batched;
    BerthWriter writer;
    uint32_t n_bytes;
} Twins;

static BerthFrameDecoder *
new_decoder(void)
{
    BerthFrameDecoderCaps caps = { .max_width = 256,
                                   .max_height = 256,
                                   .window_log = 17,
                                   .n_cache_tiles = 4,
                                   .photo_mask = BERTH_PHOTO_BIT(BERTH_PHOTO_JPEG) };

    return berth_frame_decoder_new(&caps);
}

static void
give(Twins *twins, uint8_t type)
{
    BerthDecodedEvent event;

    assert_int_equal(twins->writer.error, BERTH_OK);
    assert_berth_ok(berth_frame_decoder_handle(twins->plain, type, twins->writer.data,
                                               twins->writer.len, &event));
    assert_berth_ok(berth_frame_decoder_handle(twins->batched, type, twins->writer.data,
                                               twins->writer.len, &event));
    twins->n_bytes += (uint32_t)twins->writer.len;
    berth_writer_reset(&twins->writer);
}

static void
give_random(Twins *twins, GRand *random, uint8_t *const *photos, const size_t *lens)
{
    uint16_t x = (uint16_t)g_rand_int_range(random, 0, 256 - SIDE);
    uint16_t y = (uint16_t)g_rand_int_range(random, 0, 256 - SIDE);
    uint16_t to = (uint16_t)g_rand_int_range(random, 0, 256 - SIDE);
    int which = g_rand_int_range(random, 0, 2);
    BerthWireFill fill = { x, y, SIDE / 2, SIDE, g_rand_int(random) & 0xffffff };
    BerthWireCopy copy = { x, y, SIDE, SIDE, to, y };
    BerthMsgPhoto photo = {
        { x, y, SIDE, SIDE }, BERTH_PHOTO_JPEG, 90, photos[which], lens[which]
    };
    BerthWireTile tile = { (uint16_t)g_rand_int_range(random, 0, 16), 1 };

    switch (g_rand_int_range(random, 0, 8)) {
    case 0:
        berth_msg_fill_encode(&twins->writer, &fill, 1);
        give(twins, BERTH_MSG_FILL);
        break;
    case 1:
        berth_msg_copy_encode(&twins->writer, &copy, 1);
        give(twins, BERTH_MSG_COPY);
        break;
    case 2:
        berth_msg_tiles_encode(&twins->writer, &tile, 1);
        give(twins, BERTH_MSG_TILE_STORE);
        berth_msg_tiles_encode(&twins->writer, &(BerthWireTile){ 5, 1 }, 1);
        give(twins, BERTH_MSG_CACHED);
        break;
    default:
        berth_msg_photo_encode(&twins->writer, &photo);
        give(twins, BERTH_MSG_PHOTO);
        break;
    }
}

static void
the_order_of_messages_does_not_show(void **state)
{
    Twins twins = { new_decoder(), new_decoder() };
    GRand *random = g_rand_new_with_seed(20);
    size_t lens[2];
    uint8_t *photos[2] = { make_photo(0xff8000, &lens[0]), make_photo(0x0080ff, &lens[1]) };

    assert_berth_ok(berth_frame_decoder_set_runner(twins.batched, run_backwards, NULL));
    berth_writer_init(&twins.writer, BERTH_LIMIT_MESSAGE_BYTES);
    berth_msg_head_config_encode(&twins.writer, &(BerthMsgHeadConfig){ 0, 256, 256 });
    give(&twins, BERTH_MSG_HEAD_CONFIG);
    n_runs = 0;
    for (uint32_t frame = 1; frame <= 50; frame++) {
        BerthFrame *a = berth_frame_decoder_get_canvas(twins.plain, 0);
        BerthFrame *b = berth_frame_decoder_get_canvas(twins.batched, 0);

        twins.n_bytes = 0;
        berth_msg_frame_begin_encode(&twins.writer, &(BerthMsgFrameBegin){ .frame = frame });
        give(&twins, BERTH_MSG_FRAME_BEGIN);
        for (int i = 0; i < 20; i++) {
            give_random(&twins, random, photos, lens);
        }
        berth_msg_frame_end_encode(&twins.writer,
                                   &(BerthMsgFrameEnd){ .frame = frame, .n_bytes = twins.n_bytes });
        give(&twins, BERTH_MSG_FRAME_END);
        assert_true(berth_frame_rect_equal(a, b, berth_frame_get_rect(a)));
    }
    assert_true(n_runs > 50);
    berth_frame_decoder_free(twins.plain);
    berth_frame_decoder_free(twins.batched);
    berth_writer_clear(&twins.writer);
    g_rand_free(random);
    g_free(photos[0]);
    g_free(photos[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_wait_are_painted_by_one_run),
        cmocka_unit_test(one_bad_photo_is_told_and_the_batch_is_empty),
        cmocka_unit_test(the_order_of_messages_does_not_show),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
