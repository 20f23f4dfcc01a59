/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/incoming-panel.h"

#include "client/gtk/widgets.h"

#include <glib/gi18n.h>

#define WIDTH_PX 380
#define TEXT_CHARS 44
#define TEXT_MARGIN_PX 12
/* How long "saved" stays. */
#define DONE_MS 8000

typedef struct {
    BerthIncomingPanel *panel;
    uint32_t id; /* any number, as the session gave it */
    bool has_ended;
    GtkWidget *box; /* a reference */
    GtkWidget *text, *bar, *save, *stop;
    guint done_source;
} Row;

struct BerthIncomingPanel {
    GtkWidget *widget; /* a reference */
    GtkWidget *list;
    BerthFileSaver *saver;
    GHashTable *rows; /* id -> Row, of files that have not ended */
    GSList *ended;    /* of Row *, that are still shown */
};

static void
update(BerthIncomingPanel *self)
{
    gtk_widget_set_visible(self->widget, g_hash_table_size(self->rows) > 0 || self->ended != NULL);
}

static void
free_row(gpointer data)
{
    Row *row = data;

    g_clear_handle_id(&row->done_source, g_source_remove);
    gtk_widget_destroy(row->box);
    g_object_unref(row->box);
    g_free(row);
}

/* Of a row that has ended. */
static void
drop_row(Row *row)
{
    BerthIncomingPanel *self = row->panel;

    self->ended = g_slist_remove(self->ended, row);
    free_row(row);
    update(self);
}

static gboolean
on_done_long(gpointer user_data)
{
    Row *row = user_data;

    row->done_source = 0;
    drop_row(row);
    return G_SOURCE_REMOVE;
}

static void
on_save(Row *row)
{
    gtk_widget_hide(row->save);
    gtk_widget_show(row->bar);
    gtk_button_set_label(GTK_BUTTON(row->stop), _("Stop"));
    berth_file_saver_accept(row->panel->saver, row->id);
}

/* "Refuse", "Stop" and, at the end, "Close". */
static void
on_stop(Row *row)
{
    if (!row->has_ended) {
        berth_file_saver_refuse(row->panel->saver, row->id);
    } else {
        drop_row(row);
    }
}

static GtkWidget *
new_label(const char *text, const char *class_name)
{
    GtkWidget *label = gtk_label_new(text);

    gtk_label_set_xalign(GTK_LABEL(label), 0);
    gtk_label_set_line_wrap(GTK_LABEL(label), TRUE);
    gtk_label_set_max_width_chars(GTK_LABEL(label), TEXT_CHARS);
    gtk_style_context_add_class(gtk_widget_get_style_context(label), class_name);
    return label;
}

static GtkWidget *
new_button(Row *row, const char *label, void (*func)(Row *))
{
    GtkWidget *button = gtk_button_new_with_label(label);

    gtk_widget_set_valign(button, GTK_ALIGN_CENTER);
    berth_button_over_canvas(button);
    g_signal_connect_swapped(button, "clicked", G_CALLBACK(func), row);
    gtk_box_pack_start(GTK_BOX(row->box), button, FALSE, FALSE, 0);
    return button;
}

static Row *
new_row(BerthIncomingPanel *self, uint32_t id, const char *name, uint64_t size_bytes)
{
    g_autofree char *plain = berth_plain_text(name);
    g_autofree char *size = g_format_size(size_bytes);
    g_autofree char *text = g_strdup_printf(_("The desktop sends this file (%s). Save it?"), size);
    GtkWidget *texts = gtk_box_new(GTK_ORIENTATION_VERTICAL, 4);
    Row *row = g_new0(Row, 1);
    GtkWidget *title = new_label(plain, "berth-heading");

    row->panel = self;
    row->id = id;
    row->box = g_object_ref_sink(gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8));
    row->text = new_label(text, "berth-faint");
    row->bar = gtk_progress_bar_new();
    atk_object_set_name(gtk_widget_get_accessible(row->bar), plain);
    gtk_label_set_ellipsize(GTK_LABEL(title), PANGO_ELLIPSIZE_MIDDLE);
    gtk_widget_set_margin_end(texts, TEXT_MARGIN_PX);
    gtk_box_pack_start(GTK_BOX(texts), title, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(texts), row->text, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(texts), row->bar, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(row->box), texts, TRUE, TRUE, 0);
    row->save = new_button(row, _("Save"), on_save);
    row->stop = new_button(row, _("Refuse"), on_stop);
    gtk_container_add(GTK_CONTAINER(self->list), row->box);
    berth_widget_announce(row->box, text);
    gtk_widget_show_all(row->box);
    gtk_widget_hide(row->bar);
    return row;
}

