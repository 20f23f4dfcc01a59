/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * 0 wrong pixels: a random desktop is drawn, captured, encoded, decoded and compared, for ever
 * the same picture on both sides.  Some frames are merged into the next, heads change their size,
 * clients come back with a new stream and decoder, clients ask for everything again.
 */
#include "testing.h"

#include "display/decode/frame-decoder.h"
#include "display/encode/client-stream.h"
#include "display/encode/planner.h"
#include "display/pixels/damage.h"

#include "../property/random.h"

#include <string.h>

#define N_RUNS 12
#define N_STEPS 60
#define MAX_SIDE 700

/* A guest's screen, the capture of it, and one client. */
typedef struct {
    Random random;
    uint32_t *screen; /* what the guest draws; width * height words with junk in X */
    int width;
    int height;
    BerthFrame *captured;
    BerthDamage *damage;
    BerthPlanner *planner;
    BerthClientStream *stream;
    BerthFrameDecoder *decoder;
    BerthDecodedEvent last;
    uint32_t frame_id;
    int64_t now_us;
    uint8_t photo_mask;
    uint16_t head;
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
    World *world = user_data;
    assert_int_equal(channel, BERTH_CHANNEL_DISPLAY);
    /* A copy of its exact size, so that a sanitizer sees a read too far. */
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, payload, len);
    assert_berth_ok(berth_frame_decoder_handle(world->decoder, type, copy, len, &world->last));
    free(copy);
    return BERTH_OK;
}

static void
assert_same_picture(World *world)
{
    BerthFrame *canvas = berth_frame_decoder_get_canvas(world->decoder, world->head);
    assert_non_null(canvas);
    for (int y = 0; y < world->height; y++) {
        const uint8_t *row = berth_frame_pixel(canvas, 0, y);
        for (int x = 0; x < world->width; x++) {
            uint32_t word;
            memcpy(&word, row + 4 * x, 4);
            if ((word & 0xffffff) != (*at(world, x, y) & 0xffffff)) {
                fail_msg("pixel %d,%d of frame %u is %06x, expected %06x", x, y, world->frame_id,
                         word & 0xffffff, *at(world, x, y) & 0xffffff);
            }
        }
    }
}

/* Every pixel that changed on the client's side must be in the reported rectangles. */
static void
assert_change_is_reported(World *world, const BerthFrame *before)
{
    BerthFrame *canvas = berth_frame_decoder_get_canvas(world->decoder, world->head);
    for (int i = 0; i < 500; i++) {
        BerthRect pixel = { random_int(&world->random, 0, world->width - 1),
                            random_int(&world->random, 0, world->height - 1), 1, 1 };
        bool is_reported = berth_frame_rect_equal(canvas, before, pixel);
        for (size_t r = 0; r < world->last.n_rects; r++) {
            is_reported = is_reported || berth_rect_contains(world->last.rects[r], pixel);
        }
        assert_true(is_reported);
    }
}

/* Time goes by until the picture is exact. */
static void
rest(World *world, const BerthPlan *plan)
{
    int64_t due_us;
    while (berth_client_stream_get_refine_due(world->stream, world->head, world->now_us, &due_us)) {
        BerthFrameInfo info = { .frame_id = ++world->frame_id, .head = world->head };
        bool is_begun;
        assert_true(due_us <= world->now_us + 600000);
        world->now_us = due_us > world->now_us ? due_us : world->now_us;
        assert_berth_ok(berth_client_stream_refine(
            world->stream, plan, &info, world->now_us, random_int(&world->random, -1, world->width),
            random_int(&world->random, -1, world->height),
            (size_t)random_int(&world->random, 0, 100000), deliver, world, NULL, &is_begun));
        assert_true(is_begun);
        assert_berth_ok(berth_client_stream_end(world->stream, 7, deliver, world));
    }
    assert_same_picture(world);
    assert_berth_ok(berth_client_stream_check(world->stream, plan, world->head, deliver, world));
    assert_int_equal(world->last.kind, BERTH_DECODED_NOTHING);
}

static void
send_frame(World *world)
{
    BerthFrameInfo info = { .frame_id = ++world->frame_id,
                            .head = world->head,
                            .input_serial = world->frame_id * 3,
                            .capture_us = -(int64_t)world->frame_id };
    BerthFrame *before = berth_frame_new(world->width, world->height);
    berth_frame_copy_rect(before, berth_frame_decoder_get_canvas(world->decoder, world->head),
                          berth_frame_get_rect(before));
    BerthFrameStats stats;
    BerthPlan *plan;
    BerthPlanInput input = { .now_us = world->now_us += random_int(&world->random, 1, 400) * 1000,
                             .effort = random_int(&world->random, 0, 3),
                             .photo_quality = (uint8_t)random_int(&world->random, 0, 100),
                             .photo_mask = world->photo_mask };
    assert_berth_ok(
        berth_planner_plan(world->planner, world->captured, world->damage, &input, &plan));
    for (size_t i = 0; i < berth_plan_get_n_jobs(plan); i++) {
        berth_plan_run_job(plan, i);
    }
    assert_berth_ok(berth_client_stream_encode(world->stream, plan, &info, deliver, world, &stats));
    assert_berth_ok(berth_client_stream_end(world->stream, 7, deliver, world));
    berth_damage_clear(world->damage);
    assert_int_equal(world->last.kind, BERTH_DECODED_FRAME);
    assert_int_equal(world->last.frame_id, world->frame_id);
    assert_int_equal(world->last.input_serial, world->frame_id * 3);
    assert_int_equal(world->last.capture_us, -(int64_t)world->frame_id);
    assert_int_equal(world->last.n_bytes, stats.n_bytes);
    assert_change_is_reported(world, before);
    berth_frame_unref(before);
    if (world->photo_mask == 0) {
        assert_same_picture(world);
    } else if (random_int(&world->random, 0, 3) == 0) {
        rest(world, plan);
    }
    berth_plan_unref(plan);
}

