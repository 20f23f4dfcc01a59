/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The window of a kiosk: one desktop on the whole screen and nothing else.
 *
 * There is no header, menu, dialog, button or key that leads anywhere but into the desktop, and the
 * window does not close.  What went wrong is told in a sentence, and it begins anew by itself.
 * After each session nothing of it is left: pictures, login and clipboard are gone.  What is below
 * (the window system, other consoles) is the matter of who sets the device up.
 *
 * Thread: main.
 */
#pragma once

#include "client/core/connection-file.h"
#include "client/core/settings.h"

#include "base/secret.h"

#include <gtk/gtk.h>

typedef struct BerthKioskWindow BerthKioskWindow;

/* Borrowed for the life of the window. */
typedef struct {
    const BerthProfile *profile;       /* broker, certificates and user */
    const char *desktop;               /* NULL: the only one there is */
    BerthSecret *password;             /* NULL: the certificate of the device is the account */
    const BerthConnectionFile *direct; /* instead of all that; NULL without */
} BerthKioskOptions;

/* The window belongs to the application. */
BerthKioskWindow *berth_kiosk_window_new(GtkApplication *application,
                                         const BerthKioskOptions *options);
