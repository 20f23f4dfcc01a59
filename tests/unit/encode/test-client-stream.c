/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "recorder.h"

#include "display/encode/client-stream.h"
#include "display/encode/planner.h"
#include "display/wire/msg-exact.h"

#include <string.h>

#define W 640
#define H 480

typedef struct {
    Recorder recorder;
    BerthPlanner *planner;
    BerthClientStream *stream;
    BerthFrame *frame;
    BerthDamage *damage;
    uint32_t frame_id;
    int64_t now_us;
    size_t budget_bytes;
} World;

static int
set_up(void **state)
{
    World *world = calloc(1, sizeof *world);
    world->recorder.channel = BERTH_CHANNEL_DISPLAY;
    world->planner = berth_planner_new();
    world->stream =
        berth_client_stream_new(&(BerthClientCaps){ .window_log = 20, .n_cache_tiles = 16 }, 1);
    world->frame = berth_frame_new(W, H);
    world->damage = berth_damage_new(W, H);
    assert_berth_ok(berth_planner_configure(world->planner, W, H));
    assert_berth_ok(berth_client_stream_configure_head(world->stream, 2, W, H, recorder_emit,
                                                       &world->recorder));
    *state = world;
    return 0;
}

static int
tear_down(void **state)
{
    World *world = *state;
    recorder_clear(&world->recorder);
    berth_client_stream_free(world->stream);
    berth_planner_free(world->planner);
    berth_frame_unref(world->frame);
    berth_damage_free(world->damage);
    free(world);
    return 0;
}

static BerthPlan *
make_plan(World *world)
{
    BerthPlanInput input = { .now_us = 1234567 + world->now_us };
    BerthPlan *plan;
    assert_berth_ok(berth_planner_plan(world->planner, world->frame, world->damage, &input, &plan));
    berth_damage_clear(world->damage);
    assert_true(berth_frame_rect_equal(berth_planner_get_picture(world->planner), world->frame,
                                       berth_frame_get_rect(world->frame)));
    return plan;
}

static BerthFrameStats
encode(World *world)
{
    BerthFrameStats stats;
    BerthFrameInfo info = { ++world->frame_id, 2, 77, 1234567 + world->now_us,
                            world->budget_bytes };
    BerthPlan *plan = make_plan(world);
    recorder_clear(&world->recorder);
    assert_berth_ok(berth_client_stream_encode(world->stream, plan, &info, recorder_emit,
                                               &world->recorder, &stats));
    assert_berth_ok(berth_client_stream_end(world->stream, 5, recorder_emit, &world->recorder));
    berth_plan_free(plan);
    return stats;
}

/* The viewer has no room. */
static void
skip_frame(World *world)
{
    BerthPlan *plan = make_plan(world);
    berth_client_stream_skip(world->stream, 2, plan);
    berth_plan_free(plan);
}

static void
paint(World *world, BerthRect rect, uint32_t xrgb)
{
    berth_frame_fill(world->frame, rect, xrgb);
    berth_damage_add_rect(world->damage, rect);
}

/* Rows that all differ. */
static void
paint_text(World *world, BerthRect rect, uint32_t seed)
{
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        for (int x = rect.x; x < rect.x + rect.w; x++) {
            seed = seed * 1664525u + 1013904223u;
            berth_frame_fill(world->frame, (BerthRect){ x, y, 1, 1 },
                             seed >> 30 == 0 ? 0x000000 : 0xffffff);
        }
    }
    berth_damage_add_rect(world->damage, rect);
}

static void
head_config_names_the_head(void **state)
{
    World *world = *state;
    BerthMsgHeadConfig config;
    assert_int_equal(world->recorder.n_messages, 1);
    assert_int_equal(world->recorder.messages[0].type, BERTH_MSG_HEAD_CONFIG);
    assert_berth_ok(berth_msg_head_config_decode(world->recorder.messages[0].payload,
                                                 world->recorder.messages[0].len, &config));
    assert_int_equal(config.head, 2);
    assert_int_equal(config.w, W);
    assert_int_equal(config.h, H);
}

static void
frame_without_change_is_begin_and_end(void **state)
{
    World *world = *state;
    berth_damage_add_all(world->damage);
    BerthFrameStats stats = encode(world);
    assert_int_equal(world->recorder.n_messages, 2);
    BerthMsgFrameBegin begin;
    assert_berth_ok(berth_msg_frame_begin_decode(world->recorder.messages[0].payload,
                                                 world->recorder.messages[0].len, &begin));
    assert_int_equal(begin.frame, 1);
    assert_int_equal(begin.head, 2);
    assert_int_equal(begin.flags, 0);
    assert_int_equal(begin.input_serial, 77);
    assert_int_equal(begin.capture_us, 1234567);
    BerthMsgFrameEnd end;
    assert_berth_ok(berth_msg_frame_end_decode(world->recorder.messages[1].payload,
                                               world->recorder.messages[1].len, &end));
    assert_int_equal(end.frame, 1);
    assert_int_equal(end.n_bytes, world->recorder.messages[0].len);
    assert_int_equal(end.encode_us, 5);
    assert_int_equal(stats.n_bytes, end.n_bytes);
}

