/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/screens.h"

#include "client/core/monitor-plan.h"
#include "client/gtk/monitor-question.h"

#include "base/log.h"
#include "berth/limits.h"

struct BerthScreens {
    GtkWindow *window;
    BerthFullscreen *fullscreen;
    BerthHeadWindows *heads;
    char *path; /* of the remembered choice */
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

static void
screens_free(gpointer data)
{
    BerthScreens *self = data;

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
    g_object_set_data_full(G_OBJECT(window), "berth-screens", self, screens_free);
    return self;
}
