/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/pixels/kernels.h"

#include "display/pixels/read-once.h"
#include "display/pixels/x86.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "pixel words are little-endian");

#define OPAQUE 0xff000000u
#define COLOUR 0x00ffffffu

static uint32_t
load_u32(const uint8_t *data)
{
    uint32_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

static void
store_u32(uint8_t *data, uint32_t word)
{
    memcpy(data, &word, sizeof word);
}

/* Fewer than 65 pixels; what the wide forms use for the end of a row, too. */
static uint64_t
compare_copy_pixels(uint8_t *dst, const uint8_t *src, size_t n_pixels)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < n_pixels; i++) {
        uint32_t word = berth_read_once_u32(src + 4 * i) | OPAQUE;
        mask |= (uint64_t)(word != (load_u32(dst + 4 * i) | OPAQUE)) << i;
        store_u32(dst + 4 * i, word);
    }
    return mask;
}

static uint64_t
compare_pixels(const uint8_t *a, const uint8_t *b, size_t n_pixels)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < n_pixels; i++) {
        uint32_t difference = (load_u32(a + 4 * i) ^ load_u32(b + 4 * i)) & COLOUR;
        mask |= (uint64_t)(difference != 0) << i;
    }
    return mask;
}

static void
pack_pixels(uint8_t *dst, const uint8_t *src, size_t n_pixels)
{
    for (size_t i = 0; i < n_pixels; i++) {
        dst[3 * i] = src[4 * i + 2];
        dst[3 * i + 1] = src[4 * i + 1];
        dst[3 * i + 2] = src[4 * i];
    }
}

static void
unpack_pixels(uint8_t *dst, const uint8_t *src, size_t n_pixels)
{
    for (size_t i = 0; i < n_pixels; i++) {
        dst[4 * i] = src[3 * i + 2];
        dst[4 * i + 1] = src[3 * i + 1];
        dst[4 * i + 2] = src[3 * i];
        dst[4 * i + 3] = 0xff;
    }
}

/* Numbers without a pattern, one for each 8 bytes of 64 pixels (splitmix64 from 1 on). */
static const uint64_t hash_keys[32] __attribute__((aligned(32))) = {
    0x6e789e6aa1b965f4u, 0x06c45d188009454fu, 0xf88bb8a8724c81ecu, 0x1b39896a51a8749bu,
    0x53cb9f0c747ea2eau, 0x2c829abe1f4532e1u, 0xc584133ac916ab3cu, 0x3ee5789041c98ac3u,
    0xf3b8488c368cb0a6u, 0x657eecdd3cb13d09u, 0xc2d326e0055bdef6u, 0x8621a03fe0bbdb7bu,
    0x8e1f7555983aa92fu, 0xb54e0f1600cc4d19u, 0x84bb3f97971d80abu, 0x7d29825c75521255u,
    0xc3cf17102b7f7f86u, 0x3466e9a083914f64u, 0xd81a8d2b5a4485acu, 0xdb01602b100b9ed7u,
    0xa9038a921825f10du, 0xedf5f1d90dca2f6au, 0x54496ad67bd2634cu, 0xdd7c01d4f5407269u,
    0x935e82f1db4c4f7bu, 0x69b82ebc92233300u, 0x40d29eb57de1d510u, 0xa2f09dabb45c6316u,
    0xee521d7a0f4d3872u, 0xf16952ee72f3454fu, 0x377d35dea8e40225u, 0x0c7de8064963bab0u,
};

