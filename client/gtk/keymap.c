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

typedef struct {
    GdkWindow *root;
    GdkKeymap *keymap;
    void (*func)(void *user_data);
    void *user_data;
} Watch;

static void
on_keys_changed(Watch *watch)
{
    watch->func(watch->user_data);
}

/* The keys change first, and then the property that names the layout. */
static GdkFilterReturn
on_root_event(GdkXEvent *xevent, GdkEvent *event, gpointer user_data)
{
    Watch *watch = user_data;
    const XEvent *got = xevent;

    if (got->type == PropertyNotify &&
        got->xproperty.atom == gdk_x11_get_xatom_by_name("_XKB_RULES_NAMES")) {
        watch->func(watch->user_data);
    }
    return GDK_FILTER_CONTINUE;
}

static void
watch_free(gpointer data)
{
    Watch *watch = data;

    g_signal_handlers_disconnect_by_data(watch->keymap, watch);
    if (watch->root != NULL) {
        gdk_window_remove_filter(watch->root, on_root_event, watch);
    }
    g_free(watch);
}

void
berth_keymap_watch(GtkWidget *owner, void (*func)(void *user_data), void *user_data)
{
    Watch *watch = g_new0(Watch, 1);
    GdkDisplay *display = gtk_widget_get_display(owner);

    watch->func = func;
    watch->user_data = user_data;
    watch->keymap = gdk_keymap_get_for_display(display);
    g_signal_connect_swapped(watch->keymap, "keys-changed", G_CALLBACK(on_keys_changed), watch);
    if (GDK_IS_X11_DISPLAY(display)) {
        watch->root = gdk_screen_get_root_window(gdk_display_get_default_screen(display));
        gdk_window_set_events(watch->root,
                              gdk_window_get_events(watch->root) | GDK_PROPERTY_CHANGE_MASK);
        gdk_window_add_filter(watch->root, on_root_event, watch);
    }
    g_object_set_data_full(G_OBJECT(owner), "berth-keymap-watch", watch, watch_free);
}
