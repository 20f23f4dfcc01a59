/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

/*
 * The hardware cursors of the test guest, each 64x64 with premultiplied alpha (DRM ARGB8888):
 *
 *   shape  picture                                                        hot spot
 *   0      arrow: white triangle 16 wide and 24 high, black edge, half transparent shadow   0,0
 *   1      ring: half transparent red, radius 12 to 16 around 16,16                         16,16
 *   2      hidden                                                                           0,0
 *
 * Pure.
 */

enum {
    TG_CURSOR_PX = 64,
    TG_CURSOR_SHAPES = 3,
};

/* The pixel 0xAARRGGBB of a shape at x,y. */
uint32_t tg_cursor_pixel(unsigned shape, int x, int y);

/* The hot spot of a shape, the same for x and y. */
int tg_cursor_hot_spot(unsigned shape);
