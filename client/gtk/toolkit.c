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

static void
describe_monitor(GString *text, int i, GdkMonitor *monitor)
{
    GdkRectangle place;

    gdk_monitor_get_geometry(monitor, &place);
    g_string_append_printf(text, "monitor %d: %dx%d at %d,%d, scale %d, %d mHz\n", i + 1,
                           place.width, place.height, place.x, place.y,
                           gdk_monitor_get_scale_factor(monitor),
                           gdk_monitor_get_refresh_rate(monitor));
}

char *
berth_toolkit_describe(void)
{
    GString *text = g_string_new(NULL);
    GdkDisplay *display = gdk_display_get_default();

    g_string_append_printf(text, "gtk: %u.%u.%u\n", gtk_get_major_version(),
                           gtk_get_minor_version(), gtk_get_micro_version());
    if (display != NULL) {
        g_string_append_printf(text, "display: %s\n", G_OBJECT_TYPE_NAME(display));
        for (int i = 0; i < gdk_display_get_n_monitors(display); i++) {
            describe_monitor(text, i, gdk_display_get_monitor(display, i));
        }
    }
    return g_string_free(text, FALSE);
}
