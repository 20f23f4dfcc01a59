/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/bench/frame-marker.h"

#define N_CELLS 16
#define CELL_W (FRAME_MARKER_W / N_CELLS)
#define WHITE 0xffffffu
/* Between these greens a cell is neither black nor white. */
#define DARKEST_DOUBT 85
#define LIGHTEST_DOUBT 170

static unsigned
get_cells(unsigned number)
{
    unsigned bits = number & 0xfff;
    unsigned parity = (unsigned)__builtin_popcount(bits) & 1;

    return 1u << 15 | bits << 3 | parity << 2 | 1u;
}

void
frame_marker_paint(uint32_t *pixels, size_t stride_px, unsigned number)
{
    unsigned cells = get_cells(number);

    for (int x = 0; x < FRAME_MARKER_W; x++) {
        uint32_t colour = cells >> (N_CELLS - 1 - x / CELL_W) & 1 ? WHITE : 0;

        for (int y = 0; y < FRAME_MARKER_H; y++) {
            pixels[(size_t)y * stride_px + (size_t)x] = colour;
        }
    }
}

/* Mean green of the middle of a cell, where neighbours do not bleed in. */
static unsigned
get_level(const uint32_t *pixels, size_t stride_px, int cell)
{
    unsigned sum = 0;
    unsigned n = 0;

    for (int y = FRAME_MARKER_H / 4; y < FRAME_MARKER_H * 3 / 4; y++) {
        for (int x = CELL_W / 4; x < CELL_W * 3 / 4; x++) {
            sum += pixels[(size_t)y * stride_px + (size_t)(cell * CELL_W + x)] >> 8 & 0xff;
            n++;
        }
    }
    return sum / n;
}

int
frame_marker_read(const uint32_t *pixels, size_t stride_px)
{
    unsigned cells = 0;

    for (int cell = 0; cell < N_CELLS; cell++) {
        unsigned level = get_level(pixels, stride_px, cell);

        if (level > DARKEST_DOUBT && level < LIGHTEST_DOUBT) {
            return -1;
        }
        cells = cells << 1 | (level >= LIGHTEST_DOUBT);
    }
    return get_cells(cells >> 3) == cells ? (int)(cells >> 3 & 0xfff) : -1;
}
