/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/status-view.h"

#include "client/gtk/start-steps.h"
#include "client/gtk/widgets.h"

#include <glib/gi18n.h>

struct BerthStatusView {
    GtkWidget *page;
    GtkWidget *spinner, *icon, *title, *text;
    GtkWidget *cancel, *reconnect, *list;
    BerthStartSteps *steps;
    BerthStatusFunc func;
    void *user_data;
};

static void
on_button(GtkButton *button, gpointer user_data)
{
    BerthStatusView *self = user_data;
    GtkWidget *widget = GTK_WIDGET(button);
    BerthStatusChoice choice = widget == self->cancel      ? BERTH_STATUS_CANCEL
                               : widget == self->reconnect ? BERTH_STATUS_RECONNECT
                                                           : BERTH_STATUS_LIST;

    self->func(choice, self->user_data);
}

static GtkWidget *
add_button(BerthStatusView *self, GtkWidget *box, const char *label)
{
    GtkWidget *button = gtk_button_new_with_mnemonic(label);

    gtk_widget_set_no_show_all(button, TRUE);
    g_signal_connect(button, "clicked", G_CALLBACK(on_button), self);
    gtk_box_pack_start(GTK_BOX(box), button, FALSE, FALSE, 0);
    return button;
}

static GtkWidget *
new_card(BerthStatusView *self)
{
    GtkWidget *card = gtk_box_new(GTK_ORIENTATION_VERTICAL, 14);
    GtkWidget *buttons = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 10);

    self->spinner = gtk_spinner_new();
    gtk_widget_set_size_request(self->spinner, 48, 48);
    self->icon = gtk_image_new_from_icon_name("network-offline-symbolic", GTK_ICON_SIZE_DIALOG);
    gtk_image_set_pixel_size(GTK_IMAGE(self->icon), 72);
    gtk_widget_set_no_show_all(self->spinner, TRUE);
    gtk_widget_set_no_show_all(self->icon, TRUE);
    gtk_style_context_add_class(gtk_widget_get_style_context(self->icon), "dim-label");
    self->title = gtk_label_new(NULL);
    gtk_style_context_add_class(gtk_widget_get_style_context(self->title), "berth-title");
    self->text = gtk_label_new(NULL);
    gtk_label_set_line_wrap(GTK_LABEL(self->text), TRUE);
    gtk_label_set_max_width_chars(GTK_LABEL(self->text), 52);
    gtk_label_set_justify(GTK_LABEL(self->text), GTK_JUSTIFY_CENTER);
    gtk_widget_set_halign(buttons, GTK_ALIGN_CENTER);
    gtk_widget_set_margin_top(buttons, 10);
    gtk_box_pack_start(GTK_BOX(card), self->spinner, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), self->icon, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), self->title, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), self->text, FALSE, FALSE, 0);
    self->steps = berth_start_steps_new();
    gtk_box_pack_start(GTK_BOX(card), berth_start_steps_get_widget(self->steps), FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), buttons, FALSE, FALSE, 0);
    self->cancel = add_button(self, buttons, _("_Cancel"));
    self->list = add_button(self, buttons, _("_All desktops"));
    self->reconnect = add_button(self, buttons, _("Connect _again"));
    gtk_style_context_add_class(gtk_widget_get_style_context(self->reconnect), "suggested-action");
    return card;
}

/* A spinner that nobody sees would still wake the program for each picture of the screen. */
static void
on_unmap(GtkWidget *page, gpointer user_data)
{
    BerthStatusView *self = user_data;

    g_object_set(self->spinner, "active", FALSE, NULL);
    gtk_widget_hide(self->spinner);
}

BerthStatusView *
berth_status_view_new(BerthStatusFunc func, void *user_data)
{
    BerthStatusView *self = g_new0(BerthStatusView, 1);

    self->func = func;
    self->user_data = user_data;
    self->page = berth_page_new(new_card(self));
    g_signal_connect(self->page, "unmap", G_CALLBACK(on_unmap), self);
    g_object_set_data_full(G_OBJECT(self->page), "berth-view", self, g_free);
    return self;
}

GtkWidget *
berth_status_view_get_widget(BerthStatusView *self)
{
    return self->page;
}

static void
show(BerthStatusView *self, const char *title, const char *text, gboolean is_busy, bool has_list)
{
    g_autofree char *sentence = berth_sentence(text);

    gtk_label_set_text(GTK_LABEL(self->title), title);
    gtk_label_set_text(GTK_LABEL(self->text), sentence);
    gtk_widget_hide(berth_start_steps_get_widget(self->steps));
    gtk_widget_set_visible(self->spinner, is_busy);
    gtk_widget_set_visible(self->icon, !is_busy);
    gtk_widget_set_visible(self->cancel, is_busy);
    gtk_widget_set_visible(self->list, !is_busy && has_list);
    gtk_widget_set_visible(self->reconnect, !is_busy);
    g_object_set(self->spinner, "active", is_busy, NULL);
    gtk_widget_grab_focus(is_busy ? self->cancel : self->reconnect);
}

void
berth_status_view_show_busy(BerthStatusView *self, const char *title, const char *text)
{
    show(self, title, text, TRUE, false);
}

void
berth_status_view_show_progress(BerthStatusView *self, const char *title,
                                const BerthStartProgress *progress)
{
    bool is_queued = progress->phase == BERTH_START_QUEUED;

    show(self, title,
         is_queued ? _("all desktops are in use; yours opens by itself as soon as it is your turn")
                   : "",
         TRUE, false);
    berth_start_steps_show(self->steps, progress);
}

void
berth_status_view_show_end(BerthStatusView *self, const char *title, const char *text,
                           bool has_list)
{
    show(self, title, text, FALSE, has_list);
}
