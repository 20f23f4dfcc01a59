/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pixel formats that a capture source may deliver, in one const table, and their conversion.
 *
 * Inside Berth a pixel is always BGRX: the bytes blue, green, red, 0xff in memory, so that a frame
 * is also a valid opaque BGRA picture.  Codes are pixman's, as QEMU sends them, and DRM's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of one pixel inside Berth. */
#define BERTH_PIXEL_BYTES 4

typedef struct {
    const char *name;     /* pixman's name: a little-endian word, highest bits first */
    uint32_t pixman_code; /* pixman_format_code_t */
    uint32_t drm_fourcc;  /* DRM_FORMAT_*; 0 if there is none */
    uint8_t pixel_bytes;  /* 2, 3 or 4 */
    uint8_t red_shift, green_shift, blue_shift;
    uint8_t red_bits, green_bits, blue_bits;
} BerthPixelFormat;

/* The format that needs no conversion but for the X byte: x8r8g8b8. */
extern const BerthPixelFormat *const berth_pixel_format_bgrx;

/* All formats; ret_n_formats gets their number.  Borrowed, constant. */
const BerthPixelFormat *berth_pixel_formats(size_t *ret_n_formats);

/* Finds a format by pixman's code; NULL if Berth does not know it. */
const BerthPixelFormat *berth_pixel_format_find_pixman(uint32_t pixman_code);

/* Finds a format by DRM's code; NULL if Berth does not know it. */
const BerthPixelFormat *berth_pixel_format_find_drm(uint32_t drm_fourcc);

/*
 * Finds a format by the bits of its channels in a little-endian word, as X11 gives them for its
 * visuals and RFB as maximum << shift; without alpha.  NULL if Berth does not know it.
 */
const BerthPixelFormat *berth_pixel_format_find_masks(int pixel_bytes, uint32_t red, uint32_t green,
                                                      uint32_t blue);

/* True if the bytes are blue, green, red and one that means nothing: no conversion is needed. */
bool berth_pixel_format_is_bgrx(const BerthPixelFormat *format);

/*
 * Converts one row to BGRX.  No source byte has a say twice.
 *
 * dst: n_pixels * 4 bytes;  src: n_pixels * format->pixel_bytes bytes, any alignment; no overlap
 */
void berth_pixel_format_convert_row(const BerthPixelFormat *format, uint8_t *dst,
                                    const uint8_t *src, size_t n_pixels);
