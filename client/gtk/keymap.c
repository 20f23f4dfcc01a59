/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/keymap.h"

#include "client/core/key-layout.h"

#include <gdk/gdkx.h>

#define MAX_PROPERTY_BYTES 4096

uint8_t
berth_keymap_read_locks(GdkDisplay *display)
{
    GdkKeymap *keymap = gdk_keymap_get_for_display(display);

    return (uint8_t)((gdk_keymap_get_caps_lock_state(keymap) ? BERTH_LED_CAPS : 0) |
                     (gdk_keymap_get_num_lock_state(keymap) ? BERTH_LED_NUM : 0) |
                     (gdk_keymap_get_scroll_lock_state(keymap) ? BERTH_LED_SCROLL : 0));
}

bool
berth_keymap_read_layout(GdkDisplay *display, BerthKeyLayout *ret)
{
    GdkWindow *root = gdk_screen_get_root_window(gdk_display_get_default_screen(display));
    g_autofree guchar *data = NULL;
    int len = 0;

    return GDK_IS_X11_DISPLAY(display) &&
           gdk_property_get(root, gdk_atom_intern_static_string("_XKB_RULES_NAMES"),
                            gdk_atom_intern_static_string("STRING"), 0, MAX_PROPERTY_BYTES, FALSE,
                            NULL, NULL, &len, &data) &&
           berth_key_layout_parse((const char *)data, (size_t)MAX(len, 0), ret);
}
