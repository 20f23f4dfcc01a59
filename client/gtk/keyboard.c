/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/keyboard.h"

struct BerthKeyboard {
    GtkWindow *window;
    BerthDisplayView *view;
    BerthFullscreen *fullscreen;
};

static gboolean
on_key(GtkWidget *window, GdkEventKey *event, gpointer user_data)
{
    BerthKeyboard *self = user_data;
    GtkWidget *area = berth_display_view_get_widget(self->view);

    if (!gtk_widget_get_mapped(area)) {
        return GDK_EVENT_PROPAGATE;
    }
    if (event->keyval == GDK_KEY_F11) {
        if (event->type == GDK_KEY_PRESS) {
            berth_fullscreen_set(self->fullscreen, !berth_fullscreen_get(self->fullscreen));
        }
        return GDK_EVENT_STOP;
    }
    return gtk_widget_has_focus(area) && berth_display_view_key(self->view, event);
}

void
berth_keyboard_update_grab(BerthKeyboard *self)
{
    GdkWindow *window = gtk_widget_get_window(GTK_WIDGET(self->window));
    GdkSeat *seat = gdk_display_get_default_seat(gtk_widget_get_display(GTK_WIDGET(self->window)));

    if (berth_fullscreen_get(self->fullscreen) && gtk_window_is_active(self->window)) {
        gdk_seat_grab(seat, window, GDK_SEAT_CAPABILITY_KEYBOARD, TRUE, NULL, NULL, NULL, NULL);
    } else {
        gdk_seat_ungrab(seat);
    }
}

static void
on_active_changed(BerthKeyboard *self)
{
    if (!gtk_window_is_active(self->window)) {
        berth_display_view_release_all(self->view);
    }
    if (berth_fullscreen_get(self->fullscreen)) {
        berth_keyboard_update_grab(self);
    }
}

BerthKeyboard *
berth_keyboard_new(GtkWindow *window, BerthDisplayView *view, BerthFullscreen *fullscreen)
{
    BerthKeyboard *self = g_new0(BerthKeyboard, 1);

    self->window = window;
    self->view = view;
    self->fullscreen = fullscreen;
    g_signal_connect(window, "key-press-event", G_CALLBACK(on_key), self);
    g_signal_connect(window, "key-release-event", G_CALLBACK(on_key), self);
    g_signal_connect_swapped(window, "notify::is-active", G_CALLBACK(on_active_changed), self);
    g_object_set_data_full(G_OBJECT(window), "berth-keyboard", self, g_free);
    return self;
}
