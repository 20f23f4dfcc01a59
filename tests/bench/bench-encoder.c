/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the display engines cost on this machine: bench-encoder [seconds for each line]
 *
 * The desktop is synthetic: a 1920x1080 picture with windows of text made of 64 random glyphs.
 * Numbers are for one thread, kilobytes are 1024 bytes of message payload.
 */
#include "base/clock.h"
#include "display/decode/frame-decoder.h"
#include "display/encode/client-stream.h"
#include "display/encode/planner.h"
#include "display/pixels/damage.h"
#include "display/pixels/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define W 1920
#define H 1080
#define GLYPH_W 9
#define GLYPH_H 18
#define N_GLYPHS 64
#define MAX_MESSAGES 512
/* What memcmp of a picture costs on such a machine, and a typed letter with plain zstd. */
#define GOAL_COPY_US 750
#define GOAL_TYPING_KB 0.47

typedef struct {
    uint8_t type;
    uint8_t *payload;
    size_t len;
} Message;

typedef struct {
    uint32_t random;
    uint16_t glyphs[N_GLYPHS][GLYPH_H];
    uint32_t *screen;
    BerthFrame *frame;
    BerthDamage *damage;
    BerthPlanner *planner;
    BerthClientStream *stream;
    BerthFrameDecoder *decoder;
    uint32_t frame_id;
    Message messages[MAX_MESSAGES];
    size_t n_messages;
} Bench;

/* What one kind of frame cost. */
typedef struct {
    int64_t capture_us;
    int64_t encode_us;
    int64_t decode_us;
    int64_t max_encode_us;
    size_t n_bytes;
    int n_frames;
} Cost;

static void
require(bool is_ok, const char *what)
{
    if (!is_ok) {
        fprintf(stderr, "bench-encoder: %s failed\n", what);
        exit(1);
    }
}

static uint32_t
next_random(Bench *bench)
{
    bench->random = bench->random * 1664525u + 1013904223u;
    return bench->random >> 8;
}

static void
draw_glyph(Bench *bench, int x, int y)
{
    const uint16_t *rows = bench->glyphs[next_random(bench) % N_GLYPHS];
    for (int row = 0; row < GLYPH_H; row++) {
        for (int column = 0; column < GLYPH_W; column++) {
            bench->screen[(y + row) * W + x + column] =
                rows[row] >> column & 1 ? 0x202020 : 0xffffff;
        }
    }
}

/* A line of words. */
static void
draw_line(Bench *bench, BerthRect window, int y)
{
    for (int x = window.x; x + GLYPH_W <= window.x + window.w; x += GLYPH_W) {
        if (next_random(bench) % 6 > 0) {
            draw_glyph(bench, x, y);
        }
    }
}

static void
fill(Bench *bench, BerthRect rect, uint32_t xrgb)
{
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        for (int x = rect.x; x < rect.x + rect.w; x++) {
            bench->screen[y * W + x] = xrgb;
        }
    }
}

static void
draw_window(Bench *bench, BerthRect window)
{
    fill(bench, window, 0xffffff);
    for (int y = window.y; y + GLYPH_H <= window.y + window.h; y += GLYPH_H) {
        draw_line(bench, window, y);
    }
}

static int
keep(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Bench *bench = user_data;
    require(bench->n_messages < MAX_MESSAGES, "keeping a message");
    uint8_t *copy = malloc(len);
    require(copy != NULL, "memory");
    memcpy(copy, payload, len);
    bench->messages[bench->n_messages++] = (Message){ type, copy, len };
    return 0;
}

static void
decode(Bench *bench)
{
    for (size_t i = 0; i < bench->n_messages; i++) {
        BerthDecodedEvent event;
        const Message *message = &bench->messages[i];
        require(berth_frame_decoder_handle(bench->decoder, message->type, message->payload,
                                           message->len, &event) == 0,
                "decoding");
        free(message->payload);
    }
    bench->n_messages = 0;
}

static void
capture(Bench *bench, BerthRect rect)
{
    BerthPixelSource screen = { (const uint8_t *)bench->screen, (size_t)W * H * 4, (size_t)W * 4,
                                berth_pixel_format_bgrx };
    BerthPixelSource source;
    require(berth_pixel_source_crop(&screen, W, H, rect, &source) == 0, "cutting");
    require(berth_damage_compare_copy(bench->damage, bench->frame, rect, &source) == 0,
            "capturing");
}

