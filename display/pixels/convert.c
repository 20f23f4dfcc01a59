/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Formats with whole bytes for channels are shuffled; the others are taken apart by shifts, eight
 * pixels at a time.  A loaded register passes an empty asm statement, so that the compiler cannot
 * load a source twice that somebody else writes to.
 */
#include "display/pixels/convert.h"

#include "display/pixels/read-once.h"
#include "display/pixels/x86.h"

/* The X byte of a pixel word. */
#define OPAQUE 0xff000000u

/* One channel as 8 bits; fewer bits are repeated so that all ones become 255. */
static uint32_t
channel_to_8(uint32_t word, int shift, int bits)
{
    uint32_t value = (word >> shift) & ((1u << bits) - 1);
    if (bits >= 8) {
        return value >> (bits - 8);
    }
    return (value << (8 - bits)) | (value >> (2 * bits - 8));
}

static void
store_bgrx(uint8_t *dst, uint32_t word)
{
    dst[0] = (uint8_t)word;
    dst[1] = (uint8_t)(word >> 8);
    dst[2] = (uint8_t)(word >> 16);
    dst[3] = (uint8_t)(word >> 24);
}

static void
plain_convert_row(const BerthPixelFormat *format, uint8_t *dst, const uint8_t *src, size_t n_pixels)
{
    for (size_t i = 0; i < n_pixels; i++) {
        uint32_t word = berth_read_once_bytes(src + i * format->pixel_bytes, format->pixel_bytes);
        uint32_t red = channel_to_8(word, format->red_shift, format->red_bits);
        uint32_t green = channel_to_8(word, format->green_shift, format->green_bits);
        uint32_t blue = channel_to_8(word, format->blue_shift, format->blue_bits);
        store_bgrx(dst + 4 * i, OPAQUE | (red << 16) | (green << 8) | blue);
    }
}

#if HAVE_X86
#define AVX2 __attribute__((target("avx2")))

/* Where the bytes blue, green, red of four pixels are; whole bytes only. */
AVX2 static __m128i
avx2_get_order(const BerthPixelFormat *format)
{
    uint8_t order[16];
    for (int i = 0; i < 4; i++) {
        order[4 * i] = (uint8_t)(i * format->pixel_bytes + format->blue_shift / 8);
        order[4 * i + 1] = (uint8_t)(i * format->pixel_bytes + format->green_shift / 8);
        order[4 * i + 2] = (uint8_t)(i * format->pixel_bytes + format->red_shift / 8);
        order[4 * i + 3] = 0x80;
    }
    return _mm_loadu_si128((const __m128i *)order);
}

/* Returns how many pixels were done. */
AVX2 static size_t
avx2_shuffle_32(const BerthPixelFormat *format, uint8_t *dst, const uint8_t *src, size_t n_pixels)
{
    const __m256i order = _mm256_broadcastsi128_si256(avx2_get_order(format));
    const __m256i opaque = _mm256_set1_epi32((int)OPAQUE);
    size_t i = 0;
    for (; i + 8 <= n_pixels; i += 8) {
        __m256i words = _mm256_loadu_si256((const __m256i *)(src + 4 * i));
        __asm__ volatile("" : "+x"(words));
        words = _mm256_or_si256(_mm256_shuffle_epi8(words, order), opaque);
        _mm256_storeu_si256((__m256i *)(dst + 4 * i), words);
    }
    return i;
}

/* Loads 16 bytes for every 4 pixels: stops while 16 bytes are left. */
AVX2 static size_t
avx2_shuffle_24(const BerthPixelFormat *format, uint8_t *dst, const uint8_t *src, size_t n_pixels)
{
    const __m128i order = avx2_get_order(format);
    const __m128i opaque = _mm_set1_epi32((int)OPAQUE);
    size_t i = 0;
    for (; i + 6 <= n_pixels; i += 4) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(src + 3 * i));
        __asm__ volatile("" : "+x"(bytes));
        bytes = _mm_or_si128(_mm_shuffle_epi8(bytes, order), opaque);
        _mm_storeu_si128((__m128i *)(dst + 4 * i), bytes);
    }
    return i;
}

/* One channel of 8 words as 8 bits, see channel_to_8(). */
AVX2 static __m256i
avx2_take_channel(__m256i words, int shift, int bits)
{
    __m256i value = _mm256_srl_epi32(words, _mm_cvtsi32_si128(shift));
    value = _mm256_and_si256(value, _mm256_set1_epi32((1 << bits) - 1));
    if (bits >= 8) {
        return _mm256_srl_epi32(value, _mm_cvtsi32_si128(bits - 8));
    }
    return _mm256_or_si256(_mm256_sll_epi32(value, _mm_cvtsi32_si128(8 - bits)),
                           _mm256_srl_epi32(value, _mm_cvtsi32_si128(2 * bits - 8)));
}

/* Words of 2 or 4 bytes whose channels are not whole bytes. */
AVX2 static size_t
avx2_shift(const BerthPixelFormat *format, uint8_t *dst, const uint8_t *src, size_t n_pixels)
{
    size_t i = 0;
    for (; i + 8 <= n_pixels; i += 8) {
        __m256i words;
        if (format->pixel_bytes == 2) {
            __m128i halves = _mm_loadu_si128((const __m128i *)(src + 2 * i));
            __asm__ volatile("" : "+x"(halves));
            words = _mm256_cvtepu16_epi32(halves);
        } else {
            words = _mm256_loadu_si256((const __m256i *)(src + 4 * i));
            __asm__ volatile("" : "+x"(words));
        }
        __m256i red = avx2_take_channel(words, format->red_shift, format->red_bits);
        __m256i green = avx2_take_channel(words, format->green_shift, format->green_bits);
        __m256i blue = avx2_take_channel(words, format->blue_shift, format->blue_bits);
        words = _mm256_or_si256(_mm256_slli_epi32(red, 16), _mm256_slli_epi32(green, 8));
        words = _mm256_or_si256(words, _mm256_set1_epi32((int)OPAQUE));
        _mm256_storeu_si256((__m256i *)(dst + 4 * i), _mm256_or_si256(words, blue));
    }
    return i;
}

static bool
has_whole_bytes(const BerthPixelFormat *format)
{
    return format->red_bits == 8 && format->green_bits == 8 && format->blue_bits == 8;
}

AVX2 static void
avx2_convert_row(const BerthPixelFormat *format, uint8_t *dst, const uint8_t *src, size_t n_pixels)
{
    size_t n_done = 0;
    if (!has_whole_bytes(format)) {
        n_done = avx2_shift(format, dst, src, n_pixels);
    } else if (format->pixel_bytes == 4) {
        n_done = avx2_shuffle_32(format, dst, src, n_pixels);
    } else {
        n_done = avx2_shuffle_24(format, dst, src, n_pixels);
    }
    plain_convert_row(format, dst + 4 * n_done, src + n_done * format->pixel_bytes,
                      n_pixels - n_done);
}
#endif

static const BerthConvertKernels all_kernels[] = {
    { "plain", plain_convert_row },
#if HAVE_X86
    { "avx2", avx2_convert_row },
#endif
};

const BerthConvertKernels *
berth_convert_kernels_all(size_t *ret_n)
{
    *ret_n = berth_x86_count_usable(sizeof all_kernels / sizeof all_kernels[0]);
    return all_kernels;
}