static void
one_colour_is_one_fill(void **state)
{
    World *world = *state;
    paint(world, (BerthRect){ 0, 0, W, H }, 0x123456);
    BerthFrameStats stats = encode(world);
    assert_int_equal(stats.n_exact, 0);
    BerthMsgFill fill;
    assert_int_equal(world->recorder.messages[1].type, BERTH_MSG_FILL);
    assert_berth_ok(berth_msg_fill_decode(world->recorder.messages[1].payload,
                                          world->recorder.messages[1].len, &fill));
    assert_int_equal(fill.n, 1);
    assert_int_equal(berth_msg_fill_get(&fill, 0).xrgb, 0x123456);
    assert_int_equal(stats.filled_px, W * H);
}

static void
crop_is_as_small_as_the_change(void **state)
{
    World *world = *state;
    berth_frame_fill(world->frame, (BerthRect){ 100, 100, 3, 2 }, 0xff0000);
    berth_frame_fill(world->frame, (BerthRect){ 101, 100, 1, 1 }, 0x00ff00);
    berth_damage_add_all(world->damage);
    BerthFrameStats stats = encode(world);
    assert_int_equal(stats.exact_px, 6);
    BerthMsgExact exact;
    assert_int_equal(world->recorder.messages[1].type, BERTH_MSG_EXACT);
    assert_berth_ok(berth_msg_exact_decode(world->recorder.messages[1].payload,
                                           world->recorder.messages[1].len, &exact));
    assert_int_equal(exact.n, 1);
    assert_int_equal(exact.area_px, 6);
}

static void
text_seen_before_costs_almost_nothing(void **state)
{
    World *world = *state;
    BerthRect rect = { 64, 64, 256, 128 };
    paint_text(world, rect, 1);
    size_t first = encode(world).n_bytes;
    paint(world, rect, 0xffffff);
    encode(world);
    paint_text(world, rect, 1);
    size_t again = encode(world).n_bytes;
    assert_true(again * 10 < first);
}

/* Moves a window of text up by some rows and encodes it. */
static BerthFrameStats
scroll_text(World *world, int n_rows, uint32_t seed)
{
    BerthRect window = { 0, 0, W, 400 };
    BerthRect moved = { 0, n_rows, W, 400 - n_rows };
    berth_frame_move(world->frame, moved, 0, 0);
    berth_damage_add_rect(world->damage, window);
    paint_text(world, (BerthRect){ 0, 400 - n_rows, W, n_rows }, seed);
    return encode(world);
}

static void
a_film_is_searched_now_and_then(void **state)
{
    World *world = *state;
    for (uint32_t i = 1; i <= 12; i++, world->now_us += 16000) {
        paint_text(world, (BerthRect){ 0, 0, W, 400 }, i);
        encode(world);
    }
    /* What scrolls right after it is found within eight frames, and from then on in each. */
    uint32_t n = 0;
    while (n < 8 && scroll_text(world, 16, 100 + n).n_copies == 0) {
        world->now_us += 16000;
        n++;
    }
    assert_in_range(n, 1, 7);
    assert_int_equal(scroll_text(world, 16, 200).n_copies, 1);
    assert_int_equal(scroll_text(world, 16, 201).n_copies, 1);
}

static void
what_scrolls_after_a_pause_is_found_at_once(void **state)
{
    World *world = *state;
    for (uint32_t i = 1; i <= 12; i++, world->now_us += 16000) {
        paint_text(world, (BerthRect){ 0, 0, W, 400 }, i);
        encode(world);
    }
    world->now_us += 200000;
    assert_int_equal(scroll_text(world, 16, 100).n_copies, 1);
}

static void
scrolled_text_is_copied(void **state)
{
    World *world = *state;
    BerthRect window = { 37, 20, 501, 400 };
    paint_text(world, window, 1);
    encode(world);
    BerthRect moved = { 37, 20 + 33, 501, 400 - 33 };
    berth_frame_move(world->frame, moved, 37, 20);
    berth_damage_add_rect(world->damage, window);
    paint_text(world, (BerthRect){ 37, 20 + 400 - 33, 501, 33 }, 99);
    BerthFrameStats stats = encode(world);
    assert_int_equal(world->recorder.messages[1].type, BERTH_MSG_COPY);
    assert_true(stats.copied_px >= (int64_t)501 * 367);
    assert_true(stats.exact_px <= (int64_t)501 * 40);
    assert_int_equal(stats.n_copies, 1);
}

