/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/buffer-ring.h"

#include "testing.h"

#include <glib.h>
#include <string.h>

#define WIDTH 96
#define HEIGHT 64
#define N_STEPS 3000

static BerthFrame *
new_frame(void)
{
    BerthFrame *frame = berth_frame_new(WIDTH, HEIGHT);

    assert_non_null(frame);
    return frame;
}

static void
add(BerthBufferRing *ring)
{
    BerthFrame *frame = new_frame();

    berth_buffer_ring_add(ring, frame);
    berth_frame_unref(frame);
}

static void
begin(BerthBufferRing *ring)
{
    BerthFrame *frame = new_frame();

    memset(ring, 0, sizeof *ring);
    berth_buffer_ring_reset(ring, frame);
    berth_frame_unref(frame);
}

static void
what_nobody_holds_is_written_where_it_is(void **state)
{
    BerthBufferRing ring;

    begin(&ring);
    assert_int_equal(berth_buffer_ring_plan_next(&ring), 0);
    assert_int_equal(berth_region_get_bounds(&ring.unsent).w, WIDTH);
    berth_buffer_ring_hold(&ring);
    assert_true(berth_region_is_empty(&ring.unsent));
    assert_int_equal(berth_buffer_ring_plan_next(&ring), 1);
    add(&ring);
    assert_int_equal(berth_buffer_ring_plan_next(&ring), 1);
    berth_buffer_ring_release(&ring, 0);
    assert_int_equal(berth_buffer_ring_plan_next(&ring), 0);
    berth_buffer_ring_clear(&ring);
    assert_int_equal(ring.n_slots, 0);
}

static void
when_all_are_held_the_front_is_torn(void **state)
{
    BerthBufferRing ring;

    begin(&ring);
    for (size_t i = 0; i < BERTH_BUFFER_RING_MAX; i++) {
        berth_buffer_ring_hold(&ring);
        if (i + 1 < BERTH_BUFFER_RING_MAX) {
            assert_int_equal(berth_buffer_ring_plan_next(&ring), i + 1);
            add(&ring);
            berth_buffer_ring_advance(&ring, i + 1, NULL, 0);
        }
    }
    assert_int_equal(berth_buffer_ring_plan_next(&ring), BERTH_BUFFER_RING_MAX - 1);
    berth_buffer_ring_clear(&ring);
}

static void
memory_is_found_again(void **state)
{
    BerthBufferRing ring;
    BerthFrame *other = new_frame();

    begin(&ring);
    add(&ring);
    assert_int_equal(berth_buffer_ring_find(&ring, ring.slots[1].frame->data), 1);
    assert_int_equal(berth_buffer_ring_find(&ring, other->data), BERTH_BUFFER_RING_MAX);
    berth_frame_unref(other);
    berth_buffer_ring_clear(&ring);
}

static BerthRect
random_rect(GRand *random)
{
    BerthRect rect = { g_rand_int_range(random, 0, WIDTH), g_rand_int_range(random, 0, HEIGHT), 0,
                       0 };

    rect.w = g_rand_int_range(random, 1, WIDTH - rect.x + 1);
    rect.h = g_rand_int_range(random, 1, HEIGHT - rect.y + 1);
    return rect;
}

static void
write_one(BerthBufferRing *ring, BerthFrame *canvas, GRand *random)
{
    BerthRect rects[2] = { random_rect(random), random_rect(random) };
    size_t slot = berth_buffer_ring_plan_next(ring);

    for (size_t i = 0; i < G_N_ELEMENTS(rects); i++) {
        berth_frame_fill(canvas, rects[i], g_rand_int(random) & 0xffffffu);
    }
    if (slot == ring->n_slots) {
        add(ring);
    }
    berth_buffer_ring_advance(ring, slot, rects, G_N_ELEMENTS(rects));
    for (size_t i = 0; i < G_N_ELEMENTS(rects); i++) {
        berth_frame_copy_rect(ring->slots[ring->front].frame, canvas, rects[i]);
    }
    berth_buffer_ring_note(ring, rects, G_N_ELEMENTS(rects));
}

/* As a decoder that draws beside the front, on what it got up to it. */
static bool
draw_one(BerthBufferRing *ring, BerthFrame *canvas, GRand *random)
{
    size_t slot = berth_buffer_ring_plan_other(ring);
    BerthRect rect = random_rect(random);
    BerthRegion missed;

    if (slot == BERTH_BUFFER_RING_MAX) {
        return false;
    }
    if (slot == ring->n_slots) {
        add(ring);
    }
    assert_int_not_equal(slot, ring->front);
    assert_false(ring->slots[slot].is_held);
    berth_buffer_ring_borrow(ring, slot, &missed);
    for (size_t i = 0; i < missed.n_rects; i++) {
        berth_frame_copy_rect(ring->slots[slot].frame, ring->slots[ring->front].frame,
                              missed.rects[i]);
    }
    if (g_rand_int_range(random, 0, 10) == 0) {
        berth_frame_fill(ring->slots[slot].frame, rect, 0);
        return false; /* given up */
    }
    berth_frame_fill(canvas, rect, g_rand_int(random) & 0xffffffu);
    berth_frame_copy_rect(ring->slots[slot].frame, canvas, rect);
    berth_buffer_ring_turn(ring, slot);
    berth_buffer_ring_note(ring, &rect, 1);
    return true;
}

/*
 * A server that keeps what it was told of as its own picture: after each commit it is the canvas,
 * though it took over only what was unsent, and what it holds stays as it was.
 */
static void
a_server_always_has_the_whole_picture(void **state)
{
    GRand *random = g_rand_new_with_seed(7);
    BerthFrame *canvas = new_frame(), *screen = new_frame();
    BerthRect whole = berth_frame_get_rect(canvas);
    BerthBufferRing ring;

    begin(&ring);
    for (unsigned i = 0; i < N_STEPS; i++) {
        if (!g_rand_boolean(random) || !draw_one(&ring, canvas, random)) {
            write_one(&ring, canvas, random);
        }
        if (g_rand_int_range(random, 0, 3) == 0) {
            continue; /* the server is not ready for it */
        }
        for (size_t r = 0; r < ring.unsent.n_rects; r++) {
            berth_frame_copy_rect(screen, ring.slots[ring.front].frame, ring.unsent.rects[r]);
        }
        for (size_t slot = 0; slot < ring.n_slots; slot++) {
            if (g_rand_boolean(random)) {
                berth_buffer_ring_release(&ring, slot);
            }
        }
        berth_buffer_ring_hold(&ring);
        assert_true(berth_frame_rect_equal(ring.slots[ring.front].frame, canvas, whole));
        assert_true(berth_frame_rect_equal(screen, canvas, whole));
    }
    assert_int_equal(ring.n_slots, BERTH_BUFFER_RING_MAX);
    berth_buffer_ring_clear(&ring);
    berth_frame_unref(canvas);
    berth_frame_unref(screen);
    g_rand_free(random);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_holds_is_written_where_it_is),
        cmocka_unit_test(when_all_are_held_the_front_is_torn),
        cmocka_unit_test(memory_is_found_again),
        cmocka_unit_test(a_server_always_has_the_whole_picture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
