/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/head-windows.h"

#include "client/gtk/display-view.h"
#include "client/gtk/fullscreen.h"
#include "client/gtk/key-hint.h"
#include "client/gtk/keyboard.h"
#include "client/gtk/stats-overlay.h"

#include "berth/limits.h"

#include <glib/gi18n.h>

#define WIDTH_PX 1024
#define HEIGHT_PX 768

typedef struct {
    BerthHeadWindows *owner;
    unsigned head;
    bool is_wanted;      /* asked for and not closed by the user */
    GdkMonitor *monitor; /* weak: to be filled; NULL: any that is free */
    GtkWidget *window;   /* NULL: no frame came yet */
    BerthDisplayView *view;
    BerthFullscreen *fullscreen;
    BerthKeyboard *keyboard;
    BerthKeyHint *hint;
    BerthStatsOverlay *statistics;
} Head;

struct BerthHeadWindows {
    GtkWindow *main_window;
    BerthHeaderFunc func;
    void *user_data;
    BerthSessionController *controller; /* NULL: none */
    Head heads[BERTH_LIMIT_HEADS];      /* the first one is not used */
    BerthCursorImage cursor;            /* for windows that open later */
    uint8_t *cursor_pixels;
    bool has_cursor;
    bool is_absolute;
    bool has_input_method;
    const BerthHostKeyChoice *host_key;
};

static BerthSessionClient *
session_of(BerthHeadWindows *self)
{
    return self->controller != NULL ? berth_session_controller_get_session(self->controller) : NULL;
}

void
berth_head_windows_close(BerthHeadWindows *self, unsigned head)
{
    Head *item = &self->heads[head];

    item->is_wanted = false;
    g_clear_weak_pointer(&item->monitor);
    if (item->window != NULL) {
        berth_display_view_set_source(item->view, NULL, NULL, head);
        g_clear_pointer(&item->window, gtk_widget_destroy);
        item->view = NULL;
        item->fullscreen = NULL;
        item->keyboard = NULL;
        item->hint = NULL;
        item->statistics = NULL;
    }
}

void
berth_head_windows_close_all(BerthHeadWindows *self)
{
    for (unsigned i = 1; i < BERTH_LIMIT_HEADS; i++) {
        berth_head_windows_close(self, i);
    }
}

void
berth_head_windows_set_controller(BerthHeadWindows *self, BerthSessionController *controller)
{
    berth_head_windows_close_all(self);
    self->controller = controller;
}

/* The guest loses it, too. */
static void
drop(Head *item)
{
    BerthSessionClient *session = session_of(item->owner);

    if (session != NULL) {
        berth_session_client_drop_head(session, item->head);
    }
    berth_head_windows_close(item->owner, item->head);
}

static gboolean
on_delete(GtkWidget *window, GdkEvent *event, gpointer user_data)
{
    drop(user_data);
    return GDK_EVENT_STOP;
}

static void
on_monitor_removed(GdkDisplay *display, GdkMonitor *monitor, gpointer user_data)
{
    BerthHeadWindows *self = user_data;

    for (unsigned i = 1; i < BERTH_LIMIT_HEADS; i++) {
        if (self->heads[i].monitor == monitor) {
            drop(&self->heads[i]);
        }
    }
}

BerthHeadWindows *
berth_head_windows_new(GtkWindow *main_window, BerthHeaderFunc func, void *user_data)
{
    BerthHeadWindows *self = g_new0(BerthHeadWindows, 1);

    self->main_window = main_window;
    self->func = func;
    self->user_data = user_data;
    self->is_absolute = true;
    self->host_key = berth_host_key_find(NULL);
    g_signal_connect(gtk_widget_get_display(GTK_WIDGET(main_window)), "monitor-removed",
                     G_CALLBACK(on_monitor_removed), self);
    for (unsigned i = 0; i < BERTH_LIMIT_HEADS; i++) {
        self->heads[i].owner = self;
        self->heads[i].head = i;
    }
    return self;
}

void
berth_head_windows_free(BerthHeadWindows *self)
{
    if (self != NULL) {
        g_signal_handlers_disconnect_by_data(gtk_widget_get_display(GTK_WIDGET(self->main_window)),
                                             self);
        berth_head_windows_close_all(self);
        g_free(self->cursor_pixels);
        g_free(self);
    }
}

static void
on_fullscreen(bool is_full, void *user_data)
{
    Head *item = user_data;

    berth_keyboard_fullscreen_changed(item->keyboard);
}

