/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/fullscreen-bar.h"

#include "client/gtk/widgets.h"

/* How long it stays without a movement on it. */
#define STAY_MS 3000

struct BerthFullscreenBar {
    GtkWidget *revealer;
    guint hide_source;
    GtkWidget *title;
    BerthHeaderFunc func;
    void *user_data;
};

static void
on_restore(BerthFullscreenBar *self)
{
    berth_fullscreen_bar_reveal(self, false);
    self->func(BERTH_HEADER_FULLSCREEN, false, self->user_data);
}

static void
on_disconnect(BerthFullscreenBar *self)
{
    berth_fullscreen_bar_reveal(self, false);
    self->func(BERTH_HEADER_DISCONNECT, false, self->user_data);
}

static void
add_button(BerthFullscreenBar *self, GtkWidget *box, const char *icon_name, const char *tooltip,
           GCallback func)
{
    GtkWidget *button = berth_icon_button_new(icon_name, tooltip);

    /* The keyboard stays with the guest. */
    gtk_widget_set_focus_on_click(button, FALSE);
    gtk_widget_set_can_focus(button, FALSE);
    g_signal_connect_swapped(button, "clicked", func, self);
    gtk_box_pack_end(GTK_BOX(box), button, FALSE, FALSE, 0);
}

/* Out of sight it still has a window of one row, which would keep the pointer from the canvas. */
static void
on_moved(BerthFullscreenBar *self)
{
    GtkRevealer *revealer = GTK_REVEALER(self->revealer);

    if (!gtk_revealer_get_child_revealed(revealer) && !gtk_revealer_get_reveal_child(revealer)) {
        gtk_widget_hide(self->revealer);
    }
}

static gboolean
on_idle(gpointer user_data)
{
    BerthFullscreenBar *self = user_data;

    self->hide_source = 0;
    gtk_revealer_set_reveal_child(GTK_REVEALER(self->revealer), FALSE);
    return G_SOURCE_REMOVE;
}

static gboolean
on_motion(GtkWidget *widget, GdkEvent *event, gpointer user_data)
{
    BerthFullscreenBar *self = user_data;

    if (self->hide_source != 0) {
        g_source_remove(self->hide_source);
        self->hide_source = g_timeout_add(STAY_MS, on_idle, self);
    }
    return GDK_EVENT_PROPAGATE;
}

static void
fullscreen_bar_free(gpointer data)
{
    BerthFullscreenBar *self = data;

    g_clear_handle_id(&self->hide_source, g_source_remove);
    g_free(self);
}

BerthFullscreenBar *
berth_fullscreen_bar_new(BerthHeaderFunc func, void *user_data)
{
    BerthFullscreenBar *self = g_new0(BerthFullscreenBar, 1);
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);
    GtkWidget *events = gtk_event_box_new();

    self->func = func;
    self->user_data = user_data;
    self->title = gtk_label_new(NULL);
    gtk_widget_set_margin_end(self->title, 24);
    gtk_box_pack_start(GTK_BOX(box), self->title, FALSE, FALSE, 0);
    add_button(self, box, "system-log-out-symbolic", "Disconnect, keep it running",
               G_CALLBACK(on_disconnect));
    add_button(self, box, "view-restore-symbolic", "Leave the full screen (F11)",
               G_CALLBACK(on_restore));
    gtk_style_context_add_class(gtk_widget_get_style_context(box), "berth-bar");
    self->revealer = gtk_revealer_new();
    gtk_revealer_set_transition_type(GTK_REVEALER(self->revealer),
                                     GTK_REVEALER_TRANSITION_TYPE_SLIDE_DOWN);
    gtk_widget_set_halign(self->revealer, GTK_ALIGN_CENTER);
    gtk_widget_set_valign(self->revealer, GTK_ALIGN_START);
    gtk_widget_add_events(events, GDK_POINTER_MOTION_MASK);
    g_signal_connect(events, "motion-notify-event", G_CALLBACK(on_motion), self);
    gtk_container_add(GTK_CONTAINER(events), box);
    gtk_container_add(GTK_CONTAINER(self->revealer), events);
    gtk_widget_show_all(self->revealer);
    gtk_widget_set_no_show_all(self->revealer, TRUE);
    gtk_widget_hide(self->revealer);
    g_signal_connect_swapped(self->revealer, "notify::child-revealed", G_CALLBACK(on_moved), self);
    g_object_set_data_full(G_OBJECT(self->revealer), "berth-view", self, fullscreen_bar_free);
    return self;
}

GtkWidget *
berth_fullscreen_bar_get_widget(BerthFullscreenBar *self)
{
    return self->revealer;
}

void
berth_fullscreen_bar_set_title(BerthFullscreenBar *self, const char *title)
{
    gtk_label_set_text(GTK_LABEL(self->title), title);
}

void
berth_fullscreen_bar_reveal(BerthFullscreenBar *self, bool is_revealed)
{
    g_clear_handle_id(&self->hide_source, g_source_remove);
    if (is_revealed) {
        gtk_widget_show(self->revealer);
        self->hide_source = g_timeout_add(STAY_MS, on_idle, self);
    }
    gtk_revealer_set_reveal_child(GTK_REVEALER(self->revealer), is_revealed);
}
