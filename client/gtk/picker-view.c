/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/picker-view.h"

#include "client/core/ago-text.h"
#include "client/core/broker-json.h"
#include "client/gtk/widgets.h"

#include "base/clock.h"
#include "base/id.h"

#include <glib/gi18n.h>
#include <string.h>

/* From so many desktops on there is a field to search in. */
#define SEARCH_FROM 8

struct BerthPickerView {
    GtkWidget *page;
    GtkWidget *list, *frame, *empty, *search, *notice;
    GtkWidget *error_box, *error_label;
    GPtrArray *desktops;
    BerthPickerCallbacks callbacks;
    void *user_data;
};

static const char *
describe_state(const BerthDesktop *desktop)
{
    switch (desktop->state) {
    case BERTH_DESKTOP_IN_USE:
        return _("Open — continue where you left");
    case BERTH_DESKTOP_BUSY:
        return _("All in use — you will wait in the queue");
    case BERTH_DESKTOP_DISABLED:
        return _("Switched off by your administrator");
    default:
        return _("Ready");
    }
}

/* "Ready · last used yesterday, 14:05".  Owned. */
static char *
describe(const BerthDesktop *desktop)
{
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_local(berth_wall_us() / (1000 * 1000));
    g_autofree char *ago = berth_ago_text(desktop->last_used_us, now);

    return ago[0] != '\0' ? g_strdup_printf(_("%s · last used %s"), describe_state(desktop), ago)
                          : g_strdup(describe_state(desktop));
}

/* The site's own icon, if this device has it; else one of the state. */
static const char *
icon_of(const BerthDesktop *desktop)
{
    if (desktop->icon[0] != '\0' &&
        gtk_icon_theme_has_icon(gtk_icon_theme_get_default(), desktop->icon)) {
        return desktop->icon;
    }
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

static const BerthDesktop *
desktop_of(GtkWidget *row)
{
    return g_object_get_data(G_OBJECT(row), "berth-desktop");
}

static bool
is_favourite(GtkWidget *row)
{
    return g_object_get_data(G_OBJECT(row), "berth-favourite") != NULL;
}

static void
set_star(GtkWidget *button, const char *name, bool is_on)
{
    g_autofree char *tip = g_strdup_printf(
        is_on ? _("%s is a favourite; click to take it out") : _("Make %s a favourite"), name);

    gtk_button_set_image(
        GTK_BUTTON(button),
        gtk_image_new_from_icon_name(is_on ? "starred-symbolic" : "non-starred-symbolic",
                                     GTK_ICON_SIZE_BUTTON));
    gtk_widget_set_tooltip_text(button, tip);
    atk_object_set_name(gtk_widget_get_accessible(button), tip);
}

static void
on_star(GtkWidget *button, gpointer user_data)
{
    BerthPickerView *self = user_data;
    GtkWidget *row = gtk_widget_get_ancestor(button, GTK_TYPE_LIST_BOX_ROW);
    bool is_on = !is_favourite(row);

    g_object_set_data(G_OBJECT(row), "berth-favourite", is_on ? row : NULL);
    set_star(button, desktop_of(row)->name, is_on);
    gtk_list_box_invalidate_sort(GTK_LIST_BOX(self->list));
    self->callbacks.favourite(&desktop_of(row)->pool, is_on, self->user_data);
}

static void
on_item(GtkWidget *item, gpointer user_data)
{
    BerthPickerView *self = user_data;
    const BerthDesktop *desktop = g_object_get_data(G_OBJECT(item), "berth-desktop");
    bool is_restart = g_object_get_data(G_OBJECT(item), "berth-restart") != NULL;

    berth_picker_view_show_error(self, NULL);
    if (is_restart) {
        self->callbacks.restart(&desktop->pool, desktop->name, self->user_data);
    } else {
        self->callbacks.report(&desktop->pool, desktop->name, self->user_data);
    }
}

static void
add_item(BerthPickerView *self, GtkWidget *box, const char *label, const BerthDesktop *desktop,
         bool is_restart)
{
    GtkWidget *item = gtk_model_button_new();

    g_object_set(item, "text", label, NULL);
    g_object_set_data(G_OBJECT(item), "berth-desktop", (gpointer)desktop);
    g_object_set_data(G_OBJECT(item), "berth-restart", is_restart ? item : NULL);
    g_signal_connect(item, "clicked", G_CALLBACK(on_item), self);
    gtk_box_pack_start(GTK_BOX(box), item, FALSE, FALSE, 0);
}

/* What can be done with a desktop beside opening it; NULL if there is nothing. */
static GtkWidget *
new_menu(BerthPickerView *self, const BerthDesktop *desktop)
{
    GtkWidget *button, *popover, *box;
    g_autofree char *name = NULL;

    if (!desktop->may_restart && !desktop->may_report) {
        return NULL;
    }
    button = gtk_menu_button_new();
    popover = gtk_popover_new(button);
    box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 2);
    name = g_strdup_printf(_("More about %s"), desktop->name);
    g_object_set(box, "margin", 8, NULL);
    if (desktop->may_restart) {
        add_item(self, box, _("Restart…"), desktop, true);
    }
    if (desktop->may_report) {
        add_item(self, box, _("Report a problem…"), desktop, false);
    }
    gtk_widget_show_all(box);
    gtk_container_add(GTK_CONTAINER(popover), box);
    gtk_menu_button_set_popover(GTK_MENU_BUTTON(button), popover);
    gtk_button_set_image(GTK_BUTTON(button),
                         gtk_image_new_from_icon_name("view-more-symbolic", GTK_ICON_SIZE_BUTTON));
    gtk_button_set_relief(GTK_BUTTON(button), GTK_RELIEF_NONE);
    gtk_widget_set_valign(button, GTK_ALIGN_CENTER);
    gtk_widget_set_tooltip_text(button, name);
    atk_object_set_name(gtk_widget_get_accessible(button), name);
    return button;
}