static void
on_grabbed(bool is_grabbed, void *user_data)
{
    Head *item = user_data;

    berth_key_hint_show(item->hint, is_grabbed ? _(item->owner->host_key->label) : NULL);
}

/* Statistics are shown where they are asked for, all else is done by the first window. */
static void
on_command(BerthHeaderCommand command, bool is_active, void *user_data)
{
    Head *item = user_data;

    if (command == BERTH_HEADER_STATISTICS) {
        berth_stats_overlay_show(item->statistics, !berth_stats_overlay_is_shown(item->statistics));
    } else {
        item->owner->func(command, is_active, item->owner->user_data);
    }
}

static const BerthKeyboardCallbacks keyboard_callbacks = {
    .grabbed = on_grabbed,
    .command = on_command,
};

/* A monitor that the main window is not on; NULL if there is none. */
static GdkMonitor *
find_other_monitor(BerthHeadWindows *self)
{
    GdkWindow *window = gtk_widget_get_window(GTK_WIDGET(self->main_window));
    GdkDisplay *display = gtk_widget_get_display(GTK_WIDGET(self->main_window));
    GdkMonitor *own = window != NULL ? gdk_display_get_monitor_at_window(display, window) : NULL;

    for (int i = 0; i < gdk_display_get_n_monitors(display); i++) {
        if (gdk_display_get_monitor(display, i) != own) {
            return gdk_display_get_monitor(display, i);
        }
    }
    return NULL;
}

static void
fill_view(Head *item)
{
    BerthHeadWindows *self = item->owner;

    berth_display_view_set_source(
        item->view, berth_session_controller_get_picture(self->controller, item->head),
        self->controller, item->head);
    berth_display_view_set_pointer_mode(item->view, self->is_absolute);
    if (self->has_cursor) {
        berth_display_view_set_cursor(item->view,
                                      self->cursor_pixels != NULL ? &self->cursor : NULL);
    }
}

/* What is over a canvas and cannot be clicked. */
static void
put_over(Head *item, GtkWidget *overlay, GtkWidget *widget)
{
    gtk_overlay_add_overlay(GTK_OVERLAY(overlay), widget);
    gtk_overlay_set_overlay_pass_through(GTK_OVERLAY(overlay), widget, TRUE);
    berth_display_view_add_cover(item->view, widget, true);
}

/* The canvas and what may come over it. */
static GtkWidget *
new_page(Head *item)
{
    GtkWidget *overlay = gtk_overlay_new();

    item->view = berth_display_view_new();
    item->hint = berth_key_hint_new();
    item->statistics = berth_stats_overlay_new();
    berth_stats_overlay_set_controller(item->statistics, item->owner->controller);
    gtk_container_add(GTK_CONTAINER(overlay), berth_display_view_get_widget(item->view));
    put_over(item, overlay, berth_stats_overlay_get_widget(item->statistics));
    put_over(item, overlay, berth_key_hint_get_widget(item->hint));
    return overlay;
}

static void
new_keyboard(Head *item)
{
    item->keyboard = berth_keyboard_new(GTK_WINDOW(item->window), item->view, item->fullscreen,
                                        &keyboard_callbacks, item);
    berth_keyboard_set_host_key(item->keyboard, item->owner->host_key);
    berth_keyboard_set_input_method(item->keyboard, item->owner->has_input_method);
}

static void
open_window(Head *item)
{
    BerthHeadWindows *self = item->owner;
    GdkMonitor *monitor = item->monitor != NULL ? item->monitor : find_other_monitor(self);
    g_autofree char *title = g_strdup_printf(
        _("%s, screen %u"), gtk_window_get_title(self->main_window), item->head + 1);

    item->window = gtk_window_new(GTK_WINDOW_TOPLEVEL);
    gtk_window_set_title(GTK_WINDOW(item->window), title);
    gtk_window_set_default_size(GTK_WINDOW(item->window), WIDTH_PX, HEIGHT_PX);
    gtk_container_add(GTK_CONTAINER(item->window), new_page(item));
    item->fullscreen = berth_fullscreen_new(GTK_WINDOW(item->window), NULL, on_fullscreen, item);
    g_signal_connect(item->window, "delete-event", G_CALLBACK(on_delete), item);
    new_keyboard(item);
    g_set_weak_pointer(&item->monitor, monitor);
    if (monitor != NULL) {
        berth_fullscreen_set_monitor(item->fullscreen, monitor);
        berth_fullscreen_set(item->fullscreen, true);
    }
    gtk_widget_show_all(item->window);
    gtk_widget_grab_focus(berth_display_view_get_widget(item->view));
    fill_view(item);
    berth_display_view_opened(item->view);
}

