/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keyboard of a window with a canvas: what is the guest's, what is ours, and the grab.
 *
 * Keys go to the guest before GTK looks for mnemonics and accelerators.  Ours are F11, which
 * changes to the full screen and back (with Shift it shows the statistics, with Ctrl it saves a
 * picture), and the host key (tapped alone), which gives all
 * keys to the desktop, those of the window manager too, and takes them back.  In full screen they
 * are given by themselves.  Whenever something else gets the keyboard (another window, a dialog, a
 * menu), what is held in the guest is let go and the grab ends.
 *
 * Thread: main.
 */
#pragma once

#include "client/core/host-key.h"
#include "client/gtk/display-view.h"
#include "client/gtk/fullscreen.h"
#include "client/gtk/header.h"

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthKeyboard BerthKeyboard;

/* All may be NULL. */
typedef struct {
    /* All keys are the guest's from now on, or no longer. */
    void (*grabbed)(bool is_grabbed, void *user_data);
    /* The user wants to reach what is around the canvas. */
    void (*leave_canvas)(void *user_data);
    /* A key of ours that is for the window: BERTH_HEADER_STATISTICS, BERTH_HEADER_SCREENSHOT. */
    BerthHeaderFunc command;
} BerthKeyboardCallbacks;

/*
 * Takes the keys of a window; belongs to it and dies with it.
 *
 * view:        borrowed, inside the window
 * fullscreen:  borrowed, of the same window
 */
BerthKeyboard *berth_keyboard_new(GtkWindow *window, BerthDisplayView *view,
                                  BerthFullscreen *fullscreen,
                                  const BerthKeyboardCallbacks *callbacks, void *user_data);

/* The full screen was entered or left: in it all keys are wanted. */
void berth_keyboard_fullscreen_changed(BerthKeyboard *self);

/* The desktop is open (again): it is told of the layout and the lock keys. */
void berth_keyboard_opened(BerthKeyboard *self);

/* Whether the input method is asked before the guest. */
void berth_keyboard_set_input_method(BerthKeyboard *self, bool is_enabled);

/* Whether all keys are wanted, as by the host key. */
void berth_keyboard_want_grab(BerthKeyboard *self, bool is_wanted);

/* From here on every key is the desktop's: there is no host key, no F11 and no key for GTK. */
void berth_keyboard_lock(BerthKeyboard *self);

/* Which key is the host key from now on: right Ctrl before the first call.  After lock nothing. */
void berth_keyboard_set_host_key(BerthKeyboard *self, const BerthHostKeyChoice *choice);
