/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/pages.h"

#include <glib/gi18n.h>

#define FADE_MS 120

struct BerthPages {
    GtkWindow *window;
    GtkWidget *stack;
    BerthHeader *header;
    BerthEntrance *entrance;
    BerthStatusView *status;
    BerthDesktopPage *desktop;
};

static void
show_page(BerthPages *self, GtkWidget *page)
{
    gtk_stack_set_visible_child(GTK_STACK(self->stack), page);
}

/* The title of the bar is the window's name in lists of windows, too. */
static void
set_header(BerthPages *self, BerthHeaderMode mode, const char *title, const char *subtitle)
{
    gtk_window_set_title(self->window, title != NULL ? title : "Berth");
    berth_header_set(self->header, mode, title != NULL ? title : "Berth", subtitle);
}

void
berth_pages_show_login(BerthPages *self, const char *error)
{
    set_header(self, BERTH_HEADER_PLAIN, NULL, NULL);
    show_page(self, berth_entrance_get_login(self->entrance));
    berth_entrance_enter_login(self->entrance, error);
}

void
berth_pages_ask(BerthPages *self, const BerthLoginQuestion *question)
{
    if (berth_entrance_ask(self->entrance, question)) {
        set_header(self, BERTH_HEADER_PLAIN, _("Logging in"), NULL);
        show_page(self, berth_entrance_get_question(self->entrance));
        berth_entrance_enter_question(self->entrance);
    } else {
        berth_pages_show_busy(self, _("Logging in"), _("the broker checks who you are"));
    }
}

void
berth_pages_show_list(BerthPages *self, const char *subtitle, const char *error)
{
    if (berth_entrance_has_codes(self->entrance)) {
        set_header(self, BERTH_HEADER_PLAIN, _("Recovery codes"), subtitle);
        show_page(self, berth_entrance_get_question(self->entrance));
        berth_entrance_enter_question(self->entrance);
        return;
    }
    set_header(self, BERTH_HEADER_LIST, _("Desktops"), subtitle);
    show_page(self, berth_entrance_get_picker(self->entrance));
    berth_entrance_enter_list(self->entrance, error);
}

void
berth_pages_show_busy(BerthPages *self, const char *title, const char *text)
{
    set_header(self, BERTH_HEADER_PLAIN, title, NULL);
    show_page(self, berth_status_view_get_widget(self->status));
    berth_status_view_show_busy(self->status, title, text);
}

void
berth_pages_show_progress(BerthPages *self, const char *title, const BerthStartProgress *progress)
{
    set_header(self, BERTH_HEADER_PLAIN, title, NULL);
    show_page(self, berth_status_view_get_widget(self->status));
    berth_status_view_show_progress(self->status, title, progress);
}

void
berth_pages_show_desktop(BerthPages *self, const char *title, const char *subtitle)
{
    BerthDisplayView *view = berth_desktop_page_get_view(self->desktop);

    set_header(self, subtitle != NULL ? BERTH_HEADER_DESKTOP : BERTH_HEADER_SHARED, title,
               subtitle);
    berth_desktop_page_set_title(self->desktop, title);
    show_page(self, berth_desktop_page_get_widget(self->desktop));
    gtk_widget_grab_focus(berth_display_view_get_widget(view));
}

void
berth_pages_show_end(BerthPages *self, const char *name, const char *title, const char *error,
                     bool has_list)
{
    set_header(self, has_list ? BERTH_HEADER_LIST : BERTH_HEADER_PLAIN, name, NULL);
    show_page(self, berth_status_view_get_widget(self->status));
    berth_status_view_show_end(self->status, title,
                               error != NULL ? error : _("it can be opened again"), has_list);
}

BerthHeader *
berth_pages_get_header(BerthPages *self)
{
    return self->header;
}

BerthEntrance *
berth_pages_get_entrance(BerthPages *self)
{
    return self->entrance;
}

BerthDesktopPage *
berth_pages_get_desktop(BerthPages *self)
{
    return self->desktop;
}

static void
add_page(BerthPages *self, GtkWidget *page)
{
    gtk_container_add(GTK_CONTAINER(self->stack), page);
}

BerthPages *
berth_pages_new(GtkWindow *window, BerthSettings *settings, const BerthPagesCallbacks *callbacks,
                void *user_data)
{
    BerthPages *self = g_new0(BerthPages, 1);

    self->window = window;
    self->header = berth_header_new(callbacks->desktop.command, user_data);
    self->entrance = berth_entrance_new(settings, &callbacks->entrance, user_data);
    self->status = berth_status_view_new(callbacks->status, user_data);
    self->desktop = berth_desktop_page_new(&callbacks->desktop, user_data);
    berth_display_view_add_cover(berth_desktop_page_get_view(self->desktop),
                                 berth_header_get_menu(self->header), false);
    self->stack = gtk_stack_new();
    gtk_stack_set_transition_type(GTK_STACK(self->stack), GTK_STACK_TRANSITION_TYPE_CROSSFADE);
    gtk_stack_set_transition_duration(GTK_STACK(self->stack), FADE_MS);
    /* A desktop may be smaller than what the other pages need. */
    gtk_stack_set_homogeneous(GTK_STACK(self->stack), FALSE);
    add_page(self, berth_entrance_get_login(self->entrance));
    add_page(self, berth_entrance_get_question(self->entrance));
    add_page(self, berth_entrance_get_picker(self->entrance));
    add_page(self, berth_status_view_get_widget(self->status));
    add_page(self, berth_desktop_page_get_widget(self->desktop));
    gtk_window_set_titlebar(window, berth_header_get_widget(self->header));
    gtk_container_add(GTK_CONTAINER(window), self->stack);
    g_object_set_data_full(G_OBJECT(self->stack), "berth-view", self, g_free);
    return self;
}
