/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pictures made by rule, and how far one is from another.
 */
#pragma once

#include "testing.h"

#include "display/pixels/frame.h"

#include <math.h>
#include <stdbool.h>

/*
 * Something like a photo: soft waves of colour, an edge and a little grain.
 *
 * phase: moves it, as in a film
 */
static inline void
picture_paint_photo(BerthFrame *frame, BerthRect rect, int phase)
{
    uint32_t grain = 1;
    for (int y = 0; y < rect.h; y++) {
        for (int x = 0; x < rect.w; x++) {
            double u = (x + phase) * 0.035;
            double v = (y - phase) * 0.027;
            grain = grain * 1664525u + 1013904223u;
            int noise = (int)(grain >> 30);
            int shade = x + phase > y * 2 ? 30 : 0;
            uint8_t *pixel = berth_frame_pixel(frame, rect.x + x, rect.y + y);
            pixel[0] = (uint8_t)(110 + 60 * sin(u) + 20 * cos(v) + shade + noise);
            pixel[1] = (uint8_t)(100 + 50 * sin(u + v) + 30 * cos(v * 0.7) + shade + noise);
            pixel[2] = (uint8_t)(120 + 70 * cos(u * 0.6 - v) + shade + noise);
            pixel[3] = 0xff;
        }
    }
}

/* Mean squared error over blue, green and red as dB; 99 if the rectangles are equal. */
static inline double
picture_psnr(const BerthFrame *a, const BerthFrame *b, BerthRect rect)
{
    uint64_t sum = 0;
    for (int y = 0; y < rect.h; y++) {
        const uint8_t *p = berth_frame_pixel(a, rect.x, rect.y + y);
        const uint8_t *q = berth_frame_pixel(b, rect.x, rect.y + y);
        for (int i = 0; i < rect.w * 4; i++) {
            int difference = i % 4 == 3 ? 0 : p[i] - q[i];
            sum += (uint64_t)(difference * difference);
        }
    }
    return sum == 0 ? 99 : 10 * log10(255.0 * 255.0 * 3 * rect.w * rect.h / (double)sum);
}

/* True if every pixel outside of the rectangle is the colour 0xRRGGBB. */
static inline bool
picture_is_untouched(const BerthFrame *frame, BerthRect rect, uint32_t xrgb)
{
    for (int y = 0; y < frame->height; y++) {
        for (int x = 0; x < frame->width; x++) {
            const uint8_t *pixel = berth_frame_pixel(frame, x, y);
            bool is_inside =
                x >= rect.x && x < rect.x + rect.w && y >= rect.y && y < rect.y + rect.h;
            uint32_t colour = (uint32_t)(pixel[2] << 16 | pixel[1] << 8 | pixel[0]);
            if (!is_inside && colour != xrgb) {
                return false;
            }
        }
    }
    return true;
}
