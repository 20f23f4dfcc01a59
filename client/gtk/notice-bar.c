/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/notice-bar.h"

#include "client/gtk/widgets.h"

#include <glib/gi18n.h>

#define MAX_CHARS_WIDE 80

struct BerthNoticeBar {
    GtkWidget *bar;
    GtkWidget *label;
};

static void
on_response(GtkInfoBar *bar, int response, gpointer user_data)
{
    berth_notice_bar_hide(user_data);
}

BerthNoticeBar *
berth_notice_bar_new(void)
{
    BerthNoticeBar *self = g_new0(BerthNoticeBar, 1);
    GtkWidget *close = berth_icon_button_new("window-close-symbolic", _("Close"));

    self->bar = gtk_info_bar_new();
    self->label = gtk_label_new(NULL);
    gtk_label_set_line_wrap(GTK_LABEL(self->label), TRUE);
    gtk_label_set_max_width_chars(GTK_LABEL(self->label), MAX_CHARS_WIDE);
    gtk_label_set_selectable(GTK_LABEL(self->label), FALSE);
    gtk_info_bar_set_message_type(GTK_INFO_BAR(self->bar), GTK_MESSAGE_WARNING);
    berth_button_over_canvas(close);
    gtk_button_set_relief(GTK_BUTTON(close), GTK_RELIEF_NONE);
    gtk_widget_show(close);
    gtk_info_bar_add_action_widget(GTK_INFO_BAR(self->bar), close, GTK_RESPONSE_CLOSE);
    gtk_container_add(GTK_CONTAINER(gtk_info_bar_get_content_area(GTK_INFO_BAR(self->bar))),
                      self->label);
    gtk_widget_show(self->label);
    gtk_widget_set_halign(self->bar, GTK_ALIGN_CENTER);
    gtk_widget_set_valign(self->bar, GTK_ALIGN_START);
    gtk_widget_set_no_show_all(self->bar, TRUE);
    g_signal_connect(self->bar, "response", G_CALLBACK(on_response), self);
    g_object_set_data_full(G_OBJECT(self->bar), "berth-view", self, g_free);
    return self;
}

GtkWidget *
berth_notice_bar_get_widget(BerthNoticeBar *self)
{
    return self->bar;
}

void
berth_notice_bar_show(BerthNoticeBar *self, const char *text)
{
    gtk_label_set_text(GTK_LABEL(self->label), text);
    gtk_widget_show(self->bar);
}

void
berth_notice_bar_hide(BerthNoticeBar *self)
{
    gtk_widget_hide(self->bar);
}
