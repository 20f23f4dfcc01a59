/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/entrance.h"

#include "client/gtk/desktop-dialogs.h"
#include "client/gtk/login-view.h"
#include "client/gtk/picker-view.h"
#include "client/gtk/question-view.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"

#include <glib/gi18n.h>
#include <string.h>

struct BerthEntrance {
    BerthSettings *settings;
    BerthLoginView *login;
    BerthQuestionView *question;
    BerthPickerView *picker;
    BerthSessionController *controller; /* the last one that was given; borrowed */
    bool has_codes;
    bool keeps_logged_in;
    unsigned attempt; /* of the device to log in, since it was last in the list */
    guint retry_source;
    BerthEntranceCallbacks callbacks;
    void *user_data;
};

static GtkWindow *
window_of(BerthEntrance *self)
{
    return GTK_WINDOW(gtk_widget_get_toplevel(berth_login_view_get_widget(self->login)));
}

static void
save(BerthEntrance *self)
{
    g_autoptr(GError) error = NULL;

    if (!berth_settings_save(self->settings, &error)) {
        berth_log_warning("window", "%s", error->message);
    }
}

static void
remember(BerthEntrance *self, const BerthLoginForm *form)
{
    BerthProfile *profile = berth_settings_use_broker(self->settings, form->broker);

    berth_settings_set(&profile->ca_file, form->files.ca_file);
    berth_settings_set(&profile->certificate_file, form->files.certificate_file);
    berth_settings_set(&profile->key_file, form->files.key_file);
    if (form->credentials.user != NULL) {
        berth_settings_set(&profile->user, form->credentials.user);
    }
    save(self);
}

/* A controller for what the form says; NULL with the error shown, if it is to be shown. */
static BerthSessionController *
ensure_controller(BerthEntrance *self, const BerthLoginForm *form, bool is_quiet)
{
    g_autoptr(GError) error = NULL;
    BerthBrokerAddress address;

    self->controller = NULL;
    if (berth_broker_address_parse(form->broker, &address, &error)) {
        self->controller =
            self->callbacks.controller(&address, &form->files, &error, self->user_data);
    }
    if (self->controller == NULL && !is_quiet) {
        berth_login_view_show_error(self->login, error->message);
    }
    return self->controller;
}

static void
on_login(const BerthLoginForm *form, void *user_data)
{
    BerthEntrance *self = user_data;
    BerthSessionController *controller = ensure_controller(self, form, false);

    if (controller != NULL) {
        remember(self, form);
        berth_session_controller_login(controller, &form->credentials);
    }
}

/* Quietly: somebody may still be typing the address. */
static void
on_look(const BerthLoginForm *form, void *user_data)
{
    BerthEntrance *self = user_data;
    BerthSessionController *controller = ensure_controller(self, form, true);

    if (controller != NULL && berth_session_controller_get_state(controller) == BERTH_CLIENT_IDLE) {
        berth_broker_client_ask_providers(berth_session_controller_get_broker(controller));
    }
}

static void
on_profile(const char *name, void *user_data)
{
    BerthEntrance *self = user_data;
    BerthProfile *profile = berth_settings_find(self->settings, name);

    if (profile != NULL) {
        self->settings->profile = profile;
        berth_login_view_fill(self->login, self->settings);
        berth_login_view_focus(self->login);
    }
}

static void
on_forget(void *user_data)
{
    BerthEntrance *self = user_data;

    berth_settings_forget(self->settings);
    save(self);
    berth_login_view_fill(self->login, self->settings);
}

static const BerthLoginViewCallbacks login_callbacks = {
    .login = on_login,
    .look = on_look,
    .profile = on_profile,
    .forget = on_forget,
};

static void
on_answer(const char *code, void *user_data)
{
    BerthEntrance *self = user_data;

    berth_session_controller_answer(self->controller, code);
}