static void
large_frame_is_cut_into_messages(void **state)
{
    World *world = *state;
    paint_text(world, (BerthRect){ 0, 0, W, H }, 5);
    encode(world);
    assert_true(recorder_count(&world->recorder, BERTH_MSG_EXACT) >= 2);
}

static void
refresh_sends_everything_once(void **state)
{
    World *world = *state;
    paint_text(world, (BerthRect){ 0, 0, W, H }, 5);
    encode(world);
    assert_berth_ok(berth_client_stream_refresh(world->stream, 2));
    BerthFrameStats stats = encode(world);
    assert_int_equal(stats.exact_px + stats.filled_px, W * H);
    BerthMsgFrameBegin begin;
    assert_berth_ok(berth_msg_frame_begin_decode(world->recorder.messages[0].payload,
                                                 world->recorder.messages[0].len, &begin));
    assert_int_equal(begin.flags, BERTH_FRAME_WHOLE);
    stats = encode(world);
    assert_int_equal(stats.exact_px + stats.filled_px, 0);
    assert_berth_error(berth_client_stream_refresh(world->stream, 3), BERTH_ERR_INVALID);
    assert_berth_error(berth_client_stream_refresh(world->stream, 999), BERTH_ERR_INVALID);
}

static void
skipped_plans_are_caught_up_with(void **state)
{
    World *world = *state;
    paint_text(world, (BerthRect){ 0, 0, 64, 64 }, 5);
    skip_frame(world);
    paint_text(world, (BerthRect){ 128, 64, 64, 64 }, 6);
    skip_frame(world);
    paint(world, (BerthRect){ 320, 64, 64, 64 }, 0x102030);
    BerthFrameStats stats = encode(world);
    assert_int_equal(stats.exact_px, 2 * 64 * 64);
    assert_int_equal(stats.filled_px, 64 * 64);
    stats = encode(world);
    assert_int_equal(stats.exact_px + stats.filled_px, 0);
}

static void
nothing_is_copied_out_of_the_backlog(void **state)
{
    World *world = *state;
    paint_text(world, (BerthRect){ 0, 0, W, 400 }, 1);
    encode(world);
    paint_text(world, (BerthRect){ 0, 448, 64, 32 }, 2);
    skip_frame(world);
    assert_true(berth_client_stream_has_backlog(world->stream, 2));
    assert_int_equal(scroll_text(world, 16, 3).n_copies, 1);
    assert_false(berth_client_stream_has_backlog(world->stream, 2));
    paint_text(world, (BerthRect){ 64, 64, 64, 32 }, 2);
    skip_frame(world);
    assert_int_equal(scroll_text(world, 16, 3).n_copies, 0);
    assert_int_equal(scroll_text(world, 16, 4).n_copies, 1);
}

static void
what_is_over_the_budget_comes_later(void **state)
{
    World *world = *state;
    paint_text(world, (BerthRect){ 0, 0, W, H }, 1);
    world->budget_bytes = 1000;
    BerthFrameStats stats = encode(world);
    assert_in_range(stats.exact_px, 1, W * H / 4);
    int64_t sent_px = stats.exact_px;
    for (int i = 0; i < 64 && berth_client_stream_has_backlog(world->stream, 2); i++) {
        stats = encode(world);
        assert_in_range(stats.exact_px, 1, W * H / 4);
        sent_px += stats.exact_px;
    }
    assert_false(berth_client_stream_has_backlog(world->stream, 2));
    assert_int_equal(sent_px, W * H);
}

static void
a_plan_that_was_forgotten_makes_a_whole_picture(void **state)
{
    World *world = *state;
    paint_text(world, (BerthRect){ 0, 0, 64, 64 }, 5);
    berth_plan_free(make_plan(world));
    BerthFrameStats stats = encode(world);
    assert_int_equal(stats.exact_px + stats.filled_px, W * H);
}

static void
a_tile_that_comes_back_is_drawn_by_reference(void **state)
{
    World *world = *state;
    BerthRect rect = { 64, 64, 128, 64 };
    paint_text(world, rect, 1);
    encode(world);
    world->now_us += 400000;
    paint_text(world, rect, 2);
    BerthFrameStats stats = encode(world);
    assert_int_equal(stats.n_stored, 2);
    assert_int_equal(world->recorder.messages[1].type, BERTH_MSG_TILE_STORE);
    world->now_us += 400000;
    paint_text(world, rect, 1);
    stats = encode(world);
    assert_int_equal(stats.n_cached, 2);
    assert_int_equal(stats.exact_px, 0);
    /* After a refresh nothing is believed to be kept. */
    assert_berth_ok(berth_client_stream_refresh(world->stream, 2));
    encode(world);
    world->now_us += 400000;
    paint_text(world, rect, 2);
    assert_int_equal(encode(world).n_cached, 0);
}

