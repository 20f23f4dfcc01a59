/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/transfer-panel.h"

#include "client/core/file-drop.h"
#include "client/gtk/widgets.h"

#include <glib/gi18n.h>

#define WIDTH_PX 360
#define MAX_HEIGHT_PX 260
/* A line of a reason. */
#define REASON_CHARS 40
/* Rows that are made; of more files only their number is told. */
#define MAX_ROWS 100
/* How long "all sent" stays. */
#define DONE_MS 2500

typedef struct {
    GtkWidget *row, *bar, *text, *cancel;
    uint32_t id; /* 0: it is over */
} Row;

struct BerthTransferPanel {
    GtkWidget *panel;
    GtkWidget *title, *list, *scrolled, *stop, *close;
    GHashTable *rows; /* id -> Row, of files under way */
    GHashTable *open; /* ids under way, with a row or not */
    unsigned n_rows;  /* on the screen, also of those that failed */
    unsigned n_sent, n_failed;
    guint done_source;
    BerthTransferPanelCallbacks callbacks;
    void *user_data;
};

static void
clear(BerthTransferPanel *self)
{
    g_autoptr(GList) children = gtk_container_get_children(GTK_CONTAINER(self->list));

    g_hash_table_remove_all(self->rows);
    for (GList *at = children; at != NULL; at = at->next) {
        gtk_widget_destroy(at->data);
    }
    self->n_rows = 0;
    self->n_sent = 0;
    self->n_failed = 0;
    gtk_widget_hide(self->panel);
}

static gboolean
on_done_long(gpointer user_data)
{
    BerthTransferPanel *self = user_data;

    self->done_source = 0;
    clear(self);
    return G_SOURCE_REMOVE;
}

static char *
make_title(const BerthTransferPanel *self)
{
    unsigned n_open = g_hash_table_size(self->open);

    if (n_open > 0) {
        return g_strdup_printf(ngettext("Sending %u file", "Sending %u files", n_open), n_open);
    }
    if (self->n_failed > 0) {
        return g_strdup_printf(_("%u sent, %u not sent"), self->n_sent, self->n_failed);
    }
    return g_strdup_printf(ngettext("%u file sent", "%u files sent", self->n_sent), self->n_sent);
}

static void
update(BerthTransferPanel *self)
{
    g_autofree char *title = make_title(self);
    bool is_open = g_hash_table_size(self->open) > 0;

    if (!is_open && self->n_sent + self->n_failed == 0) {
        clear(self); /* the user stopped all of it */
        return;
    }
    gtk_label_set_text(GTK_LABEL(self->title), title);
    atk_object_set_name(gtk_widget_get_accessible(self->panel), title);
    gtk_widget_set_visible(self->scrolled, self->n_rows > 0);
    gtk_widget_set_visible(self->stop, is_open);
    gtk_widget_set_visible(self->close, !is_open);
    g_clear_handle_id(&self->done_source, g_source_remove);
    if (!is_open && self->n_failed == 0) {
        self->done_source = g_timeout_add(DONE_MS, on_done_long, self);
    }
    gtk_widget_show(self->panel);
}

static void
on_cancel(GtkWidget *button, gpointer user_data)
{
    BerthTransferPanel *self = user_data;
    gpointer id = g_object_get_data(G_OBJECT(button), "berth-id");

    self->callbacks.cancel(GPOINTER_TO_UINT(id), self->user_data);
}

static void
on_stop(BerthTransferPanel *self)
{
    self->callbacks.cancel_all(self->user_data);
}

static GtkWidget *
new_label(const char *class_name)
{
    GtkWidget *label = gtk_label_new(NULL);

    gtk_label_set_xalign(GTK_LABEL(label), 0);
    if (class_name != NULL) {
        gtk_style_context_add_class(gtk_widget_get_style_context(label), class_name);
    }
    return label;
}

