/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inner loops over pixels, each in a plain C form and in forms for wider registers.
 *
 * All forms give the same answer for every input; the fastest that the processor has is chosen at
 * run time.  Pixels are BGRX, words are little-endian.  Functions that read a capture source read
 * each byte once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *name;

    /*
     * Copies one row and tells which pixels differed in colour.  X is 0xff afterwards.
     *
     * dst, src: n_pixels * 4 bytes, no overlap, any alignment; X in dst must be 0xff already
     * masks:    bit i % 64 of masks[i / 64] is set if pixel i differed; (n_pixels + 63) / 64 words
     */
    void (*compare_copy_row)(uint8_t *dst, const uint8_t *src, size_t n_pixels, uint64_t *masks);

    /* The same without copying; X is not compared. */
    void (*compare_row)(const uint8_t *a, const uint8_t *b, size_t n_pixels, uint64_t *masks);

    /* BGRX to red, green, blue: dst n_pixels * 3 bytes. */
    void (*pack_rgb_row)(uint8_t *dst, const uint8_t *src, size_t n_pixels);

    /* Red, green, blue to BGRX with X 0xff: src n_pixels * 3 bytes. */
    void (*unpack_rgb_row)(uint8_t *dst, const uint8_t *src, size_t n_pixels);

    /*
     * A hash of 64 pixels with their X, for finding equal ones.  Not against an adversary: what
     * has equal hashes must be compared where it matters.
     */
    uint64_t (*hash_64)(const uint8_t *pixels);
} BerthPixelKernels;

/* The fastest kernels for this processor.  Thread: any. */
const BerthPixelKernels *berth_pixel_kernels(void);

/* All kernels that this processor can run, plain C first; ret_n gets their number. */
const BerthPixelKernels *const *berth_pixel_kernels_all(size_t *ret_n);
