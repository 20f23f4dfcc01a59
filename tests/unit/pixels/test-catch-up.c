/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/pixels/catch-up.h"

#include "testing.h"

#include <glib.h>
#include <string.h>

#define WIDTH 200 /* three tiles and a part of one */
#define HEIGHT 130
#define N_RUNS 500
#define OLD 0x112233u
#define NEW 0x445566u

static BerthFrame *
new_frame(uint32_t xrgb)
{
    BerthFrame *frame = berth_frame_new(WIDTH, HEIGHT);

    assert_non_null(frame);
    berth_frame_fill(frame, berth_frame_get_rect(frame), xrgb);
    return frame;
}

static BerthRegion
region_of(BerthRect rect)
{
    BerthRegion region;

    berth_region_init(&region, 4);
    berth_region_add(&region, rect);
    return region;
}

static void
assert_colour(const BerthFrame *frame, BerthRect rect, uint32_t expected)
{
    uint32_t xrgb;

    assert_true(berth_frame_get_solid(frame, rect, &xrgb));
    assert_int_equal(xrgb, expected);
}

static void
what_is_written_whole_is_not_copied(void **state)
{
    BerthFrame *target = new_frame(OLD), *source = new_frame(NEW);
    BerthRegion missed = region_of(berth_frame_get_rect(target));
    BerthCatchUp catch_up = { 0 };

    berth_catch_up_begin(&catch_up, target, source, &missed);
    assert_int_equal(catch_up.n_owed, 12);
    berth_catch_up_write(&catch_up, (BerthRect){ 0, 0, 128, 64 });
    assert_int_equal(catch_up.n_owed, 10);
    assert_colour(target, (BerthRect){ 0, 0, 128, 64 }, OLD);
    /* The cropped one at the corner is whole, too. */
    berth_catch_up_write(&catch_up, (BerthRect){ 192, 128, 8, 2 });
    assert_int_equal(catch_up.n_owed, 9);
    assert_colour(target, (BerthRect){ 192, 128, 8, 2 }, OLD);
    berth_catch_up_finish(&catch_up);
    assert_colour(target, (BerthRect){ 0, 0, 128, 64 }, OLD);
    assert_colour(target, (BerthRect){ 128, 0, 72, 128 }, NEW);
    berth_frame_unref(target);
    berth_frame_unref(source);
}

static void
what_is_written_in_part_or_read_is_copied_first(void **state)
{
    BerthFrame *target = new_frame(OLD), *source = new_frame(NEW);
    BerthRegion missed = region_of((BerthRect){ 10, 10, 60, 60 });
    BerthCatchUp catch_up = { 0 };

    berth_catch_up_begin(&catch_up, target, source, &missed);
    assert_int_equal(catch_up.n_owed, 4);
    berth_catch_up_write(&catch_up, (BerthRect){ 0, 0, 64, 63 });
    assert_colour(target, (BerthRect){ 0, 0, 64, 64 }, NEW);
    berth_catch_up_read(&catch_up, (BerthRect){ 100, 70, 1, 1 });
    assert_colour(target, (BerthRect){ 64, 64, 64, 64 }, NEW);
    assert_int_equal(catch_up.n_owed, 2);
    assert_colour(target, (BerthRect){ 64, 0, 64, 64 }, OLD);
    berth_catch_up_clear(&catch_up);
    assert_colour(target, (BerthRect){ 64, 0, 64, 64 }, OLD);
    berth_frame_unref(target);
    berth_frame_unref(source);
}

static void
without_a_beginning_nothing_happens(void **state)
{
    BerthCatchUp catch_up = { 0 };

    berth_catch_up_write(&catch_up, (BerthRect){ 0, 0, 9, 9 });
    berth_catch_up_read(&catch_up, (BerthRect){ 0, 0, 9, 9 });
    berth_catch_up_finish(&catch_up);
    assert_null(catch_up.target);
}

static void
the_largest_pictures_fit(void **state)
{
    static const int sizes[][2] = {
        { 16384, 2048 }, { 2048, 16384 }, { 5792, 5793 }, { 16384, 1 }
    };

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        BerthFrame *frame = berth_frame_new(sizes[i][0], sizes[i][1]);
        BerthRegion missed;
        BerthCatchUp catch_up = { 0 };

        assert_non_null(frame);
        missed = region_of(berth_frame_get_rect(frame));
        berth_catch_up_begin(&catch_up, frame, frame, &missed);
        assert_true(catch_up.n_owed <= BERTH_CATCH_UP_MAX_TILES);
        berth_catch_up_write(&catch_up, berth_frame_get_rect(frame));
        assert_int_equal(catch_up.n_owed, 0);
        berth_catch_up_clear(&catch_up);
        berth_frame_unref(frame);
    }
}

static BerthRect
random_rect(GRand *random)
{
    BerthRect rect = { g_rand_int_range(random, 0, WIDTH), g_rand_int_range(random, 0, HEIGHT), 0,
                       0 };

    rect.w = g_rand_int_range(random, 1, WIDTH - rect.x + 1);
    rect.h = g_rand_int_range(random, 1, HEIGHT - rect.y + 1);
    return rect;
}

/* Moves, fills and reads give what they would give on a copy of the source. */
static void
run_once(GRand *random)
{
    BerthFrame *source = new_frame(NEW), *target = new_frame(NEW), *expected = new_frame(NEW);
    BerthRegion missed = region_of(random_rect(random));
    BerthCatchUp catch_up = { 0 };

    berth_frame_fill(target, missed.rects[0], OLD);
    berth_catch_up_begin(&catch_up, target, source, &missed);
    for (unsigned i = 0; i < 4; i++) {
        BerthRect rect = random_rect(random);
        uint32_t xrgb = g_rand_int(random) & 0xffffffu;

        if (g_rand_boolean(random)) {
            berth_catch_up_write(&catch_up, rect);
            berth_frame_fill(target, rect, xrgb);
            berth_frame_fill(expected, rect, xrgb);
        } else {
            berth_catch_up_read(&catch_up, rect);
            assert_true(berth_frame_rect_equal(target, expected, rect));
        }
    }
    berth_catch_up_finish(&catch_up);
    assert_true(berth_frame_rect_equal(target, expected, berth_frame_get_rect(target)));
    berth_frame_unref(source);
    berth_frame_unref(target);
    berth_frame_unref(expected);
}

static void
nobody_sees_a_difference_to_a_copy(void **state)
{
    GRand *random = g_rand_new_with_seed(11);

    for (unsigned i = 0; i < N_RUNS; i++) {
        run_once(random);
    }
    g_rand_free(random);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_whole_is_not_copied),
        cmocka_unit_test(what_is_written_in_part_or_read_is_copied_first),
        cmocka_unit_test(without_a_beginning_nothing_happens),
        cmocka_unit_test(the_largest_pictures_fit),
        cmocka_unit_test(nobody_sees_a_difference_to_a_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
