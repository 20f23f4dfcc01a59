/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The small bar that slides in at the top edge of the full screen: where one is, what can be done,
 * and the ways out.  Its pin keeps it in sight.
 *
 * Thread: main.
 */
#pragma once

#include "client/gtk/header.h"

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthFullscreenBar BerthFullscreenBar;

/*
 * func gets FULLSCREEN, DISCONNECT, CTRL_ALT_DEL and SCREENS; the bar has slid out then.  It
 * belongs to its widget and dies with it.
 */
BerthFullscreenBar *berth_fullscreen_bar_new(BerthHeaderFunc func, void *user_data);

/* To be put over the canvas; out of sight at first. */
GtkWidget *berth_fullscreen_bar_get_widget(BerthFullscreenBar *self);

/* Adds something before the buttons, which takes no keyboard away from the guest. */
void berth_fullscreen_bar_add(BerthFullscreenBar *self, GtkWidget *widget);

/* Shows the name of the desktop; copied. */
void berth_fullscreen_bar_set_title(BerthFullscreenBar *self, const char *title);

/*
 * Slides it in or out; it slides out by itself when the pointer has not moved on it for 3 s.  While
 * it is pinned it stays.
 */
void berth_fullscreen_bar_reveal(BerthFullscreenBar *self, bool is_revealed);

/* It may slide out again. */
void berth_fullscreen_bar_unpin(BerthFullscreenBar *self);

/* Shows it, and gives it the keyboard; it stays as long as it has that. */
void berth_fullscreen_bar_enter(BerthFullscreenBar *self);
