/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Conversion of rows of any format of the table to BGRX, in a plain form and in a wide one that
 * gives the same pixels.  Called through berth_pixel_format_convert_row().
 */
#pragma once

#include "display/pixels/format.h"

typedef struct {
    const char *name;

    /*
     * dst: n_pixels * 4 bytes;  src: n_pixels * format->pixel_bytes bytes, any alignment; no
     * overlap.  No byte of the source has a say in more than one pixel, or twice in one.
     */
    void (*convert_row)(const BerthPixelFormat *format, uint8_t *dst, const uint8_t *src,
                        size_t n_pixels);
} BerthConvertKernels;

/* All forms that this processor can run, plain C first, the fastest last; ret_n gets their number.
 */
const BerthConvertKernels *berth_convert_kernels_all(size_t *ret_n);
