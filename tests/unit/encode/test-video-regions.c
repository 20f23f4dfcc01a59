/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Histories of changes, as recorded screens have them, and what regions they make.
 */
#include "testing.h"

#include "display/encode/tile-heat.h"
#include "display/encode/video-regions.h"

#include <glib.h>

#define W 1280
#define H 720
#define COLUMNS 20
#define ROWS 12
#define FRAME_US 33333
#define MAX_CHANGES (COLUMNS * ROWS)

typedef enum {
    FILM,
    SMOOTH,
    SHARP,
    COPIED,
} Kind;

typedef struct {
    BerthVideoRegions *regions;
    BerthVideoChange changes[MAX_CHANGES];
    size_t n;
    int64_t now_us;
} World;

static int
set_up(void **state)
{
    World *world = g_new0(World, 1);
    world->regions = berth_video_regions_new();
    world->now_us = 5000000;
    assert_berth_ok(berth_video_regions_configure(world->regions, W, H));
    *state = world;
    return 0;
}

static int
tear_down(void **state)
{
    World *world = *state;
    berth_video_regions_free(world->regions);
    g_free(world);
    return 0;
}

/* A rectangle of the screen changes: one change a tile. */
static void
change(World *world, BerthRect rect, Kind kind)
{
    for (int row = rect.y / 64; row * 64 < rect.y + rect.h; row++) {
        for (int column = rect.x / 64; column * 64 < rect.x + rect.w; column++) {
            BerthRect tile = { column * 64, row * 64, 64, 64 };
            world->changes[world->n++] = (BerthVideoChange){
                .tile = (unsigned)(row * COLUMNS + column),
                .rect = berth_rect_intersect(tile, rect),
                .is_film = kind == FILM || kind == COPIED,
                .is_sharp = kind == SHARP,
                .is_copied = kind == COPIED,
            };
        }
    }
}

static const BerthVideoRegion *
step(World *world, size_t *ret_n)
{
    berth_video_regions_update(world->regions, NULL, world->changes, world->n, world->now_us);
    world->n = 0;
    world->now_us += FRAME_US;
    return berth_video_regions_get(world->regions, ret_n);
}

static size_t
play(World *world, BerthRect rect, Kind kind, int n_frames)
{
    size_t n = 0;
    for (int i = 0; i < n_frames; i++) {
        change(world, rect, kind);
        step(world, &n);
    }
    return n;
}

static int64_t
area_of_cuts(const World *world, BerthRect rect)
{
    BerthRect rects[BERTH_VIDEO_MAX_CUTS];
    int64_t area_px = 0;
    size_t n = berth_video_regions_cut(world->regions, rect, rects);
    for (size_t i = 0; i < n; i++) {
        assert_true(berth_rect_contains(rect, rects[i]));
        area_px += berth_rect_area_px(rects[i]);
    }
    return area_px;
}

static void
film_gets_its_exact_rectangle(void **state)
{
    World *world = *state;
    BerthRect film = { 181, 122, 640, 360 };
    size_t n;
    assert_int_equal(play(world, film, FILM, 3), 0);
    change(world, film, FILM);
    const BerthVideoRegion *regions = step(world, &n);
    assert_int_equal(n, 1);
    assert_true(regions[0].is_new && regions[0].has_changed);
    assert_true(berth_rect_equal(regions[0].rect, film));
    assert_int_equal(regions[0].n_keep, 0);
    change(world, film, FILM);
    regions = step(world, &n);
    assert_false(regions[0].is_new);
    assert_true(regions[0].has_changed);
    assert_true(berth_rect_equal(regions[0].rect, film));
}

static void
slow_path_does_not_wait(void **state)
{
    World *world = *state;
    BerthRect film = { 181, 122, 640, 360 };
    berth_video_regions_set_hasty(world->regions, true);
    assert_int_equal(play(world, film, FILM, 1), 0);
    world->now_us += 200000;
    assert_int_equal(play(world, film, FILM, 1), 1);
}