static void
a_check_is_for_viewers_without_a_backlog(void **state)
{
    World *world = *state;
    paint_text(world, (BerthRect){ 0, 0, 64, 64 }, 5);
    encode(world);
    BerthPlan *plan = make_plan(world);
    assert_berth_error(
        berth_client_stream_check(world->stream, plan, 2, recorder_emit, &world->recorder),
        BERTH_ERR_STATE);
    berth_client_stream_skip(world->stream, 2, plan);
    recorder_clear(&world->recorder);
    assert_berth_ok(
        berth_client_stream_check(world->stream, plan, 2, recorder_emit, &world->recorder));
    assert_int_equal(world->recorder.messages[0].type, BERTH_MSG_PICTURE_CHECK);
    berth_plan_free(plan);
}

static void
wrong_calls_are_refused_and_harmless(void **state)
{
    World *world = *state;
    Recorder *recorder = &world->recorder;
    BerthFrameInfo wrong_head = { .frame_id = 1, .head = 3 };
    BerthFrameInfo info = { .frame_id = 1, .head = 2 };
    BerthPlan *plan = make_plan(world);
    recorder_clear(recorder);
    assert_berth_error(
        berth_client_stream_encode(world->stream, plan, &wrong_head, recorder_emit, recorder, NULL),
        BERTH_ERR_INVALID);
    assert_berth_error(berth_client_stream_end(world->stream, 0, recorder_emit, recorder),
                       BERTH_ERR_STATE);
    assert_berth_error(
        berth_client_stream_configure_head(world->stream, 99, W, H, recorder_emit, recorder),
        BERTH_ERR_INVALID);
    assert_berth_error(
        berth_client_stream_configure_head(world->stream, 1, 0, H, recorder_emit, recorder),
        BERTH_ERR_INVALID);
    assert_int_equal(recorder->n_messages, 0);
    assert_berth_ok(
        berth_client_stream_encode(world->stream, plan, &info, recorder_emit, recorder, NULL));
    assert_berth_error(
        berth_client_stream_encode(world->stream, plan, &info, recorder_emit, recorder, NULL),
        BERTH_ERR_STATE);
    assert_berth_ok(berth_client_stream_end(world->stream, 0, recorder_emit, recorder));
    berth_plan_free(plan);
    assert_null(berth_client_stream_new(&(BerthClientCaps){ .window_log = 9 }, 1));
    assert_null(berth_client_stream_new(
        &(BerthClientCaps){ .window_log = 20, .gradient_window_log = 9 }, 1));
    assert_null(berth_client_stream_new(&(BerthClientCaps){ .window_log = 20 }, 0));
    assert_null(berth_client_stream_new(&(BerthClientCaps){ .window_log = 20 }, 10));
    berth_client_stream_free(NULL);
}

static void
error_of_emit_is_sticky(void **state)
{
    World *world = *state;
    BerthFrameInfo info = { .frame_id = 1, .head = 2 };
    BerthPlan *plan = make_plan(world);
    world->recorder.answer = BERTH_ERR_CLOSED;
    assert_berth_error(berth_client_stream_encode(world->stream, plan, &info, recorder_emit,
                                                  &world->recorder, NULL),
                       BERTH_ERR_CLOSED);
    berth_plan_free(plan);
    world->recorder.answer = BERTH_OK;
    assert_berth_error(berth_client_stream_end(world->stream, 0, recorder_emit, &world->recorder),
                       BERTH_ERR_CLOSED);
    assert_berth_error(
        berth_client_stream_configure_head(world->stream, 0, W, H, recorder_emit, &world->recorder),
        BERTH_ERR_CLOSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(head_config_names_the_head),
        TEST(frame_without_change_is_begin_and_end),
        TEST(one_colour_is_one_fill),
        TEST(crop_is_as_small_as_the_change),
        TEST(text_seen_before_costs_almost_nothing),
        TEST(scrolled_text_is_copied),
        TEST(a_film_is_searched_now_and_then),
        TEST(what_scrolls_after_a_pause_is_found_at_once),
        TEST(large_frame_is_cut_into_messages),
        TEST(refresh_sends_everything_once),
        TEST(skipped_plans_are_caught_up_with),
        TEST(nothing_is_copied_out_of_the_backlog),
        TEST(what_is_over_the_budget_comes_later),
        TEST(a_plan_that_was_forgotten_makes_a_whole_picture),
        TEST(a_tile_that_comes_back_is_drawn_by_reference),
        TEST(a_check_is_for_viewers_without_a_backlog),
        TEST(wrong_calls_are_refused_and_harmless),
        TEST(error_of_emit_is_sticky),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
