/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/bench/picture-file.h"

#include "tests/bench/frame-marker.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define EQUAL_DB 99.0

uint32_t *
picture_file_read(const char *path, int width, int height)
{
    size_t n_px = (size_t)width * (size_t)height;
    uint32_t *pixels = malloc(n_px * 4);
    FILE *file = fopen(path, "rb");

    if (!pixels || !file || fread(pixels, 4, n_px, file) != n_px) {
        fprintf(stderr, "\"%s\" is no picture of %dx%d\n", path, width, height);
        exit(1);
    }
    fclose(file);
    return pixels;
}

static uint32_t
get_error(uint32_t a, uint32_t b)
{
    uint32_t sum = 0;

    for (int shift = 0; shift < 24; shift += 8) {
        int d = (int)(a >> shift & 0xff) - (int)(b >> shift & 0xff);

        sum += (uint32_t)(d * d);
    }
    return sum;
}

PictureDifference
picture_compare(const uint32_t *a, const uint32_t *b, int width, int height)
{
    PictureDifference difference = { 0, EQUAL_DB };
    double sum = 0;
    int64_t n_px = (int64_t)width * height - FRAME_MARKER_W * FRAME_MARKER_H;

    for (int y = 0; y < height; y++) {
        size_t row = (size_t)y * (size_t)width;

        for (int x = y < FRAME_MARKER_H ? FRAME_MARKER_W : 0; x < width; x++) {
            uint32_t error = get_error(a[row + (size_t)x], b[row + (size_t)x]);

            sum += error;
            difference.n_wrong_px += error > 0;
        }
    }
    if (sum > 0) {
        difference.psnr_db = 10 * log10(255.0 * 255.0 * 3.0 * (double)n_px / sum);
    }
    return difference;
}