static inline uint64_t
fold_lane(uint64_t hash, uint64_t lane)
{
    hash = (hash ^ lane) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

static inline uint64_t
fold_hash(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return fold_lane(fold_lane(fold_lane(fold_lane(64, a), b), c), d);
}

/* Sums of products of the halves of keyed words; the words themselves see to zero factors. */
static uint64_t
plain_hash_64(const uint8_t *pixels)
{
    uint64_t lanes[4] = { 1, 2, 3, 4 };
    for (int i = 0; i < 32; i++) {
        uint64_t word;
        memcpy(&word, pixels + 8 * i, sizeof word);
        uint64_t keyed = word ^ hash_keys[i];
        lanes[i % 4] += (keyed & 0xffffffffu) * (keyed >> 32) + word;
    }
    return fold_hash(lanes[0], lanes[1], lanes[2], lanes[3]);
}

static void
plain_compare_copy_row(uint8_t *dst, const uint8_t *src, size_t n_pixels, uint64_t *masks)
{
    for (size_t i = 0; i < n_pixels; i += 64) {
        size_t n = n_pixels - i < 64 ? n_pixels - i : 64;
        masks[i / 64] = compare_copy_pixels(dst + 4 * i, src + 4 * i, n);
    }
}

static void
plain_compare_row(const uint8_t *a, const uint8_t *b, size_t n_pixels, uint64_t *masks)
{
    for (size_t i = 0; i < n_pixels; i += 64) {
        size_t n = n_pixels - i < 64 ? n_pixels - i : 64;
        masks[i / 64] = compare_pixels(a + 4 * i, b + 4 * i, n);
    }
}

static const BerthPixelKernels plain_kernels = {
    .name = "plain",
    .compare_copy_row = plain_compare_copy_row,
    .compare_row = plain_compare_row,
    .pack_rgb_row = pack_pixels,
    .unpack_rgb_row = unpack_pixels,
    .hash_64 = plain_hash_64,
};

#if HAVE_X86
/* SSE2 is part of x86-64; the shuffles of the RGB forms need SSSE3. */

static uint64_t
sse2_compare_copy_64(uint8_t *dst, const uint8_t *src, size_t n_pixels)
{
    const __m128i opaque = _mm_set1_epi32((int)OPAQUE);
    uint64_t mask = 0;
    size_t i = 0;
    for (; i + 4 <= n_pixels; i += 4) {
        __m128i new = _mm_loadu_si128((const __m128i *)(src + 4 * i));
        __asm__ volatile("" : "+x"(new));
        new = _mm_or_si128(new, opaque);
        __m128i old = _mm_or_si128(_mm_loadu_si128((const __m128i *)(dst + 4 * i)), opaque);
        unsigned equal = (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(new, old)));
        mask |= (uint64_t)(equal ^ 0xfu) << i;
        _mm_storeu_si128((__m128i *)(dst + 4 * i), new);
    }
    return i == n_pixels ? mask
                         : mask | compare_copy_pixels(dst + 4 * i, src + 4 * i, n_pixels - i) << i;
}

static void
sse2_compare_copy_row(uint8_t *dst, const uint8_t *src, size_t n_pixels, uint64_t *masks)
{
    for (size_t i = 0; i < n_pixels; i += 64) {
        size_t n = n_pixels - i < 64 ? n_pixels - i : 64;
        masks[i / 64] = sse2_compare_copy_64(dst + 4 * i, src + 4 * i, n);
    }
}

static uint64_t
sse2_compare_64(const uint8_t *a, const uint8_t *b, size_t n_pixels)
{
    const __m128i opaque = _mm_set1_epi32((int)OPAQUE);
    uint64_t mask = 0;
    size_t i = 0;
    for (; i + 4 <= n_pixels; i += 4) {
        __m128i left = _mm_or_si128(_mm_loadu_si128((const __m128i *)(a + 4 * i)), opaque);
        __m128i right = _mm_or_si128(_mm_loadu_si128((const __m128i *)(b + 4 * i)), opaque);
        unsigned equal = (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(left, right)));
        mask |= (uint64_t)(equal ^ 0xfu) << i;
    }
    return i == n_pixels ? mask : mask | compare_pixels(a + 4 * i, b + 4 * i, n_pixels - i) << i;
}

static void
sse2_compare_row(const uint8_t *a, const uint8_t *b, size_t n_pixels, uint64_t *masks)
{
    for (size_t i = 0; i < n_pixels; i += 64) {
        size_t n = n_pixels - i < 64 ? n_pixels - i : 64;
        masks[i / 64] = sse2_compare_64(a + 4 * i, b + 4 * i, n);
    }
}

