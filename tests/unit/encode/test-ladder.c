/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "display/encode/ladder.h"

#include <glib.h>

/* Steps every 20 ms for a time with the same input; returns the last output. */
static BerthLadderOutput
run(BerthLadder *ladder, BerthLadderInput *input, int64_t for_us)
{
    BerthLadderOutput output = ladder->output;
    for (int64_t end_us = input->now_us + for_us; input->now_us < end_us;) {
        input->now_us += 20000;
        output = *berth_ladder_step(ladder, input);
    }
    return output;
}

static void
a_good_path_gets_the_best(void **state)
{
    BerthLadder ladder;
    BerthLadderInput input = { .now_us = 1000, .rate_kbps = 100000, .n_in_flight = 1 };
    berth_ladder_init(&ladder, input.now_us);
    BerthLadderOutput output = run(&ladder, &input, 5 * 1000000);
    assert_int_equal(output.frame_interval_us, 16000);
    assert_int_equal(output.photo_quality, 85);
    assert_int_equal(output.video_kbps, 40000);
}

static void
an_unknown_path_is_taken_for_a_good_one(void **state)
{
    BerthLadder ladder;
    BerthLadderInput input = { .now_us = 1000 };
    berth_ladder_init(&ladder, input.now_us);
    assert_int_equal(ladder.output.photo_quality, 85);
    BerthLadderOutput output = run(&ladder, &input, 1000000);
    assert_int_equal(output.frame_interval_us, 16000);
    assert_int_equal(output.photo_quality, 85);
    assert_in_range(output.video_kbps, 10000, 20000);
}