void
berth_head_windows_frame(BerthHeadWindows *self, const BerthFrameNews *news)
{
    Head *item = &self->heads[news->head];

    if (news->head == 0 || !item->is_wanted || self->controller == NULL) {
        return;
    }
    if (item->window == NULL) {
        open_window(item);
    }
    berth_display_view_frame(item->view, news);
}

void
berth_head_windows_set_host_key(BerthHeadWindows *self, const BerthHostKeyChoice *choice)
{
    self->host_key = choice;
    for (unsigned i = 1; i < BERTH_LIMIT_HEADS; i++) {
        if (self->heads[i].window != NULL) {
            berth_keyboard_set_host_key(self->heads[i].keyboard, choice);
        }
    }
}

void
berth_head_windows_set_input_method(BerthHeadWindows *self, bool is_enabled)
{
    self->has_input_method = is_enabled;
    for (unsigned i = 1; i < BERTH_LIMIT_HEADS; i++) {
        if (self->heads[i].window != NULL) {
            berth_keyboard_set_input_method(self->heads[i].keyboard, is_enabled);
        }
    }
}

/* Asks the guest for a head of a monitor's size; NULL: of a window's. */
static void
ask(Head *item, GdkMonitor *monitor)
{
    BerthSessionClient *session = session_of(item->owner);
    GdkRectangle size = { 0, 0, WIDTH_PX, HEIGHT_PX };
    int scale = 1;

    if (monitor != NULL) {
        gdk_monitor_get_geometry(monitor, &size);
        scale = gdk_monitor_get_scale_factor(monitor);
    }
    item->is_wanted = true;
    if (session != NULL) {
        berth_session_client_request_size(session, item->head, size.width * scale,
                                          size.height * scale, 0, 0);
    }
}

void
berth_head_windows_add(BerthHeadWindows *self)
{
    for (unsigned i = 1; session_of(self) != NULL && i < BERTH_LIMIT_HEADS; i++) {
        if (!self->heads[i].is_wanted || self->heads[i].window == NULL) {
            ask(&self->heads[i], find_other_monitor(self));
            return;
        }
    }
}

void
berth_head_windows_spread(BerthHeadWindows *self, GdkMonitor *const *monitors, size_t n)
{
    for (unsigned i = 1; i < BERTH_LIMIT_HEADS; i++) {
        Head *item = &self->heads[i];

        if (i >= n && item->is_wanted) {
            drop(item);
        } else if (i < n && item->window != NULL) {
            g_set_weak_pointer(&item->monitor, monitors[i]);
            berth_fullscreen_set_monitor(item->fullscreen, monitors[i]);
            berth_fullscreen_set(item->fullscreen, true);
        } else if (i < n) {
            g_set_weak_pointer(&item->monitor, monitors[i]);
            ask(item, monitors[i]);
        }
    }
}

void
berth_head_windows_opened(BerthHeadWindows *self)
{
    for (unsigned i = 1; i < BERTH_LIMIT_HEADS; i++) {
        if (self->heads[i].window != NULL) {
            berth_display_view_opened(self->heads[i].view);
        }
    }
}

void
berth_head_windows_set_cursor(BerthHeadWindows *self, const BerthCursorImage *image)
{
    g_clear_pointer(&self->cursor_pixels, g_free);
    self->has_cursor = true;
    if (image != NULL) {
        self->cursor = *image;
        self->cursor_pixels =
            g_memdup2(image->pixels, 4 * (size_t)image->width * (size_t)image->height);
        self->cursor.pixels = self->cursor_pixels;
    }
    for (unsigned i = 1; i < BERTH_LIMIT_HEADS; i++) {
        if (self->heads[i].window != NULL) {
            berth_display_view_set_cursor(self->heads[i].view, image);
        }
    }
}

void
berth_head_windows_set_pointer_mode(BerthHeadWindows *self, bool is_absolute)
{
    self->is_absolute = is_absolute;
    for (unsigned i = 1; i < BERTH_LIMIT_HEADS; i++) {
        if (self->heads[i].window != NULL) {
            berth_display_view_set_pointer_mode(self->heads[i].view, is_absolute);
        }
    }
}
