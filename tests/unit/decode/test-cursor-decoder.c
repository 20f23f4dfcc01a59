/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a hostile session may try.  Good streams are the part of test-cursor-encoder.c.
 */
#include "testing.h"

#include "display/decode/cursor-decoder.h"

#include "base/bytes-writer.h"
#include "berth/limits.h"
#include "berth/protocol.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

typedef struct {
    BerthCursorDecoder *decoder;
    BerthWriter writer;
} World;

static int
set_up(void **state)
{
    World *world = calloc(1, sizeof *world);
    world->decoder = berth_cursor_decoder_new(8);
    berth_writer_init(&world->writer, BERTH_LIMIT_MESSAGE_BYTES);
    *state = world;
    return 0;
}

static int
tear_down(void **state)
{
    World *world = *state;
    berth_cursor_decoder_free(world->decoder);
    berth_writer_clear(&world->writer);
    free(world);
    return 0;
}

typedef struct {
    uint32_t id;
    uint16_t w, h, hot_x, hot_y;
    size_t n_bytes; /* of pixels in the zstd frame */
} Define;

static int
define(World *world, Define d)
{
    uint8_t pixels[1024];
    uint8_t packed[2048];
    BerthCursorEvent event;
    memset(pixels, 0x20, sizeof pixels);
    size_t len = ZSTD_compress(packed, sizeof packed, pixels, d.n_bytes, 1);
    berth_writer_put_u32(&world->writer, d.id);
    berth_writer_put_u16(&world->writer, d.w);
    berth_writer_put_u16(&world->writer, d.h);
    berth_writer_put_u16(&world->writer, d.hot_x);
    berth_writer_put_u16(&world->writer, d.hot_y);
    berth_writer_put_u32(&world->writer, (uint32_t)len);
    berth_writer_put_bytes(&world->writer, packed, len);
    int error = berth_cursor_decoder_handle(world->decoder, BERTH_MSG_CURSOR_DEFINE,
                                            world->writer.data, world->writer.len, &event);
    berth_writer_reset(&world->writer);
    return error;
}

static int
set(World *world, uint32_t id)
{
    BerthCursorEvent event;
    const uint8_t payload[4] = { (uint8_t)id, (uint8_t)(id >> 8), (uint8_t)(id >> 16),
                                 (uint8_t)(id >> 24) };
    return berth_cursor_decoder_handle(world->decoder, BERTH_MSG_CURSOR_SET, payload, 4, &event);
}

static void
hostile_shapes_are_refused(void **state)
{
    static const Define defines[] = {
        { 8, 4, 4, 0, 0, 64 }, /* id not offered */
        { UINT32_MAX, 4, 4, 0, 0, 64 }, { 0, 0, 4, 0, 0, 0 },
        { 0, 257, 1, 0, 0, 1024 },      { 0, 65535, 65535, 0, 0, 1024 },
        { 0, 4, 4, 4, 0, 64 },          { 0, 4, 4, 0, 4, 64 },
        { 0, 4, 4, 0, 0, 63 },          { 0, 4, 4, 0, 0, 65 },
        { 0, 4, 4, 0, 0, 1024 },        { 0, 4, 4, 0, 0, 0 },
    };
    for (size_t i = 0; i < sizeof defines / sizeof defines[0]; i++) {
        World *world = *state;
        assert_true(define(world, defines[i]) != BERTH_OK);
        assert_null(berth_cursor_decoder_get_image(world->decoder));
        assert_true(set(world, 0) != BERTH_OK);
        tear_down(state);
        set_up(state);
    }
}

static void
unknown_shape_is_not_found(void **state)
{
    World *world = *state;
    assert_berth_error(set(world, 0), BERTH_ERR_NOT_FOUND);
    assert_berth_error(define(world, (Define){ 0, 4, 4, 0, 0, 64 }), BERTH_ERR_NOT_FOUND);
    tear_down(state);
    set_up(state);
    world = *state;
    assert_berth_error(set(world, UINT32_MAX), BERTH_ERR_NOT_FOUND);
}

static void
redefined_shape_that_is_shown_is_an_event(void **state)
{
    World *world = *state;
    assert_berth_ok(define(world, (Define){ 7, 4, 4, 1, 2, 64 }));
    assert_berth_ok(set(world, 7));
    const BerthCursorImage *image = berth_cursor_decoder_get_image(world->decoder);
    uint64_t generation = image->generation;
    assert_int_equal(image->hot_x, 1);
    assert_int_equal(image->hot_y, 2);
    assert_berth_ok(define(world, (Define){ 7, 2, 8, 0, 0, 64 }));
    image = berth_cursor_decoder_get_image(world->decoder);
    assert_int_equal(image->width, 2);
    assert_true(image->generation != generation);
}

static void
hide_has_no_payload_and_types_are_known(void **state)
{
    World *world = *state;
    BerthCursorEvent event;
    uint8_t byte = 0;
    assert_berth_ok(
        berth_cursor_decoder_handle(world->decoder, BERTH_MSG_CURSOR_HIDE, NULL, 0, &event));
    assert_int_equal(event, BERTH_CURSOR_SHAPE);
    assert_berth_error(
        berth_cursor_decoder_handle(world->decoder, BERTH_MSG_CURSOR_HIDE, &byte, 1, &event),
        BERTH_ERR_TRAILING);
    tear_down(state);
    set_up(state);
    world = *state;
    assert_berth_error(berth_cursor_decoder_handle(world->decoder, 99, NULL, 0, &event),
                       BERTH_ERR_UNSUPPORTED);
    assert_null(berth_cursor_decoder_new(0));
    assert_null(berth_cursor_decoder_new(BERTH_LIMIT_CURSOR_SHAPES + 1));
    berth_cursor_decoder_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hostile_shapes_are_refused),
        TEST(unknown_shape_is_not_found),
        TEST(redefined_shape_that_is_shown_is_an_event),
        TEST(hide_has_no_payload_and_types_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
