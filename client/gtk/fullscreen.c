/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/fullscreen.h"

#include <gdk/gdkx.h>
#include <string.h>

struct BerthFullscreen {
    GtkWindow *window;
    GtkWidget *title_bar;
    GdkMonitor *monitor; /* weak; NULL: the one that the window is on */
    void (*func)(bool is_full, void *user_data);
    void *user_data;
    bool is_full;
    bool is_own;       /* done without a window manager */
    GdkRectangle back; /* where the window was then */
};

/* GDK calls the window manager "unknown" if nobody says to be one. */
static bool
has_window_manager(GtkWindow *window)
{
    GdkScreen *screen = gtk_window_get_screen(window);

    return !GDK_IS_X11_SCREEN(screen) ||
           strcmp(gdk_x11_screen_get_window_manager_name(screen), "unknown") != 0;
}

static void
note(BerthFullscreen *self, bool is_full)
{
    if (self->is_full != is_full) {
        self->is_full = is_full;
        self->func(is_full, self->user_data);
    }
}

static gboolean
on_window_state(GtkWidget *widget, GdkEventWindowState *event, gpointer user_data)
{
    if ((event->changed_mask & GDK_WINDOW_STATE_FULLSCREEN) != 0) {
        note(user_data, (event->new_window_state & GDK_WINDOW_STATE_FULLSCREEN) != 0);
    }
    return GDK_EVENT_PROPAGATE;
}

static void
show_title_bar(BerthFullscreen *self, bool is_visible)
{
    if (self->title_bar != NULL) {
        gtk_widget_set_visible(self->title_bar, is_visible);
    }
    gtk_window_set_decorated(self->window, is_visible);
}

static void
place(BerthFullscreen *self, const GdkRectangle *where)
{
    GdkWindow *window = gtk_widget_get_window(GTK_WIDGET(self->window));

    gtk_window_move(self->window, where->x, where->y);
    gtk_window_resize(self->window, where->width, where->height);
    gdk_window_raise(window);
}

/* Nobody else gives the window the keyboard, either. */
static void
fill_monitor(BerthFullscreen *self)
{
    GdkWindow *window = gtk_widget_get_window(GTK_WIDGET(self->window));
    GdkMonitor *monitor = self->monitor;
    GdkRectangle where;

    if (monitor == NULL) {
        monitor = gdk_display_get_monitor_at_window(
            gtk_widget_get_display(GTK_WIDGET(self->window)), window);
    }
    if (!self->is_own) {
        gtk_window_get_position(self->window, &self->back.x, &self->back.y);
        gtk_window_get_size(self->window, &self->back.width, &self->back.height);
    }
    gdk_monitor_get_geometry(monitor, &where);
    show_title_bar(self, false);
    place(self, &where);
    gdk_window_focus(window, GDK_CURRENT_TIME);
    self->is_own = true;
    note(self, true);
}

static void
leave_monitor(BerthFullscreen *self)
{
    self->is_own = false;
    show_title_bar(self, true);
    place(self, &self->back);
    note(self, false);
}

/* The number that the window manager knows it by; -1 if it is not there any more. */
static int
find_monitor(const BerthFullscreen *self)
{
    GdkDisplay *display = gtk_widget_get_display(GTK_WIDGET(self->window));

    for (int i = 0; self->monitor != NULL && i < gdk_display_get_n_monitors(display); i++) {
        if (gdk_display_get_monitor(display, i) == self->monitor) {
            return i;
        }
    }
    return -1;
}

void
berth_fullscreen_set_monitor(BerthFullscreen *self, GdkMonitor *monitor)
{
    g_set_weak_pointer(&self->monitor, monitor);
}

void
berth_fullscreen_set(BerthFullscreen *self, bool is_full)
{
    int number = find_monitor(self);

    if (self->is_own && !is_full) {
        leave_monitor(self);
    } else if (!is_full) {
        gtk_window_unfullscreen(self->window);
    } else if ((!self->is_full || self->is_own) && !has_window_manager(self->window)) {
        gtk_widget_realize(GTK_WIDGET(self->window));
        fill_monitor(self);
    } else if (number >= 0) {
        gtk_window_fullscreen_on_monitor(self->window, gtk_window_get_screen(self->window), number);
    } else {
        gtk_window_fullscreen(self->window);
    }
}

bool
berth_fullscreen_get(const BerthFullscreen *self)
{
    return self->is_full;
}

static void
fullscreen_free(gpointer data)
{
    BerthFullscreen *self = data;

    g_clear_weak_pointer(&self->monitor);
    g_free(self);
}

BerthFullscreen *
berth_fullscreen_new(GtkWindow *window, GtkWidget *title_bar,
                     void (*func)(bool is_full, void *user_data), void *user_data)
{
    BerthFullscreen *self = g_new0(BerthFullscreen, 1);

    self->window = window;
    self->title_bar = title_bar;
    self->func = func;
    self->user_data = user_data;
    g_signal_connect(window, "window-state-event", G_CALLBACK(on_window_state), self);
    g_object_set_data_full(G_OBJECT(window), "berth-fullscreen", self, fullscreen_free);
    return self;
}
