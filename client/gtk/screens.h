/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Spreads a desktop over monitors: each one that was chosen shows a head of its own in full screen,
 * with the size in pixels and the scale that this monitor has.
 *
 * What was chosen is remembered by the monitors' names in "berth/screens" of the user's
 * configuration folder.  A monitor that is unplugged takes a head along; the others are filled
 * again, the first head on the leftmost.  Thread: main.
 */
#pragma once

#include "client/gtk/fullscreen.h"
#include "client/gtk/head-windows.h"

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthScreens BerthScreens;

/*
 * Belongs to the window and dies with it.
 *
 * fullscreen: of the window;  heads: those beside it; both borrowed
 */
BerthScreens *berth_screens_new(GtkWindow *window, BerthFullscreen *fullscreen,
                                BerthHeadWindows *heads);

/*
 * Fills the screen before there is a desktop, where its first head will be if list says so: some
 * compositors leave a window that fills a monitor on that one.
 *
 * list: as below
 */
void berth_screens_begin(BerthScreens *self, const char *list);

/* Asks which monitors to fill, and fills them; of an open desktop. */
void berth_screens_ask(BerthScreens *self);

/*
 * Fills monitors: of an open desktop.
 *
 * list: "all" or numbers from 1 on, such as "1,3"; NULL is the choice of last time, else the
 *       monitor that the window is on
 *
 * Errors: BERTH_ERR_INVALID; nothing happens then.
 */
bool berth_screens_fill(BerthScreens *self, const char *list, GError **error);
