/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes a window fill its monitor, by the window manager, or by itself where there is none.
 *
 * Thread: main.
 */
#pragma once

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthFullscreen BerthFullscreen;

/*
 * Watches a window; belongs to it and dies with it.
 *
 * title_bar: hidden while no window manager does it; borrowed; may be NULL
 * func:      called after each change
 */
BerthFullscreen *berth_fullscreen_new(GtkWindow *window, GtkWidget *title_bar,
                                      void (*func)(bool is_full, void *user_data), void *user_data);

/* The monitor to fill from the next time on; borrowed while it is there.  NULL: the window's. */
void berth_fullscreen_set_monitor(BerthFullscreen *self, GdkMonitor *monitor);

/* Asks for the full screen or the way back; func tells when it has happened. */
void berth_fullscreen_set(BerthFullscreen *self, bool is_full);

/* True while the window fills its monitor. */
bool berth_fullscreen_get(const BerthFullscreen *self);
