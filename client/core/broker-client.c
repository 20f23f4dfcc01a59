/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/broker-client.h"

#include "client/core/advice.h"
#include "client/core/translation.h"

#include "base/error.h"
#include "base/id.h"

#include <glib/gi18n.h>
#include <jansson.h>
#include <string.h>

struct BerthBrokerClient {
    BerthBrokerHttp *http;
    BerthBrokerFunc func;
    void *user_data;
    char token[BERTH_API_TOKEN_CHARS + 1]; /* "" while not logged in */
    bool is_by_link;                       /* the login came, or is to come, by a link */

    /* The desktop that is being asked for, and when to ask again. */
    BerthWish wish;
    BerthId wished_id; /* pool or session, as the wish is */
    char *connect_body;
    guint retry_source;
};

typedef void (*AnswerFunc)(BerthBrokerClient *self, const BerthHttpAnswer *answer,
                           BerthBrokerReply *reply);

/* JSON text of a string, for a body that holds a password: nothing else copies it. */
static void
append_json_string(GString *json, const char *text)
{
    g_string_append_c(json, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            g_string_append_c(json, '\\');
            g_string_append_c(json, *c);
        } else if ((unsigned char)*c < 0x20) {
            g_string_append_printf(json, "\\u%04x", (unsigned)*c);
        } else {
            g_string_append_c(json, *c);
        }
    }
    g_string_append_c(json, '"');
}

static bool
is_good(const BerthHttpAnswer *answer)
{
    return answer->error == NULL && answer->status >= 200 && answer->status < 300;
}

/* The error of a refusal: what the broker says, and what to do about it. */
static GError *
refusal(const BerthBrokerClient *self, const BerthHttpAnswer *answer, int64_t *ret_retry_after_s)
{
    BerthProblem problem = { 0 };
    GError *error;
    const char *advice;

    berth_broker_json_problem(answer->status, answer->body, answer->len, &problem);
    *ret_retry_after_s = problem.retry_after_s;
    if (problem.code == BERTH_ERR_EXPIRED && self->is_by_link && self->token[0] != '\0') {
        berth_problem_clear(&problem);
        return g_error_new_literal(BERTH_ERROR, BERTH_ERR_EXPIRED,
                                   _("the login by the link has ended, it lasts one hour; get a "
                                     "new link, or log in with your name"));
    }
    advice = berth_advice(problem.code);
    error =
        g_error_new(BERTH_ERROR, problem.code, "%s%s%s%s%s%s", berth_translation_of(problem.title),
                    problem.detail[0] != '\0' ? " (" : "", berth_translation_of(problem.detail),
                    problem.detail[0] != '\0' ? ")" : "", advice[0] != '\0' ? "; " : "", advice);
    berth_problem_clear(&problem);
    return error;
}

/* Gives one reply; answer_func fills in what a good answer says. */
static void
reply_to(BerthBrokerClient *self, BerthBrokerRequest request, const BerthHttpAnswer *answer,
         AnswerFunc answer_func)
{
    g_autoptr(GError) error = NULL;
    BerthBrokerReply reply = {
        .request = request,
        .error = answer->error,
        .tcp_us = answer->tcp_us,
        .tls_us = answer->tls_us,
        .total_us = answer->total_us,
    };

    if (is_good(answer) && answer_func != NULL) {
        answer_func(self, answer, &reply);
        return;
    }
    if (answer->error == NULL && !is_good(answer)) {
        error = refusal(self, answer, &reply.retry_after_s);
        reply.error = error;
    }
    self->func(&reply, self->user_data);
}

static void
take_login(BerthBrokerClient *self, const BerthHttpAnswer *answer, BerthBrokerReply *reply)
{
    BerthLogin login = { 0 };
    g_autoptr(GError) error = NULL;

    if (berth_login_json_parse(answer->body, answer->len, &login, &error)) {
        g_strlcpy(self->token, login.token, sizeof self->token);
        reply->login = &login;
    }
    reply->error = error;
    self->func(reply, self->user_data);
    berth_login_clear(&login);
}

