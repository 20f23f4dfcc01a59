/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "moving-text.h"

#include "display/encode/motion-finder.h"

#define W 700
#define H 500
#define MAX_COPIES 64

typedef struct {
    BerthFrame *old;
    BerthFrame *new;
    BerthDamage *damage;
    BerthMotionFinder *finder;
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
    f->finder = berth_motion_finder_new();
    assert_non_null(f->finder);
    berth_frame_fill(f->old, berth_frame_get_rect(f->old), 0x3a6ea5);
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
    berth_motion_finder_free(f->finder);
    g_free(f);
    return 0;
}

static int64_t
search(Fixture *f)
{
    find_damage(f->damage, f->old, f->new);
    f->n_copies =
        berth_motion_finder_find(f->finder, f->old, f->new, f->damage, f->copies, MAX_COPIES);
    return check_copies(f->old, f->new, f->copies, f->n_copies);
}

static void
dragged_window_is_one_copy_to_its_very_edges(void **state)
{
    static const int moves[][2] = { { 37, 21 },  { -37, 21 }, { 1, -1 },   { -90, -110 },
                                    { 130, -5 }, { 64, 64 },  { 300, 13 }, { 0, -33 } };
    for (size_t i = 0; i < G_N_ELEMENTS(moves); i++) {
        Fixture *f = *state;
        BerthRect window = { 171, 133, 205, 187 };
        int dx = moves[i][0];
        int dy = moves[i][1];
        berth_frame_fill(f->old, berth_frame_get_rect(f->old), 0x3a6ea5);
        draw_text(f->old, window);
        berth_frame_fill(f->new, berth_frame_get_rect(f->new), 0x3a6ea5);
        for (int y = 0; y < window.h; y++) {
            memcpy(berth_frame_pixel(f->new, window.x + dx, window.y + dy + y),
                   berth_frame_pixel(f->old, window.x, window.y + y), (size_t)window.w * 4);
        }
        int64_t area_px = search(f);
        assert_true(f->n_copies >= 1);
        assert_int_equal(f->copies[0].dx - f->copies[0].sx, dx);
        assert_int_equal(f->copies[0].dy - f->copies[0].sy, dy);
        BerthRect target = { f->copies[0].dx, f->copies[0].dy, f->copies[0].w, f->copies[0].h };
        BerthRect moved = { window.x + dx, window.y + dy, window.w, window.h };
        assert_true(berth_rect_contains(target, moved) ||
                    area_px >= berth_rect_area_px(moved) * 8 / 10);
    }
}

static void
sideways_scroll_is_found(void **state)
{
    Fixture *f = *state;
    draw_text(f->old, (BerthRect){ 40, 30, 600, 440 });
    berth_frame_copy_rect(f->new, f->old, berth_frame_get_rect(f->old));
    berth_frame_move(f->new, (BerthRect){ 61, 30, 579, 440 }, 40, 30);
    draw_text(f->new, (BerthRect){ 619, 30, 21, 440 });
    int64_t area_px = search(f);
    assert_int_equal(f->copies[0].sx - f->copies[0].dx, 21);
    assert_true(area_px >= 579 * 440 * 9 / 10);
}

static void
two_windows_move_apart(void **state)
{
    Fixture *f = *state;
    draw_text(f->old, (BerthRect){ 100, 100, 180, 150 });
    draw_text(f->old, (BerthRect){ 400, 250, 200, 160 });
    for (int y = 0; y < 150; y++) {
        memcpy(berth_frame_pixel(f->new, 83, 89 + y), berth_frame_pixel(f->old, 100, 100 + y),
               (size_t)180 * 4);
    }
    for (int y = 0; y < 160; y++) {
        memcpy(berth_frame_pixel(f->new, 450, 333 + y), berth_frame_pixel(f->old, 400, 250 + y),
               (size_t)200 * 4);
    }
    assert_true(search(f) >= (180 * 150 + 200 * 160) * 8 / 10);
}

static void
nothing_is_found_where_nothing_moved(void **state)
{
    Fixture *f = *state;
    assert_int_equal(search(f), 0);
    draw_text(f->new, (BerthRect){ 100, 100, 300, 300 });
    assert_int_equal(search(f), 0);
    draw_text(f->old, (BerthRect){ 0, 0, W, H });
    draw_text(f->new, (BerthRect){ 0, 0, W, H });
    assert_int_equal(search(f), 0);
}

/* What a guest may draw so that everything looks like everything. */
static void
patterns_give_valid_copies_only(void **state)
{
    Fixture *f = *state;
    for (int period = 1; period < 40; period += 3) {
        for (int y = 0; y < H; y++) {
            for (int x = 0; x < W; x++) {
                uint32_t old_word = 0xff000000u | (uint32_t)((x / period + y) % 7 * 0x112233);
                uint32_t new_word = 0xff000000u | (uint32_t)((x / period + y + 3) % 7 * 0x112233);
                memcpy(berth_frame_pixel(f->old, x, y), &old_word, sizeof old_word);
                memcpy(berth_frame_pixel(f->new, x, y), &new_word, sizeof new_word);
            }
        }
        search(f);
    }
}

static void
random_changes_give_valid_copies_only(void **state)
{
    Fixture *f = *state;
    int64_t found_px = 0;
    draw_text(f->old, (BerthRect){ 20, 20, 600, 400 });
    for (int round = 0; round < 60; round++) {
        berth_frame_copy_rect(f->new, f->old, berth_frame_get_rect(f->old));
        for (int i = 0; i < 3; i++) {
            BerthRect source = { (int)(next_random() % 500), (int)(next_random() % 300),
                                 1 + (int)(next_random() % 199), 1 + (int)(next_random() % 199) };
            berth_frame_move(f->new, source, (int)(next_random() % 500),
                             (int)(next_random() % 300));
        }
        if (round % 4 == 0) {
            draw_text(f->new, (BerthRect){ (int)(next_random() % 600), 50, 77, 99 });
        }
        found_px += search(f);
        BerthFrame *old = f->old;
        f->old = f->new;
        f->new = old;
    }
    assert_true(found_px > 60 * 5000);
}

static void
small_and_odd_pictures_are_searched(void **state)
{
    for (int side = 1; side < 70; side++) {
        Fixture f = {
            .old = berth_frame_new(side, 71 - side),
            .new = berth_frame_new(side, 71 - side),
            .damage = berth_damage_new(side, 71 - side),
            .finder = berth_motion_finder_new(),
        };
        draw_text(f.old, berth_frame_get_rect(f.old));
        draw_text(f.new, berth_frame_get_rect(f.new));
        search(&f);
        berth_frame_unref(f.old);
        berth_frame_unref(f.new);
        berth_damage_free(f.damage);
        berth_motion_finder_free(f.finder);
    }
}

static void
no_more_copies_than_there_is_room_for(void **state)
{
    Fixture *f = *state;
    draw_text(f->old, (BerthRect){ 100, 100, 300, 200 });
    berth_frame_copy_rect(f->new, f->old, berth_frame_get_rect(f->old));
    berth_frame_move(f->new, (BerthRect){ 100, 100, 300, 200 }, 130, 140);
    find_damage(f->damage, f->old, f->new);
    for (size_t max = 0; max < 2; max++) {
        assert_int_equal(
            berth_motion_finder_find(f->finder, f->old, f->new, f->damage, f->copies, max), max);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(dragged_window_is_one_copy_to_its_very_edges, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sideways_scroll_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_windows_move_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_found_where_nothing_moved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(patterns_give_valid_copies_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_changes_give_valid_copies_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(small_and_odd_pictures_are_searched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_copies_than_there_is_room_for, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
