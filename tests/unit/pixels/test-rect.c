/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "display/pixels/rect.h"
#include "display/pixels/region.h"

#include <limits.h>

static void
inside_refuses_values_that_would_overflow(void **state)
{
    assert_true(berth_rect_is_inside((BerthRect){ 0, 0, 10, 10 }, 10, 10));
    assert_true(berth_rect_is_inside((BerthRect){ 9, 9, 1, 1 }, 10, 10));
    assert_false(berth_rect_is_inside((BerthRect){ 9, 9, 2, 1 }, 10, 10));
    assert_false(berth_rect_is_inside((BerthRect){ 0, 0, 0, 1 }, 10, 10));
    assert_false(berth_rect_is_inside((BerthRect){ -1, 0, 2, 1 }, 10, 10));
    assert_false(berth_rect_is_inside((BerthRect){ INT_MAX, 0, INT_MAX, 1 }, 10, 10));
    assert_false(berth_rect_is_inside((BerthRect){ INT_MIN, 0, 1, 1 }, 10, 10));
    assert_false(berth_rect_is_inside((BerthRect){ 0, INT_MAX, 1, 1 }, 10, 10));
    assert_false(berth_rect_is_inside((BerthRect){ 0, 0, INT_MIN, INT_MIN }, 10, 10));
}

static void
intersection_of_touching_rectangles_is_empty(void **state)
{
    BerthRect a = { 0, 0, 10, 10 };
    assert_true(berth_rect_is_empty(berth_rect_intersect(a, (BerthRect){ 10, 0, 5, 5 })));
    assert_true(berth_rect_equal(berth_rect_intersect(a, (BerthRect){ 5, 6, 50, 2 }),
                                 (BerthRect){ 5, 6, 5, 2 }));
}

static void
union_ignores_empty_rectangles(void **state)
{
    BerthRect a = { 3, 4, 5, 6 };
    BerthRect empty = { 100, 100, 0, 9 };
    assert_true(berth_rect_equal(berth_rect_union(a, empty), a));
    assert_true(berth_rect_equal(berth_rect_union(empty, a), a));
    assert_true(berth_rect_equal(berth_rect_union(a, (BerthRect){ 0, 0, 1, 1 }),
                                 (BerthRect){ 0, 0, 8, 10 }));
    assert_int_equal(berth_rect_area_px(empty), 0);
    assert_true(berth_rect_contains(a, empty));
    assert_false(berth_rect_contains(a, (BerthRect){ 3, 4, 6, 6 }));
}

static bool
is_covered(const BerthRegion *region, int x, int y)
{
    for (size_t i = 0; i < region->n_rects; i++) {
        if (berth_rect_contains(region->rects[i], (BerthRect){ x, y, 1, 1 })) {
            return true;
        }
    }
    return false;
}

static void
region_keeps_its_budget_and_covers_everything(void **state)
{
    uint32_t random = 12345;
    for (size_t budget = 1; budget <= BERTH_REGION_MAX_RECTS; budget += 7) {
        BerthRegion region;
        bool is_added[64][64] = { { false } };
        berth_region_init(&region, budget);
        for (int i = 0; i < 100; i++) {
            random = random * 1664525u + 1013904223u;
            BerthRect rect = { (int)(random >> 8 & 31), (int)(random >> 13 & 31),
                               (int)(random >> 18 & 7), (int)(random >> 21 & 7) };
            berth_region_add(&region, rect);
            assert_true(region.n_rects <= budget);
            for (int y = rect.y; y < rect.y + rect.h; y++) {
                for (int x = rect.x; x < rect.x + rect.w; x++) {
                    is_added[y][x] = true;
                }
            }
            for (int at = 0; at < 64 * 64; at++) {
                assert_true(!is_added[at / 64][at % 64] || is_covered(&region, at % 64, at / 64));
            }
        }
    }
}

static void
region_joins_neighbours_without_waste(void **state)
{
    BerthRegion region;
    berth_region_init(&region, 8);
    berth_region_add(&region, (BerthRect){ 0, 0, 64, 64 });
    berth_region_add(&region, (BerthRect){ 128, 0, 64, 64 });
    berth_region_add(&region, (BerthRect){ 64, 0, 64, 64 });
    assert_int_equal(region.n_rects, 1);
    assert_true(berth_rect_equal(region.rects[0], (BerthRect){ 0, 0, 192, 64 }));
    berth_region_add(&region, (BerthRect){ 0, 0, 0, 0 });
    assert_int_equal(region.n_rects, 1);
    berth_region_clear(&region);
    assert_true(berth_region_is_empty(&region));
    assert_true(berth_rect_is_empty(berth_region_get_bounds(&region)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inside_refuses_values_that_would_overflow),
        cmocka_unit_test(intersection_of_touching_rectangles_is_empty),
        cmocka_unit_test(union_ignores_empty_rectangles),
        cmocka_unit_test(region_keeps_its_budget_and_covers_everything),
        cmocka_unit_test(region_joins_neighbours_without_waste),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
