/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest's pointer as a GDK cursor.  Thread: main.
 */
#pragma once

#include "display/decode/cursor-decoder.h"

#include <gtk/gtk.h>

/*
 * Makes a cursor.
 *
 * image:         NULL is an invisible one
 * zoom:          device pixels per pixel of the image
 * device_scale:  device pixels per unit of GTK
 *
 * Ownership: full; never NULL.
 */
GdkCursor *berth_cursor_new(GdkDisplay *display, const BerthCursorImage *image, double zoom,
                            int device_scale);

/*
 * Makes a surface of a shape: rows of straight BGRA as cairo wants them, multiplied by alpha.
 *
 * Ownership: full.
 */
cairo_surface_t *berth_cursor_make_surface(const BerthCursorImage *image);
