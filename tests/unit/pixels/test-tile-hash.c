/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guarded.h"

#include "display/pixels/tile-hash.h"

#include <string.h>

static uint8_t key[BERTH_TILE_HASH_KEY_BYTES];

static void
make_key(void)
{
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = random_byte();
    }
}

/* 200 x 100: four columns of tiles, the last 8 wide, and two rows, the last 36 high. */
static BerthFrame *
new_noise(void)
{
    BerthFrame *frame = berth_frame_new(200, 100);
    assert_non_null(frame);
    for (int y = 0; y < 100; y++) {
        uint8_t *row = berth_frame_pixel(frame, 0, y);
        for (int i = 0; i < 800; i++) {
            row[i] = i % 4 == 3 ? 0xff : random_byte();
        }
    }
    return frame;
}

static bool
is_equal(const BerthFrame *a, BerthRect rect_a, const BerthFrame *b, BerthRect rect_b)
{
    return berth_tile_hash_equal(berth_tile_hash(a, rect_a, key), berth_tile_hash(b, rect_b, key));
}

static void
equal_pixels_have_equal_hashes_wherever_they_are(void **state)
{
    make_key();
    BerthFrame *a = new_noise();
    BerthFrame *b = new_noise();
    BerthRect here = { 0, 0, 64, 64 };
    BerthRect there = { 71, 33, 64, 64 };
    assert_false(is_equal(a, here, b, there));
    for (int y = 0; y < 64; y++) {
        memcpy(berth_frame_pixel(b, 71, 33 + y), berth_frame_pixel(a, 0, y), 256);
    }
    assert_true(is_equal(a, here, b, there));
    berth_frame_pixel(b, 71 + 63, 33 + 63)[3] = 0;
    assert_true(is_equal(a, here, b, there));
    berth_frame_pixel(b, 71 + 63, 33 + 63)[2] ^= 1;
    assert_false(is_equal(a, here, b, there));
    berth_frame_unref(a);
    berth_frame_unref(b);
}

static void
size_and_key_count(void **state)
{
    make_key();
    BerthFrame *frame = berth_frame_new(64, 64);
    assert_false(is_equal(frame, (BerthRect){ 0, 0, 8, 2 }, frame, (BerthRect){ 0, 0, 2, 8 }));
    assert_false(is_equal(frame, (BerthRect){ 0, 0, 64, 64 }, frame, (BerthRect){ 0, 0, 64, 63 }));
    BerthTileHash before = berth_tile_hash(frame, (BerthRect){ 0, 0, 64, 64 }, key);
    key[100] ^= 1;
    BerthTileHash after = berth_tile_hash(frame, (BerthRect){ 0, 0, 64, 64 }, key);
    assert_false(berth_tile_hash_equal(before, after));
    berth_frame_unref(frame);
}

static void
every_tile_of_the_set_counts_and_no_other(void **state)
{
    BerthFrame *frame = new_noise();
    const uint8_t set = 0x9a; /* tiles 1, 3, 4, 7 of 8 */
    const int xs[4] = { 64, 192, 0, 192 };
    const int ys[4] = { 0, 0, 64, 64 };
    uint64_t before = berth_tile_hash_picture(frame, &set, 1);
    berth_frame_pixel(frame, 0, 0)[0] ^= 1;
    berth_frame_pixel(frame, 130, 99)[0] ^= 1;
    assert_true(berth_tile_hash_picture(frame, &set, 1) == before);
    for (int i = 0; i < 4; i++) {
        berth_frame_pixel(frame, xs[i] + 7, ys[i] + 35)[1] ^= 0x80;
        assert_false(berth_tile_hash_picture(frame, &set, 1) == before);
        berth_frame_pixel(frame, xs[i] + 7, ys[i] + 35)[1] ^= 0x80;
        berth_frame_pixel(frame, xs[i], ys[i])[3] ^= 0x80;
        assert_true(berth_tile_hash_picture(frame, &set, 1) == before);
    }
    assert_true(berth_tile_hash_picture(frame, (uint8_t[]){ set, 0xff }, 2) == before);
    assert_false(berth_tile_hash_picture(frame, &(uint8_t){ 0x9b }, 1) == before);
    assert_false(berth_tile_hash_picture(frame, &set, 0) == before);
    berth_frame_unref(frame);
}

/* Both ends must agree, whatever they run on: a number that never changes. */
static void
the_answer_is_the_same_everywhere(void **state)
{
    BerthFrame *frame = berth_frame_new(100, 70);
    berth_frame_fill(frame, (BerthRect){ 10, 10, 80, 50 }, 0x336699);
    assert_true(berth_tile_hash_picture(frame, (uint8_t[]){ 0x0f }, 1) == 0x078551b7cc5f446e);
    berth_frame_unref(frame);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_pixels_have_equal_hashes_wherever_they_are),
        cmocka_unit_test(size_and_key_count),
        cmocka_unit_test(every_tile_of_the_set_counts_and_no_other),
        cmocka_unit_test(the_answer_is_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