static void
pass_frame(Bench *bench, BerthRect rect, Cost *cost)
{
    BerthFrameStats stats;
    BerthFrameInfo info = { .frame_id = ++bench->frame_id };
    int64_t start_us = berth_monotonic_us();
    capture(bench, rect);
    int64_t captured_us = berth_monotonic_us();
    BerthPlan *plan;
    BerthPlanInput input = { .now_us = captured_us };
    require(berth_planner_plan(bench->planner, bench->frame, bench->damage, &input, &plan) == 0 &&
                berth_client_stream_encode(bench->stream, plan, &info, keep, bench, &stats) == 0 &&
                berth_client_stream_end(bench->stream, 0, keep, bench) == 0,
            "encoding");
    berth_plan_free(plan);
    berth_damage_clear(bench->damage);
    int64_t encoded_us = berth_monotonic_us();
    decode(bench);
    cost->capture_us += captured_us - start_us;
    cost->encode_us += encoded_us - captured_us;
    cost->decode_us += berth_monotonic_us() - encoded_us;
    cost->max_encode_us = encoded_us - captured_us > cost->max_encode_us ? encoded_us - captured_us
                                                                         : cost->max_encode_us;
    cost->n_bytes += stats.n_bytes;
    cost->n_frames++;
}

/* One glyph, and the capture reports a line. */
static BerthRect
type_glyph(Bench *bench, int step)
{
    int line = step / 100 % 40;
    draw_glyph(bench, 300 + step % 100 * GLYPH_W, 100 + line * GLYPH_H);
    return (BerthRect){ 300, 100 + line * GLYPH_H, 900, GLYPH_H };
}

/* A window of text goes up by three lines; the capture reports all of the window. */
static BerthRect
scroll_window(Bench *bench, int step)
{
    BerthRect window = { 203, 50, 1500, 900 };
    const int by = 3 * GLYPH_H;
    for (int y = window.y; y < window.y + window.h - by; y++) {
        memmove(&bench->screen[y * W + window.x], &bench->screen[(y + by) * W + window.x],
                (size_t)window.w * 4);
    }
    BerthRect below = { window.x, window.y + window.h - by, window.w, by };
    fill(bench, below, 0xffffff);
    for (int y = below.y; y < below.y + by; y += GLYPH_H) {
        draw_line(bench, window, y);
    }
    return window;
}

/* Two windows are put on top in turn. */
static BerthRect
switch_windows(Bench *bench, int step)
{
    BerthRect window = { 150 + 37 * (step % 2), 120, 1200, 800 };
    uint32_t random = bench->random;
    bench->random = 1000u + (uint32_t)(step % 2);
    draw_window(bench, window);
    bench->random = random;
    return (BerthRect){ 150, 120, 1237, 800 };
}

/* Every pixel is new: the worst case. */
static BerthRect
draw_noise(Bench *bench, int step)
{
    BerthRect rect = { 400, 300, 640, 360 };
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        for (int x = rect.x; x < rect.x + rect.w; x++) {
            bench->screen[y * W + x] = next_random(bench);
        }
    }
    return rect;
}

/* Returns KB per frame. */
static double
run(Bench *bench, const char *name, BerthRect (*draw)(Bench *, int), int64_t budget_us)
{
    Cost cost = { 0 };
    int64_t spent_us = 0;
    for (int step = 0; spent_us < budget_us; step++) {
        BerthRect rect = draw(bench, step);
        int64_t start_us = berth_monotonic_us();
        pass_frame(bench, rect, &cost);
        spent_us += berth_monotonic_us() - start_us;
    }
    int n = cost.n_frames;
    printf("%-14s %7d frames %9.2f KB/frame  capture %6.0f  encode %6.0f (max %6.0f)  decode %6.0f "
           "us/frame\n",
           name, n, (double)cost.n_bytes / 1024 / n, (double)cost.capture_us / n,
           (double)cost.encode_us / n, (double)cost.max_encode_us, (double)cost.decode_us / n);
    return (double)cost.n_bytes / 1024 / n;
}

