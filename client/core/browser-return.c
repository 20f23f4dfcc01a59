/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/browser-return.h"

#include "client/core/json-fields.h"

#include "base/error.h"
#include "base/secret.h"
#include "berth/limits.h"

#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>

#define PATH "/login"
#define TIMEOUT_S 10

struct BerthBrowserReturn {
    GSocketService *service;
    char *uri;
    char state[BERTH_API_TOKEN_CHARS + 1]; /* "" before it is known */
    GCancellable *cancellable;
    unsigned n_connections;
    BerthReturnFunc func; /* NULL after it was called */
    void *user_data;
};

/* One connection; it goes when its answer is written, or with the cancellable. */
typedef struct {
    BerthBrowserReturn *owner; /* gone if the cancellable is cancelled */
    GSocketConnection *connection;
    GCancellable *cancellable;
    size_t n_bytes;
    char *answer;
    char head[BERTH_LIMIT_BROWSER_HEAD_BYTES];
} Visit;

void
berth_return_clear(BerthReturn *self)
{
    if (self->code != NULL) {
        berth_wipe(self->code, strlen(self->code));
    }
    g_clear_pointer(&self->code, g_free);
    g_clear_pointer(&self->why, g_free);
}

/* One value of a query, decoded; NULL if it is damaged.  Owned. */
static char *
decode(const char *value)
{
    g_autofree char *spaced = g_strdup(value);
    char *plain;

    for (char *at = spaced; *at != '\0'; at++) {
        *at = *at == '+' ? ' ' : *at;
    }
    plain = g_uri_unescape_string(spaced, NULL);
    if (plain != NULL && !g_utf8_validate(plain, -1, NULL)) {
        g_clear_pointer(&plain, g_free);
    }
    return plain;
}

/* Puts a value where its key belongs.  Returns false for one that is damaged or comes twice. */
static bool
take_pair(char *pair, char *values[4])
{
    static const char *const keys[] = { "state", "code", "error", "error_description" };
    char *value = strchr(pair, '=');

    if (value == NULL) {
        return true;
    }
    *value++ = '\0';
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(pair, keys[i]) == 0) {
            if (values[i] != NULL) {
                return false;
            }
            values[i] = decode(value);
            return values[i] != NULL;
        }
    }
    return true;
}

/* What the values mean together. */
static BerthReturnKind
judge(char *values[4], BerthReturn *ret)
{
    const char *state = values[0], *code = values[1], *why = values[2], *more = values[3];

    if (state == NULL || strlen(state) != BERTH_API_TOKEN_CHARS || (code == NULL && why == NULL)) {
        return BERTH_RETURN_OTHER;
    }
    memcpy(ret->state, state, sizeof ret->state);
    if (why != NULL) {
        ret->why = berth_json_clean_text(more != NULL && more[0] != '\0' ? more : why,
                                         BERTH_LIMIT_REASON_BYTES);
        return BERTH_RETURN_REFUSED;
    }
    ret->code = g_strdup(code);
    return BERTH_RETURN_CODE;
}

static BerthReturnKind
parse_query(char *query, BerthReturn *ret)
{
    char *values[4] = { NULL };
    BerthReturnKind kind = BERTH_RETURN_OTHER;
    bool is_good = true;

    for (char *pair = query; pair != NULL && is_good;) {
        char *end = strchr(pair, '&');

        if (end != NULL) {
            *end++ = '\0';
        }
        is_good = take_pair(pair, values);
        pair = end;
    }
    if (is_good) {
        kind = judge(values, ret);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        g_free(values[i]);
    }
    return kind;
}

BerthReturnKind
berth_return_parse(const char *text, size_t len, BerthReturn *ret)
{
    static const char beginning[] = "GET " PATH "?";
    const char *line_end = g_strstr_len(text, (gssize)len, "\r\n");
    g_autofree char *line = NULL;
    char *end;

    *ret = (BerthReturn){ 0 };
    if (g_strstr_len(text, (gssize)len, "\r\n\r\n") == NULL) {
        return BERTH_RETURN_MORE;
    }
    if (memchr(text, '\0', (size_t)(line_end - text)) != NULL) {
        return BERTH_RETURN_OTHER;
    }
    line = g_strndup(text, (gsize)(line_end - text));
    end = strrchr(line, ' ');
    if (!g_str_has_prefix(line, beginning) || end == NULL || !g_str_has_prefix(end, " HTTP/1.") ||
        end < line + strlen(beginning)) {
        return BERTH_RETURN_OTHER;
    }
    *end = '\0';
    return parse_query(line + strlen(beginning), ret);
}

static void
visit_free(Visit *visit)
{
    if (!g_cancellable_is_cancelled(visit->cancellable)) {
        visit->owner->n_connections--;
    }
    berth_wipe(visit->head, sizeof visit->head);
    g_object_unref(visit->connection);
    g_object_unref(visit->cancellable);
    g_free(visit->answer);
    g_free(visit);
}

static void
on_written(GObject *stream, GAsyncResult *result, gpointer user_data)
{
    g_output_stream_write_all_finish(G_OUTPUT_STREAM(stream), result, NULL, NULL);
    visit_free(user_data);
}

