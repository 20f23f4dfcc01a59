/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/application.h"

#include "client/core/broker-address.h"
#include "client/core/connection-file.h"
#include "client/core/diagnostics.h"
#include "client/core/settings.h"
#include "client/core/translation.h"
#include "client/gtk/kiosk-window.h"
#include "client/gtk/toolkit.h"
#include "client/gtk/watchdog.h"
#include "client/gtk/widgets.h"
#include "client/gtk/window.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/secret.h"
#include "berth/limits.h"

#include <glib/gi18n.h>
#include <gtk/gtk.h>
#include <signal.h>
#include <stdio.h>

typedef struct {
    char *broker, *ca_file, *certificate_file, *key_file, *user, *desktop, *direct_file, *shadow;
    char *monitors;
    char *diagnostics_file;
    gboolean is_device;
    bool has_link;
    BerthLaunchLink link; /* if has_link */
    gboolean wants_control;
    BerthId session; /* if shadow is set */
    int password_fd;
    gboolean is_fullscreen, is_kiosk, shows_version;
    BerthSettings settings;
    BerthSecret *password;
    BerthConnectionFile direct; /* if direct_file was read */
} Application;

static const char description[] =
    N_("berth probe does the same without a window; see berth probe --help.\n"
       "berth play shows a recorded session; see berth play --help.");

static bool
parse(Application *self, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "broker", 0, 0, G_OPTION_ARG_STRING, &self->broker, N_("address of the broker"),
          "https://HOST:PORT" },
        { "ca", 0, 0, G_OPTION_ARG_FILENAME, &self->ca_file, N_("authorities to trust, PEM"),
          N_("FILE") },
        { "certificate", 0, 0, G_OPTION_ARG_FILENAME, &self->certificate_file,
          N_("certificate of this device, PEM"), N_("FILE") },
        { "certificate-key", 0, 0, G_OPTION_ARG_FILENAME, &self->key_file, N_("its key, PEM"),
          N_("FILE") },
        { "device", 0, 0, G_OPTION_ARG_NONE, &self->is_device,
          N_("log in by the certificate of this device, and again whenever that is over"), NULL },
        { "user", 0, 0, G_OPTION_ARG_STRING, &self->user, N_("user name"), N_("NAME") },
        { "desktop", 0, 0, G_OPTION_ARG_STRING, &self->desktop,
          N_("open this desktop after the login"), N_("NAME") },
        { "shadow", 0, 0, G_OPTION_ARG_STRING, &self->shadow,
          N_("after the login of an administrator, watch this session, if its user agrees"),
          N_("SESSION") },
        { "control", 0, 0, G_OPTION_ARG_NONE, &self->wants_control,
          N_("with --shadow: ask for keys and pointer, too"), NULL },
        { "password-fd", 0, 0, G_OPTION_ARG_INT, &self->password_fd,
          N_("read the password from this descriptor and log in"), "N" },
        { "direct", 0, 0, G_OPTION_ARG_FILENAME, &self->direct_file,
          N_("open the display that berth-session --share tells of in this file"), N_("FILE") },
        { "fullscreen", 0, 0, G_OPTION_ARG_NONE, &self->is_fullscreen,
          N_("show the desktop on the full screen"), NULL },
        { "monitors", 0, 0, G_OPTION_ARG_STRING, &self->monitors,
          N_("the same on these monitors: numbers from 1 on, or all"), "N[,N]..." },
        { "kiosk", 0, 0, G_OPTION_ARG_NONE, &self->is_kiosk,
          N_("show one desktop and nothing else, and never end"), NULL },
        { "diagnostics", 0, 0, G_OPTION_ARG_FILENAME, &self->diagnostics_file,
          N_("write what helps to find a fault into this file, and end"), "FILE" },
        { "version", 0, 0, G_OPTION_ARG_NONE, &self->shows_version, N_("tell the version"), NULL },
        { 0 },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(N_("[LINK]"));

    self->password_fd = -1;
    g_option_context_set_summary(context, N_("Opens your desktop."));
    g_option_context_set_translation_domain(context, BERTH_TRANSLATION_DOMAIN);
    g_option_context_set_description(context, description);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_group(context, gtk_get_option_group(FALSE));
    if (!g_option_context_parse(context, argc, argv, error)) {
        return false;
    }
    if (*argc > 2) {
        return berth_set_error(error, BERTH_ERR_INVALID, _("'%s' is not an option"), (*argv)[2]);
    }
    self->has_link = *argc == 2;
    return !self->has_link || berth_launch_link_load((*argv)[1], &self->link, error);
}

/* The command line counts more than what was remembered. */
static bool
load_settings(Application *self, GError **error)
{
    BerthBrokerAddress address;

    berth_settings_load(&self->settings, NULL);
    if (self->broker != NULL) {
        if (!berth_broker_address_parse(self->broker, &address, error)) {
            return false;
        }
        berth_settings_use_broker(&self->settings, self->broker);
    }
    if (self->ca_file != NULL) {
        berth_settings_set(&self->settings.profile->ca_file, self->ca_file);
    }
    if (self->certificate_file != NULL) {
        berth_settings_set(&self->settings.profile->certificate_file, self->certificate_file);
        berth_settings_set(&self->settings.profile->key_file, self->key_file);
    }
    if (self->is_device && self->settings.profile->certificate_file[0] == '\0') {
        return berth_set_error(
            error, BERTH_ERR_INVALID,
            _("--device needs the device's certificate; use --certificate FILE"));
    }
    if (self->user != NULL) {
        berth_settings_set(&self->settings.profile->user, self->user);
    }
    if (self->password_fd >= 0) {
        self->password = berth_secret_read_fd(self->password_fd, BERTH_LIMIT_PASSWORD_BYTES, error);
        return self->password != NULL;
    }
    return true;
}

