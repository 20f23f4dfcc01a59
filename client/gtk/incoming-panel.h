/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files that the desktop sends: a panel over a corner of the canvas with a row each, which asks
 * whether it is to be saved, shows how far it is and says where it is at the end.
 *
 * Hidden while there is nothing to tell; goes by itself when all has ended well.  Thread: main.
 */
#pragma once

#include "client/core/file-saver.h"

#include <gtk/gtk.h>

typedef struct BerthIncomingPanel BerthIncomingPanel;

/* Files are saved in the user's folder for downloads.  share: borrowed, must live as long. */
BerthIncomingPanel *berth_incoming_panel_new(BerthShare *share);

/* Stops everything; before the share is gone.  The widget may live on. */
void berth_incoming_panel_free(BerthIncomingPanel *self);

GtkWidget *berth_incoming_panel_get_widget(BerthIncomingPanel *self);
