/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "berth/errors.h"
#include "display/encode/planner.h"

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
    berth_plan_unref(plan);
    berth_frame_unref(frame);
    berth_frame_unref(small);
    berth_damage_free(damage);
    berth_damage_free(narrow);
    berth_planner_free(NULL);
}

static void
plan_tells_everything_that_it_changes(void **state)
{
    BerthPlanner *planner = berth_planner_new();
    BerthFrame *frame = berth_frame_new(200, 100);
    BerthDamage *damage = berth_damage_new(200, 100);
    BerthPlanInput input = { 0 };
    BerthPlan *plan;
    assert_berth_ok(berth_planner_configure(planner, 200, 100));
    berth_frame_fill(frame, (BerthRect){ 10, 10, 20, 20 }, 0xff);
    berth_frame_fill(frame, (BerthRect){ 70, 70, 20, 20 }, 0xff);
    berth_frame_fill(frame, (BerthRect){ 70, 75, 1, 1 }, 0xff00);
    berth_damage_add_all(damage);
    assert_berth_ok(berth_planner_plan(planner, frame, damage, &input, &plan));
    assert_int_equal(plan->n_fills, 1);
    assert_int_equal(plan->n_crops, 1);
    assert_true(berth_rect_equal(berth_damage_get_tile(plan->changed, 0, 0),
                                 (BerthRect){ 10, 10, 20, 20 }));
    assert_int_equal(berth_damage_get_area_px(plan->changed), 800);
    berth_plan_unref(plan);
    berth_planner_free(planner);
    berth_frame_unref(frame);
    berth_damage_free(damage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_sizes_are_refused),
        cmocka_unit_test(plan_tells_everything_that_it_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
