/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Collects boxes of one colour, tile by tile, and joins those that make one larger box.
 *
 * The list grows as it needs to; a list of zeros is an empty one.  Thread: one at a time.
 */
#pragma once

#include "display/pixels/rect.h"
#include "display/wire/msg-display.h"

#include <stddef.h>

typedef struct {
    BerthWireFill *fills;
    size_t n;
    size_t capacity; /* private */
} BerthFillList;

/* Gives the memory back; the list is empty afterwards. */
void berth_fill_list_clear(BerthFillList *self);

/*
 * Adds a box, joined to the last one if it goes on to the right.
 *
 * rect: of a tile; boxes come top row of tiles first, left to right
 */
void berth_fill_list_add(BerthFillList *self, BerthRect rect, uint32_t xrgb);

/* Joins boxes that go on downwards; once, when all are there. */
void berth_fill_list_join(BerthFillList *self);
