/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clipboard and files of a window: joins the toolkit's clipboards, files that are dropped on the
 * canvas or chosen in a dialog, and the panel that shows them, to the share of a desktop.
 *
 * Thread: main.
 */
#pragma once

#include "client/core/share.h"
#include "client/gtk/desktop-page.h"

#include <gtk/gtk.h>

typedef struct BerthShareDesk BerthShareDesk;

/* All are borrowed and must live as long. */
BerthShareDesk *berth_share_desk_new(GtkWindow *window, BerthDesktopPage *page, BerthShare *share);

/* Nothing goes over any more; before the window is gone.  NULL is allowed. */
void berth_share_desk_free(BerthShareDesk *self);

/* Asks the user for files to send. */
void berth_share_desk_choose_files(BerthShareDesk *self);
