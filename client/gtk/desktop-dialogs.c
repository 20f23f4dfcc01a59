/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/desktop-dialogs.h"

#include "berth/limits.h"

#include <glib/gi18n.h>

/* A question with a way back and one way on. */
static GtkWidget *
new_question(GtkWindow *parent, const char *title, const char *text, const char *yes)
{
    GtkWidget *dialog = gtk_message_dialog_new(parent, GTK_DIALOG_MODAL, GTK_MESSAGE_QUESTION,
                                               GTK_BUTTONS_NONE, "%s", title);

    gtk_message_dialog_format_secondary_text(GTK_MESSAGE_DIALOG(dialog), "%s", text);
    gtk_dialog_add_buttons(GTK_DIALOG(dialog), _("_Cancel"), GTK_RESPONSE_CANCEL, yes,
                           GTK_RESPONSE_ACCEPT, NULL);
    gtk_dialog_set_default_response(GTK_DIALOG(dialog), GTK_RESPONSE_CANCEL);
    return dialog;
}

static bool
ask(GtkWidget *dialog)
{
    bool is_accepted = gtk_dialog_run(GTK_DIALOG(dialog)) == GTK_RESPONSE_ACCEPT;

    gtk_widget_destroy(dialog);
    return is_accepted;
}

bool
berth_ask_restart(GtkWindow *parent, const char *name)
{
    g_autofree char *title = g_strdup_printf(_("Restart “%s”?"), name);
    GtkWidget *dialog = new_question(parent, title,
                                     _("Programs that are open there are closed, and what was not "
                                       "saved is lost."),
                                     _("_Restart"));

    gtk_style_context_add_class(gtk_widget_get_style_context(gtk_dialog_get_widget_for_response(
                                    GTK_DIALOG(dialog), GTK_RESPONSE_ACCEPT)),
                                "destructive-action");
    return ask(dialog);
}

bool
berth_ask_strange_broker(GtkWindow *parent, const char *url)
{
    g_autofree char *text =
        g_strdup_printf(_("The link leads to %s, which was never used on this computer. Go on only "
                          "if you expected it: what you type there can be read there."),
                        url);

    return ask(
        new_question(parent, _("Open a desktop of a site that is new here?"), text, _("_Open")));
}

char *
berth_ask_report(GtkWindow *parent, const char *name)
{
    g_autofree char *title = g_strdup_printf(_("What is wrong with “%s”?"), name);
    GtkWidget *dialog = new_question(parent, title,
                                     _("Your administrators read it, together with your name and "
                                       "the desktop you had. Do not write passwords."),
                                     _("_Send"));
    GtkWidget *area = gtk_message_dialog_get_message_area(GTK_MESSAGE_DIALOG(dialog));
    GtkWidget *entry = gtk_entry_new();
    char *text = NULL;

    gtk_entry_set_max_length(GTK_ENTRY(entry), BERTH_LIMIT_REPORT_BYTES / 4);
    gtk_entry_set_activates_default(GTK_ENTRY(entry), TRUE);
    gtk_entry_set_width_chars(GTK_ENTRY(entry), 48);
    atk_object_set_name(gtk_widget_get_accessible(entry), title);
    gtk_widget_show(entry);
    gtk_box_pack_start(GTK_BOX(area), entry, FALSE, FALSE, 0);
    gtk_dialog_set_default_response(GTK_DIALOG(dialog), GTK_RESPONSE_ACCEPT);
    if (gtk_dialog_run(GTK_DIALOG(dialog)) == GTK_RESPONSE_ACCEPT) {
        text = g_strstrip(g_strdup(gtk_entry_get_text(GTK_ENTRY(entry))));
    }
    gtk_widget_destroy(dialog);
    if (text != NULL && text[0] == '\0') {
        g_clear_pointer(&text, g_free);
    }
    return text;
}
