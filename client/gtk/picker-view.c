/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/picker-view.h"

#include "client/core/broker-json.h"
#include "client/gtk/widgets.h"

struct BerthPickerView {
    GtkWidget *page;
    GtkWidget *list, *frame, *empty;
    GtkWidget *error_box, *error_label;
    GPtrArray *desktops;
    BerthPickFunc func;
    void *user_data;
};

static const char *
describe(const BerthDesktop *desktop)
{
    switch (desktop->state) {
    case BERTH_DESKTOP_IN_USE:
        return "Open — continue where you left";
    case BERTH_DESKTOP_BUSY:
        return "All in use — you will wait in the queue";
    case BERTH_DESKTOP_DISABLED:
        return "Switched off by your administrator";
    default:
        return "Ready";
    }
}

static const char *
icon_of(const BerthDesktop *desktop)
{
    switch (desktop->state) {
    case BERTH_DESKTOP_IN_USE:
        return "media-playback-start-symbolic";
    case BERTH_DESKTOP_BUSY:
        return "document-open-recent-symbolic";
    case BERTH_DESKTOP_DISABLED:
        return "action-unavailable-symbolic";
    default:
        return "video-display-symbolic";
    }
}

static GtkWidget *
new_row(const BerthDesktop *desktop)
{
    GtkWidget *row = gtk_list_box_row_new();
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 16);
    GtkWidget *texts = gtk_box_new(GTK_ORIENTATION_VERTICAL, 3);
    GtkWidget *icon = gtk_image_new_from_icon_name(icon_of(desktop), GTK_ICON_SIZE_DND);
    GtkWidget *name = gtk_label_new(desktop->name);
    GtkWidget *state = gtk_label_new(describe(desktop));
    GtkWidget *arrow = gtk_image_new_from_icon_name("go-next-symbolic", GTK_ICON_SIZE_BUTTON);

    gtk_label_set_ellipsize(GTK_LABEL(name), PANGO_ELLIPSIZE_END);
    gtk_widget_set_halign(name, GTK_ALIGN_START);
    gtk_widget_set_halign(state, GTK_ALIGN_START);
    gtk_style_context_add_class(gtk_widget_get_style_context(name), "berth-row-name");
    gtk_style_context_add_class(gtk_widget_get_style_context(state), "dim-label");
    gtk_style_context_add_class(gtk_widget_get_style_context(arrow), "dim-label");
    gtk_style_context_add_class(gtk_widget_get_style_context(box), "berth-row");
    gtk_box_pack_start(GTK_BOX(texts), name, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(texts), state, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), icon, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), texts, TRUE, TRUE, 0);
    gtk_box_pack_end(GTK_BOX(box), arrow, FALSE, FALSE, 0);
    gtk_container_add(GTK_CONTAINER(row), box);
    gtk_widget_set_sensitive(row, desktop->state != BERTH_DESKTOP_DISABLED);
    atk_object_set_name(gtk_widget_get_accessible(row), desktop->name);
    gtk_widget_show_all(row);
    return row;
}

static void
on_row_activated(GtkListBox *list, GtkListBoxRow *row, gpointer user_data)
{
    BerthPickerView *self = user_data;
    const BerthDesktop *desktop =
        g_ptr_array_index(self->desktops, (guint)gtk_list_box_row_get_index(row));

    berth_picker_view_show_error(self, NULL);
    self->func(&desktop->pool, desktop->name, self->user_data);
}

static void
picker_view_free(gpointer data)
{
    BerthPickerView *self = data;

    g_clear_pointer(&self->desktops, g_ptr_array_unref);
    g_free(self);
}

BerthPickerView *
berth_picker_view_new(BerthPickFunc func, void *user_data)
{
    BerthPickerView *self = g_new0(BerthPickerView, 1);
    GtkWidget *card = berth_card_new("video-display-symbolic", "Your desktops", NULL);

    self->func = func;
    self->user_data = user_data;
    self->error_box = berth_error_box_new(&self->error_label);
    self->list = gtk_list_box_new();
    gtk_list_box_set_selection_mode(GTK_LIST_BOX(self->list), GTK_SELECTION_BROWSE);
    gtk_list_box_set_activate_on_single_click(GTK_LIST_BOX(self->list), TRUE);
    g_signal_connect(self->list, "row-activated", G_CALLBACK(on_row_activated), self);
    self->frame = gtk_frame_new(NULL);
    gtk_container_add(GTK_CONTAINER(self->frame), self->list);
    self->empty = gtk_label_new("You have no desktops yet. Ask your administrator for one.");
    gtk_style_context_add_class(gtk_widget_get_style_context(self->empty), "dim-label");
    gtk_widget_set_no_show_all(self->empty, TRUE);
    gtk_box_pack_start(GTK_BOX(card), self->error_box, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), self->frame, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), self->empty, FALSE, FALSE, 0);
    self->page = berth_page_new(card);
    g_object_set_data_full(G_OBJECT(self->page), "berth-view", self, picker_view_free);
    return self;
}

GtkWidget *
berth_picker_view_get_widget(BerthPickerView *self)
{
    return self->page;
}

void
berth_picker_view_set_desktops(BerthPickerView *self, GPtrArray *desktops)
{
    GtkContainer *list = GTK_CONTAINER(self->list);

    gtk_container_foreach(list, (GtkCallback)(gpointer)gtk_widget_destroy, NULL);
    g_clear_pointer(&self->desktops, g_ptr_array_unref);
    self->desktops = g_ptr_array_ref(desktops);
    for (guint i = 0; i < desktops->len; i++) {
        gtk_container_add(list, new_row(g_ptr_array_index(desktops, i)));
    }
    gtk_widget_set_visible(self->frame, desktops->len > 0);
    gtk_widget_set_visible(self->empty, desktops->len == 0);
}

void
berth_picker_view_show_error(BerthPickerView *self, const char *text)
{
    berth_error_box_set(self->error_box, self->error_label, text);
}

void
berth_picker_view_focus(BerthPickerView *self)
{
    GtkListBoxRow *row = gtk_list_box_get_row_at_index(GTK_LIST_BOX(self->list), 0);

    if (row != NULL) {
        gtk_widget_grab_focus(GTK_WIDGET(row));
    }
}
