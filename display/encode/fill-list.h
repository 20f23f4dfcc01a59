/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Collects boxes of one colour, tile by tile, and joins those that make one larger box.
 *
 * The list is a value over memory of the caller.  Thread: one at a time.
 */
#pragma once

#include "display/pixels/rect.h"
#include "display/wire/msg-display.h"

#include <stddef.h>

typedef struct {
    BerthWireFill *fills; /* room for one entry a tile */
    size_t n;
} BerthFillList;

/*
 * Adds a box, joined to the last one if it goes on to the right.
 *
 * rect: of a tile; boxes come top row of tiles first, left to right
 */
void berth_fill_list_add(BerthFillList *self, BerthRect rect, uint32_t xrgb);

/* Joins boxes that go on downwards; once, when all are there. */
void berth_fill_list_join(BerthFillList *self);