static bool
load_direct(Application *self, GError **error)
{
    if (self->direct_file == NULL) {
        return true;
    }
    if (self->broker != NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               _("--direct goes to a session without a broker; leave out --broker "
                                 "'%s'"),
                               self->broker);
    }
    return berth_connection_file_load(self->direct_file, &self->direct, error);
}

static bool
check_shadow(Application *self, GError **error)
{
    if (self->shadow != NULL && berth_id_parse(self->shadow, &self->session) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               _("'%s' is no id of a session; berthctl sessions lists them"),
                               self->shadow);
    }
    return true;
}

/* The login of the device is needed as long as the program runs. */
static void
open_kiosk(Application *self, GtkApplication *application)
{
    const BerthKioskOptions options = {
        .profile = self->settings.profile,
        .desktop = self->desktop,
        .password = self->password,
        .direct = self->direct_file != NULL ? &self->direct : NULL,
    };

    berth_kiosk_window_new(application, &options);
    berth_watchdog_start();
}

static void
on_activate(GtkApplication *application, gpointer user_data)
{
    Application *self = user_data;
    BerthWindowOptions options = {
        .settings = &self->settings,
        .desktop = self->desktop,
        .shadow = self->shadow != NULL ? &self->session : NULL,
        .wants_control = self->wants_control,
        .password = self->password,
        .link = self->has_link ? &self->link : NULL,
        .is_device = self->is_device,
        .direct = self->direct_file != NULL ? &self->direct : NULL,
        .is_fullscreen = self->is_fullscreen,
        .monitors = self->monitors,
    };

    berth_style_load(gdk_screen_get_default());
    if (self->is_kiosk) {
        open_kiosk(self, application);
        return;
    }
    berth_window_new(application, &options);
    g_clear_pointer(&self->password, berth_secret_free);
    berth_connection_file_clear(&self->direct);
    berth_launch_link_clear(&self->link);
}

/* What can be told without a desktop; with a display, if there is one. */
static int
write_diagnostics(const Application *self)
{
    g_autofree char *system = berth_diagnostics_describe_system();
    g_autofree char *toolkit = berth_toolkit_init() ? berth_toolkit_describe() : NULL;
    g_autofree char *about =
        g_strconcat(system, toolkit != NULL ? toolkit : "display: none\n", NULL);
    g_autofree char *log = berth_log_dup_kept();
    const BerthDiagnostics diagnostics = { .settings = &self->settings,
                                           .about = about,
                                           .log = log };
    g_autoptr(GError) error = NULL;

    if (!berth_diagnostics_write(&diagnostics, self->diagnostics_file, &error)) {
        fprintf(stderr, "berth: %s\n", error->message);
        return 1;
    }
    return 0;
}

static int
run(Application *self)
{
    g_autoptr(GtkApplication) application = gtk_application_new(NULL, G_APPLICATION_NON_UNIQUE);
    char *no_arguments[] = { (char *)"berth", NULL };

    signal(SIGPIPE, SIG_IGN);
    g_signal_connect(application, "activate", G_CALLBACK(on_activate), self);
    return g_application_run(G_APPLICATION(application), 1, no_arguments);
}

static void
clear(Application *self)
{
    berth_settings_clear(&self->settings);
    berth_secret_free(self->password);
    berth_connection_file_clear(&self->direct);
    g_free(self->direct_file);
    g_free(self->broker);
    g_free(self->ca_file);
    g_free(self->certificate_file);
    g_free(self->key_file);
    g_free(self->user);
    g_free(self->desktop);
    g_free(self->monitors);
    g_free(self->diagnostics_file);
    g_free(self->shadow);
}

int
berth_application_main(int argc, char **argv)
{
    Application self = { 0 };
    g_autoptr(GError) error = NULL;
    int status = 0;

    g_set_prgname("berth");
    g_set_application_name("Berth");
    berth_log_init("berth");
    berth_log_keep(BERTH_LIMIT_CLIENT_KEPT_LOG_LINES);
    berth_toolkit_prepare();
    if (!parse(&self, &argc, &argv, &error)) {
        fprintf(stderr, _("berth: %s; see berth --help\n"), error->message);
        status = 1;
    } else if (self.shows_version) {
        printf("berth %s\n", BERTH_VERSION);
    } else if (!load_settings(&self, &error) || !load_direct(&self, &error) ||
               !check_shadow(&self, &error)) {
        fprintf(stderr, "berth: %s\n", error->message);
        status = 1;
    } else if (self.diagnostics_file != NULL) {
        status = write_diagnostics(&self);
    } else if (!berth_toolkit_init()) {
        fprintf(stderr, _("berth: there is no display; set DISPLAY, or use berth probe\n"));
        status = 1;
    } else {
        status = run(&self);
    }
    clear(&self);
    return status;
}