static GtkWidget *
new_texts(const BerthDesktop *desktop)
{
    GtkWidget *texts = gtk_box_new(GTK_ORIENTATION_VERTICAL, 3);
    GtkWidget *name = gtk_label_new(desktop->name);
    g_autofree char *text = describe(desktop);
    GtkWidget *state = gtk_label_new(text);

    gtk_widget_set_valign(texts, GTK_ALIGN_CENTER);
    gtk_label_set_ellipsize(GTK_LABEL(name), PANGO_ELLIPSIZE_END);
    gtk_label_set_line_wrap(GTK_LABEL(state), TRUE);
    gtk_label_set_xalign(GTK_LABEL(state), 0);
    gtk_widget_set_halign(name, GTK_ALIGN_START);
    gtk_widget_set_halign(state, GTK_ALIGN_START);
    gtk_style_context_add_class(gtk_widget_get_style_context(name), "berth-row-name");
    gtk_style_context_add_class(gtk_widget_get_style_context(state), "dim-label");
    gtk_box_pack_start(GTK_BOX(texts), name, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(texts), state, FALSE, FALSE, 0);
    return texts;
}

static GtkWidget *
new_row(BerthPickerView *self, const BerthDesktop *desktop, bool is_starred)
{
    GtkWidget *row = gtk_list_box_row_new();
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 12);
    GtkWidget *icon = gtk_image_new_from_icon_name(icon_of(desktop), GTK_ICON_SIZE_DND);
    GtkWidget *star = gtk_button_new();
    GtkWidget *menu = new_menu(self, desktop);
    g_autofree char *text = describe(desktop);

    set_star(star, desktop->name, is_starred);
    atk_object_set_name(gtk_widget_get_accessible(icon), describe_state(desktop));
    gtk_button_set_relief(GTK_BUTTON(star), GTK_RELIEF_NONE);
    gtk_widget_set_valign(star, GTK_ALIGN_CENTER);
    g_signal_connect(star, "clicked", G_CALLBACK(on_star), self);
    gtk_style_context_add_class(gtk_widget_get_style_context(box), "berth-row");
    gtk_box_pack_start(GTK_BOX(box), icon, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), new_texts(desktop), TRUE, TRUE, 0);
    if (menu != NULL) {
        gtk_box_pack_end(GTK_BOX(box), menu, FALSE, FALSE, 0);
    }
    gtk_box_pack_end(GTK_BOX(box), star, FALSE, FALSE, 0);
    gtk_container_add(GTK_CONTAINER(row), box);
    gtk_list_box_row_set_activatable(GTK_LIST_BOX_ROW(row),
                                     desktop->state != BERTH_DESKTOP_DISABLED);
    g_object_set_data(G_OBJECT(row), "berth-desktop", (gpointer)desktop);
    g_object_set_data(G_OBJECT(row), "berth-favourite", is_starred ? row : NULL);
    atk_object_set_name(gtk_widget_get_accessible(row), desktop->name);
    atk_object_set_description(gtk_widget_get_accessible(row), text);
    gtk_widget_show_all(row);
    return row;
}

static gint
compare_rows(GtkListBoxRow *a, GtkListBoxRow *b, gpointer user_data)
{
    const BerthDesktop *one = desktop_of(GTK_WIDGET(a)), *other = desktop_of(GTK_WIDGET(b));
    bool is_first = is_favourite(GTK_WIDGET(a)), is_second = is_favourite(GTK_WIDGET(b));

    if (is_first != is_second) {
        return is_first ? -1 : 1;
    }
    return g_utf8_collate(one->name, other->name);
}