static uint64_t
sse2_hash_64(const uint8_t *pixels)
{
    __m128i sums[2] = { _mm_set_epi64x(2, 1), _mm_set_epi64x(4, 3) };
    for (int i = 0; i < 16; i++) {
        __m128i words = _mm_loadu_si128((const __m128i *)(pixels + 16 * i));
        __m128i keyed = _mm_xor_si128(words, _mm_load_si128((const __m128i *)hash_keys + i));
        __m128i products = _mm_mul_epu32(keyed, _mm_srli_epi64(keyed, 32));
        sums[i % 2] = _mm_add_epi64(sums[i % 2], _mm_add_epi64(products, words));
    }
    uint64_t lanes[4];
    memcpy(lanes, sums, sizeof lanes);
    return fold_hash(lanes[0], lanes[1], lanes[2], lanes[3]);
}

static const BerthPixelKernels sse2_kernels = {
    .name = "sse2",
    .compare_copy_row = sse2_compare_copy_row,
    .compare_row = sse2_compare_row,
    .pack_rgb_row = pack_pixels,
    .unpack_rgb_row = unpack_pixels,
    .hash_64 = sse2_hash_64,
};

#define AVX2 __attribute__((target("avx2")))

/* Ones in the first n of 8 words, n below 8. */
AVX2 static __m256i
avx2_first_words(size_t n)
{
    const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), numbers);
}

AVX2 static uint64_t
avx2_compare_copy_64(uint8_t *dst, const uint8_t *src, size_t n_pixels)
{
    const __m256i opaque = _mm256_set1_epi32((int)OPAQUE);
    uint64_t mask = 0;
    size_t i = 0;
    for (; i + 8 <= n_pixels; i += 8) {
        __m256i new = _mm256_loadu_si256((const __m256i *)(src + 4 * i));
        __asm__ volatile("" : "+x"(new));
        new = _mm256_or_si256(new, opaque);
        __m256i old = _mm256_or_si256(_mm256_loadu_si256((const __m256i *)(dst + 4 * i)), opaque);
        unsigned equal =
            (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(new, old)));
        if (equal != 0xffu) {
            mask |= (uint64_t)(equal ^ 0xffu) << i;
            _mm256_storeu_si256((__m256i *)(dst + 4 * i), new);
        }
    }
    if (i < n_pixels) {
        __m256i part = avx2_first_words(n_pixels - i);
        __m256i new = _mm256_maskload_epi32((const int *)(const void *)(src + 4 * i), part);
        __asm__ volatile("" : "+x"(new));
        __m256i old = _mm256_maskload_epi32((const int *)(const void *)(dst + 4 * i), part);
        new = _mm256_or_si256(new, opaque);
        __m256i equal = _mm256_cmpeq_epi32(new, _mm256_or_si256(old, opaque));
        mask |= (uint64_t)((unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(equal)) ^ 0xffu) << i;
        _mm256_maskstore_epi32((int *)(void *)(dst + 4 * i), part, new);
    }
    return mask;
}

AVX2 static void
avx2_compare_copy_row(uint8_t *dst, const uint8_t *src, size_t n_pixels, uint64_t *masks)
{
    for (size_t i = 0; i < n_pixels; i += 64) {
        size_t n = n_pixels - i < 64 ? n_pixels - i : 64;
        masks[i / 64] = avx2_compare_copy_64(dst + 4 * i, src + 4 * i, n);
    }
}

AVX2 static uint64_t
avx2_compare_64(const uint8_t *a, const uint8_t *b, size_t n_pixels)
{
    const __m256i opaque = _mm256_set1_epi32((int)OPAQUE);
    uint64_t mask = 0;
    size_t i = 0;
    for (; i + 8 <= n_pixels; i += 8) {
        __m256i left = _mm256_or_si256(_mm256_loadu_si256((const __m256i *)(a + 4 * i)), opaque);
        __m256i right = _mm256_or_si256(_mm256_loadu_si256((const __m256i *)(b + 4 * i)), opaque);
        unsigned equal =
            (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(left, right)));
        mask |= (uint64_t)(equal ^ 0xffu) << i;
    }
    if (i < n_pixels) {
        __m256i part = avx2_first_words(n_pixels - i);
        __m256i left = _mm256_maskload_epi32((const int *)(const void *)(a + 4 * i), part);
        __m256i right = _mm256_maskload_epi32((const int *)(const void *)(b + 4 * i), part);
        __m256i equal =
            _mm256_cmpeq_epi32(_mm256_or_si256(left, opaque), _mm256_or_si256(right, opaque));
        mask |= (uint64_t)((unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(equal)) ^ 0xffu) << i;
    }
    return mask;
}

