/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "berth/errors.h"
#include "berth/protocol.h"
#include "display/encode/planner.h"

#include <string.h>

#define W 1280
#define H 640
#define MS 1000

typedef struct {
    BerthPlanner *planner;
    BerthFrame *frame;
    BerthDamage *damage;
    BerthPlanInput input;
    BerthPlan *plan;
    uint32_t noise;
} World;

static int
set_up(void **state)
{
    World *world = calloc(1, sizeof *world);
    world->planner = berth_planner_new();
    world->frame = berth_frame_new(W, H);
    world->damage = berth_damage_new(W, H);
    world->input = (BerthPlanInput){ .now_us = 5000 * MS,
                                     .effort = 2,
                                     .photo_quality = 85,
                                     .photo_mask = BERTH_PHOTO_BIT(BERTH_PHOTO_JPEG) };
    assert_berth_ok(berth_planner_configure(world->planner, W, H));
    *state = world;
    return 0;
}

static int
tear_down(void **state)
{
    World *world = *state;
    berth_plan_free(world->plan);
    berth_planner_free(world->planner);
    berth_frame_unref(world->frame);
    berth_damage_free(world->damage);
    free(world);
    return 0;
}

static const BerthPlan *
make_plan(World *world, int after_ms)
{
    world->input.now_us += after_ms * MS;
    berth_plan_free(world->plan);
    world->plan = NULL;
    assert_berth_ok(berth_planner_plan(world->planner, world->frame, world->damage, &world->input,
                                       &world->plan));
    berth_damage_clear(world->damage);
    assert_true(berth_frame_rect_equal(berth_planner_get_picture(world->planner), world->frame,
                                       berth_frame_get_rect(world->frame)));
    return world->plan;
}

static void
paint(World *world, BerthRect rect, uint32_t (*colour_of)(World *, int, int))
{
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        for (int x = rect.x; x < rect.x + rect.w; x++) {
            berth_frame_fill(world->frame, (BerthRect){ x, y, 1, 1 }, colour_of(world, x, y));
        }
    }
    berth_damage_add_rect(world->damage, rect);
}

static uint32_t
next_noise(World *world)
{
    world->noise = world->noise * 1664525u + 1013904223u;
    return world->noise >> 8; /* the low bits repeat soon */
}

static uint32_t
text_colour(World *world, int x, int y)
{
    return next_noise(world) >> 22 == 0 ? 0x202020 : 0xffffff;
}

static uint32_t
photo_colour(World *world, int x, int y)
{
    uint32_t base = (uint32_t)(x / 3 & 0x7f) << 16 | (uint32_t)(y / 3 & 0x7f) << 8 |
                    (uint32_t)((x + y) / 5 & 0x7f);
    return base + (next_noise(world) & 0x070707);
}

static void
wrong_sizes_are_refused(void **state)
{
    BerthPlanner *planner = berth_planner_new();
    BerthFrame *frame = berth_frame_new(100, 50);
    BerthFrame *small = berth_frame_new(100, 49);
    BerthDamage *damage = berth_damage_new(100, 50);
    BerthDamage *narrow = berth_damage_new(99, 50);
    BerthPlanInput input = { 0 };
    BerthPlan *plan = NULL;
    assert_null(berth_planner_get_picture(planner));
    assert_berth_error(berth_planner_plan(planner, frame, damage, &input, &plan), BERTH_ERR_STATE);
    assert_berth_error(berth_planner_configure(planner, 0, 10), BERTH_ERR_TOO_LARGE);
    assert_berth_ok(berth_planner_configure(planner, 100, 50));
    assert_berth_error(berth_planner_plan(planner, small, damage, &input, &plan),
                       BERTH_ERR_INVALID);
    assert_berth_error(berth_planner_plan(planner, frame, narrow, &input, &plan),
                       BERTH_ERR_INVALID);
    assert_null(plan);
    assert_berth_ok(berth_planner_plan(planner, frame, damage, &input, &plan));
    assert_int_equal(plan->serial, 1);
    berth_planner_free(planner);
    /* A plan outlives its planner, picture and all. */
    assert_true(berth_frame_rect_equal(plan->picture, frame, berth_frame_get_rect(frame)));
    berth_plan_free(plan);
    berth_frame_unref(frame);
    berth_frame_unref(small);
    berth_damage_free(damage);
    berth_damage_free(narrow);
    berth_planner_free(NULL);
}

static void
plan_tells_everything_that_it_changes(void **state)
{
    World *world = *state;
    berth_frame_fill(world->frame, (BerthRect){ 10, 10, 20, 20 }, 0xff);
    berth_frame_fill(world->frame, (BerthRect){ 70, 70, 20, 20 }, 0xff);
    berth_frame_fill(world->frame, (BerthRect){ 70, 75, 1, 1 }, 0xff00);
    berth_damage_add_all(world->damage);
    const BerthPlan *plan = make_plan(world, 0);
    assert_int_equal(plan->n_fills, 1);
    assert_int_equal(plan->n_crops, 1);
    assert_true(berth_rect_equal(berth_damage_get_tile(plan->changed, 0, 0),
                                 (BerthRect){ 10, 10, 20, 20 }));
    assert_int_equal(berth_damage_get_area_px(plan->changed), 800);
}

