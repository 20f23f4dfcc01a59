/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/share-desk.h"

#include "client/core/file-sender.h"
#include "client/gtk/clipboard.h"
#include "client/gtk/incoming-panel.h"
#include "client/gtk/transfer-panel.h"
#include "client/gtk/widgets.h"

#include <glib/gi18n.h>

struct BerthShareDesk {
    GtkWindow *window;
    BerthDesktopPage *page;
    BerthClipboard *clipboard;
    BerthTransferPanel *panel;
    BerthFileSender *sender;
    BerthIncomingPanel *incoming;
    gulong in_hook, out_hook;
};

/* --- the panel and the sender --- */

static void
on_added(uint32_t id, const char *name, uint64_t size_bytes, void *user_data)
{
    BerthShareDesk *self = user_data;

    berth_transfer_panel_add(self->panel, id, name);
}

static void
on_progress(uint32_t id, uint64_t n_bytes, uint64_t size_bytes, void *user_data)
{
    BerthShareDesk *self = user_data;

    berth_transfer_panel_progress(self->panel, id, n_bytes, size_bytes);
}

static void
on_ended(uint32_t id, BerthFileStatus status, void *user_data)
{
    BerthShareDesk *self = user_data;

    berth_transfer_panel_end(self->panel, id, status);
}

static void
on_refused(const char *name, BerthFileStatus status, void *user_data)
{
    BerthShareDesk *self = user_data;

    berth_transfer_panel_refuse(self->panel, name, status);
}

static const BerthFileSenderCallbacks sender_callbacks = {
    .added = on_added,
    .progress = on_progress,
    .ended = on_ended,
    .refused = on_refused,
};

static void
on_cancel(uint32_t id, void *user_data)
{
    BerthShareDesk *self = user_data;

    berth_file_sender_cancel(self->sender, id);
}

static void
on_cancel_all(void *user_data)
{
    BerthShareDesk *self = user_data;

    berth_file_sender_cancel_all(self->sender);
}

static const BerthTransferPanelCallbacks panel_callbacks = {
    .cancel = on_cancel,
    .cancel_all = on_cancel_all,
};

/* --- where files come from --- */

/* uris: what is not a file of this device is left out */
static void
send_uris(BerthShareDesk *self, char **uris)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

    for (size_t i = 0; uris != NULL && uris[i] != NULL; i++) {
        char *path = g_filename_from_uri(uris[i], NULL, NULL);

        if (path != NULL) {
            g_ptr_array_add(paths, path);
        } else {
            g_autofree char *name = g_utf8_make_valid(uris[i], -1);

            on_refused(name, BERTH_FILE_FAILED, self);
        }
    }
    g_ptr_array_add(paths, NULL);
    berth_file_sender_send(self->sender, (const char *const *)paths->pdata);
}

static void
on_drag_data(GtkWidget *area, GdkDragContext *context, int x, int y, GtkSelectionData *selection,
             guint info, guint time_ms, gpointer user_data)
{
    g_auto(GStrv) uris = gtk_selection_data_get_uris(selection);

    send_uris(user_data, uris);
}

void
berth_share_desk_choose_files(BerthShareDesk *self)
{
    g_autoptr(GtkFileChooserNative) chooser =
        gtk_file_chooser_native_new(_("Send files to the desktop"), self->window,
                                    GTK_FILE_CHOOSER_ACTION_OPEN, _("_Send"), _("_Cancel"));

    gtk_file_chooser_set_select_multiple(GTK_FILE_CHOOSER(chooser), TRUE);
    if (gtk_native_dialog_run(GTK_NATIVE_DIALOG(chooser)) == GTK_RESPONSE_ACCEPT) {
        GSList *uris = gtk_file_chooser_get_uris(GTK_FILE_CHOOSER(chooser));
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);

        for (GSList *at = uris; at != NULL; at = at->next) {
            g_ptr_array_add(list, at->data);
        }
        g_slist_free(uris);
        g_ptr_array_add(list, NULL);
        send_uris(self, (char **)list->pdata);
    }
}

/* --- both --- */

static void
on_note(const char *text, void *user_data)
{
    BerthShareDesk *self = user_data;
    g_autofree char *sentence = berth_sentence(text);

    berth_desktop_page_show_notice(self->page, sentence);
}

/* Any window of ours that gets or loses the keyboard. */
static gboolean
on_focus(GSignalInvocationHint *hint, guint n_params, const GValue *params, gpointer user_data)
{
    BerthShareDesk *self = user_data;
    GObject *widget = g_value_get_object(&params[0]);
    const GdkEvent *event = n_params > 1 ? g_value_get_boxed(&params[1]) : NULL;

    if (GTK_IS_WINDOW(widget) && event != NULL && event->type == GDK_FOCUS_CHANGE) {
        berth_clipboard_set_focus(self->clipboard, event->focus_change.in);
    }
    return TRUE;
}

BerthShareDesk *
berth_share_desk_new(GtkWindow *window, BerthDesktopPage *page, BerthShare *share)
{
    static const GtkTargetEntry targets[] = { { (char *)"text/uri-list", 0, 0 } };
    BerthShareDesk *self = g_new0(BerthShareDesk, 1);
    GtkWidget *area = berth_display_view_get_widget(berth_desktop_page_get_view(page));

    self->window = window;
    self->page = page;
    self->clipboard =
        berth_clipboard_new(gtk_widget_get_display(GTK_WIDGET(window)), on_note, self);
    berth_clipboard_set_share(self->clipboard, berth_share_get_clipboard(share));
    self->panel = berth_transfer_panel_new(&panel_callbacks, self);
    self->sender = berth_file_sender_new(share, &sender_callbacks, self);
    berth_desktop_page_put_over(page, berth_transfer_panel_get_widget(self->panel));
    self->incoming = berth_incoming_panel_new(share);
    berth_desktop_page_put_over(page, berth_incoming_panel_get_widget(self->incoming));
    gtk_drag_dest_set(area, GTK_DEST_DEFAULT_ALL, targets, G_N_ELEMENTS(targets), GDK_ACTION_COPY);
    g_signal_connect(area, "drag-data-received", G_CALLBACK(on_drag_data), self);
    self->in_hook = g_signal_add_emission_hook(g_signal_lookup("focus-in-event", GTK_TYPE_WIDGET),
                                               0, on_focus, self, NULL);
    self->out_hook = g_signal_add_emission_hook(g_signal_lookup("focus-out-event", GTK_TYPE_WIDGET),
                                                0, on_focus, self, NULL);
    return self;
}

void
berth_share_desk_free(BerthShareDesk *self)
{
    if (self == NULL) {
        return;
    }
    g_signal_remove_emission_hook(g_signal_lookup("focus-in-event", GTK_TYPE_WIDGET),
                                  self->in_hook);
    g_signal_remove_emission_hook(g_signal_lookup("focus-out-event", GTK_TYPE_WIDGET),
                                  self->out_hook);
    berth_file_sender_free(self->sender);
    berth_incoming_panel_free(self->incoming);
    berth_clipboard_free(self->clipboard);
    g_free(self);
}
