/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * 0 wrong pixels: a random desktop is drawn, captured, planned once, and written out for several
 * viewers, whose decoders must show it: at once where everything is sent exactly, at rest always.
 *
 * Captures are merged, viewers skip plans, have small budgets, join late, ask for everything again,
 * forget plans; heads change their size; photos and films play.
 */
#include "testing.h"

#include "berth/protocol.h"
#include "display/decode/frame-decoder.h"
#include "display/encode/client-stream.h"
#include "display/encode/planner.h"
#include "display/pixels/damage.h"

#include "../property/random.h"

#include <string.h>

#define N_RUNS 8
#define N_STEPS 60
#define N_VIEWERS 3
#define MAX_SIDE 700
#define MAX_REST_STEPS 400
#define VIDEO_MASK (BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_420) | BERTH_VIDEO_BIT(BERTH_VIDEO_VP8))

typedef struct {
    BerthClientStream *stream;
    BerthFrameDecoder *decoder;
    BerthDecodedEvent last;
    uint32_t frame_id;
    size_t budget_bytes; /* of a frame; 0: no limit */
    bool is_lossy;       /* it takes photos and videos */
} Viewer;

/* A guest's screen, the capture of it, and who looks at it. */
typedef struct {
    Random random;
    uint32_t *screen; /* what the guest draws; width * height words with junk in X */
    uint32_t *saved;  /* what it showed once, and may show again */
    int width;
    int height;
    BerthFrame *captured;
    BerthDamage *damage;
    BerthPlanner *planner;
    BerthPlan *plan; /* the last one */
    int64_t now_us;
    uint8_t photo_mask; /* of all viewers */
    uint8_t video_mask;
    bool needs_key;
    uint16_t head;
    Viewer viewers[N_VIEWERS];
} World;

static uint32_t
random_colour(World *world)
{
    static const uint32_t usual[] = { 0xffffff, 0x000000, 0x3366cc, 0xeeeeee };
    return random_int(&world->random, 0, 3) > 0 ? usual[random_int(&world->random, 0, 3)]
                                                : (uint32_t)random_next(&world->random);
}

static BerthRect
random_rect(World *world)
{
    int w = random_int(&world->random, 1, world->width);
    int h = random_int(&world->random, 1, world->height);
    if (random_int(&world->random, 0, 1) == 0) {
        w = (w + 15) / 16;
        h = (h + 15) / 16;
    }
    return (BerthRect){ random_int(&world->random, 0, world->width - w),
                        random_int(&world->random, 0, world->height - h), w, h };
}

static uint32_t *
at(World *world, int x, int y)
{
    return world->screen + (size_t)y * (size_t)world->width + x;
}

/* Gives the pixels of a rectangle to the capture: the whole row of memory is the source. */
static void
capture(World *world, BerthRect rect)
{
    BerthPixelSource screen = {
        (const uint8_t *)world->screen,
        (size_t)world->width * (size_t)world->height * 4,
        (size_t)world->width * 4,
        berth_pixel_format_bgrx,
    };
    BerthPixelSource source;
    assert_berth_ok(berth_pixel_source_crop(&screen, world->width, world->height, rect, &source));
    assert_berth_ok(berth_damage_compare_copy(world->damage, world->captured, rect, &source));
}

static void
draw_solid(World *world, BerthRect rect)
{
    uint32_t colour = random_colour(world);
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        for (int x = rect.x; x < rect.x + rect.w; x++) {
            *at(world, x, y) = colour;
        }
    }
}

/* Like text: few colours, rows that differ. */
static void
draw_text(World *world, BerthRect rect)
{
    uint32_t ink = random_colour(world);
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        uint64_t bits = random_next(&world->random);
        for (int x = rect.x; x < rect.x + rect.w; x++) {
            *at(world, x, y) = bits >> (x % 64) & 1 ? ink : 0xfafafa;
        }
    }
}

static void
draw_noise(World *world, BerthRect rect)
{
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        for (int x = rect.x; x < rect.x + rect.w; x++) {
            *at(world, x, y) = (uint32_t)random_next(&world->random);
        }
    }
}