/* ---- the saver ---- */

static void
on_offered(uint32_t id, const char *name, uint64_t size_bytes, void *user_data)
{
    BerthIncomingPanel *self = user_data;

    g_hash_table_insert(self->rows, GUINT_TO_POINTER(id), new_row(self, id, name, size_bytes));
    update(self);
}

static void
on_progress(uint32_t id, uint64_t n_bytes, uint64_t size_bytes, void *user_data)
{
    BerthIncomingPanel *self = user_data;
    Row *row = g_hash_table_lookup(self->rows, GUINT_TO_POINTER(id));

    if (row != NULL && size_bytes > 0) {
        gtk_progress_bar_set_fraction(GTK_PROGRESS_BAR(row->bar),
                                      (double)n_bytes / (double)size_bytes);
    }
}

static const char *
get_sentence(BerthFileStatus status)
{
    switch (status) {
    case BERTH_FILE_NO_SPACE:
        return _("Not saved: this computer has no space left; make some first.");
    case BERTH_FILE_NOT_ALLOWED:
        return _("Not saved: files may not leave this desktop; ask your administrator.");
    default:
        return _("Not saved: it broke off; send it again.");
    }
}

static void
tell(Row *row, const char *text)
{
    gtk_label_set_text(GTK_LABEL(row->text), text);
    berth_widget_announce(row->box, text);
}

static void
show_end(Row *row, BerthFileStatus status, const char *path)
{
    if (status == BERTH_FILE_DONE && path != NULL) {
        g_autofree char *shown = g_filename_display_name(path);
        g_autofree char *text = g_strdup_printf(_("Saved as %s"), shown);

        tell(row, text);
        row->done_source = g_timeout_add(DONE_MS, on_done_long, row);
    } else {
        tell(row, get_sentence(status));
    }
    row->has_ended = true;
    gtk_widget_hide(row->bar);
    gtk_widget_hide(row->save);
    gtk_button_set_label(GTK_BUTTON(row->stop), _("Close"));
}

static void
on_ended(uint32_t id, BerthFileStatus status, const char *path, void *user_data)
{
    BerthIncomingPanel *self = user_data;
    Row *row = g_hash_table_lookup(self->rows, GUINT_TO_POINTER(id));

    if (row == NULL) {
        return;
    }
    g_hash_table_steal(self->rows, GUINT_TO_POINTER(id));
    if (status == BERTH_FILE_CANCELLED) {
        free_row(row);
    } else {
        self->ended = g_slist_prepend(self->ended, row);
        show_end(row, status, path);
    }
    update(self);
}

static const BerthFileSaverCallbacks saver_callbacks = {
    .offered = on_offered,
    .progress = on_progress,
    .ended = on_ended,
};

/* ---- life ---- */

static const char *
find_folder(void)
{
    const char *folder = g_get_user_special_dir(G_USER_DIRECTORY_DOWNLOAD);

    return folder != NULL && g_file_test(folder, G_FILE_TEST_IS_DIR) ? folder : g_get_home_dir();
}

BerthIncomingPanel *
berth_incoming_panel_new(BerthShare *share)
{
    BerthIncomingPanel *self = g_new0(BerthIncomingPanel, 1);

    self->rows = g_hash_table_new_full(NULL, NULL, NULL, free_row);
    self->list = gtk_box_new(GTK_ORIENTATION_VERTICAL, 10);
    gtk_style_context_add_class(gtk_widget_get_style_context(self->list), "berth-panel");
    self->widget = g_object_ref_sink(gtk_event_box_new());
    gtk_widget_set_size_request(self->widget, WIDTH_PX, -1);
    gtk_widget_set_halign(self->widget, GTK_ALIGN_START);
    gtk_widget_set_valign(self->widget, GTK_ALIGN_END);
    g_object_set(self->widget, "margin", 16, NULL);
    gtk_container_add(GTK_CONTAINER(self->widget), self->list);
    gtk_widget_show_all(self->widget);
    gtk_widget_set_no_show_all(self->widget, TRUE);
    gtk_widget_hide(self->widget);
    self->saver = berth_file_saver_new(share, find_folder(), &saver_callbacks, self);
    return self;
}

void
berth_incoming_panel_free(BerthIncomingPanel *self)
{
    if (self == NULL) {
        return;
    }
    berth_file_saver_free(self->saver);
    g_hash_table_unref(self->rows);
    g_slist_free_full(self->ended, free_row);
    g_object_unref(self->widget);
    g_free(self);
}

GtkWidget *
berth_incoming_panel_get_widget(BerthIncomingPanel *self)
{
    return self->widget;
}
