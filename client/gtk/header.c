/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/header.h"

#include "client/gtk/widgets.h"

#include <glib/gi18n.h>

struct BerthHeader {
    GtkWidget *bar;
    GtkWidget *reload, *logout, *fullscreen, *menu, *grab, *logoff, *sign;
    BerthHeaderFunc func;
    void *user_data;
};

static void
on_clicked(GtkWidget *widget, gpointer user_data)
{
    BerthHeader *self = user_data;
    gpointer command = g_object_get_data(G_OBJECT(widget), "berth-command");
    bool is_active =
        GTK_IS_TOGGLE_BUTTON(widget) && gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(widget));

    self->func((BerthHeaderCommand)GPOINTER_TO_INT(command), is_active, self->user_data);
}

static void
bind_command(BerthHeader *self, GtkWidget *widget, const char *signal, BerthHeaderCommand command)
{
    g_object_set_data(G_OBJECT(widget), "berth-command", GINT_TO_POINTER((int)command));
    g_signal_connect(widget, signal, G_CALLBACK(on_clicked), self);
}

static GtkWidget *
add_item(BerthHeader *self, GtkWidget *box, const char *label, BerthHeaderCommand command)
{
    GtkWidget *item = gtk_model_button_new();

    g_object_set(item, "text", label, NULL);
    bind_command(self, item, "clicked", command);
    gtk_box_pack_start(GTK_BOX(box), item, FALSE, FALSE, 0);
    return item;
}

static GtkWidget *
add_check(BerthHeader *self, GtkWidget *box, const char *label, bool is_active,
          BerthHeaderCommand command)
{
    GtkWidget *check = gtk_check_button_new_with_mnemonic(label);

    gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(check), is_active);
    gtk_widget_set_margin_start(check, 8);
    gtk_widget_set_margin_bottom(check, 6);
    bind_command(self, check, "toggled", command);
    gtk_box_pack_start(GTK_BOX(box), check, FALSE, FALSE, 0);
    return check;
}

static GtkWidget *
new_menu(BerthHeader *self)
{
    GtkWidget *button = gtk_menu_button_new();
    GtkWidget *popover = gtk_popover_new(button);
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 2);

    gtk_button_set_image(GTK_BUTTON(button),
                         gtk_image_new_from_icon_name("open-menu-symbolic", GTK_ICON_SIZE_BUTTON));
    berth_widget_tell(button, _("Menu"));
    g_object_set(box, "margin", 10, NULL);
    add_check(self, box, _("_Fit the desktop to the window"), true, BERTH_HEADER_FOLLOW_SIZE);
    self->grab = add_check(self, box, _("All _keys to the desktop"), false, BERTH_HEADER_GRAB_KEYS);
    add_check(self, box, _("Type with the _input method"), false, BERTH_HEADER_INPUT_METHOD);
    add_item(self, box, _("Host key…"), BERTH_HEADER_HOST_KEY);
    add_item(self, box, _("Full screen (F11)"), BERTH_HEADER_FULLSCREEN);
    add_item(self, box, _("Send Ctrl+Alt+Delete"), BERTH_HEADER_CTRL_ALT_DEL);
    add_item(self, box, _("Fill monitors…"), BERTH_HEADER_SCREENS);
    add_item(self, box, _("Open another screen"), BERTH_HEADER_ADD_SCREEN);
    add_item(self, box, _("Send files…"), BERTH_HEADER_SEND_FILES);
    add_item(self, box, _("Save a picture (Ctrl+F11)"), BERTH_HEADER_SCREENSHOT);
    add_item(self, box, _("Statistics (Shift+F11)"), BERTH_HEADER_STATISTICS);
    add_item(self, box, _("Save diagnostics…"), BERTH_HEADER_DIAGNOSTICS);
    gtk_box_pack_start(GTK_BOX(box), gtk_separator_new(GTK_ORIENTATION_HORIZONTAL), FALSE, FALSE,
                       6);
    add_item(self, box, _("Disconnect, keep it running"), BERTH_HEADER_DISCONNECT);
    self->logoff = add_item(self, box, _("Log off, throw it away…"), BERTH_HEADER_LOGOFF);
    gtk_widget_show_all(box);
    gtk_container_add(GTK_CONTAINER(popover), box);
    gtk_menu_button_set_popover(GTK_MENU_BUTTON(button), popover);
    return button;
}

