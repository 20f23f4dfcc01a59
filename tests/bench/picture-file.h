/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole pictures of the benchmark, as files of BGRX rows, and how far two are apart.
 *
 * The frame marker's place is never compared.
 */
#pragma once

#include <stdint.h>

typedef struct {
    int64_t n_wrong_px;
    double psnr_db; /* of red, green and blue; 99 if nothing differs */
} PictureDifference;

/* Reads a file of that size; ends the program if it cannot.  Free with free(). */
uint32_t *picture_file_read(const char *path, int width, int height);

/* Compares two pictures of that size. */
PictureDifference picture_compare(const uint32_t *a, const uint32_t *b, int width, int height);
