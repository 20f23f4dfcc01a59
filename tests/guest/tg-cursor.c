/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tg-cursor.h"

#include <stdbool.h>

enum {
    ARROW_HEIGHT = 24,
    SHADOW_OFFSET = 3,
    RING_CENTRE = 16,
};

static bool
is_in_arrow(int x, int y)
{
    return x >= 0 && y >= 0 && y < ARROW_HEIGHT && x * 3 <= y * 2 && x < 16;
}

static uint32_t
arrow_pixel(int x, int y)
{
    if (is_in_arrow(x, y)) {
        bool is_edge = x == 0 || !is_in_arrow(x + 1, y) || !is_in_arrow(x, y + 1);
        return is_edge ? 0xff000000 : 0xffffffff;
    }
    return is_in_arrow(x - SHADOW_OFFSET, y - SHADOW_OFFSET) ? 0x80000000 : 0;
}

static uint32_t
ring_pixel(int x, int y)
{
    int dx = x - RING_CENTRE;
    int dy = y - RING_CENTRE;
    int square = dx * dx + dy * dy;

    return square >= 12 * 12 && square <= 16 * 16 ? 0x80800000 : 0;
}

uint32_t
tg_cursor_pixel(unsigned shape, int x, int y)
{
    switch (shape) {
    case 0:
        return arrow_pixel(x, y);
    case 1:
        return ring_pixel(x, y);
    default:
        return 0;
    }
}

int
tg_cursor_hot_spot(unsigned shape)
{
    return shape == 1 ? RING_CENTRE : 0;
}
