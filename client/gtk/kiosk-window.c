/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/kiosk-window.h"

#include "client/core/desktop-choice.h"
#include "client/core/kiosk-plan.h"
#include "client/core/session-controller.h"
#include "client/core/sound-pulse.h"
#include "client/gtk/display-view.h"
#include "client/gtk/fullscreen.h"
#include "client/gtk/keyboard.h"
#include "client/gtk/widgets.h"

#include "base/error.h"
#include "base/log.h"

#include <glib/gi18n.h>
#include <string.h>

struct BerthKioskWindow {
    GtkWidget *window;
    GtkWidget *panel, *text, *reason;
    BerthDisplayView *view;
    BerthFullscreen *fullscreen;
    BerthKeyboard *keyboard;

    BerthKioskOptions options;
    BerthSoundClient *sound;
    BerthSessionController *controller;
    char *error;         /* since the last state */
    BerthId wished;      /* pool */
    unsigned n_failures; /* in a row */
    guint start_source, open_source;
};

static void plan_start(BerthKioskWindow *self, bool has_failed);

/* text: NULL takes the message away */
static void
show_text(BerthKioskWindow *self, const char *text, const char *reason)
{
    g_autofree char *sentence = reason != NULL ? berth_sentence(reason) : NULL;

    if (text != NULL) {
        gtk_label_set_text(GTK_LABEL(self->text), text);
        gtk_label_set_text(GTK_LABEL(self->reason), sentence != NULL ? sentence : "");
        gtk_widget_set_visible(self->reason, sentence != NULL);
    }
    gtk_widget_set_visible(self->panel, text != NULL);
}

static void
on_state(BerthClientState state, void *user_data)
{
    BerthKioskWindow *self = user_data;
    BerthKioskStep step = berth_kiosk_plan(state, self->error != NULL);

    gtk_widget_set_opacity(berth_display_view_get_widget(self->view),
                           step.text == NULL || step.is_over_it ? 1.0 : 0.0);
    show_text(self, step.text, self->error);
    if (step.text == NULL) {
        self->n_failures = 0;
        gtk_widget_grab_focus(berth_display_view_get_widget(self->view));
        berth_keyboard_opened(self->keyboard);
    }
    if (step.starts_anew) {
        plan_start(self, step.has_failed);
    }
    if (state != BERTH_CLIENT_LIST && state != BERTH_CLIENT_LOGIN) {
        g_clear_pointer(&self->error, g_free);
    }
}

static void
note_error(BerthKioskWindow *self, const char *text)
{
    berth_log_warning("kiosk", "%s", text);
    g_free(self->error);
    self->error = g_strdup(text);
}

static void
on_error(const GError *error, int64_t retry_after_s, void *user_data)
{
    note_error(user_data, error->message);
}

static void
on_ask(const BerthLoginQuestion *question, void *user_data)
{
    BerthKioskWindow *self = user_data;

    note_error(self, _("the account of this device must not need a second factor"));
    show_text(self, _("This place cannot be opened now"), self->error);
    plan_start(self, true);
}

static gboolean
on_open(gpointer user_data)
{
    BerthKioskWindow *self = user_data;

    self->open_source = 0;
    berth_session_controller_choose(self->controller, &self->wished);
    return G_SOURCE_REMOVE;
}

/* Outside of the controller's callback, because it is told to do something else. */
static void
open_later(BerthKioskWindow *self)
{
    if (self->open_source == 0) {
        self->open_source = g_idle_add(on_open, self);
    }
}

static void
on_desktops(GPtrArray *desktops, void *user_data)
{
    BerthKioskWindow *self = user_data;
    const BerthDesktop *found = berth_desktop_choose(desktops, self->options.desktop, true);

    if (found != NULL) {
        self->wished = found->pool;
        open_later(self);
        return;
    }
    note_error(self, self->options.desktop != NULL || desktops->len == 1
                         ? _("the desktop of this device is not there")
                         : _("it is not said which desktop this device is for"));
}

static void
on_opened(bool is_resumed, void *user_data)
{
    BerthKioskWindow *self = user_data;

    berth_display_view_opened(self->view);
}

