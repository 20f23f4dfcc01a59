/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sizes and rectangles as messages carry them, and what the protocol allows them to be.
 *
 * None of this knows the size of a head: that is the part of who draws.  Pure.  Units: pixels.
 */
#pragma once

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint16_t x, y, w, h;
} BerthWireRect;

/* Returns true if a head has this number. */
bool berth_wire_head_is_allowed(uint16_t head);

/* Returns true if a picture may have this size. */
bool berth_wire_size_is_allowed(uint16_t w, uint16_t h);

/* Returns true if the rectangle is not empty and ends inside the largest picture. */
bool berth_wire_rect_is_allowed(BerthWireRect rect);

/* Reads four u16; what comes is not checked. */
BerthWireRect berth_wire_rect_get(BerthReader *reader);

/* Writes four u16. */
void berth_wire_rect_put(BerthWriter *writer, BerthWireRect rect);