static void
scroll_is_no_video(void **state)
{
    World *world = *state;
    assert_int_equal(play(world, (BerthRect){ 0, 64, W, 500 }, COPIED, 60), 0);
}

static void
terminal_flood_is_no_video(void **state)
{
    World *world = *state;
    assert_int_equal(play(world, (BerthRect){ 0, 0, W, H }, SHARP, 60), 0);
    assert_int_equal(play(world, (BerthRect){ 0, 0, W, H }, SMOOTH, 60), 0);
}

/* A spinner, a clock, an avatar: small things move all day. */
static void
small_things_are_no_video(void **state)
{
    World *world = *state;
    assert_int_equal(play(world, (BerthRect){ 300, 300, 90, 90 }, FILM, 60), 0);
    assert_int_equal(play(world, (BerthRect){ 0, 600, W, 20 }, FILM, 60), 0);
}

static void
slide_show_is_no_video(void **state)
{
    World *world = *state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(play(world, (BerthRect){ 0, 0, W, H }, FILM, 1), 0);
        world->now_us += 400000;
    }
}

/* The frame of a window on its way over a photo: many tiles, each but once or twice. */
static void
moving_window_edge_is_no_video(void **state)
{
    World *world = *state;
    for (int x = 0; x < 900; x += 40) {
        size_t n;
        change(world, (BerthRect){ x, 100, 40, 400 }, FILM);
        step(world, &n);
        assert_int_equal(n, 0);
    }
}

static void
region_closes_when_the_film_pauses(void **state)
{
    World *world = *state;
    BerthRect film = { 128, 128, 320, 256 };
    size_t n;
    assert_int_equal(berth_video_regions_get_due_us(world->regions), -1);
    assert_int_equal(play(world, film, FILM, 10), 1);
    int64_t due_us = berth_video_regions_get_due_us(world->regions);
    assert_true(due_us > world->now_us && due_us <= world->now_us + 700000);
    world->now_us = due_us - 1;
    step(world, &n);
    assert_int_equal(n, 1);
    assert_int_equal(berth_video_regions_get_closed(world->regions), 0);
    world->now_us = due_us;
    step(world, &n);
    assert_int_equal(n, 0);
    assert_int_equal(berth_video_regions_get_closed(world->regions), 1);
    step(world, &n);
    assert_int_equal(berth_video_regions_get_closed(world->regions), 0);
}

static void
region_closes_when_text_covers_it(void **state)
{
    World *world = *state;
    BerthRect film = { 128, 128, 320, 256 };
    size_t n;
    assert_int_equal(play(world, film, FILM, 10), 1);
    change(world, film, SHARP);
    step(world, &n);
    assert_int_equal(n, 0);
    assert_int_equal(area_of_cuts(world, (BerthRect){ 128, 128, 64, 64 }), 64 * 64);
}

static void
menu_over_a_film_is_kept(void **state)
{
    World *world = *state;
    BerthRect film = { 128, 128, 640, 384 };
    BerthRect menu = { 256, 192, 128, 128 };
    size_t n;
    assert_int_equal(play(world, film, FILM, 10), 1);
    change(world, menu, SHARP);
    change(world, (BerthRect){ 512, 256, 256, 256 }, FILM);
    const BerthVideoRegion *regions = step(world, &n);
    assert_int_equal(n, 1);
    assert_true(regions[0].has_changed);
    assert_int_equal(regions[0].n_keep, 2);
    assert_int_equal(area_of_cuts(world, (BerthRect){ 256, 192, 64, 64 }), 64 * 64);
    assert_int_equal(area_of_cuts(world, (BerthRect){ 512, 256, 64, 64 }), 0);
    assert_false(berth_video_regions_is_video(world->regions, 3 * COLUMNS + 4));
    assert_true(berth_video_regions_is_video(world->regions, 4 * COLUMNS + 8));
    /* The menu goes, the film comes back. */
    change(world, film, FILM);
    regions = step(world, &n);
    assert_int_equal(regions[0].n_keep, 0);
}

