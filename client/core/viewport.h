/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a picture goes inside a window, and back: one scale for both sides, centred.
 *
 * Pixels are shown one to one when they fit, doubled or more when that fits several times, and
 * only made smaller when they do not fit.  Units: device pixels.  Pure.
 */
#pragma once

#include "display/pixels/rect.h"

#include <stdbool.h>

typedef struct {
    BerthRect target; /* of the whole picture in the window; empty if there is nothing to show */
    double scale;     /* window pixels per picture pixel */
    int picture_width, picture_height;
} BerthViewport;

/*
 * Places a picture in a window; any sizes.
 *
 * unit: of the toolkit, in window pixels, at least 1: the picture begins at a whole one, and ends
 *       at one if it is made smaller, so that others than the toolkit can show it there, too
 */
BerthViewport berth_viewport_fit(int window_width, int window_height, int picture_width,
                                 int picture_height, int unit);

/* True if every picture pixel is a whole number of window pixels. */
bool berth_viewport_is_exact(const BerthViewport *self);

/*
 * Where a place in device pixels is in units of a toolkit, rounded.
 *
 * scale: device pixels per unit, at least 1
 *
 * Returns true if that is exactly there: the units, rounded to device pixels, are the place.
 */
bool berth_viewport_to_units(BerthRect place, double scale, BerthRect *ret_units);

/*
 * The window pixels that a part of the picture touches, with the neighbours that smooth scaling
 * draws on.
 */
BerthRect berth_viewport_to_window(const BerthViewport *self, BerthRect part);

/* The picture pixel below a point of the window, the nearest one if the point is outside. */
void berth_viewport_to_picture(const BerthViewport *self, double x, double y, int *ret_x,
                               int *ret_y);
