/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exit status: 0 done, 1 the server or the connection said no, 2 the command line is wrong.
 */
#include "base/error.h"
#include "base/id.h"
#include "base/secret.h"
#include "berth/limits.h"
#include "broker/ctl/client.h"
#include "broker/ctl/command.h"
#include "broker/ctl/table.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *broker_url;
static char *ca_file;
static char *socket_path;
static char *user_name;
static int password_fd = -1;
static gboolean is_json;
static gboolean is_version;

static const GOptionEntry entries[] = {
    { "broker", 0, 0, G_OPTION_ARG_STRING, &broker_url, "address of the gateway (BERTH_BROKER)",
      "https://HOST:PORT" },
    { "ca", 0, 0, G_OPTION_ARG_FILENAME, &ca_file, "certificate of the site (BERTH_CA)", "FILE" },
    { "socket", 0, 0, G_OPTION_ARG_FILENAME, &socket_path, "use the broker's own socket", "PATH" },
    { "user", 0, 0, G_OPTION_ARG_STRING, &user_name,
      "log in for this command (else BERTH_TOKEN_FILE)", "NAME" },
    { "password-fd", 0, 0, G_OPTION_ARG_INT, &password_fd, "read the password from this descriptor",
      "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &is_json, "print JSON", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &is_version, "print the version and end", NULL },
    { NULL },
};

static bool
log_in(BerthCtlClient *client, char **ret_token, GError **error)
{
    if (password_fd < 0) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "--user needs --password-fd");
    }
    g_autoptr(BerthSecret) password =
        berth_secret_read_fd(password_fd, BERTH_LIMIT_PASSWORD_BYTES, error);
    if (password == NULL) {
        return false;
    }
    json_auto_t *body = json_pack("{s:s, s:s}", "user", user_name, "password",
                                  (const char *)berth_secret_bytes(password));
    json_auto_t *reply = NULL;
    if (!berth_ctl_client_call(client, "POST", "/v1/auth/login", body, &reply, error)) {
        return false;
    }
    const char *token = json_string_value(json_object_get(reply, "token"));
    if (token == NULL) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "the server gave no token");
    }
    *ret_token = g_strdup(token);
    return true;
}

static bool
load_token(BerthCtlClient *client, bool *ret_is_temporary, GError **error)
{
    g_autofree char *token = NULL;
    const char *path = g_getenv("BERTH_TOKEN_FILE");
    *ret_is_temporary = user_name != NULL;
    if (user_name != NULL) {
        if (!log_in(client, &token, error)) {
            return false;
        }
    } else if (path == NULL) {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "log in with --user and --password-fd, or set BERTH_TOKEN_FILE");
    } else if (!g_file_get_contents(path, &token, NULL, error)) {
        return false;
    }
    berth_ctl_client_set_token(client, g_strstrip(token));
    berth_wipe(token, strlen(token));
    return true;
}

/* Writes the token where later commands find it, readable by its owner only. */
static bool
keep_token(const char *token, GError **error)
{
    const char *path = g_getenv("BERTH_TOKEN_FILE");
    if (path == NULL) {
        puts(token);
        return true;
    }
    return g_file_set_contents_full(path, token, (gssize)strlen(token),
                                    G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

static bool
run_login(BerthCtlClient *client, GError **error)
{
    g_autofree char *token = NULL;
    if (user_name == NULL) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "login needs --user");
    }
    bool is_good = log_in(client, &token, error) && keep_token(token, error);
    if (token != NULL) {
        berth_wipe(token, strlen(token));
    }
    return is_good;
}

/* Turns a pool's name into its id. */
static bool
resolve_pool(BerthCtlClient *client, BerthCtlCall *call, GError **error)
{
    BerthId id;
    json_auto_t *reply = NULL;
    if (berth_id_parse(call->id, &id) == BERTH_OK) {
        return true;
    }
    if (!berth_ctl_client_call(client, "GET", "/v1/pools", NULL, &reply, error)) {
        return false;
    }
    size_t i = 0;
    json_t *pool = NULL;
    json_array_foreach (json_object_get(reply, "pools"), i, pool) {
        const char *pool_id = json_string_value(json_object_get(pool, "id"));
        if (pool_id != NULL &&
            g_strcmp0(json_string_value(json_object_get(pool, "name")), call->id) == 0) {
            g_free(call->id);
            call->id = g_strdup(pool_id);
            return true;
        }
    }
    return berth_set_error(error, BERTH_ERR_NOT_FOUND, "there is no pool \"%s\"", call->id);
}

