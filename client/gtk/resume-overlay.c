/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/resume-overlay.h"

#include "client/gtk/widgets.h"

#include "base/clock.h"

#include <glib/gi18n.h>
#include <inttypes.h>

#define TICK_MS 250

struct BerthResumeOverlay {
    GtkWidget *shade;
    GtkWidget *spinner, *status, *remaining;
    int64_t retry_at_us, give_up_at_us;
    guint tick_source;
};

static int64_t
seconds_until(int64_t time_us)
{
    int64_t left_us = time_us - berth_monotonic_us();

    return left_us > 0 ? (left_us + 999999) / 1000000 : 0;
}

static void
update_texts(BerthResumeOverlay *self)
{
    int64_t retry_s = seconds_until(self->retry_at_us);
    int64_t left_s = seconds_until(self->give_up_at_us);
    g_autofree char *status = NULL;
    g_autofree char *remaining = NULL;

    status = retry_s > 1 ? g_strdup_printf(_("Next attempt in %" PRId64 " s"), retry_s)
                         : g_strdup(_("Connecting…"));
    remaining = g_strdup_printf(_("Your work is kept for %" PRId64 ":%02" PRId64 " more"),
                                left_s / 60, left_s % 60);
    gtk_label_set_text(GTK_LABEL(self->status), status);
    gtk_label_set_text(GTK_LABEL(self->remaining), remaining);
}

static gboolean
on_tick(gpointer user_data)
{
    update_texts(user_data);
    return G_SOURCE_CONTINUE;
}

static void
resume_overlay_free(gpointer data)
{
    BerthResumeOverlay *self = data;

    g_clear_handle_id(&self->tick_source, g_source_remove);
    g_free(self);
}

static GtkWidget *
add_label(GtkWidget *box, const char *text, const char *class_name)
{
    GtkWidget *label = gtk_label_new(text);

    gtk_style_context_add_class(gtk_widget_get_style_context(label), class_name);
    gtk_box_pack_start(GTK_BOX(box), label, FALSE, FALSE, 0);
    return label;
}

static GtkWidget *
new_panel(BerthResumeOverlay *self, GCallback leave, void *user_data)
{
    GtkWidget *panel = gtk_box_new(GTK_ORIENTATION_VERTICAL, 10);
    GtkWidget *button = gtk_button_new_with_mnemonic(_("_Leave the desktop"));

    gtk_style_context_add_class(gtk_widget_get_style_context(panel), "berth-panel");
    gtk_widget_set_halign(panel, GTK_ALIGN_CENTER);
    gtk_widget_set_valign(panel, GTK_ALIGN_CENTER);
    self->spinner = gtk_spinner_new();
    gtk_widget_set_size_request(self->spinner, 32, 32);
    gtk_box_pack_start(GTK_BOX(panel), self->spinner, FALSE, FALSE, 0);
    add_label(panel, _("The connection was lost"), "berth-heading");
    self->status = add_label(panel, "", "berth-status");
    self->remaining = add_label(panel, "", "berth-faint");
    gtk_widget_set_margin_top(button, 8);
    gtk_widget_set_halign(button, GTK_ALIGN_CENTER);
    g_signal_connect_swapped(button, "clicked", leave, user_data);
    gtk_box_pack_start(GTK_BOX(panel), button, FALSE, FALSE, 0);
    return panel;
}

BerthResumeOverlay *
berth_resume_overlay_new(GCallback leave, void *user_data)
{
    BerthResumeOverlay *self = g_new0(BerthResumeOverlay, 1);

    self->shade = gtk_event_box_new();
    gtk_style_context_add_class(gtk_widget_get_style_context(self->shade), "berth-shade");
    berth_widget_announce(self->shade, _("The connection was lost"));
    gtk_container_add(GTK_CONTAINER(self->shade), new_panel(self, leave, user_data));
    gtk_widget_show_all(self->shade);
    gtk_widget_set_no_show_all(self->shade, TRUE);
    gtk_widget_hide(self->shade);
    g_object_set_data_full(G_OBJECT(self->shade), "berth-view", self, resume_overlay_free);
    return self;
}

GtkWidget *
berth_resume_overlay_get_widget(BerthResumeOverlay *self)
{
    return self->shade;
}

void
berth_resume_overlay_show(BerthResumeOverlay *self, int64_t retry_at_us, int64_t give_up_at_us)
{
    self->retry_at_us = retry_at_us;
    self->give_up_at_us = give_up_at_us;
    update_texts(self);
    gtk_spinner_start(GTK_SPINNER(self->spinner));
    gtk_widget_show(self->shade);
    if (self->tick_source == 0) {
        self->tick_source = g_timeout_add(TICK_MS, on_tick, self);
    }
}

void
berth_resume_overlay_hide(BerthResumeOverlay *self)
{
    g_clear_handle_id(&self->tick_source, g_source_remove);
    gtk_spinner_stop(GTK_SPINNER(self->spinner));
    gtk_widget_hide(self->shade);
}
