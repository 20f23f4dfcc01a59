/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/viewport.h"

#include "testing.h"

#include <math.h>

static void
pictures_are_placed_one_to_one_when_they_fit(void **state)
{
    BerthViewport exact = berth_viewport_fit(1280, 800, 1280, 800, 1);
    BerthViewport small = berth_viewport_fit(1300, 900, 1280, 800, 1);
    BerthViewport twice = berth_viewport_fit(2600, 1700, 1280, 800, 1);

    assert_true(berth_rect_equal(exact.target, (BerthRect){ 0, 0, 1280, 800 }));
    assert_true(berth_rect_equal(small.target, (BerthRect){ 10, 50, 1280, 800 }));
    assert_true(berth_viewport_is_exact(&small));
    assert_true(berth_rect_equal(twice.target, (BerthRect){ 20, 50, 2560, 1600 }));
    assert_true(berth_viewport_is_exact(&twice));
}

static void
pictures_shrink_with_one_scale_when_they_do_not_fit(void **state)
{
    BerthViewport viewport = berth_viewport_fit(640, 800, 1280, 800, 1);

    assert_false(berth_viewport_is_exact(&viewport));
    assert_true(berth_rect_equal(viewport.target, (BerthRect){ 0, 200, 640, 400 }));
}

static void
nothing_is_shown_of_nothing(void **state)
{
    BerthViewport viewport = berth_viewport_fit(0, 0, 1280, 800, 1);
    int x = -1, y = -1;

    assert_true(berth_rect_is_empty(viewport.target));
    viewport = berth_viewport_fit(100, 100, 0, 0, 1);
    assert_true(berth_rect_is_empty(viewport.target));
    berth_viewport_to_picture(&viewport, 50, 50, &x, &y);
    assert_int_equal(x, 0);
    assert_int_equal(y, 0);
    assert_true(
        berth_rect_is_empty(berth_viewport_to_window(&viewport, (BerthRect){ 0, 0, 9, 9 })));
}

static void
a_point_and_its_pixel_agree_at_any_scale(void **state)
{
    static const int sizes[][2] = { { 1280, 800 }, { 640, 480 },   { 1366, 768 },
                                    { 333, 777 },  { 5000, 3000 }, { 100, 50 } };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        BerthViewport viewport = berth_viewport_fit(sizes[i][0], sizes[i][1], 1280, 800, 1);

        for (int x = 0; x < 1280; x += 13) {
            BerthRect pixel = { x, 799, 1, 1 };
            BerthRect window = berth_viewport_to_window(&viewport, pixel);
            int back_x, back_y;

            assert_true(berth_rect_contains(viewport.target, window));
            assert_false(berth_rect_is_empty(window));
            berth_viewport_to_picture(&viewport, viewport.target.x + (x + 0.5) * viewport.scale,
                                      viewport.target.y + 799.5 * viewport.scale, &back_x, &back_y);
            assert_int_equal(back_x, x);
            assert_int_equal(back_y, 799);
        }
    }
}

static void
points_outside_go_to_the_nearest_pixel(void **state)
{
    BerthViewport viewport = berth_viewport_fit(1300, 900, 1280, 800, 1);
    int x, y;

    berth_viewport_to_picture(&viewport, -1000, -1000, &x, &y);
    assert_int_equal(x, 0);
    assert_int_equal(y, 0);
    berth_viewport_to_picture(&viewport, 1e9, 1e9, &x, &y);
    assert_int_equal(x, 1279);
    assert_int_equal(y, 799);
}

static void
pictures_begin_at_whole_units_of_the_toolkit(void **state)
{
    BerthViewport exact = berth_viewport_fit(1302, 902, 1280, 800, 2);
    BerthViewport odd = berth_viewport_fit(1301, 902, 1281, 801, 2);
    BerthViewport small = berth_viewport_fit(642, 802, 1280, 800, 2);

    assert_true(berth_rect_equal(exact.target, (BerthRect){ 10, 50, 1280, 800 }));
    assert_true(berth_rect_equal(odd.target, (BerthRect){ 10, 50, 1281, 801 }));
    assert_false(berth_viewport_is_exact(&small));
    assert_true(berth_rect_equal(small.target, (BerthRect){ 0, 200, 642, 402 }));
}

static void
what_fills_a_window_is_exact_at_every_scale(void **state)
{
    for (int parts = 120; parts <= 480; parts += 5) {
        double scale = parts / 120.0;

        for (int length = 1; length < 3000; length++) {
            int px = (int)lround(length * scale);
            BerthRect units;

            assert_true(berth_viewport_to_units((BerthRect){ 0, 0, px, px }, scale, &units));
            assert_int_equal(units.w, length);
            assert_int_equal(units.h, length);
        }
    }
}

static void
what_lies_between_units_is_not_exact(void **state)
{
    static const struct {
        BerthRect place;
        double scale;
        BerthRect units;
        bool is_exact;
    } rows[] = {
        { { 250, 200, 700, 500 }, 1, { 250, 200, 700, 500 }, true },
        { { 250, 200, 700, 500 }, 2, { 125, 100, 350, 250 }, true },
        { { 251, 200, 700, 500 }, 2, { 126, 100, 350, 250 }, false },
        { { 250, 200, 701, 500 }, 2, { 125, 100, 351, 250 }, false },
        { { 0, 0, 700, 500 }, 1.5, { 0, 0, 467, 333 }, false },
        { { 3, 6, 600, 450 }, 1.5, { 2, 4, 400, 300 }, true },
        { { 0, 0, 1, 1 }, 3, { 0, 0, 1, 1 }, false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        BerthRect units;

        assert_int_equal(berth_viewport_to_units(rows[i].place, rows[i].scale, &units),
                         rows[i].is_exact);
        assert_true(berth_rect_equal(units, rows[i].units));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_are_placed_one_to_one_when_they_fit),
        cmocka_unit_test(pictures_shrink_with_one_scale_when_they_do_not_fit),
        cmocka_unit_test(nothing_is_shown_of_nothing),
        cmocka_unit_test(a_point_and_its_pixel_agree_at_any_scale),
        cmocka_unit_test(pictures_begin_at_whole_units_of_the_toolkit),
        cmocka_unit_test(points_outside_go_to_the_nearest_pixel),
        cmocka_unit_test(what_fills_a_window_is_exact_at_every_scale),
        cmocka_unit_test(what_lies_between_units_is_not_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
