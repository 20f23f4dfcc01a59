/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guarded.h"

#include "display/pixels/diff.h"

#include <string.h>

#define W 200
#define H 90
#define N_COLUMNS 4

static BerthFrame *
new_noise(void)
{
    BerthFrame *frame = berth_frame_new(W, H);
    assert_non_null(frame);
    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W; x++) {
            berth_frame_fill(frame, (BerthRect){ x, y, 1, 1 }, random_byte());
        }
    }
    return frame;
}

/* The box of what differs in a rectangle, pixel by pixel. */
static BerthRect
find_box(const BerthFrame *a, const BerthFrame *b, BerthRect rect)
{
    BerthRect box = { 0, 0, 0, 0 };
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        for (int x = rect.x; x < rect.x + rect.w; x++) {
            BerthRect pixel = { x, y, 1, 1 };
            if (!berth_frame_rect_equal(a, b, pixel)) {
                box = berth_rect_union(box, pixel);
            }
        }
    }
    return box;
}

static void
boxes_are_exact_and_nothing_else_is_taken(void **state)
{
    for (int round = 0; round < 200; round++) {
        BerthFrame *src = new_noise();
        BerthFrame *dst = berth_frame_new(W, H);
        BerthFrame *before = berth_frame_new(W, H);
        BerthRect rects[N_COLUMNS];
        BerthRect expected[N_COLUMNS];
        berth_frame_copy_rect(dst, src, berth_frame_get_rect(src));
        for (int i = 0; i < round % 8; i++) {
            berth_frame_fill(dst, (BerthRect){ random_byte() % W, random_byte() % H, 1, 1 },
                             random_byte() * 0x10101u);
        }
        berth_frame_copy_rect(before, dst, berth_frame_get_rect(dst));
        for (int i = 0; i < N_COLUMNS; i++) {
            BerthRect tile = { i * 64 + random_byte() % 30, random_byte() % 60, random_byte() % 35,
                               random_byte() % 30 };
            rects[i] = berth_rect_intersect(tile, berth_frame_get_rect(src));
            expected[i] = find_box(dst, src, rects[i]);
        }
        BerthRect asked[N_COLUMNS];
        memcpy(asked, rects, sizeof asked);
        berth_diff_take_row(dst, src, rects, N_COLUMNS);
        for (int i = 0; i < N_COLUMNS; i++) {
            assert_true(berth_rect_equal(rects[i], expected[i]));
            if (!berth_rect_is_empty(asked[i])) {
                assert_true(berth_frame_rect_equal(dst, src, asked[i]));
                berth_frame_copy_rect(before, src, asked[i]);
            }
        }
        assert_true(berth_frame_rect_equal(dst, before, berth_frame_get_rect(dst)));
        berth_frame_unref(src);
        berth_frame_unref(dst);
        berth_frame_unref(before);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_are_exact_and_nothing_else_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
