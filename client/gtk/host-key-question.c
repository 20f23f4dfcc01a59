/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/host-key-question.h"

#include "base/log.h"

#include <glib/gi18n.h>

static const BerthHostKeyChoice *
get_chosen(GtkWidget *first)
{
    for (GSList *at = gtk_radio_button_get_group(GTK_RADIO_BUTTON(first)); at != NULL;
         at = at->next) {
        if (gtk_toggle_button_get_active(at->data)) {
            return g_object_get_data(at->data, "berth-choice");
        }
    }
    return NULL;
}

/* A button for each key; returns the first one. */
static GtkWidget *
add_choices(GtkWidget *box, const BerthHostKeyChoice *present)
{
    GtkWidget *first = NULL;

    for (size_t i = 0; i < berth_n_host_key_choices; i++) {
        const BerthHostKeyChoice *choice = &berth_host_key_choices[i];
        GtkWidget *radio = gtk_radio_button_new_with_label_from_widget(
            first != NULL ? GTK_RADIO_BUTTON(first) : NULL, _(choice->label));

        g_object_set_data(G_OBJECT(radio), "berth-choice", (gpointer)choice);
        gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(radio), choice == present);
        gtk_box_pack_start(GTK_BOX(box), radio, FALSE, FALSE, 0);
        first = first != NULL ? first : radio;
    }
    return first;
}

static void
keep(BerthSettings *settings, const BerthHostKeyChoice *choice)
{
    g_autoptr(GError) error = NULL;

    settings->host_key = choice;
    if (!berth_settings_save(settings, &error)) {
        berth_log_warning("window", "%s", error->message);
    }
}

void
berth_host_key_question_ask(GtkWindow *window, BerthSettings *settings)
{
    GtkWidget *dialog = gtk_dialog_new_with_buttons(
        _("Host key"), window, GTK_DIALOG_MODAL | GTK_DIALOG_USE_HEADER_BAR, _("_Cancel"),
        GTK_RESPONSE_CANCEL, _("_Use this key"), GTK_RESPONSE_ACCEPT, NULL);
    GtkWidget *box = gtk_dialog_get_content_area(GTK_DIALOG(dialog));
    GtkWidget *text =
        gtk_label_new(_("Pressed and released alone, this key gives all keys to the desktop and "
                        "takes them back. With another key it is the desktop's."));
    GtkWidget *first;

    g_object_set(box, "margin", 18, "spacing", 8, NULL);
    gtk_label_set_line_wrap(GTK_LABEL(text), TRUE);
    gtk_label_set_max_width_chars(GTK_LABEL(text), 44);
    gtk_box_pack_start(GTK_BOX(box), text, FALSE, FALSE, 0);
    first = add_choices(box, settings->host_key);
    gtk_dialog_set_default_response(GTK_DIALOG(dialog), GTK_RESPONSE_ACCEPT);
    gtk_widget_show_all(dialog);
    if (gtk_dialog_run(GTK_DIALOG(dialog)) == GTK_RESPONSE_ACCEPT) {
        keep(settings, get_chosen(first));
    }
    gtk_widget_destroy(dialog);
}
