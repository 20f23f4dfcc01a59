/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/vhost-gpu/flush-gate.h"

#include "berth/limits.h"

#define HOLD BERTH_LIMIT_GPU_HOLD_US
#define UNSEEN BERTH_LIMIT_GPU_HOLD_UNSEEN_US

static const BerthRect all = { 0, 0, 100, 100 };
static const BerthRect left = { 0, 0, 50, 100 };
static const BerthRect right = { 50, 0, 50, 100 };

static void
parts_of_one_frame_are_free_together(void **state)
{
    BerthFlushGate gate;

    berth_flush_gate_init(&gate, 0);
    assert_int_equal(berth_flush_gate_add(&gate, 0, left, 1), 1);
    assert_int_equal(berth_flush_gate_add(&gate, 0, right, 2), 1);
    assert_int_equal(berth_flush_gate_add(&gate, 1, left, 3), 1);
    assert_true(berth_flush_gate_is_free(&gate, 1));
    assert_int_equal(berth_flush_gate_add(&gate, 0, right, 4), 2);
    assert_false(berth_flush_gate_is_free(&gate, 2));
    assert_int_equal(berth_flush_gate_add(&gate, 0, left, 5), 2);
}

static void
each_wish_frees_one_generation(void **state)
{
    BerthFlushGate gate;

    berth_flush_gate_init(&gate, 0);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(berth_flush_gate_add(&gate, 0, all, i), i);
    }
    for (int i = 2; i <= 5; i++) {
        assert_false(berth_flush_gate_is_free(&gate, (uint64_t)i));
        berth_flush_gate_want(&gate, 10 + i);
        assert_true(berth_flush_gate_is_free(&gate, (uint64_t)i));
    }
    /* One wish may wait for a flush, not more. */
    berth_flush_gate_want(&gate, 20);
    berth_flush_gate_want(&gate, 21);
    assert_true(berth_flush_gate_is_free(&gate, berth_flush_gate_add(&gate, 0, all, 22)));
    assert_false(berth_flush_gate_is_free(&gate, berth_flush_gate_add(&gate, 0, all, 23)));
}

static void
nothing_is_held_for_ever(void **state)
{
    BerthFlushGate gate;
    int64_t now_us = 0;

    berth_flush_gate_init(&gate, now_us);
    berth_flush_gate_add(&gate, 0, all, now_us);
    berth_flush_gate_want(&gate, now_us);
    for (int i = 0; i < 4; i++) {
        berth_flush_gate_add(&gate, 0, all, now_us);
    }
    assert_true(berth_flush_gate_is_free(&gate, 2)); /* by the wish */
    assert_int_equal(berth_flush_gate_get_due_us(&gate, now_us), HOLD);
    berth_flush_gate_tick(&gate, HOLD - 1);
    assert_false(berth_flush_gate_is_free(&gate, 3));
    berth_flush_gate_tick(&gate, HOLD);
    assert_true(berth_flush_gate_is_free(&gate, 3));
    assert_false(berth_flush_gate_is_free(&gate, 4));
    /* After a second without a wish nobody looks. */
    now_us = 2 * 1000 * 1000;
    assert_int_equal(berth_flush_gate_get_hold_us(&gate, now_us), UNSEEN);
    berth_flush_gate_tick(&gate, now_us);
    assert_true(berth_flush_gate_is_free(&gate, 4));
    assert_int_equal(berth_flush_gate_get_due_us(&gate, now_us), now_us + UNSEEN);
    berth_flush_gate_tick(&gate, now_us + UNSEEN);
    assert_true(berth_flush_gate_is_free(&gate, 5));
    assert_int_equal(berth_flush_gate_get_due_us(&gate, now_us), INT64_MAX);
}

static void
many_parts_end_in_one_box(void **state)
{
    BerthFlushGate gate;

    berth_flush_gate_init(&gate, 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(berth_flush_gate_add(&gate, 0, (BerthRect){ i * 10, 0, 10, 10 }, i), 1);
    }
    assert_int_equal(berth_flush_gate_add(&gate, 0, (BerthRect){ 995, 5, 1, 1 }, 101), 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_one_frame_are_free_together),
        cmocka_unit_test(each_wish_frees_one_generation),
        cmocka_unit_test(nothing_is_held_for_ever),
        cmocka_unit_test(many_parts_end_in_one_box),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
