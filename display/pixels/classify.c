/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Neighbours are counted for whole rows in wide registers.  Only pixels that differ from their left
 * neighbour are looked up in the table of colours, and none after the table is full: text has few
 * of them, and photos fill the table at once.
 */
#include "display/pixels/classify.h"

#include "berth/limits.h"
#include "display/pixels/format.h"
#include "display/pixels/x86.h"

#include <assert.h>
#include <string.h>

#define OPAQUE 0xff000000u
#define TILE ((int)BERTH_LIMIT_TILE_PX)
#define TABLE_SIZE 1024
/* Entries that are looked at for one colour; a picture that needs more has "many". */
#define MAX_PROBES 24

typedef struct {
    uint32_t table[TABLE_SIZE]; /* 0 is free: a colour has X 0xff */
    int n;
    uint32_t first[2];
} Colours;

static uint32_t
load_colour(const uint8_t *pixel)
{
    uint32_t word;
    memcpy(&word, pixel, sizeof word);
    return word | OPAQUE;
}

/* The colour is not in the entry where it belongs; index is that one. */
static void
add_colour_behind(Colours *colours, uint32_t word, uint32_t index)
{
    for (int i = 0; i < MAX_PROBES; i++) {
        uint32_t *entry = &colours->table[(index + (uint32_t)i) % TABLE_SIZE];
        if (*entry == word) {
            return;
        }
        if (*entry == 0) {
            *entry = word;
            if (colours->n < 2) {
                colours->first[colours->n] = word;
            }
            colours->n++;
            return;
        }
    }
    colours->n = BERTH_CLASSIFY_MAX_COLOURS + 1;
}

static inline void
add_colour(Colours *colours, uint32_t word)
{
    uint32_t index = (word * 0x9e3779b1u) >> 22;
    if (colours->table[index] != word) {
        add_colour_behind(colours, word, index);
    }
}

static bool
is_near(uint32_t a, uint32_t b)
{
    for (int shift = 0; shift < 24; shift += 8) {
        int difference = (int)(a >> shift & 0xff) - (int)(b >> shift & 0xff);
        if (difference > BERTH_CLASSIFY_NEAR || difference < -BERTH_CLASSIFY_NEAR) {
            return false;
        }
    }
    return true;
}

/* The pixels [first, n_pixels) of a row, first at least 1. */
static BerthNeighbours
compare_pixels(const uint8_t *row, int first, int n_pixels)
{
    BerthNeighbours found = { 0, 0 };
    uint32_t left = load_colour(row + 4 * (size_t)(first - 1));
    for (int i = first; i < n_pixels; i++) {
        uint32_t word = load_colour(row + 4 * (size_t)i);
        if (word == left) {
            found.same |= (uint64_t)1 << i;
        } else if (is_near(word, left)) {
            found.near |= (uint64_t)1 << i;
        }
        left = word;
    }
    return found;
}

static BerthNeighbours
plain_compare_row(const uint8_t *row, int n_pixels)
{
    return compare_pixels(row, 1, n_pixels);
}

#if HAVE_X86
#define AVX2 __attribute__((target("avx2,popcnt,bmi")))

/* The pixels [i, i + 8), i at least 1. */
AVX2 static inline void
avx2_compare_8(const uint8_t *row, int i, BerthNeighbours *found)
{
    const __m256i opaque = _mm256_set1_epi32((int)OPAQUE);
    const __m256i limit = _mm256_set1_epi8(BERTH_CLASSIFY_NEAR);
    const __m256i zero = _mm256_setzero_si256();
    __m256i word = _mm256_loadu_si256((const __m256i *)(row + 4 * (size_t)i));
    __m256i left = _mm256_loadu_si256((const __m256i *)(row + 4 * (size_t)(i - 1)));
    word = _mm256_or_si256(word, opaque);
    left = _mm256_or_si256(left, opaque);
    __m256i distance = _mm256_or_si256(_mm256_subs_epu8(word, left), _mm256_subs_epu8(left, word));
    __m256i is_same = _mm256_cmpeq_epi32(distance, zero);
    __m256i is_close = _mm256_cmpeq_epi32(_mm256_subs_epu8(distance, limit), zero);
    unsigned same = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(is_same));
    unsigned close = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(is_close));
    found->same |= (uint64_t)same << i;
    found->near |= (uint64_t)(close & ~same) << i;
}

