/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions before something is done with a desktop or a link.  Each waits in a loop of its own
 * until it is answered; the parent may be NULL.  Thread: main.
 */
#pragma once

#include <gtk/gtk.h>
#include <stdbool.h>

/* Whether the desktop of that name shall be restarted. */
bool berth_ask_restart(GtkWindow *parent, const char *name);

/* What is wrong with the desktop of that name; NULL if the user says nothing.  Owned. */
char *berth_ask_report(GtkWindow *parent, const char *name);

/* Whether a link may lead to a broker that was never used here. */
bool berth_ask_strange_broker(GtkWindow *parent, const char *url);
