/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The median edge detector predicts a pixel from its neighbours a (left), b (above) and c (above
 * left): a + b - c, cut to what lies between a and b.  With c cut to that range first, the same
 * comes out of bytes that wrap: a + b - c'.  So the decoder, which has to wait for a, waits for
 * four instructions only, and does the three channels of a pixel in one register.
 */
#include "display/pixels/gradient.h"

#include "display/pixels/x86.h"

#include <string.h>

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

#if HAVE_X86
#define AVX2 __attribute__((target("avx2")))

/* Subtracts green from blue and red of pixels; X becomes nonsense that nobody looks at. */
AVX2 static __m256i
avx2_load_planes(const uint8_t *pixels)
{
    const __m256i green =
        _mm256_setr_epi8(1, -1, 1, -1, 5, -1, 5, -1, 9, -1, 9, -1, 13, -1, 13, -1, 1, -1, 1, -1, 5,
                         -1, 5, -1, 9, -1, 9, -1, 13, -1, 13, -1);
    __m256i words = _mm256_loadu_si256((const __m256i *)pixels);
    return _mm256_sub_epi8(words, _mm256_shuffle_epi8(words, green));
}

/* Stores 8 residuals, of which the last 4 of 28 bytes are overwritten later. */
AVX2 static void
avx2_store_residuals(uint8_t *residuals, __m256i words)
{
    const __m256i order = _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1,
                                           2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    words = _mm256_shuffle_epi8(words, order);
    _mm_storeu_si128((__m128i *)residuals, _mm256_castsi256_si128(words));
    _mm_storeu_si128((__m128i *)(residuals + 12), _mm256_extracti128_si256(words, 1));
}

AVX2 static void
avx2_encode_row(uint8_t *residuals, const uint8_t *row, const uint8_t *above, size_t n_pixels)
{
    if (n_pixels < 11) {
        encode_pixels(residuals, row, above, 0, n_pixels);
        return;
    }
    encode_pixels(residuals, row, above, 0, 1);
    size_t i = 1;
    for (; i + 10 <= n_pixels; i += 8) {
        __m256i pixel = avx2_load_planes(row + 4 * i);
        __m256i a = avx2_load_planes(row + 4 * (i - 1));
        __m256i predicted = a;
        if (above != NULL) {
            __m256i b = avx2_load_planes(above + 4 * i);
            __m256i c = avx2_load_planes(above + 4 * (i - 1));
            __m256i low = _mm256_min_epu8(a, b);
            __m256i high = _mm256_max_epu8(a, b);
            __m256i between = _mm256_max_epu8(_mm256_min_epu8(c, high), low);
            predicted = _mm256_sub_epi8(_mm256_add_epi8(a, b), between);
        }
        avx2_store_residuals(residuals + 3 * i, _mm256_sub_epi8(pixel, predicted));
    }
    encode_pixels(residuals, row, above, i, n_pixels);
}

/* Four residuals as words in the order of BGRX; reads 16 bytes. */
AVX2 static __m128i
avx2_load_residuals(const uint8_t *residuals)
{
    const __m128i order = _mm_setr_epi8(2, 1, 0, -1, 5, 4, 3, -1, 8, 7, 6, -1, 11, 10, 9, -1);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)residuals), order);
}

AVX2 static void
avx2_store_planes(uint8_t *row, __m128i planes)
{
    const __m128i green = _mm_setr_epi8(1, -1, 1, -1, 5, -1, 5, -1, 9, -1, 9, -1, 13, -1, 13, -1);
    const __m128i opaque = _mm_set1_epi32((int)OPAQUE);
    __m128i words = _mm_add_epi8(planes, _mm_shuffle_epi8(planes, green));
    _mm_storeu_si128((__m128i *)row, _mm_or_si128(words, opaque));
}