static void
on_cancel(void *user_data)
{
    BerthEntrance *self = user_data;

    berth_session_controller_cancel(self->controller);
}

static void
on_kept(void *user_data)
{
    BerthEntrance *self = user_data;

    self->has_codes = false;
    self->callbacks.kept(self->user_data);
}

static const BerthQuestionCallbacks question_callbacks = {
    .answer = on_answer,
    .cancel = on_cancel,
    .kept = on_kept,
};

static void
on_pick(const BerthId *pool, const char *name, void *user_data)
{
    BerthEntrance *self = user_data;

    self->callbacks.pick(pool, name, self->user_data);
}

static void
on_favourite(const BerthId *pool, bool is_favourite, void *user_data)
{
    BerthEntrance *self = user_data;
    char hex[BERTH_ID_HEX_CHARS + 1];

    berth_id_format(pool, hex);
    berth_profile_set_favourite(self->settings->profile, hex, is_favourite);
    save(self);
}

static void
on_restart(const BerthId *pool, const char *name, void *user_data)
{
    BerthEntrance *self = user_data;

    if (berth_ask_restart(window_of(self), name)) {
        berth_broker_client_restart(berth_session_controller_get_broker(self->controller), pool);
    }
}

static void
on_report(const BerthId *pool, const char *name, void *user_data)
{
    BerthEntrance *self = user_data;
    g_autofree char *text = berth_ask_report(window_of(self), name);

    if (text != NULL) {
        berth_broker_client_report(berth_session_controller_get_broker(self->controller), pool,
                                   text);
    }
}

static const BerthPickerCallbacks picker_callbacks = {
    .pick = on_pick,
    .favourite = on_favourite,
    .restart = on_restart,
    .report = on_report,
};

static void
entrance_free(gpointer data)
{
    BerthEntrance *self = data;

    g_clear_handle_id(&self->retry_source, g_source_remove);
    g_free(self);
}

BerthEntrance *
berth_entrance_new(BerthSettings *settings, const BerthEntranceCallbacks *callbacks,
                   void *user_data)
{
    BerthEntrance *self = g_new0(BerthEntrance, 1);

    self->settings = settings;
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->login = berth_login_view_new(&login_callbacks, self);
    self->question = berth_question_view_new(&question_callbacks, self);
    self->picker = berth_picker_view_new(&picker_callbacks, self);
    g_object_set_data_full(G_OBJECT(berth_login_view_get_widget(self->login)), "berth-entrance",
                           self, entrance_free);
    return self;
}

GtkWidget *
berth_entrance_get_login(BerthEntrance *self)
{
    return berth_login_view_get_widget(self->login);
}

GtkWidget *
berth_entrance_get_question(BerthEntrance *self)
{
    return berth_question_view_get_widget(self->question);
}

GtkWidget *
berth_entrance_get_picker(BerthEntrance *self)
{
    return berth_picker_view_get_widget(self->picker);
}

/* What the profile says, as if it had been typed. */
static void
use_profile(BerthEntrance *self, const BerthCredentials *credentials)
{
    const BerthProfile *profile = self->settings->profile;
    g_autofree char *broker = g_strdup(profile->broker);
    g_autofree char *ca = g_strdup(profile->ca_file);
    g_autofree char *certificate = g_strdup(profile->certificate_file);
    g_autofree char *key = g_strdup(profile->key_file);
    g_autofree char *user = g_strdup(profile->user);
    BerthLoginForm form = {
        .broker = broker,
        .files = { .ca_file = ca[0] != '\0' ? ca : NULL,
                   .certificate_file = certificate[0] != '\0' ? certificate : NULL,
                   .key_file = key[0] != '\0' ? key : NULL },
        .credentials = *credentials,
    };

    form.credentials.user = user;
    on_login(&form, self);
}

