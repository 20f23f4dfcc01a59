/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/frame-pacer.h"
#include "host-agent/session/resize-gate.h"

#include <stdint.h>

static void
the_first_change_after_a_pause_is_due_at_once(void **state)
{
    BerthFramePacer pacer;

    berth_frame_pacer_init(&pacer);
    assert_true(berth_frame_pacer_get_due_us(&pacer) == INT64_MAX);
    berth_frame_pacer_note_change(&pacer);
    assert_true(berth_frame_pacer_get_due_us(&pacer) <= 0);
    berth_frame_pacer_note_sent(&pacer, 1000);
    assert_true(berth_frame_pacer_get_due_us(&pacer) == INT64_MAX);
    berth_frame_pacer_note_change(&pacer);
    assert_true(berth_frame_pacer_get_due_us(&pacer) <= 1000 * 1000);
}

static void
frames_of_a_flow_keep_their_distance(void **state)
{
    BerthFramePacer pacer;
    int64_t now_us = 0;
    int n_frames = 0;

    berth_frame_pacer_init(&pacer);
    for (; now_us < 1000 * 1000; now_us += 100) {
        berth_frame_pacer_note_change(&pacer);
        if (berth_frame_pacer_get_due_us(&pacer) <= now_us) {
            berth_frame_pacer_note_sent(&pacer, now_us);
            n_frames++;
        }
    }
    assert_in_range(n_frames, 62, 63);
}

static void
the_first_resize_passes_and_the_last_one_too(void **state)
{
    BerthResizeGate gate;
    BerthResize resize = { 800, 600, 0, 0 };
    BerthResize taken;
    int n_taken = 0;

    berth_resize_gate_init(&gate);
    assert_true(berth_resize_gate_get_due_us(&gate) == INT64_MAX);
    for (int64_t now_us = 0; now_us < 2000 * 1000; now_us += 5000) {
        if (now_us < 1000 * 1000) {
            resize.w_px++;
            berth_resize_gate_ask(&gate, &resize);
        }
        n_taken += berth_resize_gate_take(&gate, now_us, &taken);
    }
    assert_int_equal(taken.w_px, resize.w_px);
    assert_in_range(n_taken, 7, 8);
}

static void
the_size_that_is_asked_already_is_not_asked_again(void **state)
{
    BerthResizeGate gate;
    BerthResize a = { 800, 600, 0, 0 };
    BerthResize b = { 810, 600, 0, 0 };
    BerthResize taken;

    berth_resize_gate_init(&gate);
    berth_resize_gate_ask(&gate, &a);
    assert_true(berth_resize_gate_take(&gate, 0, &taken));
    berth_resize_gate_ask(&gate, &b);
    berth_resize_gate_ask(&gate, &a);
    assert_false(berth_resize_gate_take(&gate, 1000 * 1000, &taken));
}

static void
a_new_display_hears_the_last_size_again(void **state)
{
    BerthResizeGate gate;
    BerthResize a = { 800, 600, 0, 0 };
    BerthResize taken = { 0 };

    berth_resize_gate_init(&gate);
    berth_resize_gate_forget(&gate);
    assert_false(berth_resize_gate_take(&gate, 0, &taken));
    berth_resize_gate_ask(&gate, &a);
    assert_true(berth_resize_gate_take(&gate, 0, &taken));
    berth_resize_gate_forget(&gate);
    assert_true(berth_resize_gate_take(&gate, 1000 * 1000, &taken));
    assert_int_equal(taken.w_px, 800);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_change_after_a_pause_is_due_at_once),
        cmocka_unit_test(frames_of_a_flow_keep_their_distance),
        cmocka_unit_test(the_first_resize_passes_and_the_last_one_too),
        cmocka_unit_test(the_size_that_is_asked_already_is_not_asked_again),
        cmocka_unit_test(a_new_display_hears_the_last_size_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
