/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The short way of a picture to an X11 screen: the decoder's thread puts what changed straight
 * from shared memory into a child window, and waits neither for GTK nor for its frame clock.
 *
 * Only for a picture that is shown pixel by pixel: the child window lies above all that GTK draws
 * in the same toplevel, so it has holes where something has to be seen over it.  It takes no input
 * and has no cursor of its own, so that for GTK it is not there.  Where it cannot be made (Wayland,
 * a display elsewhere, an X server without MIT-SHM 1.2) the caller draws by GTK.
 *
 * The presenter has an X connection of its own and is a sink of the picture: its pixels lie in a
 * memory that the X server maps, too.  Before they are written again, the server has told that it
 * is done with them.
 *
 * State: the window, one shared segment of the picture's size.  Thread: main; the sink runs in
 * the decoder's.
 */
#pragma once

#include "client/core/picture.h"

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthX11Presenter BerthX11Presenter;

/*
 * Makes a presenter for a realized widget with a window; nothing is shown yet.
 *
 * Returns NULL if the display does not have what it takes.
 */
BerthX11Presenter *berth_x11_presenter_new(GtkWidget *area);

/* Leaves the picture and destroys the window; NULL is allowed. */
void berth_x11_presenter_free(BerthX11Presenter *self);

/* Becomes the sink of a picture, borrowed until another or NULL is set. */
void berth_x11_presenter_set_picture(BerthX11Presenter *self, BerthPicture *picture);

/*
 * Shows the picture.
 *
 * place: where the picture is in the area, in device pixels, of the picture's size; what is
 *        outside of the area is cut
 * holes: n_holes parts of the area that GTK draws, in device pixels
 *
 * Returns false if it cannot; it is hidden then.
 */
bool berth_x11_presenter_show(BerthX11Presenter *self, BerthRect place, const BerthRect *holes,
                              size_t n_holes);

/* Takes the window away: GTK draws. */
void berth_x11_presenter_hide(BerthX11Presenter *self);

bool berth_x11_presenter_is_shown(const BerthX11Presenter *self);