AVX2 static void
avx2_compare_row(const uint8_t *a, const uint8_t *b, size_t n_pixels, uint64_t *masks)
{
    for (size_t i = 0; i < n_pixels; i += 64) {
        size_t n = n_pixels - i < 64 ? n_pixels - i : 64;
        masks[i / 64] = avx2_compare_64(a + 4 * i, b + 4 * i, n);
    }
}

/* Stores 16 bytes for every 4 pixels, of which the last 4 are overwritten by the next step. */
AVX2 static void
avx2_pack_rgb_row(uint8_t *dst, const uint8_t *src, size_t n_pixels)
{
    const __m128i order = _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    size_t i = 0;
    for (; i + 6 <= n_pixels; i += 4) {
        __m128i pixels = _mm_loadu_si128((const __m128i *)(src + 4 * i));
        _mm_storeu_si128((__m128i *)(dst + 3 * i), _mm_shuffle_epi8(pixels, order));
    }
    pack_pixels(dst + 3 * i, src + 4 * i, n_pixels - i);
}

/* Loads 16 bytes for every 4 pixels: stops while 16 bytes are left. */
AVX2 static void
avx2_unpack_rgb_row(uint8_t *dst, const uint8_t *src, size_t n_pixels)
{
    const __m128i order = _mm_setr_epi8(2, 1, 0, -1, 5, 4, 3, -1, 8, 7, 6, -1, 11, 10, 9, -1);
    const __m128i opaque = _mm_set1_epi32((int)OPAQUE);
    size_t i = 0;
    for (; i + 6 <= n_pixels; i += 4) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(src + 3 * i));
        __m128i pixels = _mm_or_si128(_mm_shuffle_epi8(bytes, order), opaque);
        _mm_storeu_si128((__m128i *)(dst + 4 * i), pixels);
    }
    unpack_pixels(dst + 4 * i, src + 3 * i, n_pixels - i);
}

AVX2 static uint64_t
avx2_hash_64(const uint8_t *pixels)
{
    __m256i sum = _mm256_set_epi64x(4, 3, 2, 1);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        __m256i words = _mm256_loadu_si256((const __m256i *)(pixels + 32 * i));
        __m256i keyed = _mm256_xor_si256(words, _mm256_load_si256((const __m256i *)hash_keys + i));
        __m256i products = _mm256_mul_epu32(keyed, _mm256_srli_epi64(keyed, 32));
        sum = _mm256_add_epi64(sum, _mm256_add_epi64(products, words));
    }
    return fold_hash((uint64_t)_mm256_extract_epi64(sum, 0), (uint64_t)_mm256_extract_epi64(sum, 1),
                     (uint64_t)_mm256_extract_epi64(sum, 2),
                     (uint64_t)_mm256_extract_epi64(sum, 3));
}

static const BerthPixelKernels avx2_kernels = {
    .name = "avx2",
    .compare_copy_row = avx2_compare_copy_row,
    .compare_row = avx2_compare_row,
    .pack_rgb_row = avx2_pack_rgb_row,
    .unpack_rgb_row = avx2_unpack_rgb_row,
    .hash_64 = avx2_hash_64,
};
#endif

static const BerthPixelKernels *const all_kernels[] = {
    &plain_kernels,
#if HAVE_X86
    &sse2_kernels,
    &avx2_kernels,
#endif
};

const BerthPixelKernels *const *
berth_pixel_kernels_all(size_t *ret_n)
{
    *ret_n = berth_x86_count_usable(sizeof all_kernels / sizeof all_kernels[0]);
    return all_kernels;
}

const BerthPixelKernels *
berth_pixel_kernels(void)
{
    size_t n;
    const BerthPixelKernels *const *all = berth_pixel_kernels_all(&n);
    return all[n - 1];
}
