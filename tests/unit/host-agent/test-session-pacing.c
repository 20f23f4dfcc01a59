/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/frame-schedule.h"
#include "host-agent/session/resize-gate.h"
#include "host-agent/session/serial-trail.h"

#include <stdint.h>

#define NEVER_US INT64_MAX
#define LONG_AGO_US (INT64_MIN / 2)
#define NOW_US (100LL * 1000 * 1000)
#define INTERVAL_US 16000

/* A viewer with room that has all there is and got its last frame long ago. */
static const BerthScheduleSeat content = {
    .has_room = true,
    .has_bulk_room = true,
    .is_quiet = true,
    .interval_us = INTERVAL_US,
    .last_frame_us = LONG_AGO_US,
    .catch_up_due_us = NEVER_US,
    .refine_due_us = NEVER_US,
    .check_due_us = NEVER_US,
};

static void
assert_choice(bool has_changes, const BerthScheduleSeat *seats, size_t n_seats, BerthFrameKind kind,
              uint32_t chosen, int64_t due_us)
{
    BerthScheduleChoice choice = berth_frame_schedule_choose(has_changes, seats, n_seats, NOW_US);

    assert_int_equal(choice.kind, kind);
    assert_int_equal(choice.seats, chosen);
    if (kind == BERTH_FRAME_NONE) {
        assert_true(choice.due_us == due_us);
    }
}

static void
the_first_change_after_a_pause_is_due_at_once(void **state)
{
    BerthScheduleSeat seat = content;

    assert_choice(false, &seat, 1, BERTH_FRAME_NONE, 0, NEVER_US);
    assert_choice(true, &seat, 1, BERTH_FRAME_NEW, 1, 0);
    assert_choice(true, NULL, 0, BERTH_FRAME_NONE, 0, NEVER_US);
    seat.has_room = false;
    assert_choice(true, &seat, 1, BERTH_FRAME_NONE, 0, NEVER_US);
}

static void
frames_of_a_flow_keep_their_distance(void **state)
{
    BerthScheduleSeat seat = content;
    int n_frames = 0;

    for (int64_t now_us = 0; now_us < 1000 * 1000; now_us += 100) {
        BerthScheduleChoice choice = berth_frame_schedule_choose(true, &seat, 1, now_us);

        if (choice.kind == BERTH_FRAME_NEW) {
            seat.last_frame_us = now_us;
            n_frames++;
        } else {
            assert_true(choice.due_us == seat.last_frame_us + INTERVAL_US);
        }
    }
    assert_in_range(n_frames, 62, 63);
}

static void
a_slow_observer_skips_and_holds_nobody(void **state)
{
    BerthScheduleSeat seats[3] = { content, content, content };

    seats[1].has_room = false;
    seats[1].waiting_us = 60 * 1000 * 1000;
    seats[2].last_frame_us = NOW_US - 1000; /* a frame of its own a moment ago */
    assert_choice(true, seats, 3, BERTH_FRAME_NEW, 1, 0);
    seats[1].catch_up_due_us = LONG_AGO_US;
    assert_choice(false, seats, 3, BERTH_FRAME_NONE, 0, NEVER_US);
    seats[1].has_room = true;
    seats[1].has_bulk_room = false;
    assert_choice(false, seats, 3, BERTH_FRAME_NONE, 0, NEVER_US);
    seats[1].has_bulk_room = true;
    assert_choice(false, seats, 3, BERTH_FRAME_CATCH_UP, 2, 0);
}

static void
a_driver_without_room_is_waited_for_but_not_for_ever(void **state)
{
    BerthScheduleSeat seats[2] = { content, content };

    seats[0].has_room = false;
    seats[0].waiting_us = 1000;
    assert_choice(true, seats, 2, BERTH_FRAME_NONE, 0, NOW_US - 1000 + BERTH_SCHEDULE_STALL_US);
    seats[0].waiting_us = BERTH_SCHEDULE_STALL_US;
    assert_choice(true, seats, 2, BERTH_FRAME_NEW, 2, 0);
    seats[1].has_room = false;
    assert_choice(true, seats, 2, BERTH_FRAME_NONE, 0, NEVER_US);
}

static void
new_pixels_come_before_all_else(void **state)
{
    BerthScheduleSeat seats[2] = { content, content };

    seats[0].refine_due_us = LONG_AGO_US;
    seats[0].check_due_us = LONG_AGO_US;
    seats[1].catch_up_due_us = LONG_AGO_US;
    assert_choice(true, seats, 2, BERTH_FRAME_NEW, 3, 0);
    assert_choice(false, seats, 2, BERTH_FRAME_CATCH_UP, 2, 0);
    seats[1].catch_up_due_us = NEVER_US;
    assert_choice(false, seats, 2, BERTH_FRAME_REFINE, 1, 0);
    seats[0].refine_due_us = NEVER_US;
    assert_choice(false, seats, 2, BERTH_FRAME_CHECK, 1, 0);
}

