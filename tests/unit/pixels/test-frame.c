/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "display/pixels/frame.h"

#include "berth/limits.h"

#include <string.h>

static uint32_t
get_pixel(const BerthFrame *frame, int x, int y)
{
    uint32_t word;
    memcpy(&word, berth_frame_pixel(frame, x, y), sizeof word);
    return word;
}

static void
set_pixel(BerthFrame *frame, int x, int y, uint32_t xrgb)
{
    berth_frame_fill(frame, (BerthRect){ x, y, 1, 1 }, xrgb);
}

/* Every pixel has a colour of its own. */
static BerthFrame *
new_numbered(int width, int height)
{
    BerthFrame *frame = berth_frame_new(width, height);
    assert_non_null(frame);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            set_pixel(frame, x, y, (uint32_t)(y * width + x));
        }
    }
    return frame;
}

static void
new_frame_is_black_and_aligned(void **state)
{
    BerthFrame *frame = berth_frame_new(67, 3);
    assert_int_equal((uintptr_t)frame->data % 64, 0);
    assert_int_equal(frame->stride_bytes % 64, 0);
    assert_true(frame->stride_bytes >= 67 * 4);
    assert_int_equal(get_pixel(frame, 66, 2), 0xff000000u);
    berth_frame_unref(berth_frame_ref(frame));
    assert_int_equal(get_pixel(frame, 0, 0), 0xff000000u);
    berth_frame_unref(frame);
    berth_frame_unref(NULL);
}

static void
sizes_over_the_limits_are_refused(void **state)
{
    const int side = (int)BERTH_LIMIT_HEAD_SIDE_PX;
    assert_true(berth_frame_size_is_allowed(side, 2048));
    assert_false(berth_frame_size_is_allowed(side, 2049));
    assert_false(berth_frame_size_is_allowed(side + 1, 1));
    assert_false(berth_frame_size_is_allowed(1, side + 1));
    assert_false(berth_frame_size_is_allowed(0, 1));
    assert_false(berth_frame_size_is_allowed(1, -1));
    assert_false(berth_frame_size_is_allowed(INT64_MAX, INT64_MAX));
    assert_null(berth_frame_new(side + 1, 1));
    assert_null(berth_frame_new(-1, -1));
}

static void
overlapping_moves_are_as_if_through_a_copy(void **state)
{
    const int step[][2] = { { 0, 3 },  { 0, -3 }, { 3, 0 },   { -3, 0 }, { 2, 2 },
                            { -2, 2 }, { 2, -2 }, { -2, -2 }, { 0, 0 } };
    for (size_t i = 0; i < sizeof step / sizeof step[0]; i++) {
        BerthFrame *frame = new_numbered(20, 20);
        BerthFrame *before = new_numbered(20, 20);
        BerthRect source = { 5, 5, 10, 10 };
        berth_frame_move(frame, source, 5 + step[i][0], 5 + step[i][1]);
        for (int y = 0; y < 20; y++) {
            for (int x = 0; x < 20; x++) {
                int from_x = x - step[i][0];
                int from_y = y - step[i][1];
                bool is_moved = from_x >= 5 && from_x < 15 && from_y >= 5 && from_y < 15;
                assert_int_equal(get_pixel(frame, x, y), is_moved
                                                             ? get_pixel(before, from_x, from_y)
                                                             : get_pixel(before, x, y));
            }
        }
        berth_frame_unref(frame);
        berth_frame_unref(before);
    }
}

static void
copied_rectangle_is_equal_and_nothing_else(void **state)
{
    BerthFrame *src = new_numbered(70, 9);
    BerthFrame *dst = berth_frame_new(70, 9);
    BerthRect rect = { 3, 2, 66, 5 };
    assert_false(berth_frame_rect_equal(dst, src, rect));
    berth_frame_copy_rect(dst, src, rect);
    assert_true(berth_frame_rect_equal(dst, src, rect));
    assert_int_equal(get_pixel(dst, 2, 2), 0xff000000u);
    assert_int_equal(get_pixel(dst, 69, 2), 0xff000000u);
    assert_false(berth_frame_rect_equal(dst, src, berth_frame_get_rect(src)));
    berth_frame_unref(src);
    berth_frame_unref(dst);
}

static void
note_release(void *user_data)
{
    *(bool *)user_data = true;
}

static void
frame_in_foreign_memory_gives_it_back_once(void **state)
{
    static _Alignas(64) uint8_t memory[2 * 128];
    bool is_released = false;
    assert_int_equal(berth_frame_size_bytes(17, 2), sizeof memory);
    assert_null(berth_frame_new_in(memory, 0, 2, note_release, &is_released));
    assert_false(is_released);
    BerthFrame *frame = berth_frame_new_in(memory, 17, 2, note_release, &is_released);
    assert_ptr_equal(frame->data, memory);
    assert_int_equal(frame->stride_bytes, 128);
    assert_int_equal(get_pixel(frame, 16, 1), 0xff000000u);
    berth_frame_unref(berth_frame_ref(frame));
    assert_false(is_released);
    berth_frame_unref(frame);
    assert_true(is_released);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_frame_is_black_and_aligned),
        cmocka_unit_test(sizes_over_the_limits_are_refused),
        cmocka_unit_test(overlapping_moves_are_as_if_through_a_copy),
        cmocka_unit_test(copied_rectangle_is_equal_and_nothing_else),
        cmocka_unit_test(frame_in_foreign_memory_gives_it_back_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