static void
a_large_photo_is_a_photo_and_text_is_not(void **state)
{
    World *world = *state;
    paint(world, (BerthRect){ 0, 0, 640, 640 }, photo_colour);
    paint(world, (BerthRect){ 640, 0, 320, 320 }, text_colour);
    const BerthPlan *plan = make_plan(world, 0);
    assert_int_equal(plan->n_crops, 25);
    assert_int_equal(plan->crops[0].tile_class, BERTH_TILE_PLAIN);
    assert_true(plan->n_photos >= 4);
    assert_true(berth_plan_get_n_jobs(plan) >= 4);
    for (size_t i = 0; i < berth_plan_get_n_jobs(plan); i++) {
        berth_plan_run_job(world->plan, i);
    }
    int64_t area_px = 0;
    for (size_t i = 0; i < plan->n_photos; i++) {
        assert_non_null(plan->photos[i].data);
        area_px += berth_rect_area_px(plan->photos[i].rect);
    }
    assert_int_equal(area_px, 640 * 640);
}

static void
a_small_photo_is_exact_at_once_if_there_is_room(void **state)
{
    World *world = *state;
    BerthRect rect = { 0, 0, 320, 320 };
    paint(world, rect, photo_colour);
    const BerthPlan *plan = make_plan(world, 0);
    assert_int_equal(plan->n_photos, 0);
    assert_int_equal(plan->crops[0].tile_class, BERTH_TILE_GRADIENT);
    world->input.budget_bytes = 75000;
    paint(world, rect, photo_colour);
    assert_int_equal(make_plan(world, 1000)->n_photos, 0); /* it was wider a moment ago */
    paint(world, rect, photo_colour);
    assert_true(make_plan(world, 31000)->n_photos > 0);
    world->input.photo_mask = 0;
    paint(world, rect, photo_colour);
    assert_int_equal(make_plan(world, 1000)->n_photos, 0);
}

static void
tiles_that_rested_are_offered_when_they_go(void **state)
{
    World *world = *state;
    BerthRect rect = { 0, 0, 128, 64 };
    paint(world, rect, text_colour);
    make_plan(world, 0);
    paint(world, rect, text_colour);
    assert_int_equal(make_plan(world, 100)->n_stores, 0);
    paint(world, rect, text_colour);
    const BerthPlan *plan = make_plan(world, 400);
    assert_int_equal(plan->n_stores, 2);
    assert_int_equal(plan->stores[1].tile, 1);
    assert_true(plan->crops[0].has_hash);
    /* A letter does not make another tile of it. */
    paint(world, (BerthRect){ 3, 3, 10, 10 }, text_colour);
    plan = make_plan(world, 400);
    assert_int_equal(plan->n_stores, 0);
    assert_false(plan->crops[0].has_hash);
}

static void
what_comes_back_has_the_hash_that_was_offered(void **state)
{
    World *world = *state;
    BerthRect rect = { 64, 64, 64, 64 };
    world->noise = 7;
    paint(world, rect, text_colour);
    make_plan(world, 0);
    paint(world, rect, text_colour);
    BerthTileHash offered = make_plan(world, 400)->stores[0].hash;
    world->noise = 7;
    paint(world, rect, text_colour);
    const BerthPlan *plan = make_plan(world, 400);
    assert_true(berth_tile_hash_equal(plan->crops[0].hash, offered));
}

static void
a_window_that_is_dragged_is_copied(void **state)
{
    World *world = *state;
    paint(world, (BerthRect){ 0, 0, W, H }, text_colour);
    paint(world, (BerthRect){ 200, 100, 500, 300 }, text_colour);
    make_plan(world, 0);
    berth_frame_move(world->frame, (BerthRect){ 200, 100, 500, 300 }, 237, 119);
    berth_damage_add_rect(world->damage, (BerthRect){ 200, 100, 537, 319 });
    const BerthPlan *plan = make_plan(world, 400);
    int64_t copied_px = 0;
    for (size_t i = 0; i < plan->n_copies; i++) {
        copied_px += (int64_t)plan->copies[i].w * plan->copies[i].h;
    }
    assert_true(copied_px >= 490 * 290);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_sizes_are_refused),
        TEST(plan_tells_everything_that_it_changes),
        TEST(a_large_photo_is_a_photo_and_text_is_not),
        TEST(a_small_photo_is_exact_at_once_if_there_is_room),
        TEST(tiles_that_rested_are_offered_when_they_go),
        TEST(what_comes_back_has_the_hash_that_was_offered),
        TEST(a_window_that_is_dragged_is_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
