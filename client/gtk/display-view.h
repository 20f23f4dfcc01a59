/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The canvas: draws the desktop's picture and turns keys and pointer into input for it.
 *
 * Draws only what changed, one to one where possible; a picture that is shown pixel by pixel with
 * nothing over it goes the short way where there is one (presenter.h), else GTK draws it.  Keys
 * go by position (evdev codes), repeats are left to the guest, and everything held is let go when
 * the keyboard leaves.  Thread: main.
 */
#pragma once

#include "client/core/session-controller.h"

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthDisplayView BerthDisplayView;

/* The view belongs to its widget and dies with it. */
BerthDisplayView *berth_display_view_new(void);

GtkWidget *berth_display_view_get_widget(BerthDisplayView *self);

/*
 * Shows a picture and sends input to a desktop.
 *
 * picture:     borrowed; NULL shows nothing
 * controller:  borrowed; NULL: there is nobody for the input, as with a recording
 * head:        of the controller, that the picture is of
 */
void berth_display_view_set_source(BerthDisplayView *self, BerthPicture *picture,
                                   BerthSessionController *controller, unsigned head);

/* A new frame is in the picture of its head. */
void berth_display_view_frame(BerthDisplayView *self, const BerthFrameNews *news);

/*
 * Tells of a widget that lies over the canvas while it is on the screen: GTK draws there then.
 *
 * is_small: only where its allocation is; else everywhere
 */
void berth_display_view_add_cover(BerthDisplayView *self, GtkWidget *cover, bool is_small);

/* The pointer has another shape; NULL hides it. */
void berth_display_view_set_cursor(BerthDisplayView *self, const BerthCursorImage *image);

/* Whether the guest takes positions of the pointer, or movements. */
void berth_display_view_set_pointer_mode(BerthDisplayView *self, bool is_absolute);

/* The desktop is open (again): asks for the size of the window. */
void berth_display_view_opened(BerthDisplayView *self);

/* Whether the guest shall follow the size of the window. */
void berth_display_view_set_follow_size(BerthDisplayView *self, bool follows);

/*
 * Tells when the pointer is moved against the middle of the top edge, and when it is well away
 * from it again.  A pointer that merely lies there, or at the corners, does not count.
 *
 * func: func(is_at_edge, user_data)
 */
void berth_display_view_set_edge_func(BerthDisplayView *self, void (*func)(bool, void *),
                                      void *user_data);

/* Lets everything go that is held. */
void berth_display_view_release_all(BerthDisplayView *self);

/* The connection that input goes to; NULL if there is none.  Borrowed. */
BerthSessionClient *berth_display_view_get_session(BerthDisplayView *self);

/*
 * Gives a key to the guest.
 *
 * evdev: 0 is none
 *
 * Returns true if the guest got it.
 */
bool berth_display_view_press(BerthDisplayView *self, uint16_t evdev, bool is_down);

/* Presses and releases a combination, such as Ctrl+Alt+Delete. */
void berth_display_view_send_keys(BerthDisplayView *self, const char *combination);
