/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a user can look at and keep of an open desktop: the statistics over it, pictures of it, and
 * the diagnostics.
 *
 * Pictures are saved in a thread of GIO's, in the user's folder for pictures, and only if the
 * session says that they may be.  Thread: main.
 */
#pragma once

#include "client/core/session-controller.h"
#include "client/core/settings.h"
#include "client/gtk/desktop-page.h"
#include "client/gtk/header.h"

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthInsightDesk BerthInsightDesk;

/* All are borrowed.  It belongs to the window and dies with it. */
BerthInsightDesk *berth_insight_desk_new(GtkWindow *window, BerthDesktopPage *page,
                                         const BerthSettings *settings);

/* Whose desktop is shown; borrowed, NULL is nobody's. */
void berth_insight_desk_set_controller(BerthInsightDesk *self, BerthSessionController *controller);

/*
 * Carries a command out, if it is one of these.
 *
 * desktop: its name, for those of files; may be NULL
 *
 * Returns whether it was one.
 */
bool berth_insight_desk_command(BerthInsightDesk *self, BerthHeaderCommand command,
                                const char *desktop);