static void
on_frame(const BerthFrameNews *news, void *user_data)
{
    BerthKioskWindow *self = user_data;

    berth_display_view_frame(self->view, news);
}

static void
on_cursor(const BerthCursorImage *image, void *user_data)
{
    BerthKioskWindow *self = user_data;

    berth_display_view_set_cursor(self->view, image);
}

static void
on_pointer_mode(bool is_absolute, void *user_data)
{
    BerthKioskWindow *self = user_data;

    berth_display_view_set_pointer_mode(self->view, is_absolute);
}

static void
on_ended(const GError *why, void *user_data)
{
    if (why != NULL) {
        note_error(user_data, why->message);
    }
}

/* Nobody here can say yes to somebody who wants to watch: without shadow_ask it is no. */
static const BerthControllerCallbacks callbacks = {
    .state = on_state,
    .error = on_error,
    .ask = on_ask,
    .desktops = on_desktops,
    .opened = on_opened,
    .frame = on_frame,
    .cursor = on_cursor,
    .pointer_mode = on_pointer_mode,
    .ended = on_ended,
};

/* Nothing of the last session is left: its pictures, its login, and what was copied in it. */
static void
wipe(BerthKioskWindow *self)
{
    berth_display_view_set_source(self->view, NULL, NULL, 0);
    g_clear_handle_id(&self->open_source, g_source_remove);
    g_clear_pointer(&self->controller, berth_session_controller_free);
    gtk_clipboard_set_text(gtk_clipboard_get(GDK_SELECTION_CLIPBOARD), "", 0);
    gtk_clipboard_set_text(gtk_clipboard_get(GDK_SELECTION_PRIMARY), "", 0);
}

static const char *
name_or_null(const char *name)
{
    return name[0] != '\0' ? name : NULL;
}

static bool
make_controller(BerthKioskWindow *self, GError **error)
{
    const BerthProfile *profile = self->options.profile;
    const BerthBrokerFiles files = {
        .ca_file = name_or_null(profile->ca_file),
        .certificate_file = name_or_null(profile->certificate_file),
        .key_file = name_or_null(profile->key_file),
    };
    g_autofree char *name = g_strdup_printf("kiosk on %s", g_get_host_name());
    BerthControllerCallbacks made = callbacks;
    BerthBrokerAddress address;

    made.sound = self->sound;
    if (self->options.direct != NULL) {
        self->controller =
            berth_session_controller_new_direct(self->options.direct, name, &made, self, error);
    } else if (berth_broker_address_parse(profile->broker, &address, error)) {
        self->controller = berth_session_controller_new(&address, &files, name, &made, self, error);
    }
    return self->controller != NULL;
}

static void
begin(BerthKioskWindow *self)
{
    const BerthCredentials credentials = {
        .kind = self->options.password != NULL ? BERTH_PROOF_PASSWORD : BERTH_PROOF_DEVICE,
        .user = self->options.profile->user,
        .password = self->options.password,
    };
    g_autoptr(GError) error = NULL;

    wipe(self);
    if (!make_controller(self, &error)) {
        show_text(self, _("This place cannot be opened now"), error->message);
        plan_start(self, true);
        return;
    }
    berth_display_view_set_source(
        self->view, berth_session_controller_get_picture(self->controller, 0), self->controller, 0);
    if (self->options.direct != NULL) {
        open_later(self);
    } else {
        berth_session_controller_login(self->controller, &credentials);
    }
}

static gboolean
on_start(gpointer user_data)
{
    BerthKioskWindow *self = user_data;

    self->start_source = 0;
    begin(self);
    return G_SOURCE_REMOVE;
}

/* Begins anew, later: never inside of the controller, which is thrown away. */
static void
plan_start(BerthKioskWindow *self, bool has_failed)
{
    self->n_failures = has_failed ? self->n_failures + 1 : 0;
    if (self->start_source == 0) {
        self->start_source =
            g_timeout_add((guint)berth_kiosk_wait_ms(self->n_failures), on_start, self);
    }
}

