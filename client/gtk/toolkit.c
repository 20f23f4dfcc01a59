/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/toolkit.h"

#include <gtk/gtk.h>

static bool is_ours; /* the word in the environment */

void
berth_toolkit_prepare(void)
{
    /* Looking for OpenGL loads a software renderer with its compiler: 20 MiB, and time. */
    if (g_getenv("GDK_GL") == NULL) {
        g_setenv("GDK_GL", "disable", TRUE);
        is_ours = true;
    }
}

bool
berth_toolkit_init(void)
{
    bool is_good;

    berth_toolkit_prepare();
    is_good = gtk_init_check(NULL, NULL);
    /* Programs that are started from here may want it. */
    if (is_ours) {
        g_unsetenv("GDK_GL");
        is_ours = false;
    }
    return is_good;
}
