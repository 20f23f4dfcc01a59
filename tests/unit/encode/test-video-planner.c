/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A film on a screen, and the packets that a plan gets of it.
 */
#include "testing.h"

#include "pictures.h"

#include "berth/protocol.h"
#include "display/decode/video-decoder.h"
#include "display/encode/refiner.h"
#include "display/encode/video-planner.h"

#include <glib.h>

#define W 512
#define H 384
#define COLUMNS 8
#define FRAME_US 33333
#define MASK (BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_420) | BERTH_VIDEO_BIT(BERTH_VIDEO_VP8))

static const BerthRect film = { 70, 60, 300, 200 };

typedef struct {
    BerthVideoPlanner *planner;
    BerthFrame *frame;
    BerthDamage *damage;
    BerthVideoWish wish;
    BerthPlanVideo videos[BERTH_VIDEO_MAX_REGIONS];
    size_t n;
    int phase;
} World;

static int
set_up(void **state)
{
    World *world = g_new0(World, 1);
    world->planner = berth_video_planner_new();
    assert_berth_ok(berth_video_planner_configure(world->planner, W, H));
    world->frame = berth_frame_new(W, H);
    world->damage = berth_damage_new(W, H);
    world->wish = (BerthVideoWish){ .now_us = 1000000, .effort = 3, .mask = MASK };
    *state = world;
    return 0;
}

static void
clear_videos(World *world)
{
    for (size_t i = 0; i < world->n; i++) {
        g_free(world->videos[i].keep);
        g_free(world->videos[i].data);
    }
    world->n = 0;
}

static int
tear_down(void **state)
{
    World *world = *state;
    clear_videos(world);
    berth_video_planner_free(world->planner);
    berth_frame_unref(world->frame);
    berth_damage_free(world->damage);
    g_free(world);
    return 0;
}

/* One frame; the film goes on if it moves. */
static const BerthPlanVideo *
step(World *world, bool is_moving)
{
    BerthVideoChange changes[COLUMNS * 6];
    size_t n = 0;
    clear_videos(world);
    berth_damage_clear(world->damage);
    if (is_moving) {
        picture_paint_photo(world->frame, film, world->phase += 5);
        berth_damage_add_rect(world->damage, film);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(changes); i++) {
        BerthRect rect = berth_damage_get_tile(world->damage, (int)i % COLUMNS, (int)i / COLUMNS);
        if (!berth_rect_is_empty(rect)) {
            changes[n++] = (BerthVideoChange){ .tile = i, .rect = rect, .is_film = true };
        }
    }
    world->wish.now_us += FRAME_US;
    assert_true(berth_video_planner_encode(world->planner, &world->wish, world->frame,
                                           world->damage, changes, n, world->videos, &world->n));
    return world->n > 0 ? &world->videos[0] : NULL;
}

static const BerthPlanVideo *
play(World *world, int n_frames)
{
    const BerthPlanVideo *video = NULL;
    for (int i = 0; i < n_frames; i++) {
        video = step(world, true);
    }
    return video;
}

static void
film_becomes_packets_in_order(void **state)
{
    World *world = *state;
    assert_null(play(world, 3));
    const BerthPlanVideo *video = step(world, true);
    assert_non_null(video);
    assert_true(berth_rect_equal(video->rect, film));
    assert_true(video->is_key);
    assert_int_equal(video->packet_no, 1);
    assert_int_equal(video->quality, BERTH_QUALITY_HIGH);
    uint32_t generation = video->generation;
    BerthVideoDecoder *decoder = berth_video_decoder_new(video->codec, film.w, film.h, 1);
    BerthFrame *canvas = berth_frame_new(W, H);
    for (uint32_t i = 1; i < 10; i++) {
        assert_berth_ok(berth_video_decoder_decode(decoder, video->data, video->len));
        assert_berth_ok(
            berth_video_decoder_paint(decoder, canvas, film.x, film.y, video->keep, video->n_keep));
        assert_true(picture_psnr(canvas, world->frame, film) > 36);
        video = step(world, true);
        assert_int_equal(video->generation, generation);
        assert_int_equal(video->packet_no, i + 1);
        assert_false(video->is_key);
    }
    berth_video_decoder_free(decoder);
    berth_frame_unref(canvas);
}

static void
still_film_makes_no_packet_and_ends(void **state)
{
    World *world = *state;
    play(world, 8);
    const BerthPlanVideo *video = step(world, false);
    assert_non_null(video);
    assert_null(video->data);
    uint32_t generation = video->generation;
    for (int i = 0; i < 25 && video != NULL; i++) {
        video = step(world, false);
    }
    assert_null(video);
    video = play(world, 5);
    assert_non_null(video);
    assert_int_not_equal(video->generation, generation);
}

static void
key_frames_are_shared(void **state)
{
    World *world = *state;
    play(world, 4);
    world->wish.is_key_wanted = true;
    int n_keys = 0;
    for (int i = 0; i < 32; i++) {
        n_keys += step(world, true)->is_key;
    }
    assert_in_range(n_keys, 1, 3);
    /* Also while nothing moves: a viewer waits. */
    world->wish.now_us += 500000;
    const BerthPlanVideo *video = step(world, false);
    assert_non_null(video->data);
    assert_true(video->is_key);
}

static void
viewers_decide_what_is_used(void **state)
{
    World *world = *state;
    assert_int_equal(play(world, 5)->codec, BERTH_VIDEO_VP8);
    /* Somebody joins who cannot decode what plays. */
    uint32_t generation = world->videos[0].generation;
    world->wish.mask = BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_420);
    const BerthPlanVideo *video = play(world, 1);
    assert_int_equal(video->codec, BERTH_VIDEO_VP9_420);
    assert_int_not_equal(video->generation, generation);
    assert_true(video->is_key);
    world->wish.mask = 0;
    assert_null(play(world, 5));
    world->wish.mask = MASK;
    assert_int_equal(play(world, 5)->codec, BERTH_VIDEO_VP8);
}

static void
slow_path_gets_the_smaller_codec(void **state)
{
    World *world = *state;
    world->wish.kbps = 4000;
    assert_int_equal(play(world, 5)->codec, BERTH_VIDEO_VP9_420);
}

static void
new_mode_has_no_films(void **state)
{
    World *world = *state;
    assert_non_null(play(world, 5));
    assert_berth_ok(berth_video_planner_configure(world->planner, W, H));
    assert_null(step(world, false));
    assert_null(play(world, 3));
    assert_non_null(play(world, 1));
}

int
main(void)
{
#define FILM_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FILM_TEST(film_becomes_packets_in_order),
        FILM_TEST(still_film_makes_no_packet_and_ends),
        FILM_TEST(key_frames_are_shared),
        FILM_TEST(viewers_decide_what_is_used),
        FILM_TEST(slow_path_gets_the_smaller_codec),
        FILM_TEST(new_mode_has_no_films),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
