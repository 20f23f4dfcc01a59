/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "display/decode/cursor-decoder.h"
#include "display/encode/cursor-encoder.h"

#include "berth/limits.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    BerthCursorEncoder *encoder;
    BerthCursorDecoder *decoder;
    size_t n_defines;
    size_t n_emitted;
} World;

static int
deliver(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    World *world = user_data;
    BerthCursorEvent event;
    world->n_emitted++;
    world->n_defines += type == BERTH_MSG_CURSOR_DEFINE;
    assert_int_equal(channel, BERTH_CHANNEL_CURSOR);
    assert_berth_ok(berth_cursor_decoder_handle(world->decoder, type, payload, len, &event));
    return BERTH_OK;
}

static int
set_up(void **state)
{
    World *world = calloc(1, sizeof *world);
    world->encoder = berth_cursor_encoder_new(3);
    world->decoder = berth_cursor_decoder_new(3);
    *state = world;
    return 0;
}

static int
tear_down(void **state)
{
    World *world = *state;
    berth_cursor_encoder_free(world->encoder);
    berth_cursor_decoder_free(world->decoder);
    free(world);
    return 0;
}

/* A shape of one colour; shows it and checks what the client shows. */
static void
show(World *world, int width, int height, int hot_x, uint8_t colour)
{
    uint8_t pixels[BERTH_LIMIT_CURSOR_SIDE_PX * 64 * 4];
    size_t size = (size_t)width * (size_t)height * 4;
    memset(pixels, colour, size);
    BerthCursorShape shape = { width, height, hot_x, 0, pixels, size };
    assert_berth_ok(berth_cursor_encoder_show(world->encoder, &shape, deliver, world));
    const BerthCursorImage *image = berth_cursor_decoder_get_image(world->decoder);
    assert_non_null(image);
    assert_int_equal(image->width, width);
    assert_int_equal(image->height, height);
    assert_memory_equal(image->pixels, pixels, size);
}

static void
shape_travels_once(void **state)
{
    World *world = *state;
    show(world, 64, 64, 3, 1);
    show(world, 64, 64, 3, 2);
    assert_int_equal(world->n_emitted, 4);
    show(world, 64, 64, 3, 1);
    assert_int_equal(world->n_emitted, 5);
    assert_int_equal(world->n_defines, 2);
    show(world, 64, 64, 3, 1);
    assert_int_equal(world->n_emitted, 5);
    show(world, 64, 64, 4, 1); /* another hot spot is another shape */
    assert_int_equal(world->n_defines, 3);
}

static void
least_recently_shown_shape_gives_way(void **state)
{
    World *world = *state;
    show(world, 8, 8, 0, 1);
    show(world, 8, 8, 0, 2);
    show(world, 8, 8, 0, 3);
    show(world, 8, 8, 0, 1);
    show(world, 8, 8, 0, 4); /* in the place of 2 */
    assert_int_equal(world->n_defines, 4);
    show(world, 8, 8, 0, 1);
    show(world, 8, 8, 0, 3);
    assert_int_equal(world->n_defines, 4);
    show(world, 8, 8, 0, 2);
    assert_int_equal(world->n_defines, 5);
}

static void
only_place_is_reused_while_shown(void **state)
{
    World *world = *state;
    berth_cursor_encoder_free(world->encoder);
    world->encoder = berth_cursor_encoder_new(1);
    show(world, 8, 8, 0, 1);
    show(world, 9, 8, 0, 2);
    show(world, 8, 8, 0, 1);
    assert_int_equal(world->n_defines, 3);
}

static void
hot_spot_outside_goes_to_the_edge(void **state)
{
    World *world = *state;
    show(world, 10, 10, 99, 1);
    assert_int_equal(berth_cursor_decoder_get_image(world->decoder)->hot_x, 9);
    show(world, 10, 10, -5, 1);
    assert_int_equal(berth_cursor_decoder_get_image(world->decoder)->hot_x, 0);
}

static void
hide_and_move_are_said_once(void **state)
{
    World *world = *state;
    int32_t x;
    int32_t y;
    show(world, 8, 8, 0, 1);
    world->n_emitted = 0;
    assert_berth_ok(berth_cursor_encoder_hide(world->encoder, deliver, world));
    assert_berth_ok(berth_cursor_encoder_hide(world->encoder, deliver, world));
    assert_int_equal(world->n_emitted, 1);
    assert_null(berth_cursor_decoder_get_image(world->decoder));
    show(world, 8, 8, 0, 1);
    assert_int_equal(world->n_emitted, 2);
    assert_berth_ok(berth_cursor_encoder_move(world->encoder, 0, 0, deliver, world));
    assert_berth_ok(berth_cursor_encoder_move(world->encoder, -7, 9, deliver, world));
    assert_berth_ok(berth_cursor_encoder_move(world->encoder, -7, 9, deliver, world));
    assert_int_equal(world->n_emitted, 4);
    berth_cursor_decoder_get_position(world->decoder, &x, &y);
    assert_int_equal(x, -7);
    assert_int_equal(y, 9);
}

static void
wrong_shapes_are_refused_and_emit_nothing(void **state)
{
    World *world = *state;
    static uint8_t pixels[300 * 300 * 4];

    const struct {
        BerthCursorShape shape;
        int expected;
    } cases[] = {
        { { 0, 8, 0, 0, pixels, 0 }, BERTH_ERR_INVALID },
        { { 8, -1, 0, 0, pixels, 32 }, BERTH_ERR_INVALID },
        { { 8, 8, 0, 0, pixels, 255 }, BERTH_ERR_INVALID },
        { { 8, 8, 0, 0, pixels, 257 }, BERTH_ERR_INVALID },
        { { 257, 1, 0, 0, pixels, 257 * 4 }, BERTH_ERR_TOO_LARGE },
        { { 1, 257, 0, 0, pixels, 257 * 4 }, BERTH_ERR_TOO_LARGE },
        { { INT32_MAX, INT32_MAX, 0, 0, pixels, 4 }, BERTH_ERR_TOO_LARGE },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_berth_error(
            berth_cursor_encoder_show(world->encoder, &cases[i].shape, deliver, world),
            cases[i].expected);
    }
    assert_int_equal(world->n_emitted, 0);
    assert_null(berth_cursor_encoder_new(0));
    berth_cursor_encoder_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shape_travels_once),
        TEST(least_recently_shown_shape_gives_way),
        TEST(only_place_is_reused_while_shown),
        TEST(hot_spot_outside_goes_to_the_edge),
        TEST(hide_and_move_are_said_once),
        TEST(wrong_shapes_are_refused_and_emit_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
