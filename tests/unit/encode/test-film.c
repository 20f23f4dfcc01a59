/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A film from the planner to what the viewer shows.
 */
#include "testing.h"

#include "pictures.h"

#include "berth/protocol.h"
#include "display/decode/frame-decoder.h"
#include "display/encode/client-stream.h"
#include "display/encode/planner.h"

#include <glib.h>

#define W 640
#define H 448
#define FRAME_US 40000
#define REFINE_BYTES (1024 * 1024)
#define VIDEO BERTH_VIDEO_BIT(BERTH_VIDEO_VP8)

typedef struct {
    BerthPlanner *planner;
    BerthClientStream *stream;
    BerthFrameDecoder *decoder;
    BerthFrame *frame;
    BerthDamage *damage;
    BerthPlan *plan;
    uint32_t frame_id;
    int64_t now_us;
    unsigned n_videos;
} World;

static int
decode(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    World *world = user_data;
    BerthDecodedEvent event;
    world->n_videos += type == BERTH_MSG_VIDEO;
    return berth_frame_decoder_handle(world->decoder, type, payload, len, &event);
}

static int
set_up(void **state)
{
    World *world = g_new0(World, 1);
    BerthClientCaps caps = { .window_log = 20, .gradient_window_log = 20, .video_mask = VIDEO };
    BerthFrameDecoderCaps decoder_caps = { .max_width = W,
                                           .max_height = H,
                                           .window_log = 20,
                                           .gradient_window_log = 20,
                                           .video_mask = VIDEO };
    world->planner = berth_planner_new();
    world->stream = berth_client_stream_new(&caps, 1);
    world->decoder = berth_frame_decoder_new(&decoder_caps);
    world->frame = berth_frame_new(W, H);
    world->damage = berth_damage_new(W, H);
    world->now_us = 1000000;
    assert_berth_ok(berth_planner_configure(world->planner, W, H));
    assert_berth_ok(berth_client_stream_configure_head(world->stream, 0, W, H, decode, world));
    *state = world;
    return 0;
}

static int
tear_down(void **state)
{
    World *world = *state;
    berth_plan_free(world->plan);
    berth_planner_free(world->planner);
    berth_client_stream_free(world->stream);
    berth_frame_decoder_free(world->decoder);
    berth_frame_unref(world->frame);
    berth_damage_free(world->damage);
    g_free(world);
    return 0;
}

/* One frame of the film in rect, and what can be made better after it. */
static void
step(World *world, BerthRect rect, int phase)
{
    BerthPlanInput input = { .now_us = world->now_us, .effort = 3, .video_mask = VIDEO };
    BerthFrameInfo info = { .frame_id = ++world->frame_id, .capture_us = world->now_us };
    bool is_begun = false;
    berth_damage_clear(world->damage);
    if (!berth_rect_is_empty(rect)) {
        picture_paint_photo(world->frame, rect, phase);
        berth_damage_add_rect(world->damage, rect);
    }
    berth_plan_free(world->plan);
    assert_berth_ok(
        berth_planner_plan(world->planner, world->frame, world->damage, &input, &world->plan));
    for (size_t i = 0; i < berth_plan_get_n_jobs(world->plan); i++) {
        berth_plan_run_job(world->plan, i);
    }
    assert_berth_ok(
        berth_client_stream_encode(world->stream, world->plan, &info, decode, world, NULL));
    assert_berth_ok(berth_client_stream_end(world->stream, 0, decode, world));
    info.frame_id = world->frame_id + 1;
    assert_berth_ok(berth_client_stream_refine(world->stream, world->plan, &info, world->now_us, -1,
                                               -1, REFINE_BYTES, decode, world, NULL, &is_begun));
    if (is_begun) {
        world->frame_id++;
        assert_berth_ok(berth_client_stream_end(world->stream, 0, decode, world));
    }
    world->now_us += FRAME_US;
}

static double
measure(const World *world, BerthRect rect)
{
    return picture_psnr(berth_frame_decoder_get_canvas(world->decoder, 0), world->frame, rect);
}

static void
film_is_shown_well_and_exactly_when_it_rests(void **state)
{
    World *world = *state;
    BerthRect film = { 41, 33, 500, 300 };
    for (int i = 0; i < 20; i++) {
        step(world, film, i * 5);
        assert_true(measure(world, film) > 35);
    }
    assert_true(world->n_videos >= 10);
    assert_true(measure(world, film) < 99);
    for (int i = 0; i < 25; i++) {
        step(world, (BerthRect){ 0, 0, 0, 0 }, 0);
    }
    assert_true(measure(world, berth_frame_get_rect(world->frame)) == 99);
}

/* A part of the rectangle stands still for long: it gets exact although the film goes on. */
static void
part_at_rest_gets_exact_while_the_film_plays(void **state)
{
    World *world = *state;
    BerthRect film = { 64, 64, 512, 320 };
    BerthRect moving = { 64, 64, 512, 256 };
    BerthRect resting = { 64, 320, 512, 64 };
    for (int i = 0; i < 20; i++) {
        step(world, film, i * 5);
    }
    assert_true(measure(world, resting) < 99);
    for (int i = 0; i < 90; i++) {
        step(world, moving, i * 5);
    }
    assert_true(measure(world, moving) < 99);
    assert_true(measure(world, resting) == 99);
}

int
main(void)
{
#define FILM_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FILM_TEST(film_is_shown_well_and_exactly_when_it_rests),
        FILM_TEST(part_at_rest_gets_exact_while_the_film_plays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
