/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keyboard of a window with a canvas: its keys go to the guest before GTK looks for mnemonics
 * and accelerators, but F11, which is the way into the full screen and out of it.
 *
 * In full screen Alt+Tab and the like belong to the guest, too; when the window is not the active
 * one any more, everything held is let go.  Thread: main.
 */
#pragma once

#include "client/gtk/display-view.h"
#include "client/gtk/fullscreen.h"

#include <gtk/gtk.h>

typedef struct BerthKeyboard BerthKeyboard;

/*
 * Takes the keys of a window; belongs to it and dies with it.
 *
 * view:        borrowed, inside the window; gets keys while its canvas has the keyboard
 * fullscreen:  borrowed, of the same window
 */
BerthKeyboard *berth_keyboard_new(GtkWindow *window, BerthDisplayView *view,
                                  BerthFullscreen *fullscreen);

/* Takes the keyboard for the guest alone, or gives it back: after a change of the full screen. */
void berth_keyboard_update_grab(BerthKeyboard *self);