/* A row with a name and a text; a bar and a button if it is under way. */
static Row *
add_row(BerthTransferPanel *self, uint32_t id, const char *name)
{
    Row *row = g_new0(Row, 1);
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);
    GtkWidget *texts = gtk_box_new(GTK_ORIENTATION_VERTICAL, 2);
    GtkWidget *title = new_label(NULL);
    g_autofree char *plain = berth_plain_text(name);

    gtk_label_set_text(GTK_LABEL(title), plain);
    gtk_label_set_ellipsize(GTK_LABEL(title), PANGO_ELLIPSIZE_MIDDLE);
    row->id = id;
    row->row = box;
    row->text = new_label("berth-faint");
    gtk_label_set_line_wrap(GTK_LABEL(row->text), TRUE);
    gtk_label_set_max_width_chars(GTK_LABEL(row->text), REASON_CHARS);
    gtk_widget_set_no_show_all(row->text, TRUE);
    gtk_box_pack_start(GTK_BOX(texts), title, FALSE, FALSE, 0);
    if (id != 0) {
        row->bar = gtk_progress_bar_new();
        atk_object_set_name(gtk_widget_get_accessible(row->bar), plain);
        gtk_box_pack_start(GTK_BOX(texts), row->bar, FALSE, FALSE, 0);
        row->cancel = berth_icon_button_new("process-stop-symbolic", _("Do not send this file"));
        berth_button_over_canvas(row->cancel);
        gtk_widget_set_valign(row->cancel, GTK_ALIGN_CENTER);
        g_object_set_data(G_OBJECT(row->cancel), "berth-id", GUINT_TO_POINTER(id));
        g_signal_connect(row->cancel, "clicked", G_CALLBACK(on_cancel), self);
        gtk_box_pack_end(GTK_BOX(box), row->cancel, FALSE, FALSE, 0);
    }
    gtk_box_pack_start(GTK_BOX(texts), row->text, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), texts, TRUE, TRUE, 0);
    gtk_container_add(GTK_CONTAINER(self->list), box);
    gtk_widget_show_all(box);
    self->n_rows++;
    return row;
}

static void
set_reason(Row *row, BerthFileStatus status)
{
    g_autofree char *sentence = berth_sentence(berth_file_status_sentence(status));

    gtk_label_set_text(GTK_LABEL(row->text), sentence);
    gtk_widget_show(row->text);
    if (row->bar != NULL) {
        gtk_widget_hide(row->bar);
        gtk_widget_hide(row->cancel);
    }
}

void
berth_transfer_panel_add(BerthTransferPanel *self, uint32_t id, const char *name)
{
    if (g_hash_table_size(self->open) == 0) {
        clear(self);
    }
    g_hash_table_add(self->open, GUINT_TO_POINTER(id));
    if (self->n_rows < MAX_ROWS) {
        g_hash_table_insert(self->rows, GUINT_TO_POINTER(id), add_row(self, id, name));
    }
    update(self);
}

void
berth_transfer_panel_progress(BerthTransferPanel *self, uint32_t id, uint64_t n_bytes,
                              uint64_t size_bytes)
{
    Row *row = g_hash_table_lookup(self->rows, GUINT_TO_POINTER(id));

    if (row != NULL && size_bytes > 0) {
        gtk_progress_bar_set_fraction(GTK_PROGRESS_BAR(row->bar),
                                      (double)n_bytes / (double)size_bytes);
    }
}

void
berth_transfer_panel_end(BerthTransferPanel *self, uint32_t id, BerthFileStatus status)
{
    Row *row = g_hash_table_lookup(self->rows, GUINT_TO_POINTER(id));

    if (!g_hash_table_remove(self->open, GUINT_TO_POINTER(id))) {
        return;
    }
    if (status == BERTH_FILE_DONE) {
        self->n_sent++;
    } else if (status != BERTH_FILE_CANCELLED) {
        self->n_failed++;
    }
    if (row != NULL && (status == BERTH_FILE_DONE || status == BERTH_FILE_CANCELLED)) {
        gtk_widget_destroy(gtk_widget_get_parent(row->row));
        self->n_rows--;
    } else if (row != NULL) {
        set_reason(row, status);
    }
    g_hash_table_remove(self->rows, GUINT_TO_POINTER(id));
    update(self);
}