/* The first row of a rectangle: sums from the left. */
AVX2 static size_t
avx2_decode_first_row(uint8_t *row, const uint8_t *residuals, size_t n_pixels)
{
    __m128i sum = _mm_setzero_si128();
    size_t i = 0;
    for (; i + 6 <= n_pixels; i += 4) {
        __m128i words = avx2_load_residuals(residuals + 3 * i);
        words = _mm_add_epi8(words, _mm_slli_si128(words, 4));
        words = _mm_add_epi8(words, _mm_slli_si128(words, 8));
        sum = _mm_add_epi8(words, _mm_shuffle_epi32(sum, 0xff));
        avx2_store_planes(row + 4 * i, sum);
    }
    return i;
}

/* One pixel, in the lowest word: what the theory at the top says. */
AVX2 static inline __m128i
decode_pixel(__m128i a, __m128i b, __m128i c, __m128i residual)
{
    __m128i low = _mm_min_epu8(a, b);
    __m128i high = _mm_max_epu8(a, b);
    __m128i between = _mm_max_epu8(_mm_min_epu8(c, high), low);
    return _mm_sub_epi8(_mm_add_epi8(a, _mm_add_epi8(b, residual)), between);
}

AVX2 static size_t
avx2_decode_next_row(uint8_t *row, const uint8_t *residuals, const uint8_t *above, size_t n_pixels)
{
    const __m128i green = _mm_setr_epi8(1, -1, 1, -1, 5, -1, 5, -1, 9, -1, 9, -1, 13, -1, 13, -1);
    __m128i first = _mm_cvtsi32_si128((int)(above[0] | above[1] << 8 | above[2] << 16));
    first = _mm_sub_epi8(first, _mm_shuffle_epi8(first, green));
    /* Left of the row is what is above its first pixel. */
    __m128i a = first;
    __m128i before = _mm_slli_si128(first, 12);
    size_t i = 0;
    for (; i + 6 <= n_pixels; i += 4) {
        __m128i r = avx2_load_residuals(residuals + 3 * i);
        __m128i b = _mm_loadu_si128((const __m128i *)(above + 4 * i));
        b = _mm_sub_epi8(b, _mm_shuffle_epi8(b, green));
        __m128i c = _mm_alignr_epi8(b, before, 12);
        before = b;
        __m128i a0 = decode_pixel(a, b, c, r);
        __m128i a1 =
            decode_pixel(a0, _mm_srli_si128(b, 4), _mm_srli_si128(c, 4), _mm_srli_si128(r, 4));
        __m128i a2 =
            decode_pixel(a1, _mm_srli_si128(b, 8), _mm_srli_si128(c, 8), _mm_srli_si128(r, 8));
        a = decode_pixel(a2, _mm_srli_si128(b, 12), _mm_srli_si128(c, 12), _mm_srli_si128(r, 12));
        avx2_store_planes(
            row + 4 * i, _mm_unpacklo_epi64(_mm_unpacklo_epi32(a0, a1), _mm_unpacklo_epi32(a2, a)));
    }
    return i;
}

AVX2 static void
avx2_decode_row(uint8_t *row, const uint8_t *residuals, const uint8_t *above, size_t n_pixels)
{
    size_t n_done = above == NULL ? avx2_decode_first_row(row, residuals, n_pixels)
                                  : avx2_decode_next_row(row, residuals, above, n_pixels);
    decode_pixels(row, residuals, above, n_done, n_pixels);
}

static const BerthGradientKernels avx2_kernels = {
    .name = "avx2",
    .encode_row = avx2_encode_row,
    .decode_row = avx2_decode_row,
};
#endif

static const BerthGradientKernels *const all_kernels[] = {
    &plain_kernels,
#if HAVE_X86
    &avx2_kernels,
#endif
};

const BerthGradientKernels *const *
berth_gradient_kernels_all(size_t *ret_n)
{
    *ret_n = berth_x86_count_usable(sizeof all_kernels / sizeof all_kernels[0]);
    return all_kernels;
}

const BerthGradientKernels *
berth_gradient_kernels(void)
{
    size_t n;
    const BerthGradientKernels *const *all = berth_gradient_kernels_all(&n);
    return all[n - 1];
}
