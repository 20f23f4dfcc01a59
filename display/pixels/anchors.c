/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hash rolls down for free: sums = sums * k + pixel in 16 bits, with k twice an odd number, so
 * that after 16 rows a pixel has been shifted out.  To the right it is made of pairs of pairs of
 * pairs, four steps for 16 columns.  Everything is a multiplication of 16-bit lanes.
 */
#include "display/pixels/anchors.h"

#include "display/pixels/x86.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Twice an odd number; and odd ones for the steps to the right. */
#define DOWN 0x6a52u
#define FOLD 0x9e3779b1u
static const uint16_t right_factors[4] = { 0x6b43, 0x9c9b, 0xd8a5, 0x3c6f };

/* Room behind every array, for steps of whole registers. */
#define PADDING 64

struct BerthAnchors {
    size_t width;
    uint16_t limit;
    int n_rows; /* fed, up to the height of a window */
    uint16_t *sums;
    uint16_t *hashes;
    uint16_t *scratch;
    uint16_t *xs;
};

static void
add_pixels(uint16_t *sums, const uint8_t *row, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        uint32_t word;
        memcpy(&word, row + 4 * i, sizeof word);
        sums[i] = (uint16_t)(sums[i] * DOWN + (word * FOLD >> 16));
    }
}

static void
plain_add_row(uint16_t *sums, const uint8_t *row, size_t n_pixels)
{
    add_pixels(sums, row, 0, n_pixels);
}

/* to[i] = from[i] * factor + from[i + step] */
static void
plain_step(uint16_t *to, const uint16_t *from, size_t n, size_t step, uint16_t factor)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = (uint16_t)((uint32_t)from[i] * factor + from[i + step]);
    }
}

static void
plain_join(uint16_t *hashes, const uint16_t *sums, uint16_t *scratch, size_t n)
{
    plain_step(scratch, sums, n + 14, 1, right_factors[0]);
    plain_step(scratch, scratch, n + 12, 2, right_factors[1]);
    plain_step(scratch, scratch, n + 8, 4, right_factors[2]);
    plain_step(hashes, scratch, n, 8, right_factors[3]);
}

static size_t
choose_from(const uint16_t *hashes, size_t first, size_t n, uint16_t limit, uint16_t *xs)
{
    size_t n_chosen = 0;
    for (size_t i = first; i < n; i++) {
        if (hashes[i] < limit && i > 0 && hashes[i] != hashes[i - 1]) {
            xs[n_chosen++] = (uint16_t)i;
        }
    }
    return n_chosen;
}

static size_t
plain_choose(const uint16_t *hashes, size_t n, uint16_t limit, uint16_t *xs)
{
    return choose_from(hashes, 0, n, limit, xs);
}

#if HAVE_X86
#define AVX2 __attribute__((target("avx2")))

/* The upper halves of the products of 8 pixels, in the lower halves of 8 words. */
AVX2 static __m256i
avx2_fold(const uint8_t *pixels)
{
    __m256i words = _mm256_loadu_si256((const __m256i *)pixels);
    return _mm256_srli_epi32(_mm256_mullo_epi32(words, _mm256_set1_epi32((int)FOLD)), 16);
}

AVX2 static void
avx2_add_row(uint16_t *sums, const uint8_t *row, size_t n_pixels)
{
    const __m256i down = _mm256_set1_epi16((short)DOWN);
    size_t i = 0;
    for (; i + 16 <= n_pixels; i += 16) {
        __m256i folded = _mm256_packus_epi32(avx2_fold(row + 4 * i), avx2_fold(row + 4 * i + 32));
        folded = _mm256_permute4x64_epi64(folded, 0xd8);
        __m256i sum = _mm256_loadu_si256((const __m256i *)(sums + i));
        sum = _mm256_add_epi16(_mm256_mullo_epi16(sum, down), folded);
        _mm256_storeu_si256((__m256i *)(sums + i), sum);
    }
    add_pixels(sums, row, i, n_pixels);
}

/* In whole registers: what is behind n is read and written, too; that is what the padding is for.
 */
AVX2 static void
avx2_step(uint16_t *to, const uint16_t *from, size_t n, size_t step, uint16_t factor)
{
    const __m256i factors = _mm256_set1_epi16((short)factor);
    for (size_t i = 0; i < n; i += 16) {
        __m256i here = _mm256_loadu_si256((const __m256i *)(from + i));
        __m256i there = _mm256_loadu_si256((const __m256i *)(from + i + step));
        here = _mm256_add_epi16(_mm256_mullo_epi16(here, factors), there);
        _mm256_storeu_si256((__m256i *)(to + i), here);
    }
}