void
berth_transfer_panel_refuse(BerthTransferPanel *self, const char *name, BerthFileStatus status)
{
    Row *row;

    if (g_hash_table_size(self->open) == 0 && self->n_failed == 0) {
        clear(self);
    }
    self->n_failed++;
    if (self->n_rows < MAX_ROWS) {
        row = add_row(self, 0, name);
        set_reason(row, status);
        g_free(row);
    }
    update(self);
}

static void
panel_free(gpointer data)
{
    BerthTransferPanel *self = data;

    g_clear_handle_id(&self->done_source, g_source_remove);
    g_hash_table_unref(self->rows);
    g_hash_table_unref(self->open);
    g_free(self);
}

/* The line with the title and the buttons. */
static GtkWidget *
new_head(BerthTransferPanel *self)
{
    GtkWidget *head = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);

    self->title = new_label("berth-heading");
    self->stop = gtk_button_new_with_label(_("Stop"));
    self->close = gtk_button_new_with_label(_("Close"));
    berth_button_over_canvas(self->stop);
    berth_button_over_canvas(self->close);
    g_signal_connect_swapped(self->stop, "clicked", G_CALLBACK(on_stop), self);
    g_signal_connect_swapped(self->close, "clicked", G_CALLBACK(clear), self);
    gtk_box_pack_start(GTK_BOX(head), self->title, TRUE, TRUE, 0);
    gtk_box_pack_end(GTK_BOX(head), self->close, FALSE, FALSE, 0);
    gtk_box_pack_end(GTK_BOX(head), self->stop, FALSE, FALSE, 0);
    return head;
}

BerthTransferPanel *
berth_transfer_panel_new(const BerthTransferPanelCallbacks *callbacks, void *user_data)
{
    BerthTransferPanel *self = g_new0(BerthTransferPanel, 1);
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 10);

    self->callbacks = *callbacks;
    self->scrolled = gtk_scrolled_window_new(NULL, NULL);
    self->user_data = user_data;
    self->rows = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    self->open = g_hash_table_new(NULL, NULL);
    self->list = gtk_list_box_new();
    gtk_list_box_set_selection_mode(GTK_LIST_BOX(self->list), GTK_SELECTION_NONE);
    gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(self->scrolled), GTK_POLICY_NEVER,
                                   GTK_POLICY_AUTOMATIC);
    gtk_scrolled_window_set_propagate_natural_height(GTK_SCROLLED_WINDOW(self->scrolled), TRUE);
    gtk_scrolled_window_set_max_content_height(GTK_SCROLLED_WINDOW(self->scrolled), MAX_HEIGHT_PX);
    gtk_container_add(GTK_CONTAINER(self->scrolled), self->list);
    gtk_box_pack_start(GTK_BOX(box), new_head(self), FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), self->scrolled, TRUE, TRUE, 0);
    gtk_style_context_add_class(gtk_widget_get_style_context(box), "berth-panel");
    self->panel = gtk_event_box_new();
    gtk_widget_set_size_request(self->panel, WIDTH_PX, -1);
    gtk_widget_set_halign(self->panel, GTK_ALIGN_END);
    gtk_widget_set_valign(self->panel, GTK_ALIGN_END);
    g_object_set(self->panel, "margin", 16, NULL);
    gtk_container_add(GTK_CONTAINER(self->panel), box);
    gtk_widget_show_all(self->panel);
    gtk_widget_set_no_show_all(self->panel, TRUE);
    gtk_widget_hide(self->panel);
    g_object_set_data_full(G_OBJECT(self->panel), "berth-view", self, panel_free);
    return self;
}

GtkWidget *
berth_transfer_panel_get_widget(BerthTransferPanel *self)
{
    return self->panel;
}
