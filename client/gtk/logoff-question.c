/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/logoff-question.h"

#include <glib/gi18n.h>

bool
berth_logoff_question_ask(GtkWindow *window)
{
    GtkWidget *dialog = gtk_message_dialog_new(window, GTK_DIALOG_MODAL, GTK_MESSAGE_WARNING,
                                               GTK_BUTTONS_NONE, _("Log off from this desktop?"));
    bool is_wanted;

    gtk_message_dialog_format_secondary_text(GTK_MESSAGE_DIALOG(dialog),
                                             _("Programs that are open there are closed, and what "
                                               "was not saved elsewhere is lost."));
    gtk_dialog_add_buttons(GTK_DIALOG(dialog), _("_Cancel"), GTK_RESPONSE_CANCEL, _("_Log off"),
                           GTK_RESPONSE_ACCEPT, NULL);
    gtk_style_context_add_class(gtk_widget_get_style_context(gtk_dialog_get_widget_for_response(
                                    GTK_DIALOG(dialog), GTK_RESPONSE_ACCEPT)),
                                "destructive-action");
    gtk_dialog_set_default_response(GTK_DIALOG(dialog), GTK_RESPONSE_CANCEL);
    is_wanted = gtk_dialog_run(GTK_DIALOG(dialog)) == GTK_RESPONSE_ACCEPT;
    gtk_widget_destroy(dialog);
    return is_wanted;
}