BerthHeader *
berth_header_new(BerthHeaderFunc func, void *user_data)
{
    BerthHeader *self = g_new0(BerthHeader, 1);

    self->func = func;
    self->user_data = user_data;
    self->bar = gtk_header_bar_new();
    gtk_header_bar_set_show_close_button(GTK_HEADER_BAR(self->bar), TRUE);
    self->reload = berth_icon_button_new("view-refresh-symbolic", _("Look for desktops again"));
    bind_command(self, self->reload, "clicked", BERTH_HEADER_RELOAD);
    self->logout = berth_icon_button_new("system-log-out-symbolic", _("Log out"));
    bind_command(self, self->logout, "clicked", BERTH_HEADER_LOGOUT);
    self->fullscreen = berth_icon_button_new("view-fullscreen-symbolic", _("Full screen (F11)"));
    bind_command(self, self->fullscreen, "clicked", BERTH_HEADER_FULLSCREEN);
    self->menu = new_menu(self);
    self->sign = gtk_label_new(NULL);
    gtk_style_context_add_class(gtk_widget_get_style_context(self->sign), "berth-header-sign");
    gtk_widget_set_no_show_all(self->sign, TRUE);
    gtk_header_bar_pack_start(GTK_HEADER_BAR(self->bar), self->sign);
    gtk_header_bar_pack_start(GTK_HEADER_BAR(self->bar), self->reload);
    gtk_header_bar_pack_end(GTK_HEADER_BAR(self->bar), self->menu);
    gtk_header_bar_pack_end(GTK_HEADER_BAR(self->bar), self->fullscreen);
    gtk_header_bar_pack_end(GTK_HEADER_BAR(self->bar), self->logout);
    gtk_widget_show_all(self->bar);
    g_object_set_data_full(G_OBJECT(self->bar), "berth-view", self, g_free);
    return self;
}

GtkWidget *
berth_header_get_widget(BerthHeader *self)
{
    return self->bar;
}

GtkWidget *
berth_header_get_menu(BerthHeader *self)
{
    return GTK_WIDGET(gtk_menu_button_get_popover(GTK_MENU_BUTTON(self->menu)));
}

void
berth_header_add(BerthHeader *self, GtkWidget *widget)
{
    gtk_header_bar_pack_end(GTK_HEADER_BAR(self->bar), widget);
}

void
berth_header_set_sign(BerthHeader *self, const char *text)
{
    gtk_label_set_text(GTK_LABEL(self->sign), text != NULL ? text : "");
    gtk_widget_set_visible(self->sign, text != NULL);
}

void
berth_header_set_host_key(BerthHeader *self, const char *label)
{
    g_autofree char *text = g_strdup_printf(_("All _keys to the desktop (%s)"), label);

    gtk_button_set_label(GTK_BUTTON(self->grab), text);
}

void
berth_header_set_grabbed(BerthHeader *self, bool is_grabbed)
{
    g_signal_handlers_block_by_func(self->grab, on_clicked, self);
    gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(self->grab), is_grabbed);
    g_signal_handlers_unblock_by_func(self->grab, on_clicked, self);
}

void
berth_header_set(BerthHeader *self, BerthHeaderMode mode, const char *title, const char *subtitle)
{
    bool is_desktop = mode == BERTH_HEADER_DESKTOP || mode == BERTH_HEADER_SHARED;

    gtk_header_bar_set_title(GTK_HEADER_BAR(self->bar), title);
    gtk_header_bar_set_subtitle(GTK_HEADER_BAR(self->bar), subtitle);
    gtk_widget_set_visible(self->reload, mode == BERTH_HEADER_LIST);
    gtk_widget_set_visible(self->logout, mode == BERTH_HEADER_LIST);
    gtk_widget_set_visible(self->fullscreen, is_desktop);
    gtk_widget_set_visible(self->menu, is_desktop);
    gtk_widget_set_visible(self->logoff, mode == BERTH_HEADER_DESKTOP);
}
