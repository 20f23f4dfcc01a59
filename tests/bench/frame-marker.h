/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A number painted into the top left corner of a picture, to be found again on a viewer's screen.
 *
 * Sixteen cells of 8x16 pixels, black or white: a white cell, twelve bits of the number (highest
 * first), their parity, a black and a white cell.  It survives lossy pictures.  Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FRAME_MARKER_W 128
#define FRAME_MARKER_H 16

/* Paints the lowest twelve bits of number; pixels: BGRX rows of stride_px. */
void frame_marker_paint(uint32_t *pixels, size_t stride_px, unsigned number);

/* Returns the number, or -1 if there is none. */
int frame_marker_read(const uint32_t *pixels, size_t stride_px);
