/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/login-view.h"

#include "client/gtk/widgets.h"

#include "berth/limits.h"

#include <string.h>

#define FIELD_CHARS 30

struct BerthLoginView {
    GtkWidget *page;
    GtkWidget *broker, *user, *password;
    GtkWidget *ca;
    GtkWidget *button;
    GtkWidget *error_box, *error_label;
    BerthLoginFunc func;
    void *user_data;
};

static GtkWidget *
add_field(GtkGrid *grid, int row, const char *label, GtkWidget *field)
{
    GtkWidget *name = gtk_label_new_with_mnemonic(label);

    gtk_widget_set_halign(name, GTK_ALIGN_END);
    gtk_style_context_add_class(gtk_widget_get_style_context(name), "dim-label");
    gtk_label_set_mnemonic_widget(GTK_LABEL(name), field);
    gtk_widget_set_hexpand(field, TRUE);
    gtk_grid_attach(grid, name, 0, row, 1, 1);
    gtk_grid_attach(grid, field, 1, row, 1, 1);
    return field;
}

static GtkWidget *
new_entry(const char *placeholder)
{
    GtkWidget *entry = gtk_entry_new();

    gtk_entry_set_width_chars(GTK_ENTRY(entry), FIELD_CHARS);
    gtk_entry_set_placeholder_text(GTK_ENTRY(entry), placeholder);
    gtk_entry_set_activates_default(GTK_ENTRY(entry), TRUE);
    return entry;
}

static const char *
text_of(GtkWidget *entry)
{
    return gtk_entry_get_text(GTK_ENTRY(entry));
}

static void
update_button(BerthLoginView *self)
{
    gtk_widget_set_sensitive(self->button, text_of(self->broker)[0] != '\0' &&
                                               text_of(self->user)[0] != '\0' &&
                                               text_of(self->password)[0] != '\0');
}

static void
on_login(GtkButton *button, gpointer user_data)
{
    BerthLoginView *self = user_data;
    const char *typed = text_of(self->password);
    g_autofree char *ca_file = gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(self->ca));
    g_autoptr(BerthSecret) password = berth_secret_new_copy(typed, strlen(typed));
    g_autofree char *broker = g_strdup(text_of(self->broker));
    g_autofree char *user = g_strdup(text_of(self->user));

    gtk_entry_set_text(GTK_ENTRY(self->password), "");
    berth_login_view_show_error(self, NULL);
    self->func(g_strstrip(broker), ca_file, g_strstrip(user), password, self->user_data);
}

static GtkWidget *
new_ca_row(BerthLoginView *self)
{
    GtkWidget *expander = gtk_expander_new_with_mnemonic("_Certificate authority");
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);
    GtkWidget *hint = gtk_label_new("Only needed if your administrator gave you a file.");

    self->ca = gtk_file_chooser_button_new("Certificate authority", GTK_FILE_CHOOSER_ACTION_OPEN);
    gtk_widget_set_halign(hint, GTK_ALIGN_START);
    gtk_style_context_add_class(gtk_widget_get_style_context(hint), "dim-label");
    gtk_box_pack_start(GTK_BOX(box), hint, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), self->ca, FALSE, FALSE, 0);
    gtk_widget_set_margin_top(box, 6);
    gtk_container_add(GTK_CONTAINER(expander), box);
    return expander;
}

static GtkWidget *
new_fields(BerthLoginView *self)
{
    GtkWidget *grid = gtk_grid_new();

    gtk_grid_set_row_spacing(GTK_GRID(grid), 10);
    gtk_grid_set_column_spacing(GTK_GRID(grid), 12);
    self->broker =
        add_field(GTK_GRID(grid), 0, "_Broker", new_entry("https://desktops.example.org"));
    gtk_entry_set_input_purpose(GTK_ENTRY(self->broker), GTK_INPUT_PURPOSE_URL);
    self->user = add_field(GTK_GRID(grid), 1, "_User name", new_entry(""));
    self->password = add_field(GTK_GRID(grid), 2, "_Password", new_entry(""));
    gtk_entry_set_visibility(GTK_ENTRY(self->password), FALSE);
    gtk_entry_set_input_purpose(GTK_ENTRY(self->password), GTK_INPUT_PURPOSE_PASSWORD);
    gtk_entry_set_max_length(GTK_ENTRY(self->password), BERTH_LIMIT_PASSWORD_BYTES);
    g_signal_connect_swapped(self->broker, "changed", G_CALLBACK(update_button), self);
    g_signal_connect_swapped(self->user, "changed", G_CALLBACK(update_button), self);
    g_signal_connect_swapped(self->password, "changed", G_CALLBACK(update_button), self);
    return grid;
}

static void
on_default_ready(GtkWidget *button, gpointer user_data)
{
    gtk_widget_grab_default(button);
}

BerthLoginView *
berth_login_view_new(BerthLoginFunc func, void *user_data)
{
    BerthLoginView *self = g_new0(BerthLoginView, 1);
    GtkWidget *card =
        berth_card_new("computer-symbolic", "Welcome to Berth", "Log in to reach your desktops.");

    self->func = func;
    self->user_data = user_data;
    self->error_box = berth_error_box_new(&self->error_label);
    gtk_box_pack_start(GTK_BOX(card), self->error_box, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), new_fields(self), FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), new_ca_row(self), FALSE, FALSE, 0);
    self->button = gtk_button_new_with_mnemonic("_Log in");
    gtk_style_context_add_class(gtk_widget_get_style_context(self->button), "suggested-action");
    gtk_widget_set_can_default(self->button, TRUE);
    gtk_widget_set_sensitive(self->button, FALSE);
    g_signal_connect(self->button, "clicked", G_CALLBACK(on_login), self);
    g_signal_connect(self->button, "map", G_CALLBACK(on_default_ready), NULL);
    gtk_box_pack_start(GTK_BOX(card), self->button, FALSE, FALSE, 0);
    self->page = berth_page_new(card);
    g_object_set_data_full(G_OBJECT(self->page), "berth-view", self, g_free);
    return self;
}

GtkWidget *
berth_login_view_get_widget(BerthLoginView *self)
{
    return self->page;
}

void
berth_login_view_fill(BerthLoginView *self, const char *broker, const char *ca_file,
                      const char *user)
{
    gtk_entry_set_text(GTK_ENTRY(self->broker), broker);
    gtk_entry_set_text(GTK_ENTRY(self->user), user);
    if (ca_file[0] != '\0') {
        g_autofree char *path = g_canonicalize_filename(ca_file, NULL);

        gtk_file_chooser_set_filename(GTK_FILE_CHOOSER(self->ca), path);
    }
}

void
berth_login_view_show_error(BerthLoginView *self, const char *text)
{
    berth_error_box_set(self->error_box, self->error_label, text);
}

void
berth_login_view_focus(BerthLoginView *self)
{
    GtkWidget *fields[] = { self->broker, self->user, self->password };

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (text_of(fields[i])[0] == '\0') {
            gtk_editable_select_region(GTK_EDITABLE(self->broker), 0, 0);
            gtk_widget_grab_focus(fields[i]);
            return;
        }
    }
}
