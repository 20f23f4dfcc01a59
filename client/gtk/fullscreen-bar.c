/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/fullscreen-bar.h"

#include "client/gtk/widgets.h"

#include <glib/gi18n.h>

/* How long it stays without a movement on it. */
#define STAY_MS 3000

struct BerthFullscreenBar {
    GtkWidget *revealer;
    guint hide_source;
    GtkWidget *box, *title, *pin;
    BerthHeaderFunc func;
    void *user_data;
};

static void
on_clicked(GtkWidget *button, gpointer user_data)
{
    BerthFullscreenBar *self = user_data;
    gpointer command = g_object_get_data(G_OBJECT(button), "berth-command");

    gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(self->pin), FALSE);
    berth_fullscreen_bar_reveal(self, false);
    self->func((BerthHeaderCommand)GPOINTER_TO_INT(command), false, self->user_data);
}

static void
add_button(BerthFullscreenBar *self, const char *icon_name, const char *tooltip,
           BerthHeaderCommand command)
{
    GtkWidget *button = berth_icon_button_new(icon_name, tooltip);

    berth_button_over_canvas(button);
    g_object_set_data(G_OBJECT(button), "berth-command", GINT_TO_POINTER((int)command));
    g_signal_connect(button, "clicked", G_CALLBACK(on_clicked), self);
    gtk_box_pack_end(GTK_BOX(self->box), button, FALSE, FALSE, 0);
}

/* Pinned it stays where it is; the picture below it is drawn around. */
static void
add_pin(BerthFullscreenBar *self)
{
    self->pin = gtk_toggle_button_new();
    gtk_button_set_image(GTK_BUTTON(self->pin),
                         gtk_image_new_from_icon_name("view-pin-symbolic", GTK_ICON_SIZE_BUTTON));
    berth_widget_tell(self->pin, _("Keep this bar in sight"));
    berth_button_over_canvas(self->pin);
    gtk_box_pack_start(GTK_BOX(self->box), self->pin, FALSE, FALSE, 0);
}

static bool
is_pinned(const BerthFullscreenBar *self)
{
    return gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(self->pin));
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

static bool
has_keyboard(const BerthFullscreenBar *self)
{
    GtkWidget *window = gtk_widget_get_toplevel(self->revealer);
    GtkWidget *focus = GTK_IS_WINDOW(window) ? gtk_window_get_focus(GTK_WINDOW(window)) : NULL;

    return focus != NULL && gtk_widget_is_ancestor(focus, self->revealer);
}

static gboolean
on_idle(gpointer user_data)
{
    BerthFullscreenBar *self = user_data;

    if (has_keyboard(self)) {
        return G_SOURCE_CONTINUE;
    }
    self->hide_source = 0;
    gtk_revealer_set_reveal_child(GTK_REVEALER(self->revealer), is_pinned(self));
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
    GtkWidget *events = gtk_event_box_new();

    self->func = func;
    self->user_data = user_data;
    self->box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);
    self->title = gtk_label_new(NULL);
    gtk_widget_set_margin_end(self->title, 24);
    add_pin(self);
    gtk_box_pack_start(GTK_BOX(self->box), self->title, FALSE, FALSE, 0);
    add_button(self, "system-log-out-symbolic", _("Disconnect, keep it running"),
               BERTH_HEADER_DISCONNECT);
    add_button(self, "view-restore-symbolic", _("Leave the full screen (F11)"),
               BERTH_HEADER_FULLSCREEN);
    add_button(self, "video-display-symbolic", _("Fill monitors…"), BERTH_HEADER_SCREENS);
    add_button(self, "input-keyboard-symbolic", _("Send Ctrl+Alt+Delete"),
               BERTH_HEADER_CTRL_ALT_DEL);
    gtk_style_context_add_class(gtk_widget_get_style_context(self->box), "berth-bar");
    self->revealer = gtk_revealer_new();
    gtk_revealer_set_transition_type(GTK_REVEALER(self->revealer),
                                     GTK_REVEALER_TRANSITION_TYPE_SLIDE_DOWN);
    gtk_widget_set_halign(self->revealer, GTK_ALIGN_CENTER);
    gtk_widget_set_valign(self->revealer, GTK_ALIGN_START);
    gtk_widget_add_events(events, GDK_POINTER_MOTION_MASK);
    g_signal_connect(events, "motion-notify-event", G_CALLBACK(on_motion), self);
    gtk_container_add(GTK_CONTAINER(events), self->box);
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
berth_fullscreen_bar_add(BerthFullscreenBar *self, GtkWidget *widget)
{
    gtk_box_pack_end(GTK_BOX(self->box), widget, FALSE, FALSE, 0);
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
    gtk_revealer_set_reveal_child(GTK_REVEALER(self->revealer), is_revealed || is_pinned(self));
}

void
berth_fullscreen_bar_unpin(BerthFullscreenBar *self)
{
    gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(self->pin), FALSE);
}

void
berth_fullscreen_bar_enter(BerthFullscreenBar *self)
{
    berth_fullscreen_bar_reveal(self, true);
    gtk_widget_grab_focus(self->pin);
}