/* Whole pictures.  Returns the microseconds of one with the fastest form. */
static double
run_kernels(Bench *bench, int64_t budget_us)
{
    size_t n_forms;
    const BerthPixelKernels *const *all = berth_pixel_kernels_all(&n_forms);
    uint64_t masks[W / 64];
    double best_us = 1e9;
    for (size_t form = 0; form < n_forms; form++) {
        int64_t start_us = berth_monotonic_us();
        int64_t spent_us = 0;
        int64_t n_px = 0;
        for (; spent_us < budget_us; spent_us = berth_monotonic_us() - start_us) {
            for (int y = 0; y < H; y++) {
                all[form]->compare_copy_row(berth_frame_pixel(bench->frame, 0, y),
                                            (const uint8_t *)(bench->screen + y * W), W, masks);
            }
            n_px += (int64_t)W * H;
        }
        double picture_us = (double)spent_us * W * H / (double)n_px;
        printf("compare-copy   %-6s %8.0f MPx/s, %6.0f us for 1920x1080\n", all[form]->name,
               (double)n_px / (double)spent_us, picture_us);
        best_us = picture_us < best_us ? picture_us : best_us;
    }
    return best_us;
}

static void
set_up(Bench *bench)
{
    bench->random = 1;
    for (int i = 0; i < N_GLYPHS * GLYPH_H; i++) {
        bool is_blank = i % GLYPH_H < 3 || i % GLYPH_H > 14;
        bench->glyphs[i / GLYPH_H][i % GLYPH_H] =
            is_blank ? 0 : (uint16_t)(next_random(bench) & next_random(bench) & 0xfe);
    }
    bench->screen = calloc((size_t)W * H, 4);
    bench->frame = berth_frame_new(W, H);
    bench->damage = berth_damage_new(W, H);
    bench->planner = berth_planner_new();
    bench->stream = berth_client_stream_new(&(BerthClientCaps){ .window_log = 23 }, 1);
    bench->decoder = berth_frame_decoder_new(
        &(BerthFrameDecoderCaps){ .max_width = W, .max_height = H, .window_log = 23 });
    require(bench->screen != NULL && bench->frame != NULL && bench->damage != NULL &&
                bench->planner != NULL && bench->stream != NULL && bench->decoder != NULL,
            "memory");
    require(berth_planner_configure(bench->planner, W, H) == 0 &&
                berth_client_stream_configure_head(bench->stream, 0, W, H, keep, bench) == 0,
            "configuring");
    fill(bench, (BerthRect){ 0, 0, W, H }, 0x3a6ea5);
    draw_window(bench, (BerthRect){ 203, 50, 1500, 900 });
}

int
main(int argc, char **argv)
{
    static Bench bench;
    int64_t budget_us = (int64_t)((argc > 1 ? strtod(argv[1], NULL) : 1.0) * 1e6);
    const BerthRect whole = { 0, 0, W, H };
    Cost first = { 0 };
    set_up(&bench);
    pass_frame(&bench, whole, &first);
    printf("first frame    %9.2f KB  capture %lld  encode %lld  decode %lld us\n",
           (double)first.n_bytes / 1024, (long long)first.capture_us, (long long)first.encode_us,
           (long long)first.decode_us);
    double copy_us = run_kernels(&bench, budget_us);
    double typing_kb = run(&bench, "typing", type_glyph, budget_us);
    run(&bench, "scrolling", scroll_window, budget_us);
    run(&bench, "switching", switch_windows, budget_us);
    run(&bench, "noise 640x360", draw_noise, budget_us);
    BerthFrame *canvas = berth_frame_decoder_get_canvas(bench.decoder, 0);
    require(berth_frame_rect_equal(canvas, bench.frame, whole), "the comparison of both ends");
    berth_client_stream_free(bench.stream);
    berth_planner_free(bench.planner);
    berth_frame_decoder_free(bench.decoder);
    berth_damage_free(bench.damage);
    berth_frame_unref(bench.frame);
    free(bench.screen);
    int n_met = (copy_us <= GOAL_COPY_US) + (typing_kb <= GOAL_TYPING_KB);
    printf("goals: a picture compared and copied in %d us, a typed letter in %.2f KB\n",
           GOAL_COPY_US, GOAL_TYPING_KB);
    printf("encoder: %d of 2 goals met\n", n_met);
    return n_met == 2 ? 0 : 1;
}
