/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/ctl/login.h"

#include "base/error.h"
#include "base/secret.h"
#include "berth/limits.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TOKEN_CHARS 64
#define MAX_CODE_BYTES 64
#define DIGITS_OF_A_CODE 6

static char *
device_path(const BerthCtlLogin *login)
{
    return login->token_file != NULL ? g_strconcat(login->token_file, ".device", NULL) : NULL;
}

static bool
write_private(const char *path, const char *text, GError **error)
{
    return g_file_set_contents_full(path, text, (gssize)strlen(text),
                                    G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

/* What a login says of this device; a file that holds no token is as none. */
static void
add_device(json_t *body, const BerthCtlLogin *login, bool is_kept)
{
    g_autofree char *path = device_path(login);
    g_autofree char *token = NULL;
    if (path == NULL) {
        return;
    }
    if (g_file_get_contents(path, &token, NULL, NULL)) {
        g_strstrip(token);
        if (strlen(token) == TOKEN_CHARS && strspn(token, "0123456789abcdef") == TOKEN_CHARS) {
            json_object_set_new(body, "device_token", json_string(token));
            return;
        }
    }
    if (is_kept) {
        json_object_set_new(body, "remember_device", json_true());
        json_object_set_new(body, "device_name", json_string(g_get_host_name()));
    }
}

static bool
say(int fd, const char *text, GError **error)
{
    size_t len = strlen(text);
    return write(fd, text, len) == (ssize_t)len ||
           berth_set_error(error, BERTH_ERR_IO, "cannot write to the terminal");
}

/* A code of the second factor, from the descriptor or the person at the terminal. */
static BerthSecret *
read_code(const BerthCtlLogin *login, const char *introduction, GError **error)
{
    if (login->code_fd >= 0) {
        return berth_secret_read_fd(login->code_fd, MAX_CODE_BYTES, error);
    }
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        berth_set_error(error, BERTH_ERR_CONFIG,
                        "a code of the second factor is needed: say --code-fd, or log in at a "
                        "terminal");
        return NULL;
    }
    char line[MAX_CODE_BYTES + 1] = "";
    BerthSecret *code = NULL;
    ssize_t n = -1;
    if (say(fd, introduction, error) && say(fd, "Code (or recovery code): ", error)) {
        n = read(fd, line, sizeof line - 1);
    }
    close(fd);
    if (n > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        code = berth_secret_new_copy(line, strlen(line) + 1);
    } else if (*error == NULL) {
        berth_set_error(error, BERTH_ERR_CONFIG, "no code was given");
    }
    berth_wipe(line, sizeof line);
    return code;
}

/* Begins a second factor for a user who must have one; returns what to tell the user. */
static char *
begin_factor(BerthCtlClient *client, const char *pending, GError **error)
{
    json_auto_t *body = json_pack("{s:s}", "pending", pending);
    json_auto_t *reply = NULL;
    if (!berth_ctl_client_call(client, "POST", "/v1/auth/totp", body, NULL, &reply, error)) {
        return NULL;
    }
    const char *secret = json_string_value(json_object_get(reply, "secret"));
    const char *uri = json_string_value(json_object_get(reply, "uri"));
    return g_strdup_printf("This login needs a second factor.  Give this to your authenticator:\n"
                           "  %s\n  %s\n",
                           secret != NULL ? secret : "", uri != NULL ? uri : "");
}

static void
show_recovery_codes(const json_t *reply)
{
    size_t i = 0;
    json_t *code = NULL;
    const json_t *codes = json_object_get(reply, "recovery_codes");
    if (json_array_size(codes) > 0) {
        fputs("Each of these recovery codes stands in for the authenticator once; they are not "
              "shown again:\n",
              stderr);
    }
    json_array_foreach (codes, i, code) {
        const char *text = json_string_value(code);
        fprintf(stderr, "  %s\n", text != NULL ? text : "");
    }
}

static json_t *
make_second_step(const char *pending, const char *code)
{
    bool is_code =
        strlen(code) == DIGITS_OF_A_CODE && strspn(code, "0123456789") == DIGITS_OF_A_CODE;
    return json_pack("{s:s, s:s}", "pending", pending, is_code ? "code" : "recovery_code", code);
}

/* The second step, if the first one asks for it; reply becomes the answer that has the token. */
static bool
take_second_step(BerthCtlClient *client, const BerthCtlLogin *login, bool is_kept, json_t **reply,
                 GError **error)
{
    const char *pending = json_string_value(json_object_get(*reply, "pending"));
    const char *factor = json_string_value(json_object_get(*reply, "second_factor"));
    g_autofree char *introduction = NULL;
    json_t *answer = NULL;
    if (pending == NULL) {
        return true;
    }
    introduction =
        g_strcmp0(factor, "enrol") == 0 ? begin_factor(client, pending, error) : g_strdup("");
    if (introduction == NULL) {
        return false;
    }
    g_autoptr(BerthSecret) code = read_code(login, introduction, error);
    berth_wipe(introduction, strlen(introduction));
    if (code == NULL) {
        return false;
    }
    json_auto_t *body = make_second_step(pending, (const char *)berth_secret_bytes(code));
    add_device(body, login, is_kept);
    if (!berth_ctl_client_call(client, "POST", "/v1/auth/mfa", body, NULL, &answer, error)) {
        return false;
    }
    show_recovery_codes(answer);
    json_decref(*reply);
    *reply = answer;
    return true;
}

/* Writes the tokens where later commands find them. */
static bool
keep_tokens(const BerthCtlLogin *login, const json_t *reply, const char *token, GError **error)
{
    const char *device = json_string_value(json_object_get(reply, "device_token"));
    g_autofree char *path = device_path(login);
    if (login->token_file == NULL) {
        puts(token);
        return true;
    }
    return (device == NULL || write_private(path, device, error)) &&
           write_private(login->token_file, token, error);
}

bool
berth_ctl_log_in(BerthCtlClient *client, const BerthCtlLogin *login, bool is_kept, GError **error)
{
    json_auto_t *reply = NULL;
    if (login->user == NULL || login->password_fd < 0) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "a login needs --user and --password-fd");
    }
    g_autoptr(BerthSecret) password =
        berth_secret_read_fd(login->password_fd, BERTH_LIMIT_PASSWORD_BYTES, error);
    if (password == NULL) {
        return false;
    }
    json_auto_t *body = json_pack("{s:s, s:s}", "user", login->user, "password",
                                  (const char *)berth_secret_bytes(password));
    if (body == NULL) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "name or password is not valid UTF-8");
    }
    add_device(body, login, is_kept);
    if (!berth_ctl_client_call(client, "POST", "/v1/auth/login", body, NULL, &reply, error) ||
        !take_second_step(client, login, is_kept, &reply, error)) {
        return false;
    }
    const char *token = json_string_value(json_object_get(reply, "token"));
    if (token == NULL) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "the server gave no token");
    }
    berth_ctl_client_set_token(client, token);
    return !is_kept || keep_tokens(login, reply, token, error);
}

bool
berth_ctl_load_token(BerthCtlClient *client, const BerthCtlLogin *login, GError **error)
{
    g_autofree char *token = NULL;
    if (login->token_file == NULL) {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "log in with --user and --password-fd, or set BERTH_TOKEN_FILE");
    }
    if (!g_file_get_contents(login->token_file, &token, NULL, error)) {
        return false;
    }
    berth_ctl_client_set_token(client, g_strstrip(token));
    berth_wipe(token, strlen(token));
    return true;
}
