/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/broker-client.h"

#include "client/core/advice.h"
#include "client/core/broker-http.h"

#include "base/error.h"
#include "base/id.h"

#include <jansson.h>
#include <string.h>

struct BerthBrokerClient {
    BerthBrokerHttp *http;
    BerthBrokerFunc func;
    void *user_data;
    char token[BERTH_API_TOKEN_CHARS + 1]; /* "" while not logged in */

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
refusal(const BerthHttpAnswer *answer, int64_t *ret_retry_after_s)
{
    BerthProblem problem = { 0 };
    GError *error;
    const char *advice;

    berth_broker_json_problem(answer->status, answer->body, answer->len, &problem);
    advice = berth_advice(problem.code);
    error =
        g_error_new(BERTH_ERROR, problem.code, "%s%s%s%s%s%s", problem.title,
                    problem.detail[0] != '\0' ? " (" : "", problem.detail,
                    problem.detail[0] != '\0' ? ")" : "", advice[0] != '\0' ? "; " : "", advice);
    *ret_retry_after_s = problem.retry_after_s;
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
        error = refusal(answer, &reply.retry_after_s);
        reply.error = error;
    }
    self->func(&reply, self->user_data);
}

static void
take_login(BerthBrokerClient *self, const BerthHttpAnswer *answer, BerthBrokerReply *reply)
{
    BerthLogin login = { 0 };
    g_autoptr(GError) error = NULL;

    if (berth_broker_json_login(answer->body, answer->len, &login, &error)) {
        g_strlcpy(self->token, login.token, sizeof self->token);
        reply->login = &login;
    }
    reply->error = error;
    self->func(reply, self->user_data);
    berth_login_clear(&login);
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
                                              "too many requests wait for the broker; try again "
                                              "in a moment");
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
berth_broker_client_new(const BerthBrokerAddress *address, const char *ca_file,
                        BerthBrokerFunc func, void *user_data)
{
    BerthBrokerClient *self = g_new0(BerthBrokerClient, 1);

    self->http = berth_broker_http_new(address, ca_file);
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
berth_broker_client_login(BerthBrokerClient *self, const char *user, BerthSecret *password)
{
    /* Room for every byte escaped: the text never moves and leaves no copy behind. */
    GString *json = g_string_sized_new(6 * (strlen(user) + berth_secret_size(password)) + 64);

    berth_wipe(self->token, sizeof self->token);
    g_string_append(json, "{\"user\":");
    append_json_string(json, user);
    g_string_append(json, ",\"password\":");
    append_json_string(json, (const char *)berth_secret_bytes(password));
    g_string_append_c(json, '}');
    send_request(self, "POST", "/v1/auth/login", g_string_free(json, FALSE), on_login);
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
