/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The median edge detector predicts a pixel from its neighbours a (left), b (above) and c (above
 * left): a + b - c, cut to what lies between a and b.  With c cut to that range first, the same
 * comes out of bytes that wrap: a + b - c'.  So the decoder, which has to wait for a, waits for
 * four instructions only, and does the three channels of a pixel in one register.
 */
#include "display/pixels/gradient.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_X86 1
#else
#define HAVE_X86 0
#endif

#define OPAQUE 0xff000000u

/* A pixel after the colour transform. */
typedef struct {
    uint8_t red_less_green;
    uint8_t green;
    uint8_t blue_less_green;
} Planes;

static Planes
load_planes(const uint8_t *pixel)
{
    return (Planes){ (uint8_t)(pixel[2] - pixel[1]), pixel[1], (uint8_t)(pixel[0] - pixel[1]) };
}

static uint8_t
predict(uint8_t a, uint8_t b, uint8_t c)
{
    uint8_t low = a < b ? a : b;
    uint8_t high = a < b ? b : a;
    uint8_t between = c < low ? low : c > high ? high : c;
    return (uint8_t)(a + b - between);
}

/* What pixel i is predicted to be; left is the pixel before it if there is one. */
static Planes
predict_planes(Planes left, const uint8_t *above, size_t i)
{
    if (above == NULL) {
        return i == 0 ? (Planes){ 0, 0, 0 } : left;
    }
    Planes b = load_planes(above + 4 * i);
    if (i == 0) {
        return b;
    }
    Planes c = load_planes(above + 4 * (i - 1));
    return (Planes){ predict(left.red_less_green, b.red_less_green, c.red_less_green),
                     predict(left.green, b.green, c.green),
                     predict(left.blue_less_green, b.blue_less_green, c.blue_less_green) };
}

/* The pixels [first, end) of a row. */
static void
encode_pixels(uint8_t *residuals, const uint8_t *row, const uint8_t *above, size_t first,
              size_t end)
{
    Planes left = { 0, 0, 0 };
    if (first > 0) {
        left = load_planes(row + 4 * (first - 1));
    }
    for (size_t i = first; i < end; i++) {
        Planes predicted = predict_planes(left, above, i);
        left = load_planes(row + 4 * i);
        residuals[3 * i] = (uint8_t)(left.red_less_green - predicted.red_less_green);
        residuals[3 * i + 1] = (uint8_t)(left.green - predicted.green);
        residuals[3 * i + 2] = (uint8_t)(left.blue_less_green - predicted.blue_less_green);
    }
}

static void
decode_pixels(uint8_t *row, const uint8_t *residuals, const uint8_t *above, size_t first,
              size_t end)
{
    Planes left = { 0, 0, 0 };
    if (first > 0) {
        left = load_planes(row + 4 * (first - 1));
    }
    for (size_t i = first; i < end; i++) {
        Planes predicted = predict_planes(left, above, i);
        left.red_less_green = (uint8_t)(predicted.red_less_green + residuals[3 * i]);
        left.green = (uint8_t)(predicted.green + residuals[3 * i + 1]);
        left.blue_less_green = (uint8_t)(predicted.blue_less_green + residuals[3 * i + 2]);
        row[4 * i] = (uint8_t)(left.blue_less_green + left.green);
        row[4 * i + 1] = left.green;
        row[4 * i + 2] = (uint8_t)(left.red_less_green + left.green);
        row[4 * i + 3] = 0xff;
    }
}

static void
plain_encode_row(uint8_t *residuals, const uint8_t *row, const uint8_t *above, size_t n_pixels)
{
    encode_pixels(residuals, row, above, 0, n_pixels);
}

static void
plain_decode_row(uint8_t *row, const uint8_t *residuals, const uint8_t *above, size_t n_pixels)
{
    decode_pixels(row, residuals, above, 0, n_pixels);
}

static const BerthGradientKernels plain_kernels = {
    .name = "plain",
    .encode_row = plain_encode_row,
    .decode_row = plain_decode_row,
};

static const BerthGradientKernels *const all_kernels[] = {
    &plain_kernels,
};

const BerthGradientKernels *const *
berth_gradient_kernels_all(size_t *ret_n)
{
    *ret_n = sizeof all_kernels / sizeof all_kernels[0];
    return all_kernels;
}

const BerthGradientKernels *
berth_gradient_kernels(void)
{
    size_t n;
    const BerthGradientKernels *const *all = berth_gradient_kernels_all(&n);
    return all[n - 1];
}