static void
take_providers(BerthBrokerClient *self, const BerthHttpAnswer *answer, BerthBrokerReply *reply)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) providers = berth_login_json_providers(answer->body, answer->len, &error);

    reply->providers = providers;
    reply->error = error;
    self->func(reply, self->user_data);
}

static void
take_enrolment(BerthBrokerClient *self, const BerthHttpAnswer *answer, BerthBrokerReply *reply)
{
    BerthEnrolment enrolment = { 0 };
    g_autoptr(GError) error = NULL;

    if (berth_login_json_enrolment(answer->body, answer->len, &enrolment, &error)) {
        reply->enrolment = &enrolment;
    }
    reply->error = error;
    self->func(reply, self->user_data);
    berth_enrolment_clear(&enrolment);
}

static void
take_browser(BerthBrokerClient *self, const BerthHttpAnswer *answer, BerthBrokerReply *reply)
{
    BerthBrowserLogin browser = { 0 };
    g_autoptr(GError) error = NULL;

    if (berth_login_json_browser(answer->body, answer->len, &browser, &error)) {
        reply->browser = &browser;
    }
    reply->error = error;
    self->func(reply, self->user_data);
    berth_browser_login_clear(&browser);
}

static void
take_desktops(BerthBrokerClient *self, const BerthHttpAnswer *answer, BerthBrokerReply *reply)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) desktops = berth_broker_json_desktops(answer->body, answer->len, &error);

    reply->desktops = desktops;
    reply->error = error;
    self->func(reply, self->user_data);
}

static void send_connect(BerthBrokerClient *self);

static gboolean
on_retry(gpointer user_data)
{
    BerthBrokerClient *self = user_data;

    self->retry_source = 0;
    send_connect(self);
    return G_SOURCE_REMOVE;
}

static void
take_connect(BerthBrokerClient *self, const BerthHttpAnswer *answer, BerthBrokerReply *reply)
{
    BerthConnectAnswer connect = { 0 };
    g_autoptr(GError) error = NULL;

    if (berth_broker_json_connect(answer->body, answer->len, &connect, &error)) {
        reply->answer = &connect;
        if (!connect.is_ready) {
            self->retry_source = g_timeout_add((guint)connect.retry_ms, on_retry, self);
        }
    }
    reply->error = error;
    self->func(reply, self->user_data);
    berth_connect_answer_clear(&connect);
}

static void
on_login(const BerthHttpAnswer *answer, void *user_data)
{
    reply_to(user_data, BERTH_BROKER_LOGIN, answer, take_login);
}

static void
on_providers(const BerthHttpAnswer *answer, void *user_data)
{
    reply_to(user_data, BERTH_BROKER_PROVIDERS, answer, take_providers);
}

static void
on_enrol(const BerthHttpAnswer *answer, void *user_data)
{
    reply_to(user_data, BERTH_BROKER_ENROL, answer, take_enrolment);
}

static void
on_browse(const BerthHttpAnswer *answer, void *user_data)
{
    reply_to(user_data, BERTH_BROKER_BROWSE, answer, take_browser);
}

static void
on_restart(const BerthHttpAnswer *answer, void *user_data)
{
    reply_to(user_data, BERTH_BROKER_RESTART, answer, NULL);
}

static void
on_report(const BerthHttpAnswer *answer, void *user_data)
{
    reply_to(user_data, BERTH_BROKER_REPORT, answer, NULL);
}

static void
on_list(const BerthHttpAnswer *answer, void *user_data)
{
    reply_to(user_data, BERTH_BROKER_LIST, answer, take_desktops);
}

static void
on_connect(const BerthHttpAnswer *answer, void *user_data)
{
    reply_to(user_data, BERTH_BROKER_CONNECT, answer, take_connect);
}

static void
on_disconnect(const BerthHttpAnswer *answer, void *user_data)
{
    reply_to(user_data, BERTH_BROKER_DISCONNECT, answer, NULL);
}

static void
on_logoff(const BerthHttpAnswer *answer, void *user_data)
{
    reply_to(user_data, BERTH_BROKER_LOGOFF, answer, NULL);
}