static bool
takes_pool(const BerthCtlCommand *command)
{
    for (size_t i = 0; i < BERTH_CTL_MAX_ARGS; i++) {
        if (command->args[i].kind == BERTH_CTL_ARG_POOL) {
            return true;
        }
    }
    return false;
}

static char *
make_path(const BerthCtlCall *call)
{
    g_autofree char *escaped = call->id != NULL ? g_uri_escape_string(call->id, NULL, false) : NULL;
    g_auto(GStrv) parts = g_strsplit(call->command->path, "{id}", 2);
    return g_strconcat(parts[0], escaped != NULL ? escaped : "", parts[1] != NULL ? parts[1] : "",
                       call->query != NULL ? "?" : "", call->query != NULL ? call->query : "",
                       NULL);
}

static void
print_json(const json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY);
    if (text != NULL) {
        puts(text);
        free(text);
    }
}

static void
print_reply(const BerthCtlCommand *command, const json_t *reply)
{
    const json_t *shown = command->list != NULL ? json_object_get(reply, command->list) : reply;
    g_autofree char *text = NULL;
    if (is_json) {
        if (reply != NULL) {
            print_json(reply);
        }
    } else if (json_is_array(shown)) {
        text = berth_ctl_format_table(shown, command->columns);
    } else if (json_is_object(shown)) {
        text = berth_ctl_format_object(shown);
    } else {
        puts("ok");
    }
    if (text != NULL) {
        fputs(text, stdout);
    }
}

static bool
run_call(BerthCtlClient *client, BerthCtlCall *call, GError **error)
{
    bool is_temporary = false;
    json_auto_t *reply = NULL;
    if (!load_token(client, &is_temporary, error)) {
        return false;
    }
    bool is_good = !takes_pool(call->command) || resolve_pool(client, call, error);
    if (is_good) {
        g_autofree char *path = make_path(call);
        is_good =
            berth_ctl_client_call(client, call->command->method, path, call->body, &reply, error);
    }
    if (is_temporary) {
        json_auto_t *nothing = NULL;
        (void)berth_ctl_client_call(client, "POST", "/v1/auth/logout", NULL, &nothing, NULL);
    }
    if (is_good) {
        print_reply(call->command, reply);
        /* What must never be, is: scripts want to know by the exit status. */
        if (json_integer_value(json_object_get(reply, "breaches")) > 0) {
            return berth_set_error(error, BERTH_ERR_CORRUPT, "the store breaks its own rules");
        }
    }
    return is_good;
}

static bool
run(BerthCtlCall *call, GError **error)
{
    const char *url = broker_url != NULL ? broker_url : g_getenv("BERTH_BROKER");
    const char *ca = ca_file != NULL ? ca_file : g_getenv("BERTH_CA");
    g_autoptr(BerthCtlClient) client = berth_ctl_client_new(url, ca, socket_path, error);
    if (client == NULL) {
        return false;
    }
    return strcmp(call->command->noun, "login") == 0 ? run_login(client, error)
                                                     : run_call(client, call, error);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) options = g_option_context_new("COMMAND ...");
    g_autofree char *help = berth_ctl_help();
    BerthCtlCall call = { 0 };
    g_option_context_add_main_entries(options, entries, NULL);
    g_option_context_set_description(options, help);
    g_option_context_set_ignore_unknown_options(options, TRUE);
    if (!g_option_context_parse(options, &argc, &argv, &error)) {
        fprintf(stderr, "berthctl: %s\n", error->message);
        return 2;
    }
    if (is_version) {
        puts("berthctl " BERTH_VERSION);
        return 0;
    }
    int status = 0;
    if (!berth_ctl_parse(argc - 1, argv + 1, &call, &error) || !run(&call, &error)) {
        fprintf(stderr, "berthctl: %s\n", error->message);
        status = g_error_matches(error, BERTH_ERROR, BERTH_ERR_CONFIG) ? 2 : 1;
    }
    berth_ctl_call_clear(&call);
    return status;
}
