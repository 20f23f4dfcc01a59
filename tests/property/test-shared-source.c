/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest writes to its screen while the screen is captured.  What the capture took is then any
 * mixture, but the frame and its damage must agree: whoever follows the damage has the frame.
 */
#include "testing.h"

#include "display/pixels/damage.h"

#include "../property/random.h"

#include <glib.h>
#include <string.h>

#define W 333
#define H 129
#define N_CHANGED 1500
#define N_PLACES 12

typedef struct {
    uint8_t pixels[W * H * 4];
    int stop;
    uint64_t seed;
} Guest;

static gpointer
draw_for_ever(gpointer data)
{
    Guest *guest = data;
    Random random = { guest->seed };
    /* One pixel in each place that is always captured, so that the box of a change is no larger and
     * hides no mistake. */
    size_t places[N_PLACES];
    for (int i = 0; i < N_PLACES; i++) {
        places[i] =
            (size_t)(random_int(&random, 30, H - 31) * W + random_int(&random, 70, W - 71)) * 4;
    }
    uint8_t colour = 0;
    while (g_atomic_int_get(&guest->stop) == 0) {
        colour ^= 0xff;
        for (int i = 0; i < N_PLACES; i++) {
            ((volatile uint8_t *)guest->pixels)[places[i]] = colour;
        }
    }
    return NULL;
}

static void
follow(BerthFrame *follower, const BerthFrame *frame, const BerthDamage *damage)
{
    BerthRect rects[64];
    size_t n_rects = berth_damage_get_rects(damage, rects, 64);
    assert_true(n_rects <= 64);
    for (size_t i = 0; i < n_rects; i++) {
        berth_frame_copy_rect(follower, frame, rects[i]);
    }
}

static void
capture_for_a_while(Guest *guest, Random *random, const BerthPixelFormat *format)
{
    BerthFrame *frame = berth_frame_new(W, H);
    BerthFrame *follower = berth_frame_new(W, H);
    BerthDamage *damage = berth_damage_new(W, H);
    /* However slowly the guest gets to run: as many captures as it takes. */
    for (int n_changed = 0; n_changed < N_CHANGED;) {
        BerthRect hint = { random_int(random, 0, 70), random_int(random, 0, 30), W - 70, H - 30 };
        BerthPixelSource source = { guest->pixels, sizeof guest->pixels, (size_t)W * 4, format };
        assert_berth_ok(berth_damage_compare_copy(damage, frame, hint, &source));
        n_changed += !berth_damage_is_empty(damage);
        follow(follower, frame, damage);
        berth_damage_clear(damage);
        assert_true(berth_frame_rect_equal(follower, frame, berth_frame_get_rect(frame)));
    }
    berth_frame_unref(frame);
    berth_frame_unref(follower);
    berth_damage_free(damage);
}

static void
frame_and_damage_agree_while_the_guest_draws(void **state)
{
    static Guest guest;
    Random random = { random_choose_seed() };
    guest.seed = random_next(&random);
    GThread *thread = g_thread_new("guest", draw_for_ever, &guest);
    capture_for_a_while(&guest, &random, berth_pixel_format_bgrx);
    capture_for_a_while(&guest, &random, berth_pixel_format_find_pixman(0x20030888));
    g_atomic_int_set(&guest.stop, 1);
    g_thread_join(thread);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_and_damage_agree_while_the_guest_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