static void
on_logout(const BerthHttpAnswer *answer, void *user_data)
{
    reply_to(user_data, BERTH_BROKER_LOGOUT, answer, NULL);
}

/* Sends a request; func is called with its answer, also if it could not be sent. */
static void
send_request(BerthBrokerClient *self, const char *method, const char *path, char *body,
             BerthHttpFunc func)
{
    const char *token = self->token[0] != '\0' ? self->token : NULL;
    int code = berth_broker_http_send(self->http, method, path, token, body, func, self);

    if (code != BERTH_OK) {
        g_autoptr(GError) error = g_error_new(BERTH_ERROR, code,
                                              _("too many requests wait for the broker; try again "
                                                "in a moment"));
        BerthHttpAnswer answer = { .error = error };

        func(&answer, self);
    }
}

static void
send_connect(BerthBrokerClient *self)
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *path = NULL;

    berth_id_format(&self->wished_id, hex);
    path = g_strdup_printf(self->wish == BERTH_WISH_DESKTOP ? "/v1/me/desktops/%s/connect"
                                                            : "/v1/sessions/%s/shadow",
                           hex);
    send_request(self, "POST", path, g_strdup(self->connect_body), on_connect);
}

BerthBrokerClient *
berth_broker_client_new(const BerthBrokerAddress *address, const BerthBrokerFiles *files,
                        BerthBrokerFunc func, void *user_data)
{
    BerthBrokerClient *self = g_new0(BerthBrokerClient, 1);

    self->http = berth_broker_http_new(address, files);
    self->func = func;
    self->user_data = user_data;
    return self;
}

void
berth_broker_client_free(BerthBrokerClient *self)
{
    if (self == NULL) {
        return;
    }
    berth_broker_client_cancel(self);
    berth_broker_http_free(self->http);
    berth_wipe(self->token, sizeof self->token);
    g_free(self->connect_body);
    g_free(self);
}

void
berth_broker_client_ask_providers(BerthBrokerClient *self)
{
    send_request(self, "GET", "/v1/auth/sources", NULL, on_providers);
}

/*
 * Sends an object of texts: keys and values by turns, ended by NULL.  There is room for every byte
 * escaped, so that the text never moves and leaves no copy of a secret behind.
 */
static void
send_texts(BerthBrokerClient *self, const char *path, BerthHttpFunc func, const char *const *texts)
{
    size_t size = 16;
    GString *json;

    for (size_t i = 0; texts[i] != NULL; i++) {
        size += 6 * strlen(texts[i]) + 4;
    }
    json = g_string_sized_new(size);
    for (size_t i = 0; texts[i] != NULL; i++) {
        g_string_append_c(json, i == 0 ? '{' : i % 2 == 0 ? ',' : ':');
        append_json_string(json, texts[i]);
    }
    g_string_append_c(json, '}');
    send_request(self, "POST", path, g_string_free(json, FALSE), func);
}

/* Another login begins. */
static void
forget_login(BerthBrokerClient *self, bool is_by_link)
{
    berth_wipe(self->token, sizeof self->token);
    self->is_by_link = is_by_link;
}

void
berth_broker_client_login(BerthBrokerClient *self, const char *user, BerthSecret *password)
{
    const char *texts[] = { "user", user, "password", (const char *)berth_secret_bytes(password),
                            NULL };

    forget_login(self, false);
    send_texts(self, "/v1/auth/login", on_login, texts);
}

void
berth_broker_client_login_by_device(BerthBrokerClient *self)
{
    forget_login(self, false);
    send_request(self, "POST", "/v1/auth/device", g_strdup("{}"), on_login);
}

void
berth_broker_client_login_by_code(BerthBrokerClient *self, const char *code)
{
    const char *texts[] = { "code", code, NULL };

    forget_login(self, true);
    send_texts(self, "/v1/auth/code", on_login, texts);
}

/* Six digits are a code of the moment; what else there is are recovery codes. */
static bool
is_code_of_the_moment(const char *code)
{
    return strlen(code) == 6 && strspn(code, "0123456789") == 6;
}