/* Many colours that change gradually, and a little noise. */
static void
draw_photo(World *world, BerthRect rect)
{
    uint32_t base = (uint32_t)random_next(&world->random);
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        for (int x = rect.x; x < rect.x + rect.w; x++) {
            uint32_t noise = (uint32_t)random_next(&world->random) & 0x030303;
            uint32_t red = (base + (uint32_t)(x + y) / 3) & 0xfc;
            uint32_t green = (base / 256 + (uint32_t)(2 * x - y) / 4) & 0xfc;
            uint32_t blue = (base / 65536 + (uint32_t)y / 2) & 0xfc;
            *at(world, x, y) = (red << 16 | green << 8 | blue) + noise;
        }
    }
}

static void
scroll(World *world, BerthRect rect)
{
    int step = random_int(&world->random, 1, rect.h);
    bool is_up = random_int(&world->random, 0, 1) == 0;
    for (int i = 0; i < rect.h - step; i++) {
        int to = is_up ? rect.y + i : rect.y + rect.h - 1 - i;
        int from = is_up ? to + step : to - step;
        memmove(at(world, rect.x, to), at(world, rect.x, from), (size_t)rect.w * 4);
    }
    BerthRect uncovered = { rect.x, is_up ? rect.y + rect.h - step : rect.y, rect.w, step };
    draw_text(world, uncovered);
}

static void
draw(World *world)
{
    static void (*const draws[])(World *, BerthRect) = { draw_solid, draw_text,  draw_noise,
                                                         scroll,     draw_photo, scroll };
    BerthRect rect = random_rect(world);
    draws[random_int(&world->random, 0, 5)](world, rect);
    capture(world, rect);
}

static int
deliver(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Viewer *viewer = user_data;
    assert_int_equal(channel, BERTH_CHANNEL_DISPLAY);
    /* A copy of its exact size, so that a sanitizer sees a read too far. */
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, payload, len);
    assert_berth_ok(berth_frame_decoder_handle(viewer->decoder, type, copy, len, &viewer->last));
    free(copy);
    return BERTH_OK;
}

static void
assert_same_picture(World *world, const Viewer *viewer)
{
    BerthFrame *canvas = berth_frame_decoder_get_canvas(viewer->decoder, world->head);
    assert_non_null(canvas);
    for (int y = 0; y < world->height; y++) {
        const uint8_t *row = berth_frame_pixel(canvas, 0, y);
        for (int x = 0; x < world->width; x++) {
            uint32_t word;
            memcpy(&word, row + 4 * x, 4);
            if ((word & 0xffffff) != (*at(world, x, y) & 0xffffff)) {
                fail_msg("pixel %d,%d of frame %u of viewer %d is %06x, expected %06x", x, y,
                         viewer->frame_id, (int)(viewer - world->viewers), word & 0xffffff,
                         *at(world, x, y) & 0xffffff);
            }
        }
    }
}

/* Every pixel that changed on the viewer's side must be in the reported rectangles. */
static void
assert_change_is_reported(World *world, const Viewer *viewer, const BerthFrame *before)
{
    BerthFrame *canvas = berth_frame_decoder_get_canvas(viewer->decoder, world->head);
    for (int i = 0; i < 300; i++) {
        BerthRect pixel = { random_int(&world->random, 0, world->width - 1),
                            random_int(&world->random, 0, world->height - 1), 1, 1 };
        bool is_reported = berth_frame_rect_equal(canvas, before, pixel);
        for (size_t r = 0; r < viewer->last.n_rects; r++) {
            is_reported = is_reported || berth_rect_contains(viewer->last.rects[r], pixel);
        }
        assert_true(is_reported);
    }
}

static void
make_plan(World *world)
{
    BerthPlanInput input = {
        .now_us = world->now_us,
        .effort = random_int(&world->random, 0, 3),
        .pointer_x = random_int(&world->random, -1, world->width),
        .pointer_y = random_int(&world->random, -1, world->height),
        .photo_quality = (uint8_t)random_int(&world->random, 0, 100),
        .photo_mask = world->photo_mask,
        .video_mask = world->video_mask,
        .needs_key = world->needs_key,
    };
    berth_plan_free(world->plan);
    world->plan = NULL;
    assert_berth_ok(
        berth_planner_plan(world->planner, world->captured, world->damage, &input, &world->plan));
    for (size_t i = 0; i < berth_plan_get_n_jobs(world->plan); i++) {
        berth_plan_run_job(world->plan, i);
    }
    world->needs_key = false;
    berth_damage_clear(world->damage);
}

