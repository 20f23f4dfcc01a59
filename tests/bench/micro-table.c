/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/bench/micro-table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GLYPH_W 9
#define GLYPH_H 18
#define N_GLYPHS 64

static double budget_s = 0.3;
static uint32_t random_state = 1;

void
micro_require(bool is_ok, const char *what)
{
    if (!is_ok) {
        fprintf(stderr, "bench-micro: %s failed\n", what);
        exit(1);
    }
}

void
micro_set_budget(double seconds)
{
    budget_s = seconds;
}

static double
get_cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double
micro_measure(MicroRun run, void *user_data, double n_px)
{
    const double round_s = budget_s / 20;
    double best_s = 1e9;
    double start_s = get_cpu_s();
    run(user_data); /* warms caches and tables */
    do {
        double round_start_s = get_cpu_s();
        double spent_s;
        int n_runs = 0;
        do {
            run(user_data);
            n_runs++;
            spent_s = get_cpu_s() - round_start_s;
        } while (spent_s < round_s);
        best_s = spent_s / n_runs < best_s ? spent_s / n_runs : best_s;
    } while (get_cpu_s() - start_s < budget_s);
    return n_px / best_s / 1e6;
}

void
micro_print_head(const char *title)
{
    printf("\n%-34s %-7s %9s   %-28s %9s %7s\n", title, "form", "MPx/s", "reference", "MPx/s",
           "ratio");
}

void
micro_print_row(const char *what, const char *form, double mpx_s, const char *reference,
                double reference_mpx_s)
{
    printf("%-34s %-7s %9.0f", what, form, mpx_s);
    if (reference != NULL) {
        printf("   %-28s %9.0f %6.2fx", reference, reference_mpx_s, mpx_s / reference_mpx_s);
    }
    printf("\n");
}

static uint32_t
next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static void
put(BerthFrame *frame, int x, int y, uint32_t xrgb)
{
    uint32_t word = xrgb | 0xff000000u;
    memcpy(berth_frame_pixel(frame, x, y), &word, sizeof word);
}

static void
draw_glyph(BerthFrame *frame, const uint16_t *rows, int x, int y)
{
    for (int row = 0; row < GLYPH_H; row++) {
        for (int column = 0; column < GLYPH_W; column++) {
            if (rows[row] >> column & 1) {
                put(frame, x + column, y + row, 0x202020);
            }
        }
    }
}

BerthFrame *
micro_new_text(void)
{
    BerthFrame *frame = berth_frame_new(MICRO_W, MICRO_H);
    uint16_t glyphs[N_GLYPHS][GLYPH_H];
    micro_require(frame != NULL, "memory");
    for (int i = 0; i < N_GLYPHS * GLYPH_H; i++) {
        bool is_blank = i % GLYPH_H < 3 || i % GLYPH_H > 14;
        glyphs[i / GLYPH_H][i % GLYPH_H] =
            is_blank ? 0 : (uint16_t)(next_random() & next_random() & 0xfe);
    }
    berth_frame_fill(frame, berth_frame_get_rect(frame), 0xffffff);
    for (int y = 20; y + GLYPH_H < MICRO_H - 20; y += GLYPH_H) {
        for (int x = 60; x + GLYPH_W < MICRO_W - 60; x += GLYPH_W) {
            if (next_random() % 6 > 0) {
                draw_glyph(frame, glyphs[next_random() % N_GLYPHS], x, y);
            }
        }
    }
    return frame;
}

/* A wave that goes from 0 to 255 and back. */
static uint32_t
wave(int at, int length)
{
    int phase = at % (2 * length);
    return (uint32_t)((phase < length ? phase : 2 * length - phase) * 255 / length);
}

BerthFrame *
micro_new_photo(void)
{
    BerthFrame *frame = berth_frame_new(MICRO_W, MICRO_H);
    micro_require(frame != NULL, "memory");
    for (int y = 0; y < MICRO_H; y++) {
        for (int x = 0; x < MICRO_W; x++) {
            uint32_t grain = next_random() % 7;
            uint32_t light = wave(x + y / 3, 240) / 2 + wave(2 * y, 170) / 3;
            uint32_t red = light + wave(x * y / 4000, 90) / 8 + grain;
            uint32_t green = light + grain;
            uint32_t blue = light / 2 + wave(x / 2, 130) / 4 + grain;
            put(frame, x, y, red << 16 | green << 8 | blue);
        }
    }
    return frame;
}