void
berth_entrance_log_in(BerthEntrance *self, BerthSecret *password)
{
    const BerthCredentials credentials = {
        .kind = password != NULL ? BERTH_PROOF_PASSWORD : BERTH_PROOF_DEVICE,
        .password = password,
    };

    use_profile(self, &credentials);
}

static gboolean
on_retry(gpointer user_data)
{
    BerthEntrance *self = user_data;

    self->retry_source = 0;
    berth_entrance_log_in(self, NULL);
    return G_SOURCE_REMOVE;
}

void
berth_entrance_keep_logged_in(BerthEntrance *self)
{
    self->keeps_logged_in = true;
}

void
berth_entrance_enter_login(BerthEntrance *self, const char *error)
{
    berth_login_view_fill(self->login, self->settings);
    berth_login_view_show_error(self->login, error);
    berth_login_view_focus(self->login);
    if (self->keeps_logged_in && self->retry_source == 0) {
        int64_t wait_us =
            self->attempt > 0 ? berth_client_backoff_us(self->attempt, g_random_int()) : 0;

        self->attempt++;
        self->retry_source = g_timeout_add((guint)(wait_us / 1000), on_retry, self);
    }
}

void
berth_entrance_enter_question(BerthEntrance *self)
{
    berth_question_view_focus(self->question);
}

void
berth_entrance_enter_list(BerthEntrance *self, const char *error)
{
    self->attempt = 0;
    berth_picker_view_show_error(self->picker, error);
    berth_picker_view_focus(self->picker);
}

/* Whether a profile leads to that broker. */
static bool
is_known(const BerthEntrance *self, const BerthBrokerAddress *wanted)
{
    for (guint i = 0; i < self->settings->profiles->len; i++) {
        const BerthProfile *profile = g_ptr_array_index(self->settings->profiles, i);
        BerthBrokerAddress address;

        if (berth_broker_address_parse(profile->broker, &address, NULL) &&
            strcmp(address.url, wanted->url) == 0) {
            return true;
        }
    }
    return false;
}

void
berth_entrance_open_link(BerthEntrance *self, const BerthLaunchLink *link)
{
    const BerthCredentials credentials = { .kind = BERTH_PROOF_CODE, .code = link->code };

    if (!is_known(self, &link->address) &&
        !berth_ask_strange_broker(window_of(self), link->address.url)) {
        return;
    }
    berth_settings_use_broker(self->settings, link->address.url);
    berth_login_view_fill(self->login, self->settings);
    berth_login_view_focus(self->login);
    if (link->code[0] != '\0') {
        use_profile(self, &credentials);
    }
}

bool
berth_entrance_ask(BerthEntrance *self, const BerthLoginQuestion *question)
{
    berth_question_view_ask(self->question, question);
    return question->state == BERTH_LOGIN_CODE || question->state == BERTH_LOGIN_BROWSER;
}

void
berth_entrance_keep_codes(BerthEntrance *self, const char *const *codes)
{
    self->has_codes = true;
    berth_question_view_show_codes(self->question, codes);
}

bool
berth_entrance_has_codes(const BerthEntrance *self)
{
    return self->has_codes;
}

void
berth_entrance_set_providers(BerthEntrance *self, GPtrArray *providers)
{
    berth_login_view_set_providers(self->login, providers);
}

void
berth_entrance_set_desktops(BerthEntrance *self, GPtrArray *desktops)
{
    berth_picker_view_set_desktops(self->picker, desktops, self->settings->profile);
}

bool
berth_entrance_done(BerthEntrance *self, BerthBrokerRequest request, const GError *error)
{
    if (request != BERTH_BROKER_RESTART && request != BERTH_BROKER_REPORT) {
        return false;
    }
    if (error != NULL) {
        berth_picker_view_show_error(self->picker, error->message);
    } else if (request == BERTH_BROKER_REPORT) {
        berth_picker_view_show_notice(self->picker, _("Your report was sent. Thank you."));
    } else {
        berth_session_controller_reload(self->controller);
    }
    return true;
}
