/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/screens.h"

#include "client/core/monitor-plan.h"
#include "client/gtk/monitor-question.h"

#include "base/log.h"
#include "berth/limits.h"

struct BerthScreens {
    GtkWindow *window;
    GdkDisplay *display; /* of the window */
    BerthFullscreen *fullscreen;
    BerthHeadWindows *heads;
    char *path;                            /* of the remembered choice */
    GdkMonitor *filled[BERTH_LIMIT_HEADS]; /* weak: what was filled last */
    guint refill_source;
};

/* What the display has now. */
typedef struct {
    size_t n;
    GdkMonitor *monitors[BERTH_MONITOR_PLAN_MAX]; /* borrowed */
    BerthRect places[BERTH_MONITOR_PLAN_MAX];
    char *names[BERTH_MONITOR_PLAN_MAX];
} Monitors;

/* Two of one model are told apart by their order. */
static char *
make_name(const Monitors *monitors, GdkMonitor *monitor)
{
    const char *model = gdk_monitor_get_model(monitor);
    unsigned n_same = 1;

    for (size_t i = 0; i < monitors->n; i++) {
        if (g_strcmp0(gdk_monitor_get_model(monitors->monitors[i]), model) == 0) {
            n_same++;
        }
    }
    model = model != NULL ? model : "monitor";
    return n_same == 1 ? g_strdup(model) : g_strdup_printf("%s #%u", model, n_same);
}

static void
read_monitors(BerthScreens *self, Monitors *ret_monitors)
{
    GdkDisplay *display = gtk_widget_get_display(GTK_WIDGET(self->window));
    int n = MIN(gdk_display_get_n_monitors(display), BERTH_MONITOR_PLAN_MAX);

    *ret_monitors = (Monitors){ 0 };
    for (int i = 0; i < n; i++) {
        GdkMonitor *monitor = gdk_display_get_monitor(display, i);
        GdkRectangle place;

        gdk_monitor_get_geometry(monitor, &place);
        ret_monitors->names[i] = make_name(ret_monitors, monitor);
        ret_monitors->monitors[i] = monitor;
        ret_monitors->places[i] = (BerthRect){ place.x, place.y, place.width, place.height };
        ret_monitors->n++;
    }
}

static void
clear_monitors(Monitors *monitors)
{
    for (size_t i = 0; i < monitors->n; i++) {
        g_free(monitors->names[i]);
    }
}

/* The choice of last time, else the monitor below the window. */
static uint32_t
recall(BerthScreens *self, const Monitors *monitors)
{
    GdkWindow *window = gtk_widget_get_window(GTK_WIDGET(self->window));
    GdkMonitor *own =
        gdk_display_get_monitor_at_window(gtk_widget_get_display(GTK_WIDGET(self->window)), window);
    g_autofree char *text = NULL;
    uint32_t chosen = 0;

    if (g_file_get_contents(self->path, &text, NULL, NULL) && g_utf8_validate(text, -1, NULL)) {
        chosen = berth_monitor_plan_recall((const char *const *)monitors->names, monitors->n, text);
    }
    for (size_t i = 0; i < monitors->n && chosen == 0; i++) {
        if (monitors->monitors[i] == own) {
            chosen = 1u << i;
        }
    }
    return chosen;
}

static void
remember(BerthScreens *self, const Monitors *monitors, uint32_t chosen)
{
    g_autofree char *text =
        berth_monitor_plan_remember((const char *const *)monitors->names, monitors->n, chosen);
    g_autofree char *folder = g_path_get_dirname(self->path);
    g_autoptr(GError) error = NULL;

    g_mkdir_with_parents(folder, 0700);
    if (!g_file_set_contents_full(self->path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                  &error)) {
        berth_log_warning("screens", "the choice cannot be saved: %s", error->message);
    }
}

static void
fill(BerthScreens *self, const Monitors *monitors, uint32_t chosen)
{
    size_t order[BERTH_LIMIT_HEADS];
    GdkMonitor *places[BERTH_LIMIT_HEADS];
    size_t n =
        berth_monitor_plan_order(monitors->places, monitors->n, chosen, order, BERTH_LIMIT_HEADS);

    for (size_t i = 0; i < n; i++) {
        places[i] = monitors->monitors[order[i]];
    }
    for (size_t i = 0; i < BERTH_LIMIT_HEADS; i++) {
        g_set_weak_pointer(&self->filled[i], i < n ? places[i] : NULL);
    }
    if (n > 0) {
        berth_fullscreen_set_monitor(self->fullscreen, places[0]);
        berth_fullscreen_set(self->fullscreen, true);
        berth_head_windows_spread(self->heads, places, n);
    }
}

