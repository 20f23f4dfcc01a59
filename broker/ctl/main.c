/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exit status: 0 done, 1 the server or the connection said no, 2 the command line is wrong.
 */
#include "base/error.h"
#include "base/process.h"
#include "broker/ctl/ctl.h"
#include "broker/ctl/login.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *broker_url;
static char *ca_file;
static char *socket_path;
static char *user_name;
static int password_fd = -1;
static int code_fd = -1;
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
    { "code-fd", 0, 0, G_OPTION_ARG_INT, &code_fd,
      "read the code of the second factor from this descriptor", "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &is_json, "print JSON", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &is_version, "print the version and end", NULL },
    { NULL },
};

static void
replace(GString *path, const char *hole, const char *value)
{
    g_autofree char *escaped = g_uri_escape_string(value, NULL, false);
    g_string_replace(path, hole, escaped, 1);
}

/* The path of a request with its holes filled; NULL on error. */
static char *
make_path(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    g_autoptr(GString) path = g_string_new(call->command->path);
    for (size_t i = 0; i < BERTH_CTL_MAX_ARGS; i++) {
        const BerthCtlArg *arg = &call->command->args[i];
        if (arg->kind == BERTH_CTL_ARG_PART) {
            replace(path, "{part}", call->args[i]);
        } else if (arg->kind == BERTH_CTL_ARG_NAME || arg->kind == BERTH_CTL_ARG_PART_NAME) {
            g_autofree char *id =
                berth_ctl_lookup(ctl, berth_ctl_find_kind(arg->key), call->args[i], error);
            if (id == NULL) {
                return NULL;
            }
            replace(path, arg->kind == BERTH_CTL_ARG_NAME ? "{id}" : "{part}", id);
        }
    }
    if (call->query->len > 0) {
        g_string_append_printf(path, "?%s", call->query->str);
    }
    return g_string_free(g_steal_pointer(&path), FALSE);
}

/* What is changed must be what was there a moment ago. */
static bool
read_etag(BerthCtl *ctl, const char *path, char **ret_etag, GError **error)
{
    json_auto_t *reply = NULL;
    if (!berth_ctl_client_call(ctl->client, "GET", path, NULL, NULL, &reply, error)) {
        return false;
    }
    const char *etag = berth_ctl_client_get_etag(ctl->client);
    *ret_etag = etag[0] != '\0' ? g_strdup(etag) : NULL;
    return true;
}

/* One request; reply is NULL for an answer without a body. */
static bool
ask(BerthCtl *ctl, const BerthCtlCall *call, json_t **ret_reply, GError **error)
{
    const BerthCtlCommand *command = call->command;
    g_autofree char *etag = NULL;
    json_auto_t *nothing = NULL;
    g_autofree char *path = make_path(ctl, call, error);
    if (path == NULL || (command->is_change && !read_etag(ctl, path, &etag, error))) {
        return false;
    }
    bool needs_body =
        command->has_body || (command->options != NULL && strcmp(command->method, "GET") != 0);
    if (command->is_paged) {
        json_t *rows = berth_ctl_list(ctl, path, command->list, error);
        *ret_reply = rows != NULL ? json_pack("{s:o}", command->list, rows) : NULL;
        return rows != NULL;
    }
    const json_t *body = call->body;
    if (body == NULL && needs_body) {
        body = nothing = json_object();
    }
    return berth_ctl_call(ctl, command->method, path, body, etag, ret_reply, error);
}

static bool
run_request(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    json_auto_t *reply = NULL;
    if (!ask(ctl, call, &reply, error)) {
        return false;
    }
    berth_ctl_print(ctl, reply, call->command->list, call->command->columns);
    /* What must never be, is: scripts want to know by the exit status. */
    if (json_integer_value(json_object_get(reply, "breaches")) > 0) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "the store breaks its own rules");
    }
    if (json_is_false(json_object_get(reply, "is_whole"))) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "the audit log was tampered with");
    }
    return true;
}

static bool
run_call(BerthCtl *ctl, const BerthCtlLogin *login, const BerthCtlCall *call, GError **error)
{
    bool is_in = login->user != NULL ? berth_ctl_log_in(ctl->client, login, false, error)
                                     : berth_ctl_load_token(ctl->client, login, error);
    if (!is_in) {
        return false;
    }
    BerthCtlFunc func = call->command->func != NULL ? call->command->func : run_request;
    bool is_good = func(ctl, call, error);
    if (login->user != NULL) {
        json_auto_t *nothing = NULL;
        (void)berth_ctl_client_call(ctl->client, "POST", "/v1/auth/logout", NULL, NULL, &nothing,
                                    NULL);
    }
    return is_good;
}

/* berthctl itself never opens a store: the broker's program does, on the broker's machine. */
static int
run_db(int argc, char **argv, GError **error)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = self != NULL ? g_path_get_dirname(self) : g_strdup("/");
    g_autofree char *beside = g_build_filename(folder, "berth-broker", NULL);
    bool is_beside = g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE);
    const BerthSpawnFd input = { .source = STDIN_FILENO, .target = STDIN_FILENO };
    const BerthSpawnOptions options = { .fds = &input, .n_fds = 1, .death_signal = SIGTERM };
    int pidfd = -1;
    int status = 1;
    argv[0] = is_beside ? beside : (char *)"berth-broker";
    if (!berth_spawn((const char *const *)argv, &options, &pidfd, NULL, error)) {
        return 1;
    }
    struct pollfd end = { .fd = pidfd, .events = POLLIN };
    while (poll(&end, 1, -1) < 0 && errno == EINTR) {
    }
    (void)berth_pidfd_reap(pidfd, &status);
    close(pidfd);
    return status >= 0 ? status : 1;
}

static bool
run(const BerthCtlCall *call, GError **error)
{
    const char *url = broker_url != NULL ? broker_url : g_getenv("BERTH_BROKER");
    const char *ca = ca_file != NULL ? ca_file : g_getenv("BERTH_CA");
    if (strcmp(call->command->verb, "completion") == 0) {
        return berth_ctl_print_completion(call->args[0], error);
    }
    const BerthCtlLogin login = { .user = user_name,
                                  .password_fd = password_fd,
                                  .code_fd = code_fd,
                                  .token_file = g_getenv("BERTH_TOKEN_FILE") };
    g_autoptr(BerthCtlClient) client = berth_ctl_client_new(url, ca, socket_path, error);
    BerthCtl ctl = { .client = client,
                     .is_json = is_json,
                     .is_terminal = isatty(STDERR_FILENO) && !is_json,
                     .url = socket_path == NULL ? url : NULL,
                     .ca_file = ca };
    if (client == NULL) {
        return false;
    }
    return strcmp(call->command->verb, "login") == 0 ? berth_ctl_log_in(client, &login, true, error)
                                                     : run_call(&ctl, &login, call, error);
}

static int
finish(GError *error)
{
    fprintf(stderr, "berthctl: %s\n", error->message);
    return g_error_matches(error, BERTH_ERROR, BERTH_ERR_CONFIG) ? 2 : 1;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) options = g_option_context_new("COMMAND ...");
    g_autofree char *help = berth_ctl_help();
    BerthCtlCall call = { 0 };
    if (argc > 1 && strcmp(argv[1], "db") == 0) {
        int status = run_db(argc, argv, &error);
        return error != NULL ? finish(error) : status;
    }
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
        status = finish(error);
    }
    berth_ctl_call_clear(&call);
    return status;
}
