/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/head-windows.h"

#include "client/gtk/display-view.h"
#include "client/gtk/fullscreen.h"
#include "client/gtk/keyboard.h"

#include "berth/limits.h"

#define WIDTH_PX 1024
#define HEIGHT_PX 768

typedef struct {
    BerthHeadWindows *owner;
    unsigned head;
    bool is_wanted;    /* asked for and not closed by the user */
    GtkWidget *window; /* NULL: no frame came yet */
    BerthDisplayView *view;
    BerthFullscreen *fullscreen;
    BerthKeyboard *keyboard;
} Head;

struct BerthHeadWindows {
    GtkWindow *main_window;
    BerthSessionController *controller; /* NULL: none */
    Head heads[BERTH_LIMIT_HEADS];      /* the first one is not used */
    BerthCursorImage cursor;            /* for windows that open later */
    uint8_t *cursor_pixels;
    bool has_cursor;
    bool is_absolute;
};

static BerthSessionClient *
session_of(BerthHeadWindows *self)
{
    return self->controller != NULL ? berth_session_controller_get_session(self->controller) : NULL;
}

BerthHeadWindows *
berth_head_windows_new(GtkWindow *main_window)
{
    BerthHeadWindows *self = g_new0(BerthHeadWindows, 1);

    self->main_window = main_window;
    self->is_absolute = true;
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
        berth_head_windows_close_all(self);
        g_free(self->cursor_pixels);
        g_free(self);
    }
}

void
berth_head_windows_close(BerthHeadWindows *self, unsigned head)
{
    Head *item = &self->heads[head];

    item->is_wanted = false;
    if (item->window != NULL) {
        berth_display_view_set_source(item->view, NULL, NULL, head);
        g_clear_pointer(&item->window, gtk_widget_destroy);
        item->view = NULL;
        item->fullscreen = NULL;
        item->keyboard = NULL;
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

static gboolean
on_delete(GtkWidget *window, GdkEvent *event, gpointer user_data)
{
    Head *item = user_data;
    BerthSessionClient *session = session_of(item->owner);

    if (session != NULL) {
        berth_session_client_drop_head(session, item->head);
    }
    berth_head_windows_close(item->owner, item->head);
    return GDK_EVENT_STOP;
}

static const BerthKeyboardCallbacks no_callbacks = { 0 };

static void
on_fullscreen(bool is_full, void *user_data)
{
    Head *item = user_data;

    berth_keyboard_fullscreen_changed(item->keyboard);
}

/* A monitor that the main window is not on; -1 if there is none. */
static int
find_other_monitor(BerthHeadWindows *self)
{
    GdkWindow *window = gtk_widget_get_window(GTK_WIDGET(self->main_window));
    GdkDisplay *display = gtk_widget_get_display(GTK_WIDGET(self->main_window));
    GdkMonitor *own = window != NULL ? gdk_display_get_monitor_at_window(display, window) : NULL;

    for (int i = 0; i < gdk_display_get_n_monitors(display); i++) {
        if (gdk_display_get_monitor(display, i) != own) {
            return i;
        }
    }
    return -1;
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

static void
open_window(Head *item)
{
    BerthHeadWindows *self = item->owner;
    int monitor = find_other_monitor(self);
    g_autofree char *title =
        g_strdup_printf("%s, screen %u", gtk_window_get_title(self->main_window), item->head + 1);

    item->window = gtk_window_new(GTK_WINDOW_TOPLEVEL);
    item->view = berth_display_view_new();
    gtk_window_set_title(GTK_WINDOW(item->window), title);
    gtk_window_set_default_size(GTK_WINDOW(item->window), WIDTH_PX, HEIGHT_PX);
    gtk_container_add(GTK_CONTAINER(item->window), berth_display_view_get_widget(item->view));
    item->fullscreen = berth_fullscreen_new(GTK_WINDOW(item->window), NULL, on_fullscreen, item);
    g_signal_connect(item->window, "delete-event", G_CALLBACK(on_delete), item);
    item->keyboard = berth_keyboard_new(GTK_WINDOW(item->window), item->view, item->fullscreen,
                                        &no_callbacks, NULL);
    if (monitor >= 0) {
        gtk_window_fullscreen_on_monitor(GTK_WINDOW(item->window),
                                         gtk_window_get_screen(self->main_window), monitor);
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
berth_head_windows_add(BerthHeadWindows *self)
{
    BerthSessionClient *session = session_of(self);
    GdkDisplay *display = gtk_widget_get_display(GTK_WIDGET(self->main_window));
    int monitor = find_other_monitor(self);
    GdkRectangle size = { 0, 0, WIDTH_PX, HEIGHT_PX };

    if (monitor >= 0) {
        gdk_monitor_get_geometry(gdk_display_get_monitor(display, monitor), &size);
    }
    for (unsigned i = 1; session != NULL && i < BERTH_LIMIT_HEADS; i++) {
        if (!self->heads[i].is_wanted || self->heads[i].window == NULL) {
            self->heads[i].is_wanted = true;
            berth_session_client_request_size(session, i, size.width, size.height, 0, 0);
            return;
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
