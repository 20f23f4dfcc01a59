/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/monitor-question.h"

#include <glib/gi18n.h>

#define MAX_MONITORS 32

typedef struct {
    GtkWidget *dialog;
    GtkWidget *checks[MAX_MONITORS];
    size_t n_checks;
} Question;

static uint32_t
get_chosen(const Question *question)
{
    uint32_t chosen = 0;

    for (size_t i = 0; i < question->n_checks; i++) {
        if (gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(question->checks[i]))) {
            chosen |= 1u << i;
        }
    }
    return chosen;
}

/* A desktop on no monitor is not on offer. */
static void
on_toggled(Question *question)
{
    gtk_dialog_set_response_sensitive(GTK_DIALOG(question->dialog), GTK_RESPONSE_ACCEPT,
                                      get_chosen(question) != 0);
}

/* "2: DP-1, 2560 × 1440 pixels, 200 %" */
static char *
describe(size_t number, GdkMonitor *monitor, const char *name)
{
    int scale = gdk_monitor_get_scale_factor(monitor);
    GdkRectangle place;

    gdk_monitor_get_geometry(monitor, &place);
    return g_strdup_printf(_("%zu: %s, %d × %d pixels, %d %%%s"), number, name, place.width * scale,
                           place.height * scale, 100 * scale,
                           gdk_monitor_is_primary(monitor) ? _(", primary") : "");
}

static void
add_check(Question *question, GdkMonitor *monitor, const char *name, bool is_chosen)
{
    GtkWidget *box = gtk_dialog_get_content_area(GTK_DIALOG(question->dialog));
    g_autofree char *text = describe(question->n_checks + 1, monitor, name);
    GtkWidget *check = gtk_check_button_new_with_label(text);

    gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(check), is_chosen);
    g_signal_connect_swapped(check, "toggled", G_CALLBACK(on_toggled), question);
    gtk_box_pack_start(GTK_BOX(box), check, FALSE, FALSE, 0);
    question->checks[question->n_checks++] = check;
}

bool
berth_monitor_question_ask(GtkWindow *window, GdkMonitor *const *monitors, char *const *names,
                           size_t n_monitors, uint32_t *chosen)
{
    Question question = { 0 };
    GtkWidget *box;
    bool is_wanted;

    question.dialog = gtk_dialog_new_with_buttons(
        _("Screens of the desktop"), window, GTK_DIALOG_MODAL | GTK_DIALOG_USE_HEADER_BAR,
        _("_Cancel"), GTK_RESPONSE_CANCEL, _("_Fill these"), GTK_RESPONSE_ACCEPT, NULL);
    box = gtk_dialog_get_content_area(GTK_DIALOG(question.dialog));
    g_object_set(box, "margin", 18, "spacing", 8, NULL);
    for (size_t i = 0; i < MIN(n_monitors, MAX_MONITORS); i++) {
        add_check(&question, monitors[i], names[i], (*chosen & 1u << i) != 0);
    }
    gtk_dialog_set_default_response(GTK_DIALOG(question.dialog), GTK_RESPONSE_ACCEPT);
    on_toggled(&question);
    gtk_widget_show_all(question.dialog);
    is_wanted = gtk_dialog_run(GTK_DIALOG(question.dialog)) == GTK_RESPONSE_ACCEPT;
    if (is_wanted) {
        *chosen = get_chosen(&question);
    }
    gtk_widget_destroy(question.dialog);
    return is_wanted;
}