static void
connect_client(World *world)
{
    berth_client_stream_free(world->stream);
    berth_frame_decoder_free(world->decoder);
    world->photo_mask = random_int(&world->random, 0, 1) == 0 ? 0 : 1;
    BerthClientCaps caps = {
        .window_log = random_int(&world->random, 10, 23),
        .gradient_window_log = random_int(&world->random, 0, 2) == 0 ? 0 : 12,
        .n_cache_tiles = (unsigned)random_int(&world->random, 0, 40),
        .photo_mask = world->photo_mask,
    };
    BerthFrameDecoderCaps decoder_caps = {
        .max_width = MAX_SIDE,
        .max_height = MAX_SIDE,
        .window_log = caps.window_log,
        .gradient_window_log = caps.gradient_window_log,
        .n_cache_tiles = caps.n_cache_tiles,
        .photo_mask = caps.photo_mask,
    };
    world->stream = berth_client_stream_new(&caps, random_int(&world->random, 1, 3));
    world->decoder = berth_frame_decoder_new(&decoder_caps);
    assert_non_null(world->stream);
    assert_non_null(world->decoder);
    assert_berth_ok(berth_client_stream_configure_head(world->stream, world->head, world->width,
                                                       world->height, deliver, world));
    assert_int_equal(world->last.kind, BERTH_DECODED_HEAD);
}

static void
resize(World *world)
{
    world->width = random_int(&world->random, 1, MAX_SIDE);
    world->height = random_int(&world->random, 1, MAX_SIDE);
    free(world->screen);
    world->screen = calloc((size_t)world->width * (size_t)world->height, 4);
    assert_non_null(world->screen);
    berth_frame_unref(world->captured);
    world->captured = berth_frame_new(world->width, world->height);
    assert_berth_ok(berth_damage_resize(world->damage, world->width, world->height));
    draw_text(world, random_rect(world));
    capture(world, (BerthRect){ 0, 0, world->width, world->height });
    assert_berth_ok(berth_planner_configure(world->planner, world->width, world->height));
    if (world->stream != NULL) {
        assert_berth_ok(berth_client_stream_configure_head(world->stream, world->head, world->width,
                                                           world->height, deliver, world));
    }
}

static void
step(World *world)
{
    int choice = random_int(&world->random, 0, 39);
    if (choice == 0) {
        resize(world);
    } else if (choice == 1) {
        connect_client(world);
    } else if (choice == 2) {
        assert_berth_ok(berth_client_stream_refresh(world->stream, world->head));
    }
    /* Frames that the client was too slow for are merged into this one. */
    for (int n = random_int(&world->random, 0, 3); n > 0; n--) {
        draw(world);
    }
    send_frame(world);
}

static void
clear_screen(World *world)
{
    berth_planner_free(world->planner);
    berth_damage_free(world->damage);
    berth_frame_unref(world->captured);
    free(world->screen);
}

static void
client_always_shows_what_the_guest_drew(void **state)
{
    uint64_t seed = random_choose_seed();
    for (uint64_t run = 0; run < N_RUNS; run++) {
        World world = { .random = { seed + run } };
        world.damage = berth_damage_new(1, 1);
        world.planner = berth_planner_new();
        resize(&world);
        connect_client(&world);
        for (int i = 0; i < N_STEPS; i++) {
            step(&world);
        }
        berth_client_stream_free(world.stream);
        berth_frame_decoder_free(world.decoder);
        clear_screen(&world);
    }
}

/* One stream and one decoder for two heads, the pictures must stay apart. */
static void
two_heads_in_one_stream_do_not_mix(void **state)
{
    uint64_t seed = random_choose_seed();
    World heads[2] = { { .random = { seed } }, { .random = { seed + 1 }, .head = 15 } };
    uint32_t frame_id = 0;
    for (int i = 0; i < 2; i++) {
        heads[i].damage = berth_damage_new(1, 1);
        heads[i].planner = berth_planner_new();
    }
    resize(&heads[0]);
    connect_client(&heads[0]);
    heads[1].stream = heads[0].stream;
    heads[1].decoder = heads[0].decoder;
    resize(&heads[1]);
    for (int i = 0; i < 2 * N_STEPS; i++) {
        World *world = &heads[random_int(&heads[0].random, 0, 1)];
        if (random_int(&world->random, 0, 19) == 0) {
            resize(world);
        }
        draw(world);
        world->frame_id = frame_id;
        send_frame(world);
        frame_id = world->frame_id;
    }
    berth_client_stream_free(heads[0].stream);
    berth_frame_decoder_free(heads[0].decoder);
    clear_screen(&heads[0]);
    clear_screen(&heads[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_always_shows_what_the_guest_drew),
        cmocka_unit_test(two_heads_in_one_stream_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
