/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "display/pixels/copy.h"

#include <string.h>

#define SIDE 40
#define MAX_MOVES 300

static uint32_t random_state = 7;

static int
random_below(int n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (int)((random_state >> 8) % (uint32_t)n);
}

/* The plain meaning: all pixels are read from the picture before. */
static void
apply_plainly(BerthFrame *frame, const BerthMove *moves, size_t n_moves)
{
    BerthFrame *before = berth_frame_new(SIDE, SIDE);
    berth_frame_copy_rect(before, frame, berth_frame_get_rect(frame));
    for (size_t i = 0; i < n_moves; i++) {
        for (int y = 0; y < moves[i].source.h; y++) {
            memcpy(berth_frame_pixel(frame, moves[i].x, moves[i].y + y),
                   berth_frame_pixel(before, moves[i].source.x, moves[i].source.y + y),
                   (size_t)moves[i].source.w * 4);
        }
    }
    berth_frame_unref(before);
}

static void
moves_happen_at_once(void **state)
{
    for (int run = 0; run < 300; run++) {
        BerthFrame *frame = berth_frame_new(SIDE, SIDE);
        BerthFrame *expected = berth_frame_new(SIDE, SIDE);
        BerthMove moves[MAX_MOVES];
        size_t n_moves = (size_t)random_below(run % 10 == 0 ? MAX_MOVES : 5) + 1;
        for (int i = 0; i < SIDE * SIDE; i++) {
            berth_frame_fill(frame, (BerthRect){ i % SIDE, i / SIDE, 1, 1 }, (uint32_t)i * 977);
        }
        berth_frame_copy_rect(expected, frame, berth_frame_get_rect(frame));
        for (size_t i = 0; i < n_moves; i++) {
            /* Large ones overlap in rings, small ones have an order. */
            int w = random_below(run % 2 == 0 ? SIDE : 6) + 1;
            int h = random_below(run % 2 == 0 ? SIDE : 6) + 1;
            moves[i] = (BerthMove){
                { random_below(SIDE - w + 1), random_below(SIDE - h + 1), w, h },
                random_below(SIDE - w + 1),
                random_below(SIDE - h + 1),
            };
        }
        apply_plainly(expected, moves, n_moves);
        assert_berth_ok(berth_copy_apply(frame, moves, n_moves));
        assert_true(berth_frame_rect_equal(frame, expected, berth_frame_get_rect(frame)));
        berth_frame_unref(frame);
        berth_frame_unref(expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_happen_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
