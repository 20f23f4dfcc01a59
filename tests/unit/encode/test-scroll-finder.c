/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "moving-text.h"

#include "display/encode/scroll-finder.h"

#define W 500
#define H 400
#define MAX_COPIES 64

typedef struct {
    BerthFrame *old;
    BerthFrame *new;
    BerthDamage *damage;
    BerthScrollFinder *finder;
    BerthWireCopy copies[MAX_COPIES];
    size_t n_copies;
} Fixture;

static int
set_up(void **state)
{
    Fixture *f = g_new0(Fixture, 1);
    f->old = berth_frame_new(W, H);
    f->new = berth_frame_new(W, H);
    f->damage = berth_damage_new(W, H);
    f->finder = berth_scroll_finder_new();
    assert_non_null(f->finder);
    draw_text(f->old, (BerthRect){ 30, 20, 440, 360 });
    berth_frame_copy_rect(f->new, f->old, berth_frame_get_rect(f->old));
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *f = *state;
    berth_frame_unref(f->old);
    berth_frame_unref(f->new);
    berth_damage_free(f->damage);
    berth_scroll_finder_free(f->finder);
    g_free(f);
    return 0;
}

static int64_t
search(Fixture *f)
{
    find_damage(f->damage, f->old, f->new);
    f->n_copies =
        berth_scroll_finder_find(f->finder, f->old, f->new, f->damage, f->copies, MAX_COPIES);
    return check_copies(f->old, f->new, f->copies, f->n_copies);
}

/* The new picture becomes the old one. */
static void
present(Fixture *f)
{
    berth_scroll_finder_advance(f->finder, f->damage);
    berth_frame_copy_rect(f->old, f->new, berth_frame_get_rect(f->new));
}

static void
scroll(Fixture *f, BerthRect window, int by)
{
    BerthRect source = { window.x, window.y + MAX(by, 0), window.w, window.h - abs(by) };
    berth_frame_move(f->new, source, window.x, window.y - MIN(by, 0));
    int y = by > 0 ? window.y + window.h - by : window.y;
    draw_text(f->new, (BerthRect){ window.x, y, window.w, abs(by) });
}

static void
scrolled_text_is_one_copy_to_its_very_edges(void **state)
{
    Fixture *f = *state;
    for (int by = -90; by <= 90; by += 60) {
        scroll(f, (BerthRect){ 30, 20, 440, 360 }, by);
        int64_t area_px = search(f);
        assert_int_equal(f->n_copies, 1);
        assert_int_equal(f->copies[0].sy - f->copies[0].dy, by);
        assert_true(area_px >= 440 * (360 - abs(by)));
        present(f);
    }
}

static void
nothing_is_found_where_nothing_moved(void **state)
{
    Fixture *f = *state;
    assert_int_equal(search(f), 0);
    draw_text(f->new, (BerthRect){ 30, 20, 440, 360 });
    assert_int_equal(search(f), 0);
}

/* What is kept from frame to frame must say what a look at the whole pictures says. */
static void
kept_hashes_find_what_fresh_ones_find(void **state)
{
    Fixture *f = *state;
    int n_found = 0;
    for (int round = 0; round < 60; round++) {
        BerthRect window = { (int)(next_random() % 200), (int)(next_random() % 150),
                             100 + (int)(next_random() % 200), 120 + (int)(next_random() % 130) };
        int by = (int)(next_random() % 60) - 30;
        if (round % 5 == 4) {
            draw_text(f->new, window);
        } else if (by != 0) {
            scroll(f, window, by);
        }
        if (round % 7 != 6) {
            search(f);
            BerthWireCopy expected[MAX_COPIES];
            BerthScrollFinder *fresh = berth_scroll_finder_new();
            size_t n =
                berth_scroll_finder_find(fresh, f->old, f->new, f->damage, expected, MAX_COPIES);
            berth_scroll_finder_free(fresh);
            assert_int_equal(f->n_copies, n);
            assert_memory_equal(f->copies, expected, n * sizeof expected[0]);
            n_found += n > 0;
        } else {
            find_damage(f->damage, f->old, f->new); /* a frame that is not searched */
        }
        present(f);
    }
    assert_true(n_found > 30);
}

static void
another_picture_or_size_is_a_new_start(void **state)
{
    Fixture *f = *state;
    scroll(f, (BerthRect){ 30, 20, 440, 360 }, 10);
    assert_true(search(f) > 0);
    berth_scroll_finder_reset(f->finder);
    berth_frame_copy_rect(f->old, f->new, berth_frame_get_rect(f->new));
    draw_text(f->old, (BerthRect){ 30, 20, 440, 360 });
    assert_int_equal(search(f), 0);
    berth_frame_unref(f->old);
    berth_frame_unref(f->new);
    berth_damage_free(f->damage);
    f->old = berth_frame_new(130, 200);
    f->new = berth_frame_new(130, 200);
    f->damage = berth_damage_new(130, 200);
    draw_text(f->old, (BerthRect){ 0, 0, 130, 200 });
    berth_frame_copy_rect(f->new, f->old, berth_frame_get_rect(f->old));
    berth_scroll_finder_advance(f->finder, f->damage);
    scroll(f, (BerthRect){ 0, 0, 130, 200 }, 20);
    assert_int_equal(search(f), 130 * 180);
}

/* Equal rows everywhere, as a guest may draw them, are no votes and no loop. */
static void
stripes_do_not_vote(void **state)
{
    Fixture *f = *state;
    for (int y = 0; y < H; y++) {
        berth_frame_fill(f->old, (BerthRect){ 0, y, W, 1 }, y % 2 == 0 ? 0 : 0xffffff);
        berth_frame_fill(f->new, (BerthRect){ 0, y, W, 1 }, y % 2 == 0 ? 0xffffff : 0);
    }
    assert_int_equal(search(f), 0);
}

static void
no_more_copies_than_there_is_room_for(void **state)
{
    Fixture *f = *state;
    scroll(f, (BerthRect){ 30, 20, 440, 360 }, 10);
    find_damage(f->damage, f->old, f->new);
    assert_int_equal(berth_scroll_finder_find(f->finder, f->old, f->new, f->damage, f->copies, 0),
                     0);
    assert_int_equal(berth_scroll_finder_find(f->finder, f->old, f->new, f->damage, f->copies, 1),
                     1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scrolled_text_is_one_copy_to_its_very_edges, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_found_where_nothing_moved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kept_hashes_find_what_fresh_ones_find, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_picture_or_size_is_a_new_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stripes_do_not_vote, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_copies_than_there_is_room_for, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
