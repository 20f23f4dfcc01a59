/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/probe-login.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"

#include <string.h>

void
berth_probe_login_init(BerthProbeLogin *self)
{
    memset(self, 0, sizeof *self);
    self->password_fd = -1;
    self->code_fd = -1;
}

void
berth_probe_login_add_options(BerthProbeLogin *self, GOptionContext *context)
{
    const GOptionEntry entries[] = {
        { "broker", 0, 0, G_OPTION_ARG_STRING, &self->broker, "address of the broker",
          "https://HOST:PORT" },
        { "ca", 0, 0, G_OPTION_ARG_FILENAME, &self->ca_file, "authorities to trust, PEM", "FILE" },
        { "user", 0, 0, G_OPTION_ARG_STRING, &self->user, "user name", "NAME" },
        { "password-fd", 0, 0, G_OPTION_ARG_INT, &self->password_fd,
          "read the password from this descriptor", "N" },
        { "code-fd", 0, 0, G_OPTION_ARG_INT, &self->code_fd,
          "read the code of the second factor from this descriptor when it is asked for", "N" },
        { "provider", 0, 0, G_OPTION_ARG_STRING, &self->provider,
          "log in at this provider: its address is told for a browser", "NAME" },
        { "certificate", 0, 0, G_OPTION_ARG_FILENAME, &self->certificate_file,
          "certificate of this device, PEM", "FILE" },
        { "certificate-key", 0, 0, G_OPTION_ARG_FILENAME, &self->key_file, "its key, PEM", "FILE" },
        { "device", 0, 0, G_OPTION_ARG_NONE, &self->is_device,
          "log in by the certificate of this device", NULL },
        { "list", 0, 0, G_OPTION_ARG_NONE, &self->lists_desktops,
          "print the desktops as JSON instead of opening one", NULL },
        { "link", 0, 0, G_OPTION_ARG_STRING, &self->link_text,
          "go where a berth:// link or a .berth file says", "LINK" },
        { 0 },
    };

    g_option_context_add_main_entries(context, entries, NULL);
}

/* What a link says counts as if the command line said it. */
static bool
take_link(BerthProbeLogin *self, GError **error)
{
    if (!berth_launch_link_load(self->link_text, &self->link, error)) {
        return false;
    }
    if (self->broker != NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "the link names the broker; leave out --broker '%s'", self->broker);
    }
    self->broker = g_strdup(self->link.address.url);
    return true;
}

/* A name and a password, if nothing else proves who the user is. */
static bool
check_password(const BerthProbeLogin *self, GError **error)
{
    if (self->user == NULL || self->user[0] == '\0') {
        return berth_set_error(error, BERTH_ERR_INVALID, "no user is given; use --user NAME");
    }
    if (self->password_fd < 0) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "no password is given; use --password-fd N, for example "
                               "--password-fd 3 3<file");
    }
    return true;
}

bool
berth_probe_login_check(BerthProbeLogin *self, GError **error)
{
    if ((self->link_text != NULL && !take_link(self, error)) ||
        !berth_broker_address_parse(self->broker, &self->address, error)) {
        return false;
    }
    if (self->key_file != NULL && self->certificate_file == NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "--certificate-key '%s' is of no use without --certificate",
                               self->key_file);
    }
    if (self->is_device) {
        return self->certificate_file != NULL ||
               berth_set_error(error, BERTH_ERR_INVALID,
                               "--device needs the device's certificate; use --certificate FILE");
    }
    return self->provider != NULL || self->link.code[0] != '\0' || check_password(self, error);
}

BerthBrokerFiles
berth_probe_login_get_files(const BerthProbeLogin *self)
{
    return (BerthBrokerFiles){ .ca_file = self->ca_file,
                               .certificate_file = self->certificate_file,
                               .key_file = self->key_file };
}

bool
berth_probe_login_read(BerthProbeLogin *self, GError **error)
{
    if (self->password_fd < 0) {
        return true;
    }
    self->password = berth_secret_read_fd(self->password_fd, BERTH_LIMIT_PASSWORD_BYTES, error);
    return self->password != NULL;
}

void
berth_probe_login_begin(BerthProbeLogin *self, BerthSessionController *controller)
{
    BerthCredentials credentials = { .kind = BERTH_PROOF_PASSWORD,
                                     .user = self->user,
                                     .password = self->password,
                                     .code = self->link.code };

    if (self->provider != NULL) {
        berth_broker_client_ask_providers(berth_session_controller_get_broker(controller));
        return;
    }
    if (self->is_device) {
        credentials.kind = BERTH_PROOF_DEVICE;
    } else if (self->link.code[0] != '\0') {
        credentials.kind = BERTH_PROOF_CODE;
    }
    berth_session_controller_login(controller, &credentials);
    g_clear_pointer(&self->password, berth_secret_free);
}

bool
berth_probe_login_choose(BerthProbeLogin *self, BerthSessionController *controller,
                         GPtrArray *providers, GError **error)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < providers->len; i++) {
        const BerthProviderName *provider = g_ptr_array_index(providers, i);
        char hex[BERTH_ID_HEX_CHARS + 1];

        berth_id_format(&provider->id, hex);
        if (strcmp(provider->name, self->provider) == 0 || strcmp(hex, self->provider) == 0) {
            const BerthCredentials credentials = { .kind = BERTH_PROOF_PROVIDER,
                                                   .provider = provider->id };

            berth_session_controller_login(controller, &credentials);
            return true;
        }
        g_string_append_printf(names, "%s'%s'", i > 0 ? ", " : "", provider->name);
    }
    return berth_set_error(error, BERTH_ERR_FORBIDDEN,
                           "nobody can log in at '%s' here; there is %s", self->provider,
                           names->len > 0 ? names->str : "no provider");
}

bool
berth_probe_login_answer(BerthProbeLogin *self, BerthSessionController *controller,
                         const BerthLoginQuestion *question, GError **error)
{
    g_autoptr(BerthSecret) code = NULL;

    if (question->why != NULL) {
        return berth_set_error(error, BERTH_ERR_BAD_CREDENTIALS, "%s", question->why);
    }
    if (question->enrolment != NULL) {
        return berth_set_error(error, BERTH_ERR_BAD_CREDENTIALS,
                               "this user has to set a second factor up first; log in with berth");
    }
    if (self->code_fd < 0) {
        return berth_set_error(error, BERTH_ERR_BAD_CREDENTIALS,
                               "the broker asks for a second factor; use --code-fd N");
    }
    code = berth_secret_read_fd(self->code_fd, BERTH_LIMIT_CLIENT_CODE_CHARS, error);
    if (code == NULL) {
        return false;
    }
    berth_session_controller_answer(controller, (const char *)berth_secret_bytes(code));
    return true;
}

void
berth_probe_login_clear(BerthProbeLogin *self)
{
    g_free(self->broker);
    g_free(self->ca_file);
    g_free(self->certificate_file);
    g_free(self->key_file);
    g_free(self->user);
    g_free(self->provider);
    g_free(self->link_text);
    berth_secret_free(self->password);
    berth_launch_link_clear(&self->link);
}
