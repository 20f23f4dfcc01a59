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

#include "client/gtk/presenter.h"

/*
 * Makes a presenter for a realized widget with a window; nothing is shown yet.
 *
 * Returns NULL if the display does not have what it takes.
 */
BerthPresenter *berth_x11_presenter_new(GtkWidget *area);