static gboolean
matches_search(GtkListBoxRow *row, gpointer user_data)
{
    BerthPickerView *self = user_data;
    g_autofree char *wanted = g_utf8_casefold(gtk_entry_get_text(GTK_ENTRY(self->search)), -1);
    g_autofree char *name = g_utf8_casefold(desktop_of(GTK_WIDGET(row))->name, -1);

    return strstr(name, wanted) != NULL;
}

static void
on_row_activated(GtkListBox *list, GtkListBoxRow *row, gpointer user_data)
{
    BerthPickerView *self = user_data;
    const BerthDesktop *desktop = desktop_of(GTK_WIDGET(row));

    berth_picker_view_show_error(self, NULL);
    self->callbacks.pick(&desktop->pool, desktop->name, self->user_data);
}

static void
picker_view_free(gpointer data)
{
    BerthPickerView *self = data;

    g_clear_pointer(&self->desktops, g_ptr_array_unref);
    g_free(self);
}

static void
make_list(BerthPickerView *self)
{
    self->search = gtk_search_entry_new();
    gtk_entry_set_placeholder_text(GTK_ENTRY(self->search), _("Search"));
    atk_object_set_name(gtk_widget_get_accessible(self->search), _("Search"));
    gtk_widget_set_no_show_all(self->search, TRUE);
    self->list = gtk_list_box_new();
    gtk_list_box_set_selection_mode(GTK_LIST_BOX(self->list), GTK_SELECTION_BROWSE);
    gtk_list_box_set_activate_on_single_click(GTK_LIST_BOX(self->list), TRUE);
    gtk_list_box_set_sort_func(GTK_LIST_BOX(self->list), compare_rows, NULL, NULL);
    gtk_list_box_set_filter_func(GTK_LIST_BOX(self->list), matches_search, self, NULL);
    g_signal_connect(self->list, "row-activated", G_CALLBACK(on_row_activated), self);
    g_signal_connect_swapped(self->search, "search-changed",
                             G_CALLBACK(gtk_list_box_invalidate_filter), self->list);
    self->frame = gtk_frame_new(NULL);
    gtk_container_add(GTK_CONTAINER(self->frame), self->list);
}

BerthPickerView *
berth_picker_view_new(const BerthPickerCallbacks *callbacks, void *user_data)
{
    BerthPickerView *self = g_new0(BerthPickerView, 1);
    GtkWidget *card = berth_card_new("video-display-symbolic", _("Your desktops"), NULL);

    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->error_box = berth_error_box_new(&self->error_label);
    make_list(self);
    self->empty = gtk_label_new(_("You have no desktops yet. Ask your administrator for one."));
    gtk_style_context_add_class(gtk_widget_get_style_context(self->empty), "dim-label");
    gtk_widget_set_no_show_all(self->empty, TRUE);
    self->notice = gtk_label_new(NULL);
    gtk_widget_set_no_show_all(self->notice, TRUE);
    gtk_box_pack_start(GTK_BOX(card), self->error_box, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), self->notice, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), self->search, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), self->frame, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), self->empty, FALSE, FALSE, 0);
    gtk_widget_set_size_request(card, 520, -1);
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
berth_picker_view_set_desktops(BerthPickerView *self, GPtrArray *desktops,
                               const BerthProfile *profile)
{
    GtkContainer *list = GTK_CONTAINER(self->list);

    gtk_container_foreach(list, (GtkCallback)(gpointer)gtk_widget_destroy, NULL);
    g_ptr_array_ref(desktops);
    g_clear_pointer(&self->desktops, g_ptr_array_unref);
    self->desktops = desktops;
    gtk_entry_set_text(GTK_ENTRY(self->search), "");
    gtk_widget_hide(self->notice);
    for (guint i = 0; i < desktops->len; i++) {
        const BerthDesktop *desktop = g_ptr_array_index(desktops, i);
        char hex[BERTH_ID_HEX_CHARS + 1];

        berth_id_format(&desktop->pool, hex);
        gtk_container_add(list, new_row(self, desktop, berth_profile_is_favourite(profile, hex)));
    }
    gtk_widget_set_visible(self->search, desktops->len >= SEARCH_FROM);
    gtk_widget_set_visible(self->frame, desktops->len > 0);
    gtk_widget_set_visible(self->empty, desktops->len == 0);
}

void
berth_picker_view_show_error(BerthPickerView *self, const char *text)
{
    berth_error_box_set(self->error_box, self->error_label, text);
}

void
berth_picker_view_show_notice(BerthPickerView *self, const char *text)
{
    gtk_label_set_text(GTK_LABEL(self->notice), text);
    gtk_widget_show(self->notice);
}

void
berth_picker_view_focus(BerthPickerView *self)
{
    GtkListBoxRow *row = gtk_list_box_get_row_at_index(GTK_LIST_BOX(self->list), 0);

    if (row != NULL) {
        gtk_widget_grab_focus(GTK_WIDGET(row));
    }
}
