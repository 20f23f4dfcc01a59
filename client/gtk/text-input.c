/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/text-input.h"

struct BerthTextInput {
    GtkWidget *area;
    GtkIMContext *context;
    void (*func)(const char *text, void *user_data);
    void *user_data;
    bool is_enabled;
};

static void
on_commit(GtkIMContext *context, const char *text, gpointer user_data)
{
    BerthTextInput *self = user_data;

    self->func(text, self->user_data);
}

BerthTextInput *
berth_text_input_new(GtkWidget *area, void (*func)(const char *text, void *user_data),
                     void *user_data)
{
    BerthTextInput *self = g_new0(BerthTextInput, 1);

    self->area = area;
    self->func = func;
    self->user_data = user_data;
    self->context = gtk_im_multicontext_new();
    g_signal_connect(self->context, "commit", G_CALLBACK(on_commit), self);
    return self;
}

void
berth_text_input_free(BerthTextInput *self)
{
    if (self != NULL) {
        g_signal_handlers_disconnect_by_data(self->context, self);
        g_object_unref(self->context);
        g_free(self);
    }
}

void
berth_text_input_set_enabled(BerthTextInput *self, bool is_enabled)
{
    self->is_enabled = is_enabled;
    berth_text_input_set_focus(self, gtk_widget_has_focus(self->area));
}

void
berth_text_input_set_focus(BerthTextInput *self, bool has_focus)
{
    gtk_im_context_set_client_window(self->context, gtk_widget_get_window(self->area));
    if (has_focus && self->is_enabled) {
        gtk_im_context_focus_in(self->context);
    } else {
        gtk_im_context_reset(self->context);
        gtk_im_context_focus_out(self->context);
    }
}

bool
berth_text_input_filter(BerthTextInput *self, GdkEventKey *event)
{
    return self->is_enabled && gtk_im_context_filter_keypress(self->context, event);
}
