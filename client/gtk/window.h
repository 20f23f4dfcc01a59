/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The window: its pages, its header bar, and the controller behind them.  Thread: main.
 */
#pragma once

#include "base/secret.h"
#include "client/core/connection-file.h"
#include "client/core/launch-link.h"
#include "client/core/settings.h"

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthWindow BerthWindow;

/* What the command line asks for; borrowed for the time of the call. */
typedef struct {
    BerthSettings *settings;           /* borrowed for the life of the window */
    const char *desktop;               /* to be opened at once; NULL: the user chooses */
    const BerthId *shadow;             /* session to be watched at once; NULL: none */
    bool wants_control;                /* with shadow: keys and pointer, too */
    BerthSecret *password;             /* to log in at once; NULL: the user types it */
    const BerthLaunchLink *link;       /* where to go at once; NULL: the user says */
    bool is_device;                    /* logs itself in by its certificate, again and again */
    const BerthConnectionFile *direct; /* the only desktop, without a broker; NULL: there is one */
    bool is_fullscreen;
    const char *monitors; /* to fill, as berth_screens_fill() reads it; NULL: as last time */
} BerthWindowOptions;

/* Makes and shows the window; it is freed with its widget. */
BerthWindow *berth_window_new(GtkApplication *application, const BerthWindowOptions *options);