void
berth_broker_client_second_step(BerthBrokerClient *self, const char *pending, const char *code)
{
    const char *texts[] = { "pending", pending,
                            is_code_of_the_moment(code) ? "code" : "recovery_code", code, NULL };

    send_texts(self, "/v1/auth/mfa", on_login, texts);
}

void
berth_broker_client_finish_browser(BerthBrokerClient *self, const BerthBrowserLogin *browser,
                                   const char *code)
{
    const char *texts[] = { "state", browser->state, "flow", browser->flow, "code", code, NULL };

    send_texts(self, "/v1/auth/oidc/finish", on_login, texts);
}

void
berth_broker_client_enrol(BerthBrokerClient *self, const char *pending)
{
    const char *texts[] = { "pending", pending, NULL };

    send_texts(self, "/v1/auth/totp", on_enrol, texts);
}

void
berth_broker_client_browse(BerthBrokerClient *self, const BerthId *provider,
                           const char *redirect_uri)
{
    const char *texts[] = { "redirect_uri", redirect_uri, NULL };
    char hex[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *path = NULL;

    berth_id_format(provider, hex);
    path = g_strdup_printf("/v1/auth/oidc/%s/start", hex);
    forget_login(self, false);
    send_texts(self, path, on_browse, texts);
}

void
berth_broker_client_list(BerthBrokerClient *self)
{
    send_request(self, "GET", "/v1/me/desktops", NULL, on_list);
}

void
berth_broker_client_connect(BerthBrokerClient *self, BerthWish wish, const BerthId *id,
                            const uint8_t *client_key_hash, const char *name)
{
    char hex[2 * BERTH_KEY_HASH_BYTES + 1];
    GString *json = g_string_new("{\"client_key\":\"");

    berth_hex_format(client_key_hash, BERTH_KEY_HASH_BYTES, hex);
    g_string_append_printf(json, "%s\",\"client\":", hex);
    append_json_string(json, name);
    g_string_append(json, wish == BERTH_WISH_HELP ? ",\"control\":true}" : "}");
    g_clear_handle_id(&self->retry_source, g_source_remove);
    g_free(self->connect_body);
    self->connect_body = g_string_free(json, FALSE);
    self->wish = wish;
    self->wished_id = *id;
    send_connect(self);
}

static void
send_session_command(BerthBrokerClient *self, const BerthId *session, const char *command,
                     BerthHttpFunc func)
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *path = NULL;

    berth_id_format(session, hex);
    path = g_strdup_printf("/v1/me/sessions/%s/%s", hex, command);
    send_request(self, "POST", path, NULL, func);
}

void
berth_broker_client_disconnect(BerthBrokerClient *self, const BerthId *session)
{
    send_session_command(self, session, "disconnect", on_disconnect);
}

void
berth_broker_client_logoff(BerthBrokerClient *self, const BerthId *session)
{
    send_session_command(self, session, "logoff", on_logoff);
}

void
berth_broker_client_restart(BerthBrokerClient *self, const BerthId *pool)
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *path = NULL;

    berth_id_format(pool, hex);
    path = g_strdup_printf("/v1/me/desktops/%s/restart", hex);
    send_request(self, "POST", path, NULL, on_restart);
}

void
berth_broker_client_report(BerthBrokerClient *self, const BerthId *pool, const char *text)
{
    const char *texts[] = { "text", text, NULL };
    char hex[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *path = NULL;

    berth_id_format(pool, hex);
    path = g_strdup_printf("/v1/me/desktops/%s/report", hex);
    send_texts(self, path, on_report, texts);
}

void
berth_broker_client_logout(BerthBrokerClient *self)
{
    send_request(self, "POST", "/v1/auth/logout", NULL, on_logout);
    berth_wipe(self->token, sizeof self->token); /* the request has its own copy */
}

void
berth_broker_client_cancel(BerthBrokerClient *self)
{
    g_clear_handle_id(&self->retry_source, g_source_remove);
    berth_broker_http_cancel(self->http);
}