/* A page without a script or a picture; it is written even if the owner goes meanwhile. */
static void
answer(Visit *visit, const char *status, const char *heading, const char *text)
{
    g_autofree char *page = g_strdup_printf(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Berth</title>"
        "</head><body style=\"font-family: sans-serif; margin: 4em auto; max-width: 32em\">"
        "<h1>%s</h1><p>%s</p></body></html>\n",
        heading, text);

    visit->answer = g_strdup_printf(
        "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %zu\r\n"
        "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
        "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
        "Connection: close\r\n\r\n%s",
        status, strlen(page), page);
    g_output_stream_write_all_async(g_io_stream_get_output_stream(G_IO_STREAM(visit->connection)),
                                    visit->answer, strlen(visit->answer), G_PRIORITY_DEFAULT, NULL,
                                    on_written, visit);
}

static bool
is_expected(const BerthBrowserReturn *self, const BerthReturn *what)
{
    return self->func != NULL && self->state[0] != '\0' &&
           berth_equal_secret(self->state, what->state, BERTH_API_TOKEN_CHARS);
}

/* The request is whole; the owner may be freed by its callback, the visit lives on. */
static void
take_request(Visit *visit, BerthReturnKind kind, BerthReturn *what)
{
    BerthBrowserReturn *self = visit->owner;
    BerthReturnFunc func = self->func;

    if ((kind != BERTH_RETURN_CODE && kind != BERTH_RETURN_REFUSED) || !is_expected(self, what)) {
        answer(visit, "404 Not Found", _("Nothing here"),
               _("This address belongs to a login that is over."));
        return;
    }
    answer(visit, "200 OK", kind == BERTH_RETURN_CODE ? _("Go back to Berth") : _("Not logged in"),
           _("You can close this page."));
    self->func = NULL;
    func(what->code, what->why, self->user_data);
}

static void read_more(Visit *visit);

static void
on_read(GObject *stream, GAsyncResult *result, gpointer user_data)
{
    Visit *visit = user_data;
    gssize n = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, NULL);
    BerthReturn what = { 0 };
    BerthReturnKind kind;

    if (n <= 0 || g_cancellable_is_cancelled(visit->cancellable)) {
        visit_free(visit);
        return;
    }
    visit->n_bytes += (size_t)n;
    kind = berth_return_parse(visit->head, visit->n_bytes, &what);
    if (kind != BERTH_RETURN_MORE) {
        take_request(visit, kind, &what);
    } else if (visit->n_bytes < sizeof visit->head) {
        read_more(visit);
    } else {
        visit_free(visit);
    }
    berth_return_clear(&what);
}

static void
read_more(Visit *visit)
{
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(visit->connection)),
                              visit->head + visit->n_bytes, sizeof visit->head - visit->n_bytes,
                              G_PRIORITY_DEFAULT, visit->cancellable, on_read, visit);
}

static gboolean
on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
            gpointer user_data)
{
    BerthBrowserReturn *self = user_data;
    Visit *visit;

    if (self->n_connections == BERTH_LIMIT_BROWSER_CONNECTIONS) {
        return TRUE;
    }
    self->n_connections++;
    g_socket_set_timeout(g_socket_connection_get_socket(connection), TIMEOUT_S);
    visit = g_new0(Visit, 1);
    visit->owner = self;
    visit->connection = g_object_ref(connection);
    visit->cancellable = g_object_ref(self->cancellable);
    read_more(visit);
    return TRUE;
}

/* Binds to loopback and says where.  Returns the port, 0 with an error. */
static uint16_t
listen_on_loopback(GSocketService *service, GError **error)
{
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new(loopback, 0);
    g_autoptr(GSocketAddress) effective = NULL;

    if (!g_socket_listener_add_address(G_SOCKET_LISTENER(service), any, G_SOCKET_TYPE_STREAM,
                                       G_SOCKET_PROTOCOL_TCP, NULL, &effective, error)) {
        return 0;
    }
    return g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(effective));
}

BerthBrowserReturn *
berth_browser_return_new(BerthReturnFunc func, void *user_data, GError **error)
{
    g_autoptr(GSocketService) service = g_socket_service_new();
    g_autoptr(GError) why = NULL;
    uint16_t port = listen_on_loopback(service, &why);
    BerthBrowserReturn *self;

    if (port == 0) {
        berth_set_error(error, BERTH_ERR_IO,
                        _("this computer gives no port for the way back from the browser (%s); try "
                          "again"),
                        why->message);
        return NULL;
    }
    self = g_new0(BerthBrowserReturn, 1);
    self->service = g_steal_pointer(&service);
    self->uri = g_strdup_printf("http://127.0.0.1:%u" PATH, port);
    self->cancellable = g_cancellable_new();
    self->func = func;
    self->user_data = user_data;
    g_signal_connect(self->service, "incoming", G_CALLBACK(on_incoming), self);
    return self;
}

void
berth_browser_return_free(BerthBrowserReturn *self)
{
    if (self == NULL) {
        return;
    }
    g_signal_handlers_disconnect_by_data(self->service, self);
    g_socket_service_stop(self->service);
    g_socket_listener_close(G_SOCKET_LISTENER(self->service));
    g_cancellable_cancel(self->cancellable);
    g_object_unref(self->cancellable);
    g_object_unref(self->service);
    g_free(self->uri);
    berth_wipe(self->state, sizeof self->state);
    g_free(self);
}

const char *
berth_browser_return_get_uri(const BerthBrowserReturn *self)
{
    return self->uri;
}

void
berth_browser_return_expect(BerthBrowserReturn *self, const char *state)
{
    g_strlcpy(self->state, state, sizeof self->state);
}