static void
end_frame(World *world, Viewer *viewer, const BerthFrame *before, size_t n_bytes)
{
    assert_berth_ok(berth_client_stream_end(viewer->stream, 7, deliver, viewer));
    assert_int_equal(viewer->last.kind, BERTH_DECODED_FRAME);
    assert_int_equal(viewer->last.frame_id, viewer->frame_id);
    assert_int_equal(viewer->last.n_bytes, n_bytes);
    assert_change_is_reported(world, viewer, before);
    world->needs_key |= berth_client_stream_needs_key(viewer->stream, world->head);
}

static BerthFrame *
copy_canvas(World *world, const Viewer *viewer)
{
    BerthFrame *copy = berth_frame_new(world->width, world->height);
    berth_frame_copy_rect(copy, berth_frame_decoder_get_canvas(viewer->decoder, world->head),
                          berth_frame_get_rect(copy));
    return copy;
}

static void
send_plan(World *world, Viewer *viewer)
{
    BerthFrameInfo info = { .frame_id = ++viewer->frame_id,
                            .head = world->head,
                            .input_serial = viewer->frame_id * 3,
                            .capture_us = -(int64_t)viewer->frame_id,
                            .budget_bytes = viewer->budget_bytes };
    BerthFrame *before = copy_canvas(world, viewer);
    BerthFrameStats stats;
    assert_berth_ok(
        berth_client_stream_encode(viewer->stream, world->plan, &info, deliver, viewer, &stats));
    end_frame(world, viewer, before, stats.n_bytes);
    assert_int_equal(viewer->last.input_serial, viewer->frame_id * 3);
    assert_int_equal(viewer->last.capture_us, -(int64_t)viewer->frame_id);
    berth_frame_unref(before);
    bool has_backlog = berth_client_stream_has_backlog(viewer->stream, world->head);
    if (!viewer->is_lossy && viewer->budget_bytes == 0) {
        assert_false(has_backlog);
        assert_same_picture(world, viewer);
    }
}

static void
refine(World *world, Viewer *viewer)
{
    BerthFrameInfo info = { .frame_id = viewer->frame_id + 1, .head = world->head };
    BerthFrame *before = copy_canvas(world, viewer);
    BerthFrameStats stats;
    bool is_begun;
    assert_berth_ok(berth_client_stream_refine(
        viewer->stream, world->plan, &info, world->now_us,
        random_int(&world->random, -1, world->width), random_int(&world->random, -1, world->height),
        (size_t)random_int(&world->random, 0, 100000), deliver, viewer, &stats, &is_begun));
    if (is_begun) {
        viewer->frame_id++;
        end_frame(world, viewer, before, stats.n_bytes);
    }
    berth_frame_unref(before);
}

/* What a session does for a viewer when nothing is drawn; false if there is nothing to do. */
static bool
is_at_rest(World *world, Viewer *viewer)
{
    int64_t due_us;
    if (berth_client_stream_has_backlog(viewer->stream, world->head)) {
        return false;
    }
    if (!berth_client_stream_get_refine_due(viewer->stream, world->head, world->now_us, &due_us)) {
        return true;
    }
    assert_true(due_us <= world->now_us + 1000000);
    if (due_us <= world->now_us) {
        refine(world, viewer);
    }
    return false;
}

/* Time goes by until every picture is exact. */
static void
rest(World *world)
{
    int n_steps = 0;
    bool is_done = false;
    while (!is_done) {
        assert_true(n_steps++ < MAX_REST_STEPS);
        world->now_us += 50000;
        make_plan(world);
        is_done = true;
        for (int i = 0; i < N_VIEWERS; i++) {
            send_plan(world, &world->viewers[i]);
            is_done = is_at_rest(world, &world->viewers[i]) && is_done;
        }
    }
    for (int i = 0; i < N_VIEWERS; i++) {
        Viewer *viewer = &world->viewers[i];
        assert_same_picture(world, viewer);
        assert_berth_ok(
            berth_client_stream_check(viewer->stream, world->plan, world->head, deliver, viewer));
        assert_int_equal(viewer->last.kind, BERTH_DECODED_NOTHING);
    }
}

