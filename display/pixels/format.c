/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/pixels/format.h"

#include "display/pixels/read-once.h"

#define PIXMAN(bpp, type, a, r, g, b) \
    (((uint32_t)(bpp) << 24) | ((type) << 16) | ((a) << 12) | ((r) << 8) | ((g) << 4) | (b))
#define FOURCC(a, b, c, d) \
    ((uint32_t)(a) | ((uint32_t)(b) << 8) | ((uint32_t)(c) << 16) | ((uint32_t)(d) << 24))

enum {
    ARGB = 2,
    ABGR = 3,
    BGRA = 8,
    RGBA = 9
};

/* The X byte of a pixel word. */
#define OPAQUE 0xff000000u

/* clang-format off */
static const BerthPixelFormat formats[] = {
    /* name        pixman                         drm                        bytes shifts r g b  bits */
    { "x8r8g8b8",    PIXMAN(32, ARGB, 0, 8, 8, 8),    FOURCC('X','R','2','4'), 4, 16,  8,  0,  8, 8, 8 },
    { "a8r8g8b8",    PIXMAN(32, ARGB, 8, 8, 8, 8),    FOURCC('A','R','2','4'), 4, 16,  8,  0,  8, 8, 8 },
    { "x8b8g8r8",    PIXMAN(32, ABGR, 0, 8, 8, 8),    FOURCC('X','B','2','4'), 4,  0,  8, 16,  8, 8, 8 },
    { "a8b8g8r8",    PIXMAN(32, ABGR, 8, 8, 8, 8),    FOURCC('A','B','2','4'), 4,  0,  8, 16,  8, 8, 8 },
    { "b8g8r8x8",    PIXMAN(32, BGRA, 0, 8, 8, 8),    FOURCC('B','X','2','4'), 4,  8, 16, 24,  8, 8, 8 },
    { "b8g8r8a8",    PIXMAN(32, BGRA, 8, 8, 8, 8),    FOURCC('B','A','2','4'), 4,  8, 16, 24,  8, 8, 8 },
    { "r8g8b8x8",    PIXMAN(32, RGBA, 0, 8, 8, 8),    FOURCC('R','X','2','4'), 4, 24, 16,  8,  8, 8, 8 },
    { "r8g8b8a8",    PIXMAN(32, RGBA, 8, 8, 8, 8),    FOURCC('R','A','2','4'), 4, 24, 16,  8,  8, 8, 8 },
    { "x2r10g10b10", PIXMAN(32, ARGB, 0, 10, 10, 10), FOURCC('X','R','3','0'), 4, 20, 10,  0, 10, 10, 10 },
    { "r8g8b8",      PIXMAN(24, ARGB, 0, 8, 8, 8),    FOURCC('R','G','2','4'), 3, 16,  8,  0,  8, 8, 8 },
    { "b8g8r8",      PIXMAN(24, ABGR, 0, 8, 8, 8),    FOURCC('B','G','2','4'), 3,  0,  8, 16,  8, 8, 8 },
    { "r5g6b5",      PIXMAN(16, ARGB, 0, 5, 6, 5),    FOURCC('R','G','1','6'), 2, 11,  5,  0,  5, 6, 5 },
    { "x1r5g5b5",    PIXMAN(16, ARGB, 0, 5, 5, 5),    FOURCC('X','R','1','5'), 2, 10,  5,  0,  5, 5, 5 },
};
/* clang-format on */

const BerthPixelFormat *const berth_pixel_format_bgrx = &formats[0];

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
convert_bgrx_row(uint8_t *dst, const uint8_t *src, size_t n_pixels)
{
    for (size_t i = 0; i < n_pixels; i++) {
        store_bgrx(dst + 4 * i, berth_read_once_u32(src + 4 * i) | OPAQUE);
    }
}

const BerthPixelFormat *
berth_pixel_formats(size_t *ret_n_formats)
{
    *ret_n_formats = sizeof formats / sizeof formats[0];
    return formats;
}

const BerthPixelFormat *
berth_pixel_format_find_pixman(uint32_t pixman_code)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (formats[i].pixman_code == pixman_code) {
            return &formats[i];
        }
    }
    return NULL;
}

const BerthPixelFormat *
berth_pixel_format_find_drm(uint32_t drm_fourcc)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (drm_fourcc != 0 && formats[i].drm_fourcc == drm_fourcc) {
            return &formats[i];
        }
    }
    return NULL;
}

void
berth_pixel_format_convert_row(const BerthPixelFormat *format, uint8_t *dst, const uint8_t *src,
                               size_t n_pixels)
{
    if (berth_pixel_format_is_bgrx(format)) {
        convert_bgrx_row(dst, src, n_pixels);
        return;
    }
    for (size_t i = 0; i < n_pixels; i++) {
        uint32_t word = berth_read_once_bytes(src + i * format->pixel_bytes, format->pixel_bytes);
        uint32_t red = channel_to_8(word, format->red_shift, format->red_bits);
        uint32_t green = channel_to_8(word, format->green_shift, format->green_bits);
        uint32_t blue = channel_to_8(word, format->blue_shift, format->blue_bits);
        store_bgrx(dst + 4 * i, OPAQUE | (red << 16) | (green << 8) | blue);
    }
}

bool
berth_pixel_format_is_bgrx(const BerthPixelFormat *format)
{
    return format->pixel_bytes == 4 && format->blue_shift == 0 && format->green_shift == 8 &&
           format->red_shift == 16 && format->blue_bits == 8;
}