static void
refinement_waits_for_a_quiet_link(void **state)
{
    BerthScheduleSeat seat = content;

    seat.refine_due_us = NOW_US + 7;
    assert_choice(false, &seat, 1, BERTH_FRAME_NONE, 0, NOW_US + 7);
    seat.refine_due_us = NOW_US;
    assert_choice(false, &seat, 1, BERTH_FRAME_REFINE, 1, 0);
    seat.is_quiet = false;
    assert_choice(false, &seat, 1, BERTH_FRAME_NONE, 0, NEVER_US);
}

static void
pixels_are_wanted_when_a_frame_could_be_made_of_them(void **state)
{
    BerthScheduleSeat seat = content;
    int64_t next_us = NEVER_US;

    assert_true(berth_frame_schedule_get_wanted_us(&seat, 1, NOW_US, &next_us) <= NOW_US);
    seat.last_frame_us = NOW_US - 1;
    assert_true(berth_frame_schedule_get_wanted_us(&seat, 1, NOW_US, &next_us) ==
                NOW_US - 1 + INTERVAL_US);
    seat.has_room = false;
    assert_true(berth_frame_schedule_get_wanted_us(&seat, 1, NOW_US, &next_us) == NEVER_US);
    assert_true(berth_frame_schedule_get_wanted_us(NULL, 0, NOW_US, &next_us) == NEVER_US);
    assert_true(next_us == NEVER_US);
}

static void
pictures_are_checked_in_a_flow_and_at_rest(void **state)
{
    static const struct {
        BerthScheduleUnchecked unchecked;
        int64_t due_us;
    } rows[] = {
        /* nothing was sent; nothing since the last check */
        { { LONG_AGO_US, NEVER_US, LONG_AGO_US, 0 }, NEVER_US },
        { { NOW_US, NEVER_US, NOW_US - 5, 0 }, NEVER_US },
        /* one frame, then rest; a flow; a pause in it */
        { { LONG_AGO_US, NOW_US, NOW_US, 9000 }, NOW_US + 1000000 },
        { { LONG_AGO_US, NOW_US, NOW_US + 4900000, 9000 }, NOW_US + 5000000 },
        { { NOW_US - 1000000, NOW_US, NOW_US + 1, 9000 }, NOW_US + 4000000 },
        /* a caret blinks */
        { { NOW_US - 1000000, NOW_US, NOW_US + 1, 100 }, NOW_US + 29000000 },
        { { LONG_AGO_US, NOW_US, NOW_US, 100 }, NOW_US + 1000000 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(berth_frame_schedule_get_check_due_us(&rows[i].unchecked) == rows[i].due_us);
    }
}

static void
a_picture_names_the_viewers_own_input(void **state)
{
    BerthSerialTrail trail = { 0 };
    uint32_t stamp = UINT32_MAX - 10; /* it wraps */

    assert_int_equal(berth_serial_trail_find(&trail, stamp), 0);
    for (uint32_t i = 0; i < 40; i++) {
        berth_serial_trail_note(&trail, stamp + 2 * i, 100 + i);
    }
    assert_int_equal(berth_serial_trail_find(&trail, stamp + 2 * 39), 139);
    assert_int_equal(berth_serial_trail_find(&trail, stamp + 1000), 139);
    assert_int_equal(berth_serial_trail_find(&trail, stamp + 2 * 20 + 1), 120);
    assert_int_equal(berth_serial_trail_find(&trail, stamp), 107); /* forgotten: an older one */
    berth_serial_trail_take_back(&trail);
    assert_int_equal(berth_serial_trail_find(&trail, stamp + 1000), 138);
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
        cmocka_unit_test(a_slow_observer_skips_and_holds_nobody),
        cmocka_unit_test(a_driver_without_room_is_waited_for_but_not_for_ever),
        cmocka_unit_test(new_pixels_come_before_all_else),
        cmocka_unit_test(refinement_waits_for_a_quiet_link),
        cmocka_unit_test(pixels_are_wanted_when_a_frame_could_be_made_of_them),
        cmocka_unit_test(pictures_are_checked_in_a_flow_and_at_rest),
        cmocka_unit_test(a_picture_names_the_viewers_own_input),
        cmocka_unit_test(the_first_resize_passes_and_the_last_one_too),
        cmocka_unit_test(the_size_that_is_asked_already_is_not_asked_again),
        cmocka_unit_test(a_new_display_hears_the_last_size_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
