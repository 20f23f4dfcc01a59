/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/start-steps.h"

#include "base/clock.h"

#include <glib/gi18n.h>
#include <inttypes.h>

#define TICK_MS 1000
#define SECOND_US (1000LL * 1000)

struct BerthStartSteps {
    GtkWidget *grid;
    GtkWidget *icons[BERTH_N_START_PHASES];
    GtkWidget *names[BERTH_N_START_PHASES];
    GtkWidget *times[BERTH_N_START_PHASES];
    BerthStartProgress progress;
    guint tick; /* while it can be seen */
};

static const char *const phase_names[BERTH_N_START_PHASES] = {
    [BERTH_START_ASKING] = N_("Find a desktop"),
    [BERTH_START_QUEUED] = N_("Wait for a free one"),
    [BERTH_START_STARTING] = N_("Start it"),
    [BERTH_START_OPENING] = N_("Connect"),
};

/* What is said of the phase that is under way: its time, and what is still to come.  Owned. */
static char *
describe_present(const BerthStartProgress *progress, int64_t now_us)
{
    int64_t left_s = berth_start_progress_left_s(progress, now_us);
    int64_t passed_us = berth_start_progress_phase_us(progress, progress->phase, now_us);
    g_autofree char *left = left_s > 0 ? berth_duration_text(left_s) : NULL;
    g_autofree char *passed = berth_duration_text(passed_us / SECOND_US);
    g_autofree char *place = progress->position > 0
                                 ? g_strdup_printf(_("place %" PRId64 ", "), progress->position)
                                 : g_strdup("");

    return left != NULL ? g_strdup_printf(_("%s%s to go"), place, left)
                        : g_strconcat(place, passed, NULL);
}

/* Owned. */
static char *
describe(const BerthStartProgress *progress, BerthStartPhase phase, int64_t now_us)
{
    int64_t took_us = berth_start_progress_phase_us(progress, phase, now_us);

    if (phase == progress->phase) {
        return describe_present(progress, now_us);
    }
    return took_us < 0 ? g_strdup("")
                       : g_strdup_printf("%.1f s", (double)took_us / (double)SECOND_US);
}

static void
set_faint(GtkWidget *widget, bool is_faint)
{
    GtkStyleContext *style = gtk_widget_get_style_context(widget);

    if (is_faint) {
        gtk_style_context_add_class(style, "dim-label");
    } else {
        gtk_style_context_remove_class(style, "dim-label");
    }
}

/* A phase that is left out is one of those that do not always come. */
static void
update(BerthStartSteps *self)
{
    const BerthStartProgress *progress = &self->progress;
    int64_t now_us = berth_monotonic_us();

    for (int phase = 0; phase < BERTH_N_START_PHASES; phase++) {
        bool was_entered = progress->begun_us[phase] != 0;
        bool is_present = phase == (int)progress->phase;
        bool is_left_out =
            !was_entered &&
            (phase == BERTH_START_QUEUED ||
             (phase == BERTH_START_STARTING && progress->phase == BERTH_START_OPENING));
        g_autofree char *text = describe(progress, (BerthStartPhase)phase, now_us);

        gtk_label_set_text(GTK_LABEL(self->times[phase]), text);
        atk_object_set_name(gtk_widget_get_accessible(self->icons[phase]),
                            is_present    ? _("under way")
                            : was_entered ? _("done")
                                          : _("to come"));
        gtk_image_set_from_icon_name(GTK_IMAGE(self->icons[phase]),
                                     is_present    ? "go-next-symbolic"
                                     : was_entered ? "object-select-symbolic"
                                                   : "content-loading-symbolic",
                                     GTK_ICON_SIZE_BUTTON);
        set_faint(self->names[phase], !is_present);
        gtk_widget_set_visible(self->icons[phase], !is_left_out);
        gtk_widget_set_visible(self->names[phase], !is_left_out);
        gtk_widget_set_visible(self->times[phase], !is_left_out);
    }
}

static gboolean
on_tick(gpointer user_data)
{
    update(user_data);
    return G_SOURCE_CONTINUE;
}

static void
on_map(BerthStartSteps *self)
{
    if (self->tick == 0) {
        self->tick = g_timeout_add(TICK_MS, on_tick, self);
    }
}

static void
on_unmap(BerthStartSteps *self)
{
    g_clear_handle_id(&self->tick, g_source_remove);
}

static void
start_steps_free(gpointer data)
{
    BerthStartSteps *self = data;

    on_unmap(self);
    g_free(self);
}

BerthStartSteps *
berth_start_steps_new(void)
{
    BerthStartSteps *self = g_new0(BerthStartSteps, 1);

    self->grid = gtk_grid_new();
    gtk_grid_set_row_spacing(GTK_GRID(self->grid), 8);
    gtk_grid_set_column_spacing(GTK_GRID(self->grid), 14);
    gtk_widget_set_halign(self->grid, GTK_ALIGN_CENTER);
    for (int phase = 0; phase < BERTH_N_START_PHASES; phase++) {
        self->icons[phase] = gtk_image_new();
        self->names[phase] = gtk_label_new(_(phase_names[phase]));
        self->times[phase] = gtk_label_new(NULL);
        gtk_widget_set_halign(self->names[phase], GTK_ALIGN_START);
        gtk_widget_set_halign(self->times[phase], GTK_ALIGN_START);
        set_faint(self->times[phase], true);
        gtk_grid_attach(GTK_GRID(self->grid), self->icons[phase], 0, phase, 1, 1);
        gtk_grid_attach(GTK_GRID(self->grid), self->names[phase], 1, phase, 1, 1);
        gtk_grid_attach(GTK_GRID(self->grid), self->times[phase], 2, phase, 1, 1);
    }
    gtk_widget_set_no_show_all(self->grid, TRUE);
    g_signal_connect_swapped(self->grid, "map", G_CALLBACK(on_map), self);
    g_signal_connect_swapped(self->grid, "unmap", G_CALLBACK(on_unmap), self);
    g_object_set_data_full(G_OBJECT(self->grid), "berth-view", self, start_steps_free);
    return self;
}

GtkWidget *
berth_start_steps_get_widget(BerthStartSteps *self)
{
    return self->grid;
}

void
berth_start_steps_show(BerthStartSteps *self, const BerthStartProgress *progress)
{
    self->progress = *progress;
    update(self);
    gtk_widget_show(self->grid);
}
