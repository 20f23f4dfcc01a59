/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The widgets that lie over a canvas from time to time, and where they are.
 *
 * A picture that goes to the screen past GTK must leave them room.  Thread: main.
 */
#pragma once

#include "display/pixels/rect.h"

#include <gtk/gtk.h>
#include <stdbool.h>
#include <stddef.h>

#define BERTH_COVERS_MAX_HOLES 8

typedef struct BerthCovers BerthCovers;

/* func is called when something changed over the canvas; area: borrowed, has to outlive it. */
BerthCovers *berth_covers_new(GtkWidget *area, void (*func)(void *user_data), void *user_data);

void berth_covers_free(BerthCovers *self);

/*
 * Watches a widget.
 *
 * is_small: it has the place that its allocation says; else it may be anywhere and takes all
 */
void berth_covers_add(BerthCovers *self, GtkWidget *widget, bool is_small);

/*
 * Finds what is covered now.
 *
 * scale:      device pixels per unit of GTK
 * ret_holes:  BERTH_COVERS_MAX_HOLES rectangles in device pixels of the area
 *
 * Returns the number of holes; false in ret_is_open if all has to be taken for covered.
 */
size_t berth_covers_find_holes(const BerthCovers *self, int scale, BerthRect *ret_holes,
                               bool *ret_is_open);
