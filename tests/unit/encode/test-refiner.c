/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "display/encode/refiner.h"

#define W 300
#define H 200
#define MS 1000

static int
set_up(void **state)
{
    BerthRefiner *refiner = berth_refiner_new();
    assert_berth_ok(berth_refiner_configure(refiner, W, H));
    *state = refiner;
    return 0;
}

static int
tear_down(void **state)
{
    berth_refiner_free(*state);
    return 0;
}

static void
everything_is_exact_at_first(void **state)
{
    BerthRefiner *refiner = *state;
    int64_t due_us;
    BerthRefineStep step;
    assert_true(berth_refiner_is_all_exact(refiner));
    assert_true(berth_refiner_is_exact(refiner, (BerthRect){ 0, 0, W, H }));
    assert_false(berth_refiner_get_due(refiner, &due_us));
    assert_int_equal(berth_refiner_plan(refiner, 1000000 * MS, 0, 0, 1000, &step, 1), 0);
}

static void
a_photo_becomes_good_then_exact(void **state)
{
    BerthRefiner *refiner = *state;
    BerthRect rect = { 70, 70, 40, 30 };
    BerthRefineStep step;
    int64_t due_us;
    berth_refiner_paint(refiner, rect, 40, true, 1000 * MS);
    assert_false(berth_refiner_is_exact(refiner, (BerthRect){ 64, 64, 10, 10 }));
    assert_true(berth_refiner_is_exact(refiner, (BerthRect){ 64, 64, 6, 6 }));
    assert_true(berth_refiner_get_due(refiner, &due_us));
    assert_int_equal(due_us, 1200 * MS);
    assert_int_equal(berth_refiner_plan(refiner, 1199 * MS, -1, -1, 9999, &step, 1), 0);
    assert_int_equal(berth_refiner_plan(refiner, 1200 * MS, -1, -1, 9999, &step, 1), 1);
    assert_int_equal(step.quality, BERTH_QUALITY_HIGH);
    assert_true(berth_rect_equal(step.rect, rect));
    berth_refiner_paint(refiner, step.rect, step.quality, false, 1200 * MS);
    assert_true(berth_refiner_get_due(refiner, &due_us));
    assert_int_equal(due_us, 1600 * MS);
    assert_int_equal(berth_refiner_plan(refiner, 1600 * MS, -1, -1, 9999, &step, 1), 1);
    assert_int_equal(step.quality, BERTH_QUALITY_EXACT);
    berth_refiner_paint(refiner, step.rect, step.quality, false, 1600 * MS);
    assert_true(berth_refiner_is_all_exact(refiner));
}

static void
a_tile_that_changes_elsewhere_waits_and_others_do_not(void **state)
{
    BerthRefiner *refiner = *state;
    BerthRefineStep steps[4];
    berth_refiner_paint(refiner, (BerthRect){ 0, 0, 128, 64 }, 80, true, 0);
    berth_refiner_paint(refiner, (BerthRect){ 0, 0, 2, 10 }, BERTH_QUALITY_EXACT, true, 500 * MS);
    assert_int_equal(berth_refiner_plan(refiner, 610 * MS, -1, -1, 99999, steps, 4), 1);
    assert_int_equal(steps[0].rect.x, 64);
}

static void
exact_pixels_shrink_what_is_lossy(void **state)
{
    BerthRefiner *refiner = *state;
    berth_refiner_paint(refiner, (BerthRect){ 0, 0, 64, 64 }, 80, true, 0);
    berth_refiner_paint(refiner, (BerthRect){ 0, 0, 64, 20 }, BERTH_QUALITY_EXACT, true, 0);
    assert_true(berth_refiner_is_exact(refiner, (BerthRect){ 0, 0, 64, 20 }));
    assert_false(berth_refiner_is_exact(refiner, (BerthRect){ 0, 20, 1, 1 }));
    /* A hole in the middle is not remembered. */
    berth_refiner_paint(refiner, (BerthRect){ 10, 30, 10, 10 }, BERTH_QUALITY_EXACT, true, 0);
    assert_false(berth_refiner_is_exact(refiner, (BerthRect){ 12, 32, 1, 1 }));
    berth_refiner_paint(refiner, (BerthRect){ 0, 0, W, H }, BERTH_QUALITY_EXACT, true, 0);
    assert_true(berth_refiner_is_all_exact(refiner));
}

static void
copies_take_their_quality_along(void **state)
{
    BerthRefiner *refiner = *state;
    berth_refiner_paint(refiner, (BerthRect){ 0, 0, 64, 64 }, 80, true, 0);
    BerthMove moves[] = { { { 0, 0, 64, 64 }, 100, 100 }, { { 200, 0, 64, 64 }, 0, 0 } };
    assert_berth_ok(berth_refiner_copy(refiner, moves, 2, 5 * MS));
    assert_true(berth_refiner_is_exact(refiner, (BerthRect){ 0, 0, 64, 64 }));
    assert_false(berth_refiner_is_exact(refiner, (BerthRect){ 100, 100, 1, 1 }));
    assert_false(berth_refiner_is_exact(refiner, (BerthRect){ 163, 163, 1, 1 }));
    assert_true(berth_refiner_is_exact(refiner, (BerthRect){ 164, 164, 20, 20 }));
}

static void
nearest_to_the_pointer_comes_first_within_the_budget(void **state)
{
    BerthRefiner *refiner = *state;
    BerthRefineStep steps[20];
    berth_refiner_paint(refiner, (BerthRect){ 0, 0, W, H }, 80, true, 0);
    assert_int_equal(berth_refiner_plan(refiner, 600 * MS, 150, 150, 0, steps, 20), 1);
    assert_int_equal(steps[0].rect.x, 128);
    assert_int_equal(steps[0].rect.y, 128);
    size_t n = berth_refiner_plan(refiner, 600 * MS, 150, 150, 3 * 64 * 64 * 3 / 2, steps, 20);
    assert_int_equal(n, 3);
    assert_int_equal(berth_refiner_plan(refiner, 600 * MS, -5, 9999999, SIZE_MAX, steps, 20), 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_is_exact_at_first),
        TEST(a_photo_becomes_good_then_exact),
        TEST(a_tile_that_changes_elsewhere_waits_and_others_do_not),
        TEST(exact_pixels_shrink_what_is_lossy),
        TEST(copies_take_their_quality_along),
        TEST(nearest_to_the_pointer_comes_first_within_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