/* Letters typed beside what moves, in a corner that the film's box has, too. */
static void
text_within_the_box_stays_out(void **state)
{
    World *world = *state;
    size_t n;
    const BerthVideoRegion *regions = NULL;
    for (int i = 0; i < 12; i++) {
        change(world, (BerthRect){ 64, 64, 512, 128 }, FILM);
        change(world, (BerthRect){ 64, 192, 256, 192 }, FILM);
        change(world, (BerthRect){ 460, 330, 9, 14 }, SHARP);
        regions = step(world, &n);
    }
    assert_int_equal(n, 1);
    assert_true(berth_rect_equal(regions[0].rect, (BerthRect){ 64, 64, 512, 320 }));
    assert_int_equal(regions[0].n_keep, 3);
    BerthRect letter = { 460, 330, 9, 14 };
    assert_int_equal(area_of_cuts(world, letter), 9 * 14);
}

static void
plain_corner_of_a_film_joins_it(void **state)
{
    World *world = *state;
    size_t n;
    const BerthVideoRegion *regions = NULL;
    for (int i = 0; i < 12; i++) {
        change(world, (BerthRect){ 64, 64, 512, 256 }, FILM);
        change(world, (BerthRect){ 64, 320, 512, 64 }, i >= 5 ? SMOOTH : FILM);
        regions = step(world, &n);
    }
    assert_int_equal(n, 1);
    assert_int_equal(regions[0].n_keep, 0);
    assert_int_equal(area_of_cuts(world, (BerthRect){ 64, 330, 64, 20 }), 0);
}

static void
tile_at_rest_leaves_and_comes_back(void **state)
{
    World *world = *state;
    BerthRect film = { 0, 0, 512, 320 };
    BerthRect moving = { 0, 0, 512, 256 };
    size_t n;
    assert_int_equal(play(world, film, FILM, 6), 1);
    assert_int_equal(play(world, moving, FILM, 50), 1);
    assert_int_equal(berth_video_regions_get(world->regions, &n)[0].n_keep, 0);
    assert_int_equal(play(world, moving, FILM, 20), 1);
    assert_int_equal(berth_video_regions_get(world->regions, &n)[0].n_keep, 1);
    assert_int_equal(play(world, film, FILM, 1), 1);
    assert_int_equal(berth_video_regions_get(world->regions, &n)[0].n_keep, 0);
    /* Next time it takes longer. */
    assert_int_equal(play(world, moving, FILM, 70), 1);
    assert_int_equal(berth_video_regions_get(world->regions, &n)[0].n_keep, 0);
    assert_int_equal(play(world, moving, FILM, 70), 1);
    assert_int_equal(berth_video_regions_get(world->regions, &n)[0].n_keep, 1);
}

/* A clock in a corner of a paused film is sent exactly, and the film is not repeated for it. */
static void
small_drawing_makes_no_packet(void **state)
{
    World *world = *state;
    BerthRect film = { 0, 0, 640, 384 };
    BerthRect clock = { 10, 10, 40, 16 };
    size_t n;
    assert_int_equal(play(world, film, FILM, 8), 1);
    change(world, clock, SHARP);
    const BerthVideoRegion *regions = step(world, &n);
    assert_int_equal(n, 1);
    assert_false(regions[0].has_changed);
    assert_int_equal(area_of_cuts(world, clock), 40 * 16);
}

