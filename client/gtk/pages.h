/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pages of the main window and its header bar: which one is shown, and what it says.
 *
 * Thread: main.
 */
#pragma once

#include "client/gtk/desktop-page.h"
#include "client/gtk/entrance.h"
#include "client/gtk/header.h"
#include "client/gtk/status-view.h"

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthPages BerthPages;

/* What the user does on them. */
typedef struct {
    BerthEntranceCallbacks entrance;
    BerthStatusFunc status;
    BerthDesktopPageCallbacks desktop; /* its command is the header's, too */
} BerthPagesCallbacks;

/*
 * Makes the pages and puts them into a window, that owns them from here on.
 *
 * window:    empty
 * settings:  borrowed
 * callbacks: copied
 */
BerthPages *berth_pages_new(GtkWindow *window, BerthSettings *settings,
                            const BerthPagesCallbacks *callbacks, void *user_data);

/* The parts; borrowed. */
BerthHeader *berth_pages_get_header(BerthPages *self);
BerthEntrance *berth_pages_get_entrance(BerthPages *self);
BerthDesktopPage *berth_pages_get_desktop(BerthPages *self);

/* error: why one is here again; NULL is no reason.  So in all of them. */
void berth_pages_show_login(BerthPages *self, const char *error);

/* What the login asks of the user. */
void berth_pages_ask(BerthPages *self, const BerthLoginQuestion *question);

/* subtitle: who is logged in; recovery codes that were not read come first */
void berth_pages_show_list(BerthPages *self, const char *subtitle, const char *error);

/* Something is under way. */
void berth_pages_show_busy(BerthPages *self, const char *title, const char *text);

/* A desktop is being opened. */
void berth_pages_show_progress(BerthPages *self, const char *title,
                               const BerthStartProgress *progress);

/* subtitle: NULL if it is a shared display, that nobody can log off from */
void berth_pages_show_desktop(BerthPages *self, const char *title, const char *subtitle);

/*
 * A desktop is closed.
 *
 * name:     of the desktop;  title: what happened
 * has_list: there are others
 */
void berth_pages_show_end(BerthPages *self, const char *name, const char *title, const char *error,
                          bool has_list);
