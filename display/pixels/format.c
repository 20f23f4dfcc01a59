/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/pixels/format.h"

#include "display/pixels/convert.h"

#include <drm_fourcc.h>

#define PIXMAN(bpp, type, a, r, g, b) \
    (((uint32_t)(bpp) << 24) | ((type) << 16) | ((a) << 12) | ((r) << 8) | ((g) << 4) | (b))

/* pixman.h: PIXMAN_TYPE_*. */
enum {
    ARGB = 2,
    ABGR = 3,
    BGRA = 8,
    RGBA = 9
};

/* clang-format off */
static const BerthPixelFormat formats[] = {
    /* name        pixman                         drm                     bytes shifts r g b  bits */
    { "x8r8g8b8",    PIXMAN(32, ARGB, 0, 8, 8, 8),    DRM_FORMAT_XRGB8888,     4, 16,  8,  0,  8, 8, 8 },
    { "a8r8g8b8",    PIXMAN(32, ARGB, 8, 8, 8, 8),    DRM_FORMAT_ARGB8888,     4, 16,  8,  0,  8, 8, 8 },
    { "x8b8g8r8",    PIXMAN(32, ABGR, 0, 8, 8, 8),    DRM_FORMAT_XBGR8888,     4,  0,  8, 16,  8, 8, 8 },
    { "a8b8g8r8",    PIXMAN(32, ABGR, 8, 8, 8, 8),    DRM_FORMAT_ABGR8888,     4,  0,  8, 16,  8, 8, 8 },
    { "b8g8r8x8",    PIXMAN(32, BGRA, 0, 8, 8, 8),    DRM_FORMAT_BGRX8888,     4,  8, 16, 24,  8, 8, 8 },
    { "b8g8r8a8",    PIXMAN(32, BGRA, 8, 8, 8, 8),    DRM_FORMAT_BGRA8888,     4,  8, 16, 24,  8, 8, 8 },
    { "r8g8b8x8",    PIXMAN(32, RGBA, 0, 8, 8, 8),    DRM_FORMAT_RGBX8888,     4, 24, 16,  8,  8, 8, 8 },
    { "r8g8b8a8",    PIXMAN(32, RGBA, 8, 8, 8, 8),    DRM_FORMAT_RGBA8888,     4, 24, 16,  8,  8, 8, 8 },
    { "x2r10g10b10", PIXMAN(32, ARGB, 0, 10, 10, 10), DRM_FORMAT_XRGB2101010,  4, 20, 10,  0, 10, 10, 10 },
    { "r8g8b8",      PIXMAN(24, ARGB, 0, 8, 8, 8),    DRM_FORMAT_RGB888,       3, 16,  8,  0,  8, 8, 8 },
    { "b8g8r8",      PIXMAN(24, ABGR, 0, 8, 8, 8),    DRM_FORMAT_BGR888,       3,  0,  8, 16,  8, 8, 8 },
    { "r5g6b5",      PIXMAN(16, ARGB, 0, 5, 6, 5),    DRM_FORMAT_RGB565,       2, 11,  5,  0,  5, 6, 5 },
    { "x1r5g5b5",    PIXMAN(16, ARGB, 0, 5, 5, 5),    DRM_FORMAT_XRGB1555,     2, 10,  5,  0,  5, 5, 5 },
};
/* clang-format on */

const BerthPixelFormat *const berth_pixel_format_bgrx = &formats[0];

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

static uint32_t
get_mask(int shift, int bits)
{
    return ((1u << bits) - 1) << shift;
}

const BerthPixelFormat *
berth_pixel_format_find_masks(int pixel_bytes, uint32_t red, uint32_t green, uint32_t blue)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const BerthPixelFormat *format = &formats[i];
        if (format->pixel_bytes == pixel_bytes &&
            get_mask(format->red_shift, format->red_bits) == red &&
            get_mask(format->green_shift, format->green_bits) == green &&
            get_mask(format->blue_shift, format->blue_bits) == blue) {
            return format;
        }
    }
    return NULL;
}

void
berth_pixel_format_convert_row(const BerthPixelFormat *format, uint8_t *dst, const uint8_t *src,
                               size_t n_pixels)
{
    size_t n;
    const BerthConvertKernels *all = berth_convert_kernels_all(&n);
    all[n - 1].convert_row(format, dst, src, n_pixels);
}

bool
berth_pixel_format_is_bgrx(const BerthPixelFormat *format)
{
    return format->pixel_bytes == 4 && format->blue_shift == 0 && format->green_shift == 8 &&
           format->red_shift == 16 && format->blue_bits == 8;
}
