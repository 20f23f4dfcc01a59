/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The small bar that slides in at the top edge of the full screen: where one is, and the ways out.
 *
 * Thread: main.
 */
#pragma once

#include "client/gtk/header.h"

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthFullscreenBar BerthFullscreenBar;

/* func gets FULLSCREEN and DISCONNECT.  The bar belongs to its widget and dies with it. */
BerthFullscreenBar *berth_fullscreen_bar_new(BerthHeaderFunc func, void *user_data);

/* To be put over the canvas; out of sight at first. */
GtkWidget *berth_fullscreen_bar_get_widget(BerthFullscreenBar *self);

/* Shows the name of the desktop; copied. */
void berth_fullscreen_bar_set_title(BerthFullscreenBar *self, const char *title);

/* Slides it in or out; it slides out by itself when the pointer has not moved on it for 3 s. */
void berth_fullscreen_bar_reveal(BerthFullscreenBar *self, bool is_revealed);