static void
film_that_proves_larger_gets_a_new_region(void **state)
{
    World *world = *state;
    BerthRect part = { 128, 128, 320, 192 };
    BerthRect film = { 64, 64, 640, 384 };
    size_t n;
    assert_int_equal(play(world, part, FILM, 6), 1);
    assert_int_equal(play(world, film, FILM, 20), 1);
    const BerthVideoRegion *regions = berth_video_regions_get(world->regions, &n);
    assert_true(berth_rect_equal(regions[0].rect, film));
    /* A little more waits for a second. */
    BerthRect wider = { 64, 64, 650, 384 };
    play(world, wider, FILM, 5);
    assert_true(berth_rect_equal(berth_video_regions_get(world->regions, &n)[0].rect, film));
    assert_int_equal(area_of_cuts(world, (BerthRect){ 704, 64, 10, 64 }), 10 * 64);
    play(world, wider, FILM, 40);
    assert_true(berth_rect_equal(berth_video_regions_get(world->regions, &n)[0].rect, wider));
}

static void
two_films_and_no_third(void **state)
{
    World *world = *state;
    static const BerthRect films[] = { { 0, 0, 256, 192 },
                                       { 512, 0, 256, 192 },
                                       { 1000, 400, 256, 192 } };
    size_t n = 0;
    const BerthVideoRegion *regions = NULL;
    for (int i = 0; i < 10; i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(films); k++) {
            change(world, films[k], FILM);
        }
        regions = step(world, &n);
    }
    assert_int_equal(n, 2);
    assert_int_not_equal(regions[0].stream, regions[1].stream);
    assert_true(berth_rect_equal(regions[0].rect, films[0]));
    assert_true(berth_rect_equal(regions[1].rect, films[1]));
    assert_int_equal(area_of_cuts(world, (BerthRect){ 1024, 448, 64, 64 }), 64 * 64);
}

static void
nothing_opens_while_it_is_not_allowed(void **state)
{
    World *world = *state;
    BerthRect film = { 128, 128, 320, 256 };
    assert_int_equal(play(world, film, FILM, 10), 1);
    berth_video_regions_set_allowed(world->regions, false);
    assert_int_equal(play(world, film, FILM, 1), 0);
    assert_int_equal(berth_video_regions_get_closed(world->regions), 1);
    assert_int_equal(play(world, film, FILM, 30), 0);
    berth_video_regions_set_allowed(world->regions, true);
    assert_int_equal(play(world, film, FILM, 1), 1);
}

static void
edges_of_odd_screens_are_inside(void **state)
{
    World *world = *state;
    assert_berth_ok(berth_video_regions_configure(world->regions, 1270, 701));
    BerthRect film = { 900, 400, 370, 301 };
    assert_int_equal(play(world, film, FILM, 8), 1);
    size_t n;
    assert_true(berth_rect_equal(berth_video_regions_get(world->regions, &n)[0].rect, film));
    assert_berth_error(berth_video_regions_configure(world->regions, 20000, 20000),
                       BERTH_ERR_TOO_LARGE);
}

/* Colours in pairs of pixels that begin one to the left of the box. */
static void
region_begins_where_colour_pairs_do(void **state)
{
    World *world = *state;
    BerthFrame *frame = berth_frame_new(W, H);
    BerthRect film = { 129, 100, 320, 200 };
    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W; x++) {
            uint8_t *pixel = berth_frame_pixel(frame, x, y);
            pixel[1] = 100;
            pixel[0] = (uint8_t)(100 + x / 2 * 37 % 90);
            pixel[2] = (uint8_t)(100 + y / 2 * 41 % 90);
        }
    }
    size_t n = 0;
    for (int i = 0; i < 8; i++) {
        change(world, film, FILM);
        berth_video_regions_update(world->regions, frame, world->changes, world->n, world->now_us);
        world->n = 0;
        world->now_us += FRAME_US;
    }
    const BerthVideoRegion *regions = berth_video_regions_get(world->regions, &n);
    assert_int_equal(n, 1);
    assert_true(berth_rect_equal(regions[0].rect, (BerthRect){ 128, 100, 321, 200 }));
    berth_frame_unref(frame);
}