AVX2 static void
avx2_join(uint16_t *hashes, const uint16_t *sums, uint16_t *scratch, size_t n)
{
    avx2_step(scratch, sums, n + 14, 1, right_factors[0]);
    avx2_step(scratch, scratch, n + 12, 2, right_factors[1]);
    avx2_step(scratch, scratch, n + 8, 4, right_factors[2]);
    avx2_step(hashes, scratch, n, 8, right_factors[3]);
}

AVX2 static size_t
avx2_choose(const uint16_t *hashes, size_t n, uint16_t limit, uint16_t *xs)
{
    const __m256i highest = _mm256_set1_epi16((short)(limit - 1));
    size_t n_chosen = choose_from(hashes, 0, n < 1 ? n : 1, limit, xs);
    size_t i = 1;
    for (; i + 16 <= n; i += 16) {
        __m256i here = _mm256_loadu_si256((const __m256i *)(hashes + i));
        __m256i left = _mm256_loadu_si256((const __m256i *)(hashes + i - 1));
        __m256i is_low = _mm256_cmpeq_epi16(_mm256_min_epu16(here, highest), here);
        __m256i is_new = _mm256_andnot_si256(_mm256_cmpeq_epi16(here, left), is_low);
        /* Two bits a lane: one of them is enough. */
        uint32_t bits = (uint32_t)_mm256_movemask_epi8(is_new) & 0x55555555u;
        for (; bits != 0; bits &= bits - 1) {
            xs[n_chosen++] = (uint16_t)(i + (size_t)__builtin_ctz(bits) / 2);
        }
    }
    return n_chosen + choose_from(hashes, i, n, limit, xs + n_chosen);
}
#endif

static const BerthAnchorKernels all_kernels[] = {
    { "plain", plain_add_row, plain_join, plain_choose },
#if HAVE_X86
    { "avx2", avx2_add_row, avx2_join, avx2_choose },
#endif
};

const BerthAnchorKernels *
berth_anchor_kernels_all(size_t *ret_n)
{
    *ret_n = berth_x86_count_usable(sizeof all_kernels / sizeof all_kernels[0]);
    return all_kernels;
}

BerthAnchors *
berth_anchors_new(int width)
{
    assert(width >= BERTH_ANCHOR_PX && width <= UINT16_MAX);
    BerthAnchors *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    size_t room = (size_t)width + PADDING;
    self->width = (size_t)width;
    self->sums = calloc(room, sizeof *self->sums);
    self->hashes = calloc(room, sizeof *self->hashes);
    self->scratch = calloc(room, sizeof *self->scratch);
    self->xs = calloc(room, sizeof *self->xs);
    if (self->sums == NULL || self->hashes == NULL || self->scratch == NULL || self->xs == NULL) {
        berth_anchors_free(self);
        return NULL;
    }
    return self;
}

void
berth_anchors_free(BerthAnchors *self)
{
    if (self != NULL) {
        free(self->sums);
        free(self->hashes);
        free(self->scratch);
        free(self->xs);
        free(self);
    }
}

void
berth_anchors_start(BerthAnchors *self, int rarity)
{
    assert(rarity >= 2 && rarity <= 65536);
    self->limit = (uint16_t)(65536 / rarity);
    self->n_rows = 0;
    memset(self->sums, 0, (self->width + PADDING) * sizeof *self->sums);
}

static const BerthAnchorKernels *
get_kernels(void)
{
    size_t n_forms;
    const BerthAnchorKernels *forms = berth_anchor_kernels_all(&n_forms);
    return &forms[n_forms - 1];
}

void
berth_anchors_feed(BerthAnchors *self, const uint8_t *row)
{
    get_kernels()->add_row(self->sums, row, self->width);
    self->n_rows += self->n_rows < BERTH_ANCHOR_PX;
}

size_t
berth_anchors_list(BerthAnchors *self, const uint16_t **ret_xs)
{
    const BerthAnchorKernels *kernels = get_kernels();
    *ret_xs = self->xs;
    if (self->n_rows < BERTH_ANCHOR_PX) {
        return 0;
    }
    size_t n = self->width - BERTH_ANCHOR_PX + 1;
    kernels->join(self->hashes, self->sums, self->scratch, n);
    return kernels->choose(self->hashes, n, self->limit, self->xs);
}