void
berth_screens_begin(BerthScreens *self, const char *list)
{
    Monitors monitors;
    uint32_t chosen = 0;
    size_t first;

    read_monitors(self, &monitors);
    if (list != NULL && berth_monitor_plan_parse(list, monitors.n, &chosen, NULL) &&
        berth_monitor_plan_order(monitors.places, monitors.n, chosen, &first, 1) == 1) {
        berth_fullscreen_set_monitor(self->fullscreen, monitors.monitors[first]);
    }
    berth_fullscreen_set(self->fullscreen, true);
    clear_monitors(&monitors);
}

void
berth_screens_ask(BerthScreens *self)
{
    Monitors monitors;
    uint32_t chosen;

    read_monitors(self, &monitors);
    chosen = recall(self, &monitors);
    if (berth_monitor_question_ask(self->window, monitors.monitors, monitors.names, monitors.n,
                                   &chosen)) {
        remember(self, &monitors, chosen);
        fill(self, &monitors, chosen);
    }
    clear_monitors(&monitors);
}

bool
berth_screens_fill(BerthScreens *self, const char *list, GError **error)
{
    Monitors monitors;
    uint32_t chosen = 0;
    bool is_good = true;

    read_monitors(self, &monitors);
    if (list != NULL) {
        is_good = berth_monitor_plan_parse(list, monitors.n, &chosen, error);
    } else {
        chosen = recall(self, &monitors);
    }
    if (is_good) {
        fill(self, &monitors, chosen);
    }
    clear_monitors(&monitors);
    return is_good;
}

/* Which of the monitors that were filled last are there. */
static uint32_t
find_filled(const BerthScreens *self, const Monitors *monitors)
{
    uint32_t found = 0;

    for (size_t i = 0; i < monitors->n; i++) {
        for (size_t k = 0; k < BERTH_LIMIT_HEADS; k++) {
            found |= monitors->monitors[i] == self->filled[k] ? 1u << i : 0;
        }
    }
    return found;
}

static gboolean
on_refill(gpointer user_data)
{
    BerthScreens *self = user_data;
    Monitors monitors;
    uint32_t left;

    self->refill_source = 0;
    read_monitors(self, &monitors);
    left = find_filled(self, &monitors);
    if (left != 0) {
        fill(self, &monitors, left);
    } else {
        berth_fullscreen_set_monitor(self->fullscreen, NULL);
        berth_fullscreen_set(self->fullscreen, true);
    }
    clear_monitors(&monitors);
    return G_SOURCE_REMOVE;
}

/*
 * A monitor is gone: what is left of those that were filled is filled again, because whoever keeps
 * the windows may have taken the full screen from all of them.  Not before that was heard.
 */
static void
on_monitor_removed(BerthScreens *self)
{
    if (berth_fullscreen_get(self->fullscreen) && self->refill_source == 0) {
        self->refill_source = g_idle_add(on_refill, self);
    }
}

static void
screens_free(gpointer data)
{
    BerthScreens *self = data;

    g_clear_handle_id(&self->refill_source, g_source_remove);
    for (size_t i = 0; i < BERTH_LIMIT_HEADS; i++) {
        g_clear_weak_pointer(&self->filled[i]);
    }
    g_signal_handlers_disconnect_by_data(self->display, self);
    g_free(self->path);
    g_free(self);
}

BerthScreens *
berth_screens_new(GtkWindow *window, BerthFullscreen *fullscreen, BerthHeadWindows *heads)
{
    BerthScreens *self = g_new0(BerthScreens, 1);

    self->window = window;
    self->fullscreen = fullscreen;
    self->heads = heads;
    self->path = g_build_filename(g_get_user_config_dir(), "berth", "screens", NULL);
    self->display = gtk_widget_get_display(GTK_WIDGET(window));
    g_signal_connect_swapped(self->display, "monitor-removed", G_CALLBACK(on_monitor_removed),
                             self);
    g_object_set_data_full(G_OBJECT(window), "berth-screens", self, screens_free);
    return self;
}