AVX2 static BerthNeighbours
avx2_compare_row(const uint8_t *row, int n_pixels)
{
    BerthNeighbours found = { 0, 0 };
    int i = 1;
    for (; i + 8 <= n_pixels; i += 8) {
        avx2_compare_8(row, i, &found);
    }
    if (i == n_pixels) {
        return found;
    }
    if (n_pixels > 8) {
        /* The last eight once more, or in part: it gives the same bits. */
        avx2_compare_8(row, n_pixels - 8, &found);
        return found;
    }
    return compare_pixels(row, 1, n_pixels);
}
#endif

static const BerthClassifyKernels all_kernels[] = {
    { "plain", plain_compare_row },
#if HAVE_X86
    { "avx2", avx2_compare_row },
#endif
};

const BerthClassifyKernels *
berth_classify_kernels_all(size_t *ret_n)
{
    *ret_n = berth_x86_count_usable(sizeof all_kernels / sizeof all_kernels[0]);
    return all_kernels;
}

BerthPixelStats
berth_classify_count_with(const BerthClassifyKernels *kernels, const BerthFrame *frame,
                          BerthRect rect)
{
    assert(rect.w <= TILE && rect.h <= TILE);
    assert(berth_rect_is_inside(rect, frame->width, frame->height));
    Colours colours = { 0 };
    BerthPixelStats stats = { 0 };
    uint32_t above = load_colour(berth_frame_pixel(frame, rect.x, rect.y));
    add_colour(&colours, above);
    stats.n_same = -1; /* the very first pixel is its own neighbour */
    for (int y = 0; y < rect.h; y++) {
        const uint8_t *row = berth_frame_pixel(frame, rect.x, rect.y + y);
        BerthNeighbours found = kernels->compare_row(row, rect.w);
        uint32_t first = load_colour(row);
        found.same |= first == above;
        found.near |= first != above && is_near(first, above);
        above = first;
        int n_same = __builtin_popcountll(found.same);
        int n_near = __builtin_popcountll(found.near);
        stats.n_same += n_same;
        stats.n_near += n_near;
        stats.n_far += rect.w - n_same - n_near;
        uint64_t new = ~found.same &(~(uint64_t)0 >> (64 - rect.w));
        for (; new != 0 && colours.n <= BERTH_CLASSIFY_MAX_COLOURS; new &= new - 1) {
            add_colour(&colours, load_colour(row + 4 * __builtin_ctzll(new)));
        }
    }
    stats.n_colours =
        colours.n > BERTH_CLASSIFY_MAX_COLOURS ? BERTH_CLASSIFY_MAX_COLOURS + 1 : colours.n;
    stats.colours[0] = colours.first[0] & ~OPAQUE;
    stats.colours[1] = (colours.n > 1 ? colours.first[1] : colours.first[0]) & ~OPAQUE;
    return stats;
}

BerthPixelStats
berth_classify_count(const BerthFrame *frame, BerthRect rect)
{
    size_t n;
    const BerthClassifyKernels *all = berth_classify_kernels_all(&n);
    return berth_classify_count_with(&all[n - 1], frame, rect);
}

BerthContent
berth_classify_decide(const BerthPixelStats *stats)
{
    int n_differing = stats->n_near + stats->n_far;
    if (stats->n_colours == 1) {
        return BERTH_CONTENT_FILL;
    }
    if (stats->n_colours <= BERTH_CLASSIFY_MAX_COLOURS || stats->n_same > 4 * n_differing) {
        return BERTH_CONTENT_PLAIN;
    }
    return stats->n_far > stats->n_near ? BERTH_CONTENT_GRADIENT : BERTH_CONTENT_PHOTO;
}
