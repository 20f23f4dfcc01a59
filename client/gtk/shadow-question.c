/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/shadow-question.h"

#include "client/gtk/widgets.h"

#include "berth/limits.h"

#include <glib/gi18n.h>

#define TEXT_CHARS 60

struct BerthShadowQuestion {
    GtkWidget *panel;
    GtkWidget *text, *detail;
    BerthMsgShadowAsk asks[BERTH_LIMIT_SHADOW_QUESTIONS]; /* the first one is shown */
    size_t n_asks;
    BerthShadowAnswerFunc func;
    void *user_data;
};

static void
show_first(BerthShadowQuestion *self)
{
    const BerthMsgShadowAsk *ask = &self->asks[0];
    bool is_control = ask->mode == BERTH_SHADOW_CONTROL;
    g_autofree char *who = NULL;
    g_autofree char *text = NULL;

    if (self->n_asks == 0) {
        gtk_widget_hide(self->panel);
        return;
    }
    who = berth_plain_text(ask->who);
    text = g_strdup_printf(is_control ? _("%s wants to watch and control this desktop")
                                      : _("%s wants to watch this desktop"),
                           who);
    gtk_label_set_text(GTK_LABEL(self->text), text);
    gtk_label_set_text(GTK_LABEL(self->detail),
                       is_control ? _("They would see all you see, and could type and click.")
                                  : _("They would see all you see, and could do nothing."));
    berth_widget_announce(self->panel, text);
    gtk_widget_show(self->panel);
}

static void
answer(BerthShadowQuestion *self, bool is_allowed)
{
    uint32_t id = self->asks[0].id;

    if (self->n_asks == 0) {
        return;
    }
    self->n_asks--;
    for (size_t i = 0; i < self->n_asks; i++) {
        self->asks[i] = self->asks[i + 1];
    }
    show_first(self);
    self->func(id, is_allowed, self->user_data);
}

static void
on_allow(BerthShadowQuestion *self)
{
    answer(self, true);
}

static void
on_refuse(BerthShadowQuestion *self)
{
    answer(self, false);
}

static GtkWidget *
add_label(GtkWidget *box, const char *class_name)
{
    GtkWidget *label = gtk_label_new(NULL);

    gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_END);
    gtk_label_set_max_width_chars(GTK_LABEL(label), TEXT_CHARS);
    gtk_widget_set_halign(label, GTK_ALIGN_START);
    gtk_style_context_add_class(gtk_widget_get_style_context(label), class_name);
    gtk_box_pack_start(GTK_BOX(box), label, FALSE, FALSE, 0);
    return label;
}

static GtkWidget *
add_button(BerthShadowQuestion *self, GtkWidget *box, const char *label, GCallback func)
{
    GtkWidget *button = gtk_button_new_with_label(label);

    berth_button_over_canvas(button);
    gtk_widget_set_valign(button, GTK_ALIGN_CENTER);
    g_signal_connect_swapped(button, "clicked", func, self);
    gtk_box_pack_start(GTK_BOX(box), button, FALSE, FALSE, 0);
    return button;
}

BerthShadowQuestion *
berth_shadow_question_new(BerthShadowAnswerFunc func, void *user_data)
{
    BerthShadowQuestion *self = g_new0(BerthShadowQuestion, 1);
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 12);
    GtkWidget *texts = gtk_box_new(GTK_ORIENTATION_VERTICAL, 4);

    self->func = func;
    self->user_data = user_data;
    self->text = add_label(texts, "berth-heading");
    self->detail = add_label(texts, "berth-faint");
    gtk_widget_set_margin_end(texts, 18);
    gtk_box_pack_start(GTK_BOX(box), texts, TRUE, TRUE, 0);
    add_button(self, box, _("Refuse"), G_CALLBACK(on_refuse));
    add_button(self, box, _("Allow"), G_CALLBACK(on_allow));
    self->panel = gtk_event_box_new();
    gtk_style_context_add_class(gtk_widget_get_style_context(box), "berth-panel");
    gtk_widget_set_halign(self->panel, GTK_ALIGN_CENTER);
    gtk_widget_set_valign(self->panel, GTK_ALIGN_START);
    gtk_container_add(GTK_CONTAINER(self->panel), box);
    gtk_widget_show_all(self->panel);
    gtk_widget_set_no_show_all(self->panel, TRUE);
    gtk_widget_hide(self->panel);
    g_object_set_data_full(G_OBJECT(self->panel), "berth-view", self, g_free);
    return self;
}

GtkWidget *
berth_shadow_question_get_widget(BerthShadowQuestion *self)
{
    return self->panel;
}

void
berth_shadow_question_ask(BerthShadowQuestion *self, const BerthMsgShadowAsk *ask)
{
    if (self->n_asks == G_N_ELEMENTS(self->asks)) {
        self->func(ask->id, false, self->user_data);
        return;
    }
    self->asks[self->n_asks++] = *ask;
    show_first(self);
}

void
berth_shadow_question_clear(BerthShadowQuestion *self)
{
    self->n_asks = 0;
    show_first(self);
}