static void
configure_viewer(World *world, Viewer *viewer)
{
    assert_berth_ok(berth_client_stream_configure_head(viewer->stream, world->head, world->width,
                                                       world->height, deliver, viewer));
    assert_int_equal(viewer->last.kind, BERTH_DECODED_HEAD);
}

static void
free_viewer(Viewer *viewer)
{
    berth_client_stream_free(viewer->stream);
    berth_frame_decoder_free(viewer->decoder);
}

/* Memory with nothing of the picture in it. */
static BerthFrame *
choose_canvas(uint16_t head, BerthFrame *canvas, BerthCatchUp *catch_up, void *user_data)
{
    BerthFrame *frame = berth_frame_new(canvas->width, canvas->height);
    BerthRegion missed;

    assert_non_null(frame);
    berth_frame_fill(frame, berth_frame_get_rect(frame), 0xbadbad);
    berth_region_init(&missed, 1);
    berth_region_add(&missed, berth_frame_get_rect(frame));
    berth_catch_up_begin(catch_up, frame, canvas, &missed);
    return frame;
}

/* A viewer that joins, or comes back. */
static void
connect_viewer(World *world, Viewer *viewer)
{
    free_viewer(viewer);
    *viewer = (Viewer){ .is_lossy = world->photo_mask != 0 || world->video_mask != 0 };
    viewer->budget_bytes = random_int(&world->random, 0, 1) == 0 ? 0 : 20000;
    BerthClientCaps caps = {
        .window_log = random_int(&world->random, 10, 23),
        .gradient_window_log = random_int(&world->random, 0, 2) == 0 ? 0 : 12,
        .n_cache_tiles = (unsigned)random_int(&world->random, 0, 300),
        .photo_mask = world->photo_mask,
        .video_mask = world->video_mask,
    };
    BerthFrameDecoderCaps decoder_caps = {
        .max_width = MAX_SIDE,
        .max_height = MAX_SIDE,
        .window_log = caps.window_log,
        .gradient_window_log = caps.gradient_window_log,
        .n_cache_tiles = caps.n_cache_tiles,
        .photo_mask = caps.photo_mask,
        .video_mask = caps.video_mask,
    };
    viewer->stream = berth_client_stream_new(&caps, random_int(&world->random, 1, 3));
    viewer->decoder = berth_frame_decoder_new(&decoder_caps);
    assert_non_null(viewer->stream);
    assert_non_null(viewer->decoder);
    /* All but the first draw every picture in other memory than the one before. */
    if (viewer != &world->viewers[0]) {
        berth_frame_decoder_set_choose_canvas(viewer->decoder, choose_canvas, NULL);
    }
    configure_viewer(world, viewer);
}

static void
resize(World *world)
{
    world->width = random_int(&world->random, 1, MAX_SIDE);
    world->height = random_int(&world->random, 1, MAX_SIDE);
    free(world->screen);
    world->screen = calloc((size_t)world->width * (size_t)world->height, 4);
    free(world->saved);
    world->saved = calloc((size_t)world->width * (size_t)world->height, 4);
    assert_non_null(world->screen);
    assert_non_null(world->saved);
    berth_frame_unref(world->captured);
    world->captured = berth_frame_new(world->width, world->height);
    assert_berth_ok(berth_damage_resize(world->damage, world->width, world->height));
    draw_text(world, random_rect(world));
    capture(world, (BerthRect){ 0, 0, world->width, world->height });
    assert_berth_ok(berth_planner_configure(world->planner, world->width, world->height));
    for (int i = 0; i < N_VIEWERS; i++) {
        if (world->viewers[i].stream != NULL) {
            configure_viewer(world, &world->viewers[i]);
        }
    }
}

/* A plan for everybody, some of whom have no room for it. */
static void
show(World *world)
{
    make_plan(world);
    for (int i = 0; i < N_VIEWERS; i++) {
        Viewer *viewer = &world->viewers[i];
        int choice = random_int(&world->random, 0, 19);
        if (choice == 0) {
            continue; /* forgotten */
        }
        if (choice < 5) {
            berth_client_stream_skip(viewer->stream, world->head, world->plan);
        } else {
            send_plan(world, viewer);
        }
    }
}

