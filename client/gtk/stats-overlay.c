/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/stats-overlay.h"

#include "base/clock.h"
#include "base/log.h"

#include <glib/gi18n.h>

#define TICK_MS 1000
#define MAX_CHARS_WIDE 96
/* How far back losses of the connection count. */
#define N_MINUTE_TICKS 60

struct BerthStatsOverlay {
    GtkWidget *box, *label;
    BerthSessionController *controller; /* NULL: none */
    BerthStatsLook before, now;
    uint64_t resumes[N_MINUTE_TICKS]; /* ring: as counted at each tick */
    unsigned n_ticks;
    guint tick_source;
};

static void
look(BerthStatsOverlay *self, BerthStatsLook *ret)
{
    BerthSessionClient *session = berth_session_controller_get_session(self->controller);

    ret->now_us = berth_monotonic_us();
    ret->stats = *berth_session_controller_get_stats(self->controller);
    ret->bytes_in = ret->stats.bytes_in;
    if (session != NULL) {
        ret->bytes_in += berth_session_client_get_bytes_in(session);
    }
}

/* Losses of the connection in the last minute, or since it began to look. */
static unsigned
count_resumes(BerthStatsOverlay *self)
{
    unsigned oldest = self->n_ticks > N_MINUTE_TICKS ? self->n_ticks % N_MINUTE_TICKS : 0;

    return self->n_ticks > 0 ? (unsigned)(self->now.stats.n_resumes - self->resumes[oldest]) : 0;
}

static void
note_tick(BerthStatsOverlay *self)
{
    self->before = self->now;
    look(self, &self->now);
    self->resumes[self->n_ticks++ % N_MINUTE_TICKS] = self->now.stats.n_resumes;
}

char *
berth_stats_overlay_describe(BerthStatsOverlay *self)
{
    BerthStatsReport report;

    if (self->controller == NULL || !gtk_widget_get_visible(self->box)) {
        return NULL;
    }
    berth_stats_report_make(&self->before, &self->now, count_resumes(self), &report);
    return berth_stats_report_format(&report);
}

static gboolean
on_tick(gpointer user_data)
{
    BerthStatsOverlay *self = user_data;
    g_autofree char *text = NULL;

    if (self->controller != NULL) {
        note_tick(self);
        text = berth_stats_overlay_describe(self);
    }
    gtk_label_set_text(GTK_LABEL(self->label), text != NULL ? text : "");
    berth_log_debug("statistics", "%s", text != NULL ? text : "");
    return G_SOURCE_CONTINUE;
}

static void
begin(BerthStatsOverlay *self)
{
    self->n_ticks = 0;
    if (self->controller != NULL) {
        look(self, &self->now);
    }
    on_tick(self);
}

static void
stats_overlay_free(gpointer data)
{
    BerthStatsOverlay *self = data;

    g_clear_handle_id(&self->tick_source, g_source_remove);
    g_free(self);
}

BerthStatsOverlay *
berth_stats_overlay_new(void)
{
    BerthStatsOverlay *self = g_new0(BerthStatsOverlay, 1);

    self->label = gtk_label_new(NULL);
    gtk_label_set_xalign(GTK_LABEL(self->label), 0);
    gtk_label_set_line_wrap(GTK_LABEL(self->label), TRUE);
    gtk_label_set_max_width_chars(GTK_LABEL(self->label), MAX_CHARS_WIDE);
    self->box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
    gtk_box_pack_start(GTK_BOX(self->box), self->label, FALSE, FALSE, 0);
    gtk_style_context_add_class(gtk_widget_get_style_context(self->box), "berth-statistics");
    atk_object_set_name(gtk_widget_get_accessible(self->box), _("Statistics"));
    gtk_widget_set_halign(self->box, GTK_ALIGN_START);
    gtk_widget_set_valign(self->box, GTK_ALIGN_END);
    gtk_widget_show(self->label);
    gtk_widget_set_no_show_all(self->box, TRUE);
    g_object_set_data_full(G_OBJECT(self->box), "berth-view", self, stats_overlay_free);
    return self;
}

GtkWidget *
berth_stats_overlay_get_widget(BerthStatsOverlay *self)
{
    return self->box;
}

void
berth_stats_overlay_set_controller(BerthStatsOverlay *self, BerthSessionController *controller)
{
    self->controller = controller;
    if (self->tick_source != 0) {
        begin(self);
    }
}

void
berth_stats_overlay_show(BerthStatsOverlay *self, bool is_shown)
{
    g_clear_handle_id(&self->tick_source, g_source_remove);
    gtk_widget_set_visible(self->box, is_shown);
    if (is_shown) {
        begin(self);
        self->tick_source = g_timeout_add(TICK_MS, on_tick, self);
    }
}

bool
berth_stats_overlay_is_shown(const BerthStatsOverlay *self)
{
    return self->tick_source != 0;
}