static void
content_is_told_apart(void **state)
{
    static const struct {
        BerthPixelStats stats;
        bool is_film, is_sharp;
    } rows[] = {
        { { .n_colours = 257, .n_same = 600, .n_near = 3000, .n_far = 400 }, true, false },
        { { .n_colours = 257, .n_same = 600, .n_near = 1900, .n_far = 1500 }, true, false },
        { { .n_colours = 40, .n_same = 3000, .n_near = 1000, .n_far = 10 }, true, false },
        { { .n_colours = 90, .n_same = 3000, .n_near = 300, .n_far = 700 }, false, true },
        { { .n_colours = 2, .n_same = 3800, .n_near = 0, .n_far = 200 }, false, true },
        { { .n_colours = 3, .n_same = 4000, .n_near = 90, .n_far = 0 }, false, false },
        { { .n_colours = 1, .n_same = 4096, .n_near = 0, .n_far = 0 }, false, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_int_equal(berth_video_is_film(&rows[i].stats), rows[i].is_film);
        assert_int_equal(berth_video_is_sharp(&rows[i].stats), rows[i].is_sharp);
    }
}

static void
heat_forgets_after_half_a_second(void **state)
{
    BerthTileHeat *heat = berth_tile_heat_new(130, 70);
    int64_t now_us = ((int64_t)UINT32_MAX - 100) * 1000; /* milliseconds wrap within */
    int n_film;
    assert_int_equal(berth_tile_heat_get_columns(heat), 3);
    assert_int_equal(berth_tile_heat_get_rows(heat), 2);
    assert_int_equal(berth_tile_heat_count(heat, 5, now_us, &n_film), 0);
    for (int i = 0; i < 20; i++) {
        berth_tile_heat_add(heat, 4, (BerthRect){ 64 + i, 64, 1, 6 }, i % 2 == 0,
                            now_us + i * 50000);
    }
    now_us += 19 * 50000;
    assert_int_equal(berth_tile_heat_count(heat, 4, now_us, &n_film), 8);
    assert_int_equal(n_film, 4);
    BerthRect box = { 64 + 12, 64, 8, 6 };
    assert_true(berth_rect_equal(berth_tile_heat_get_box(heat, 4, now_us), box));
    now_us += 400000;
    assert_int_equal(berth_tile_heat_count(heat, 4, now_us, &n_film), 3);
    now_us += 200000;
    assert_int_equal(berth_tile_heat_count(heat, 4, now_us, &n_film), 0);
    assert_true(berth_rect_is_empty(berth_tile_heat_get_box(heat, 4, now_us)));
    assert_int_equal(berth_tile_heat_get_last_us(heat, 4), now_us - 600000);
    berth_tile_heat_free(heat);
}

int
main(void)
{
#define REGION_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        REGION_TEST(film_gets_its_exact_rectangle),
        REGION_TEST(slow_path_does_not_wait),
        REGION_TEST(scroll_is_no_video),
        REGION_TEST(terminal_flood_is_no_video),
        REGION_TEST(small_things_are_no_video),
        REGION_TEST(slide_show_is_no_video),
        REGION_TEST(moving_window_edge_is_no_video),
        REGION_TEST(region_closes_when_the_film_pauses),
        REGION_TEST(region_closes_when_text_covers_it),
        REGION_TEST(menu_over_a_film_is_kept),
        REGION_TEST(text_within_the_box_stays_out),
        REGION_TEST(plain_corner_of_a_film_joins_it),
        REGION_TEST(tile_at_rest_leaves_and_comes_back),
        REGION_TEST(small_drawing_makes_no_packet),
        REGION_TEST(film_that_proves_larger_gets_a_new_region),
        REGION_TEST(two_films_and_no_third),
        REGION_TEST(nothing_opens_while_it_is_not_allowed),
        REGION_TEST(edges_of_odd_screens_are_inside),
        REGION_TEST(region_begins_where_colour_pairs_do),
        cmocka_unit_test(content_is_told_apart),
        cmocka_unit_test(heat_forgets_after_half_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