/* Another window comes to the front, and the one before goes behind it. */
static void
switch_windows(World *world)
{
    uint32_t *other = world->saved;
    world->saved = world->screen;
    world->screen = other;
    capture(world, (BerthRect){ 0, 0, world->width, world->height });
}

/* Something that changes all of a rectangle many times a second, and text that comes up over it. */
static void
play_film(World *world)
{
    BerthRect rect = random_rect(world);
    for (int i = random_int(&world->random, 5, 40); i > 0; i--) {
        world->now_us += 33000;
        draw_photo(world, rect);
        capture(world, rect);
        if (random_int(&world->random, 0, 5) == 0) {
            draw(world);
        }
        show(world);
    }
}

static void
step(World *world)
{
    int choice = random_int(&world->random, 0, 39);
    Viewer *viewer = &world->viewers[random_int(&world->random, 0, N_VIEWERS - 1)];
    world->now_us += random_int(&world->random, 1, 400) * 1000;
    if (choice == 0) {
        resize(world);
    } else if (choice == 1) {
        connect_viewer(world, viewer);
    } else if (choice == 2) {
        assert_berth_ok(berth_client_stream_refresh(viewer->stream, world->head));
    } else if (choice == 3) {
        play_film(world);
    } else if (choice < 12) {
        switch_windows(world);
    }
    /* Captures that nobody had room for are merged into this one. */
    for (int n = random_int(&world->random, 0, 3); n > 0; n--) {
        draw(world);
    }
    show(world);
    if (random_int(&world->random, 0, 7) == 0) {
        rest(world);
    }
}

static void
set_up_world(World *world, uint64_t seed)
{
    *world = (World){ .random = { seed } };
    world->photo_mask = random_int(&world->random, 0, 1) == 0 ? 0 : 1;
    world->video_mask = random_int(&world->random, 0, 1) == 0 ? 0 : VIDEO_MASK;
    world->damage = berth_damage_new(1, 1);
    world->planner = berth_planner_new();
    resize(world);
    for (int i = 0; i < N_VIEWERS; i++) {
        connect_viewer(world, &world->viewers[i]);
    }
}

static void
tear_down_world(World *world)
{
    for (int i = 0; i < N_VIEWERS; i++) {
        free_viewer(&world->viewers[i]);
    }
    berth_plan_free(world->plan);
    berth_planner_free(world->planner);
    berth_damage_free(world->damage);
    berth_frame_unref(world->captured);
    free(world->screen);
    free(world->saved);
}

static void
viewers_show_what_the_guest_drew(void **state)
{
    uint64_t seed = random_choose_seed();
    for (uint64_t run = 0; run < N_RUNS; run++) {
        World world;
        set_up_world(&world, seed + run);
        for (int i = 0; i < N_STEPS; i++) {
            step(&world);
        }
        rest(&world);
        tear_down_world(&world);
    }
}

/* One viewer of two heads: its streams are shared, the pictures must stay apart. */
static void
two_heads_in_one_stream_do_not_mix(void **state)
{
    uint64_t seed = random_choose_seed();
    World heads[2];
    for (int i = 0; i < 2; i++) {
        set_up_world(&heads[i], seed + (uint64_t)i);
        heads[i].head = i == 0 ? 0 : 15;
        heads[i].photo_mask = heads[i].video_mask = 0;
    }
    Viewer viewer = { 0 };
    connect_viewer(&heads[0], &viewer);
    viewer.budget_bytes = 0;
    configure_viewer(&heads[1], &viewer);
    for (int i = 0; i < 2 * N_STEPS; i++) {
        World *world = &heads[random_int(&heads[0].random, 0, 1)];
        draw(world);
        world->now_us += 100000;
        make_plan(world);
        send_plan(world, &viewer);
    }
    free_viewer(&viewer);
    tear_down_world(&heads[0]);
    tear_down_world(&heads[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(viewers_show_what_the_guest_drew),
        cmocka_unit_test(two_heads_in_one_stream_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