static void
the_rate_decides_on_photos_and_videos(void **state)
{
    static const struct {
        uint64_t rate_kbps;
        uint8_t photo_quality;
        unsigned video_kbps;
    } rows[] = {
        { 10000, 85, 6500 }, { 5000, 75, 3000 }, { 2500, 60, 1500 },
        { 900, 40, 540 },    { 100, 40, 150 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        BerthLadder ladder;
        BerthLadderInput input = { .now_us = 0, .rate_kbps = rows[i].rate_kbps };
        berth_ladder_init(&ladder, 0);
        BerthLadderOutput output = run(&ladder, &input, 100000);
        assert_int_equal(output.photo_quality, rows[i].photo_quality);
        assert_int_equal(output.video_kbps, rows[i].video_kbps);
    }
}

/* Each step down changes one thing, in this order. */
static void
frames_give_way_first_then_photos_then_videos(void **state)
{
    BerthLadder ladder;
    BerthLadderInput input = {
        .now_us = 0, .rate_kbps = 20000, .n_in_flight = 2, .queue_us = 100000
    };
    berth_ladder_init(&ladder, 0);
    BerthLadderOutput last = run(&ladder, &input, 20000);
    unsigned n_changes = 0;
    int stage = 0;
    for (int i = 0; i < 200; i++) {
        BerthLadderOutput output = run(&ladder, &input, 20000);
        int now = output.frame_interval_us != last.frame_interval_us ? 0
                  : output.photo_quality != last.photo_quality       ? 1
                  : output.video_kbps != last.video_kbps             ? 2
                                                                     : -1;
        if (now >= 0) {
            assert_true(now >= stage);
            stage = now;
            n_changes++;
        }
        last = output;
    }
    assert_int_equal(n_changes, 8);
    assert_int_equal(last.frame_interval_us, 100000);
    assert_int_equal(last.photo_quality, 40);
    assert_true(last.video_kbps < 6000);
}

static void
it_goes_down_fast_and_up_slowly(void **state)
{
    BerthLadder ladder;
    BerthLadderInput input = {
        .now_us = 0, .rate_kbps = 20000, .n_in_flight = 2, .queue_us = 100000
    };
    berth_ladder_init(&ladder, 0);
    assert_int_equal(run(&ladder, &input, 180000).frame_interval_us, 16000);
    assert_int_equal(run(&ladder, &input, 60000).frame_interval_us, 33000);
    input.queue_us = 40000; /* neither good nor bad: it stays */
    assert_int_equal(run(&ladder, &input, 5000000).frame_interval_us, 33000);
    input.queue_us = 200000; /* terrible: two rungs at once */
    assert_int_equal(run(&ladder, &input, 240000).frame_interval_us, 100000);
    input.queue_us = 1000;
    assert_int_equal(run(&ladder, &input, 900000).frame_interval_us, 100000);
    assert_int_equal(run(&ladder, &input, 200000).frame_interval_us, 50000);
    assert_int_equal(run(&ladder, &input, 2200000).frame_interval_us, 16000);
}

static void
a_swinging_queue_does_not_swing_the_ladder(void **state)
{
    BerthLadder ladder;
    BerthLadderInput input = { .now_us = 0, .rate_kbps = 20000, .n_in_flight = 1 };
    unsigned n_changes = 0;
    berth_ladder_init(&ladder, 0);
    unsigned rung = ladder.rung;
    for (int i = 0; i < 500; i++) {
        input.queue_us = i % 8 < 4 ? 90000 : 0;
        input.rate_kbps = i % 2 == 0 ? 20000 : 21500;
        run(&ladder, &input, 20000);
        n_changes += ladder.rung != rung;
        rung = ladder.rung;
        assert_int_equal(ladder.output.video_kbps, 13500);
    }
    assert_int_equal(n_changes, 0);
}

static void
an_empty_path_has_no_queue(void **state)
{
    BerthLadder ladder;
    BerthLadderInput input = {
        .now_us = 0, .rate_kbps = 20000, .n_in_flight = 2, .queue_us = 100000
    };
    berth_ladder_init(&ladder, 0);
    run(&ladder, &input, 2000000);
    assert_true(ladder.rung > 3);
    input.n_in_flight = 0;
    run(&ladder, &input, 12000000);
    assert_int_equal(ladder.rung, 0);
}

static void
a_stalled_client_teaches_nothing(void **state)
{
    BerthLadder ladder;
    BerthLadderInput input = {
        .now_us = 0, .rate_kbps = 0, .n_in_flight = 2, .queue_us = 9000000, .is_stalled = true
    };
    berth_ladder_init(&ladder, 0);
    run(&ladder, &input, 10000000);
    assert_int_equal(ladder.rung, 0);
}

static void
refinement_takes_its_share_and_no_more(void **state)
{
    BerthLadder ladder;
    BerthLadderInput input = { .now_us = 0, .rate_kbps = 8000 };
    uint64_t refined_bytes = 0;
    berth_ladder_init(&ladder, 0);
    for (int i = 0; i < 1000; i++) {
        run(&ladder, &input, 20000);
        size_t n_bytes = berth_ladder_get_refine_bytes(&ladder);
        berth_ladder_note_refined(&ladder, n_bytes);
        refined_bytes += n_bytes;
    }
    /* 20 s of 1 MB/s, of which 30 % */
    assert_in_range(refined_bytes, 5800000, 6100000);
}

static void
refinement_stops_while_frames_wait(void **state)
{
    BerthLadder ladder;
    BerthLadderInput input = { .now_us = 0, .rate_kbps = 8000, .n_in_flight = 1 };
    berth_ladder_init(&ladder, 0);
    run(&ladder, &input, 1000000);
    assert_true(berth_ladder_get_refine_bytes(&ladder) > 0);
    input.queue_us = 70000;
    run(&ladder, &input, 20000);
    assert_int_equal(berth_ladder_get_refine_bytes(&ladder), 0);
    input.queue_us = 0;
    run(&ladder, &input, 20000);
    berth_ladder_note_refined(&ladder, 10000000);
    assert_int_equal(berth_ladder_get_refine_bytes(&ladder), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_path_gets_the_best),
        cmocka_unit_test(an_unknown_path_is_taken_for_a_good_one),
        cmocka_unit_test(the_rate_decides_on_photos_and_videos),
        cmocka_unit_test(frames_give_way_first_then_photos_then_videos),
        cmocka_unit_test(it_goes_down_fast_and_up_slowly),
        cmocka_unit_test(a_swinging_queue_does_not_swing_the_ladder),
        cmocka_unit_test(an_empty_path_has_no_queue),
        cmocka_unit_test(a_stalled_client_teaches_nothing),
        cmocka_unit_test(refinement_takes_its_share_and_no_more),
        cmocka_unit_test(refinement_stops_while_frames_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
