/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/key-hint.h"

#include "client/gtk/widgets.h"

#include <glib/gi18n.h>

#define STAY_MS 4000
#define MARGIN 24

struct BerthKeyHint {
    GtkWidget *label;
    guint hide_source;
};

static void
key_hint_free(gpointer data)
{
    BerthKeyHint *self = data;

    g_clear_handle_id(&self->hide_source, g_source_remove);
    g_free(self);
}

BerthKeyHint *
berth_key_hint_new(void)
{
    BerthKeyHint *self = g_new0(BerthKeyHint, 1);

    self->label = gtk_label_new(NULL);
    gtk_style_context_add_class(gtk_widget_get_style_context(self->label), "berth-hint");
    gtk_widget_set_halign(self->label, GTK_ALIGN_CENTER);
    gtk_widget_set_valign(self->label, GTK_ALIGN_END);
    gtk_widget_set_margin_bottom(self->label, MARGIN);
    gtk_widget_set_no_show_all(self->label, TRUE);
    berth_widget_announce(self->label, NULL);
    g_object_set_data_full(G_OBJECT(self->label), "berth-view", self, key_hint_free);
    return self;
}

GtkWidget *
berth_key_hint_get_widget(BerthKeyHint *self)
{
    return self->label;
}

static gboolean
on_over(gpointer user_data)
{
    BerthKeyHint *self = user_data;

    self->hide_source = 0;
    gtk_widget_hide(self->label);
    return G_SOURCE_REMOVE;
}

void
berth_key_hint_show(BerthKeyHint *self, const char *host_key)
{
    g_autofree char *text = NULL;

    g_clear_handle_id(&self->hide_source, g_source_remove);
    if (host_key != NULL) {
        text = g_strdup_printf(_("All keys go to the desktop; %s alone gives them back"), host_key);
        gtk_label_set_text(GTK_LABEL(self->label), text);
        self->hide_source = g_timeout_add(STAY_MS, on_over, self);
    }
    gtk_widget_set_visible(self->label, host_key != NULL);
}
