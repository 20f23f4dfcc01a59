/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The short way of a picture to a Wayland compositor: a subsurface of our own over the canvas.
 *
 * GTK 3 copies and damages its whole window for a caret; here the compositor hears of the pixels
 * that changed, at most twice for each picture that it shows, so that the last one in time is in
 * it, and not at all while the window is out of sight.  A picture that is smaller or larger than
 * its place is scaled by the compositor, if it can do that smoothly (wp_viewporter); where every
 * pixel shall become several (HiDPI) GTK draws, which does that exactly.  A surface has no holes:
 * while something lies over the canvas, GTK draws, too.
 *
 * The decoder's thread writes into memory that the compositor does not hold (buffer-ring.h); all
 * that is said to the compositor is said by the main thread.
 *
 * State: the surface while it is shown, up to three buffers of the picture's size.  Thread: main;
 * the sink runs in the decoder's.
 */
#pragma once

#include "client/gtk/presenter.h"

/*
 * Makes a presenter for a realized widget with a window; nothing is shown yet.
 *
 * Returns NULL if the display is no Wayland compositor or does not have what it takes.
 */
BerthPresenter *berth_wayland_presenter_new(GtkWidget *area);