static GtkWidget *
new_panel(BerthKioskWindow *self)
{
    GtkWidget *panel = gtk_box_new(GTK_ORIENTATION_VERTICAL, 10);

    gtk_style_context_add_class(gtk_widget_get_style_context(panel), "berth-panel");
    gtk_widget_set_halign(panel, GTK_ALIGN_CENTER);
    gtk_widget_set_valign(panel, GTK_ALIGN_CENTER);
    self->text = gtk_label_new(NULL);
    gtk_style_context_add_class(gtk_widget_get_style_context(self->text), "berth-heading");
    self->reason = gtk_label_new(NULL);
    gtk_style_context_add_class(gtk_widget_get_style_context(self->reason), "berth-faint");
    gtk_label_set_line_wrap(GTK_LABEL(self->reason), TRUE);
    gtk_container_add(GTK_CONTAINER(panel), self->text);
    gtk_container_add(GTK_CONTAINER(panel), self->reason);
    gtk_widget_show(self->text);
    gtk_widget_set_no_show_all(panel, TRUE);
    return panel;
}

static gboolean
on_delete(GtkWidget *window, GdkEvent *event, gpointer user_data)
{
    return GDK_EVENT_STOP;
}

static void
on_fullscreen(bool is_full, void *user_data)
{
    BerthKioskWindow *self = user_data;

    berth_keyboard_fullscreen_changed(self->keyboard);
    if (!is_full) {
        berth_fullscreen_set(self->fullscreen, true);
    }
}

static const BerthKeyboardCallbacks no_callbacks = { 0 };

static void
make_window(BerthKioskWindow *self, GtkApplication *application)
{
    GtkWidget *overlay = gtk_overlay_new();

    self->window = gtk_application_window_new(application);
    gtk_window_set_title(GTK_WINDOW(self->window), "Berth");
    gtk_window_set_decorated(GTK_WINDOW(self->window), FALSE);
    gtk_window_set_deletable(GTK_WINDOW(self->window), FALSE);
    self->view = berth_display_view_new();
    self->panel = new_panel(self);
    gtk_container_add(GTK_CONTAINER(overlay), berth_display_view_get_widget(self->view));
    gtk_overlay_add_overlay(GTK_OVERLAY(overlay), self->panel);
    berth_display_view_add_cover(self->view, self->panel, false);
    gtk_container_add(GTK_CONTAINER(self->window), overlay);
    self->fullscreen = berth_fullscreen_new(GTK_WINDOW(self->window), NULL, on_fullscreen, self);
    self->keyboard = berth_keyboard_new(GTK_WINDOW(self->window), self->view, self->fullscreen,
                                        &no_callbacks, NULL);
    berth_keyboard_lock(self->keyboard);
    g_signal_connect(self->window, "delete-event", G_CALLBACK(on_delete), self);
}

static void
kiosk_window_free(gpointer data)
{
    BerthKioskWindow *self = data;

    g_clear_handle_id(&self->start_source, g_source_remove);
    g_clear_handle_id(&self->open_source, g_source_remove);
    berth_session_controller_free(self->controller);
    berth_sound_client_free(self->sound);
    g_free(self->error);
    g_free(self);
}

/* The canvas goes first, the controller that it looks at last. */
static void
on_destroy(GtkWidget *window, gpointer user_data)
{
    BerthKioskWindow *self = user_data;

    berth_display_view_set_source(self->view, NULL, NULL, 0);
}

BerthKioskWindow *
berth_kiosk_window_new(GtkApplication *application, const BerthKioskOptions *options)
{
    BerthKioskWindow *self = g_new0(BerthKioskWindow, 1);

    self->options = *options;
    self->sound = berth_sound_client_new(berth_sound_pulse_new("Berth"));
    make_window(self, application);
    g_signal_connect(self->window, "destroy", G_CALLBACK(on_destroy), self);
    g_object_set_data_full(G_OBJECT(self->window), "berth-kiosk", self, kiosk_window_free);
    gtk_widget_show_all(self->window);
    berth_fullscreen_set(self->fullscreen, true);
    show_text(self, _("One moment, please"), NULL);
    begin(self);
    return self;
}
