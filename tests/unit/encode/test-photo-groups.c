/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "display/encode/photo-groups.h"
#include "display/encode/plan.h"

#include <stdlib.h>

/* The boxes of a rectangle in the grid of tiles. */
static size_t
cut(BerthRect whole, BerthRect *boxes)
{
    size_t n = 0;
    for (int y = whole.y / 64 * 64; y < whole.y + whole.h; y += 64) {
        for (int x = whole.x / 64 * 64; x < whole.x + whole.w; x += 64) {
            boxes[n++] = berth_rect_intersect(whole, (BerthRect){ x, y, 64, 64 });
        }
    }
    return n;
}

static void
a_photo_of_any_place_is_one_rectangle(void **state)
{
    BerthRect boxes[64];
    BerthRect whole = { 33, 21, 300, 250 };
    size_t n = cut(whole, boxes);
    assert_int_equal(berth_photo_groups_join(boxes, n), 1);
    assert_true(berth_rect_equal(boxes[0], whole));
}

static void
ragged_edges_are_evened_out(void **state)
{
    BerthRect boxes[64];
    BerthRect whole = { 64, 64, 192, 192 };
    size_t n = cut(whole, boxes);
    boxes[0] = (BerthRect){ 67, 66, 61, 62 };
    boxes[8] = (BerthRect){ 192, 192, 61, 60 };
    assert_int_equal(berth_photo_groups_join(boxes, n), 1);
    assert_true(berth_rect_equal(boxes[0], whole));
}

static void
a_large_photo_is_cut(void **state)
{
    BerthRect *boxes = malloc(1000 * sizeof *boxes);
    size_t n = cut((BerthRect){ 0, 0, 1920, 1080 }, boxes);
    size_t n_left = berth_photo_groups_join(boxes, n);
    int64_t area_px = 0;
    assert_in_range(n_left, 12, 16);
    for (size_t i = 0; i < n_left; i++) {
        assert_in_range(boxes[i].w, 1, BERTH_PHOTO_GROUP_SIDE_PX);
        assert_in_range(boxes[i].h, 1, BERTH_PHOTO_GROUP_SIDE_PX);
        area_px += berth_rect_area_px(boxes[i]);
    }
    assert_int_equal(area_px, 1920 * 1080);
    free(boxes);
}

static void
boxes_apart_stay_apart(void **state)
{
    BerthRect boxes[] = { { 0, 0, 30, 30 }, { 64, 0, 64, 64 }, { 64, 100, 64, 28 } };
    assert_int_equal(berth_photo_groups_join(boxes, 3), 3);
    assert_int_equal(berth_photo_groups_join(boxes, 0), 0);
}

static void
ragged_films_become_few_photos(void **state)
{
    uint8_t classes[4 * 4];
    BerthRect boxes[16];
    for (int i = 0; i < 16; i++) {
        classes[i] = BERTH_TILE_PHOTO;
        boxes[i] = (BerthRect){ i % 4 * 64 + 7 + i, i / 4 * 64 + 30 - i, 40, 30 };
    }
    assert_in_range(berth_photo_groups_merge(boxes, 16, classes, 4), 1, 4);
}

static void
gaps_with_text_are_left_alone(void **state)
{
    uint8_t classes[3] = { BERTH_TILE_PHOTO, BERTH_TILE_PLAIN, BERTH_TILE_PHOTO };
    BerthRect boxes[] = { { 0, 0, 64, 64 }, { 128, 0, 64, 64 } };
    assert_int_equal(berth_photo_groups_merge(boxes, 2, classes, 3), 2);
    classes[1] = BERTH_TILE_PHOTO;
    assert_int_equal(berth_photo_groups_merge(boxes, 2, classes, 3), 1);
    assert_int_equal(boxes[0].w, 192);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_photo_of_any_place_is_one_rectangle),
        cmocka_unit_test(ragged_edges_are_evened_out),
        cmocka_unit_test(a_large_photo_is_cut),
        cmocka_unit_test(ragged_films_become_few_photos),
        cmocka_unit_test(gaps_with_text_are_left_alone),
        cmocka_unit_test(boxes_apart_stay_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
