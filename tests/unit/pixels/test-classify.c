/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guarded.h"

#include "display/pixels/classify.h"

#include <string.h>

static void
put(BerthFrame *frame, int x, int y, uint32_t xrgb)
{
    uint32_t word = xrgb | 0xff000000u;
    memcpy(berth_frame_pixel(frame, x, y), &word, sizeof word);
}

static BerthFrame *
new_frame(void)
{
    BerthFrame *frame = berth_frame_new(64, 64);
    assert_non_null(frame);
    return frame;
}

static void
all_forms_compare_rows_alike_and_stay_inside(void **state)
{
    size_t n_forms;
    const BerthClassifyKernels *all = berth_classify_kernels_all(&n_forms);
    assert_string_equal(all[0].name, "plain");
    for (size_t form = 0; form < n_forms; form++) {
        for (int n = 1; n <= 64; n++) {
            size_t n_bytes = (size_t)n * 4;
            uint8_t *back = new_guarded(n_bytes);
            uint8_t *front = new_guarded_front(n_bytes);
            for (size_t i = 0; i < n_bytes; i++) {
                int step = random_byte() % 4 == 0 ? random_byte() : random_byte() % 2 * 24;
                back[i] = (uint8_t)((i < 4 ? 0 : back[i - 4]) + step);
            }
            memcpy(front, back, n_bytes);
            BerthNeighbours expected = all[0].compare_row(back, n);
            BerthNeighbours found = all[form].compare_row(back, n);
            BerthNeighbours again = all[form].compare_row(front, n);
            assert_true(found.same == expected.same && found.near == expected.near);
            assert_true(again.same == expected.same && again.near == expected.near);
            assert_int_equal((found.same | found.near) & 1, 0);
            free_guarded(back, n_bytes);
            free_guarded_front(front, n_bytes);
        }
    }
}

static void
colours_are_counted_up_to_the_cap(void **state)
{
    BerthFrame *frame = new_frame();
    for (int n = 1; n <= 300; n++) {
        for (int i = 0; i < 64 * 64; i++) {
            /* Some colours far apart, some that differ in one bit. */
            put(frame, i % 64, i / 64, (uint32_t)(i % n) * 0x010203u);
        }
        BerthPixelStats stats = berth_classify_count(frame, berth_frame_get_rect(frame));
        assert_int_equal(stats.n_colours, n <= 256 ? n : 257);
        assert_int_equal(stats.n_same + stats.n_near + stats.n_far, 64 * 64 - 1);
        assert_int_equal(stats.colours[0], 0);
        assert_int_equal(stats.colours[1], n == 1 ? 0 : 0x010203);
    }
    berth_frame_unref(frame);
}

static void
only_the_rectangle_is_counted(void **state)
{
    BerthFrame *frame = new_frame();
    berth_frame_fill(frame, (BerthRect){ 0, 0, 64, 64 }, 0x123456);
    berth_frame_fill(frame, (BerthRect){ 10, 20, 5, 6 }, 0xffffff);
    put(frame, 12, 22, 0xfffff0);
    put(frame, 13, 22, 0xffff00);
    BerthPixelStats stats = berth_classify_count(frame, (BerthRect){ 10, 20, 5, 6 });
    assert_int_equal(stats.n_colours, 3);
    assert_int_equal(stats.n_same, 29 - 3);
    assert_int_equal(stats.n_near, 1);
    assert_int_equal(stats.n_far, 2);
    stats = berth_classify_count(frame, (BerthRect){ 9, 20, 1, 7 });
    assert_int_equal(stats.n_colours, 1);
    assert_int_equal(stats.n_same, 6);
    berth_frame_unref(frame);
}

static void
x_does_not_count(void **state)
{
    BerthFrame *frame = new_frame();
    for (int i = 0; i < 64; i++) {
        berth_frame_pixel(frame, i, 0)[3] = (uint8_t)i;
    }
    BerthPixelStats stats = berth_classify_count(frame, (BerthRect){ 0, 0, 64, 1 });
    assert_int_equal(stats.n_colours, 1);
    assert_int_equal(stats.n_same, 63);
    berth_frame_unref(frame);
}

static void
the_kind_follows_from_the_counts(void **state)
{
    static const struct {
        BerthPixelStats stats;
        BerthContent content;
    } rows[] = {
        { { .n_colours = 1, .n_same = 4095 }, BERTH_CONTENT_FILL },
        { { .n_colours = 2, .n_same = 3000, .n_far = 1095 }, BERTH_CONTENT_PLAIN },
        { { .n_colours = 256, .n_same = 95, .n_near = 4000 }, BERTH_CONTENT_PLAIN },
        { { .n_colours = 257, .n_same = 3700, .n_near = 395 }, BERTH_CONTENT_PLAIN },
        { { .n_colours = 257, .n_same = 95, .n_near = 3000, .n_far = 1000 }, BERTH_CONTENT_PHOTO },
        { { .n_colours = 257, .n_same = 95, .n_near = 1000, .n_far = 3000 },
          BERTH_CONTENT_GRADIENT },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(berth_classify_decide(&rows[i].stats), rows[i].content);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_compare_rows_alike_and_stay_inside),
        cmocka_unit_test(colours_are_counted_up_to_the_cap),
        cmocka_unit_test(only_the_rectangle_is_counted),
        cmocka_unit_test(x_does_not_count),
        cmocka_unit_test(the_kind_follows_from_the_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
