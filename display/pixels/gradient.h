/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Colour-gradient prediction: rows of photo-like pixels as residuals that compress well, and back.
 *
 * Green is subtracted from red and blue, then each of the three is predicted from its neighbours
 * to the left, above, and above left (the median edge detector of LOCO-I); what is left over is
 * the residual, modulo 256.  A row without one above is predicted from the left, its first pixel
 * from nothing; in other rows the first pixel is predicted from above.  So a rectangle is coded
 * without a look at pixels outside of it, row by row, and any residuals decode to some picture.
 *
 * Residuals have three bytes a pixel: red less green, green, blue less green.
 * Thread: any.  Source: docs/PROTOCOL.md, EXACT; the reasons are in docs/adr.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *name;

    /*
     * Makes the residuals of one row.
     *
     * residuals: n_pixels * 3 bytes
     * row:       n_pixels * 4 bytes, BGRX; X is ignored
     * above:     the row above, NULL for the first of a rectangle
     */
    void (*encode_row)(uint8_t *residuals, const uint8_t *row, const uint8_t *above,
                       size_t n_pixels);

    /*
     * Makes a row of BGRX, X 0xff, from its residuals.
     *
     * row:       n_pixels * 4 bytes; must not overlap above or residuals
     * residuals: n_pixels * 3 bytes of any value
     * above:     the decoded row above, NULL for the first of a rectangle
     */
    void (*decode_row)(uint8_t *row, const uint8_t *residuals, const uint8_t *above,
                       size_t n_pixels);
} BerthGradientKernels;

/* The fastest form for this processor. */
const BerthGradientKernels *berth_gradient_kernels(void);

/* All forms that this processor can run, plain C first; ret_n gets their number. */
const BerthGradientKernels *const *berth_gradient_kernels_all(size_t *ret_n);
