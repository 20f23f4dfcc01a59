/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/http-server.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "broker/api/events.h"
#include "broker/api/headers.h"
#include "broker/api/router.h"
#include "broker/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define IDLE_TIMEOUT_S 60u
#define PEER_CHECK_MS 5000
#define STREAM_BLOCK_BYTES 4096
#define GATEWAY_NAME "berth-gateway/"

typedef struct {
    GSource base;
    BerthHttpServer *server;
    gpointer tag;
} HttpSource;

/* One connection; who is slow is found by its time. */
typedef struct {
    int fd;
    int64_t since_us; /* monotonic: since when a request is due; 0 while one is being answered */
    GList link;
} Peer;

struct BerthHttpServer {
    BerthBroker *broker;
    GQueue peers;
    guint peer_timer;
    int64_t receive_us;
    unsigned n_raw;        /* requests with a large body, from their first line to their answer */
    char number_prefix[9]; /* of requests: random, so that two starts have no numbers in common */
    uint64_t n_requests;
    struct MHD_Daemon *daemon;
    GSource *source;
    bool is_internal;
    char *path;
};

static bool
is_address(const char *text)
{
    unsigned char address[16];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

void
berth_http_read_name(const char *name, size_t len, char ret_source[BERTH_REQUEST_SOURCE_CHARS],
                     char ret_device[2 * BERTH_KEY_HASH_BYTES + 1])
{
    char ip[INET6_ADDRSTRLEN];
    size_t prefix = strlen(GATEWAY_NAME);
    g_strlcpy(ret_source, "local", BERTH_REQUEST_SOURCE_CHARS);
    ret_device[0] = '\0';
    if (len < 1 + prefix || name[0] != '\0' || memcmp(name + 1, GATEWAY_NAME, prefix) != 0) {
        return;
    }
    const char *rest = name + 1 + prefix;
    const char *end = name + len;
    const char *slash = memchr(rest, '/', (size_t)(end - rest));
    if (slash == NULL) {
        return;
    }
    /* What follows the address after a zero byte is the hash of a device's key, as bytes. */
    const char *zero = memchr(slash, '\0', (size_t)(end - slash));
    const char *ip_end = zero != NULL ? zero : end;
    size_t ip_len = (size_t)(ip_end - slash - 1);
    if (ip_len == 0 || ip_len >= sizeof ip ||
        (zero != NULL && end - zero - 1 != BERTH_KEY_HASH_BYTES)) {
        return;
    }
    memcpy(ip, slash + 1, ip_len);
    ip[ip_len] = '\0';
    if (!is_address(ip)) {
        return;
    }
    g_strlcpy(ret_source, ip, BERTH_REQUEST_SOURCE_CHARS);
    if (zero != NULL) {
        berth_hex_format((const uint8_t *)zero + 1, BERTH_KEY_HASH_BYTES, ret_device);
    }
}

static void
set_source(BerthRequest *request, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct sockaddr_un address = { 0 };
    socklen_t size = sizeof address;
    size_t offset = offsetof(struct sockaddr_un, sun_path);
    g_strlcpy(request->source, "local", sizeof request->source);
    if (info != NULL &&
        getpeername(info->connect_fd, (struct sockaddr *)(void *)&address, &size) == 0 &&
        size > offset) {
        berth_http_read_name(address.sun_path, size - offset, request->source, request->device);
    }
}

typedef struct {
    BerthRequest *request;
    GError *error;
} QueryReader;

static enum MHD_Result
read_parameter(void *data, enum MHD_ValueKind kind, const char *key, const char *value)
{
    QueryReader *reader = data;
    const BerthRoute *route = reader->request->route;
    return berth_query_add(reader->request->query, key, value, route->query, route->n_query,
                           &reader->error)
               ? MHD_YES
               : MHD_NO;
}

static void
read_query(BerthRequest *request, struct MHD_Connection *connection)
{
    const BerthRoute *route = request->route;
    QueryReader reader = { .request = request };
    request->query = json_object();
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, read_parameter, &reader);
    if (reader.error != NULL ||
        !berth_query_check(request->query, route->query, route->n_query, &reader.error)) {
        berth_request_fail(request, BERTH_ERR_INVALID, "%s", reader.error->message);
        g_clear_error(&reader.error);
    }
}

static const char *
get_header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void
read_headers(BerthRequest *request, struct MHD_Connection *connection)
{
    const char *match = get_header(connection, "If-Match");
    const char *none_match = get_header(connection, "If-None-Match");
    const char *key = get_header(connection, "Idempotency-Key");
    request->accept = g_strdup(get_header(connection, "Accept"));
    request->last_event_id = g_strdup(get_header(connection, "Last-Event-ID"));
    request->has_match = match != NULL;
    if (match != NULL && berth_header_parse_tag(match, &request->match_version) != BERTH_OK) {
        berth_request_fail(request, BERTH_ERR_INVALID,
                           "If-Match takes one tag, as the ETag of an answer: \"12\"");
        return;
    }
    /* One that is not ours matches nothing, so the answer is given. */
    if (none_match != NULL) {
        (void)berth_header_parse_tag(none_match, &request->none_match_version);
    }
    if (key != NULL && !berth_header_is_key(key)) {
        berth_request_fail(request, BERTH_ERR_INVALID,
                           "Idempotency-Key takes 1 to %d printable characters",
                           BERTH_HEADER_KEY_MAX_BYTES);
        return;
    }
    request->idempotency_key = g_strdup(key);
}

static void
begin(BerthHttpServer *server, BerthExchange *exchange, struct MHD_Connection *connection,
      const char *url, const char *method)
{
    BerthRequest *request = g_new0(BerthRequest, 1);
    exchange->request = request;
    request->exchange = exchange;
    request->broker = server->broker;
    request->server = server;
    request->connection = connection;
    request->input = g_byte_array_new();
    request->began_us = berth_monotonic_us();
    g_snprintf(request->number, sizeof request->number, "%s-%" G_GINT64_MODIFIER "x",
               server->number_prefix, ++server->n_requests);
    set_source(request, connection);
    BerthRouteHit hit;
    int error = berth_router_find(method, url, server->is_internal, &hit);
    if (error != BERTH_OK) {
        request->allow = hit.allow;
        berth_request_fail(request, error,
                           error == BERTH_ERR_UNSUPPORTED ? "%s is not taken by \"%.128s\""
                                                          : "%s: there is no \"%.128s\"",
                           method, url);
        return;
    }
    request->route = hit.route;
    g_strlcpy(request->id, hit.id, sizeof request->id);
    g_strlcpy(request->part, hit.part, sizeof request->part);
    read_query(request, connection);
    if (!request->is_done) {
        read_headers(request, connection);
    }
}

static size_t
max_body_bytes(const BerthRequest *request)
{
    size_t raw_bytes = request->route != NULL ? request->route->raw_bytes : 0;
    return raw_bytes > 0 ? raw_bytes : BERTH_LIMIT_HTTP_BODY_BYTES;
}

static void
collect(BerthRequest *request, const char *data, size_t len)
{
    if (request->is_done) {
        return; /* refused already */
    }
    if (request->input->len + len > max_body_bytes(request)) {
        request->is_too_large = true;
    } else {
        g_byte_array_append(request->input, (const guint8 *)data, (guint)len);
    }
}

static void
add_headers(const BerthRequest *request, struct MHD_Response *response, bool has_text)
{
    char text[32];
    MHD_add_response_header(response, "X-Request-Id", request->number);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (request->retry_after_s > 0) {
        g_snprintf(text, sizeof text, "%" G_GINT64_FORMAT, request->retry_after_s);
        MHD_add_response_header(response, "Retry-After", text);
    }
    if (request->error != BERTH_OK) {
        MHD_add_response_header(response, "Content-Type", "application/problem+json");
        return;
    }
    if (has_text) {
        MHD_add_response_header(response, "Content-Type",
                                request->text_type != NULL
                                    ? request->text_type
                                    : "text/plain; version=0.0.4; charset=utf-8");
    }
    if (request->version > 0) {
        g_snprintf(text, sizeof text, "\"%" G_GINT64_FORMAT "\"", request->version);
        MHD_add_response_header(response, "ETag", text);
    }
    if (request->location != NULL) {
        MHD_add_response_header(response, "Location", request->location);
    }
    if (request->is_replay) {
        MHD_add_response_header(response, "Idempotency-Replayed", "true");
    }
}

static void
count_answer(const BerthRequest *request)
{
    static const BerthMetric classes[] = { BERTH_METRIC_HTTP_2XX, BERTH_METRIC_HTTP_3XX,
                                           BERTH_METRIC_HTTP_4XX, BERTH_METRIC_HTTP_5XX };
    berth_metric_add(classes[CLAMP(request->status / 100, 2, 5) - 2], 1);
    if (request->route == NULL || request->route->handling != BERTH_HANDLE_ASYNC) {
        berth_metric_observe_us(BERTH_METRIC_HTTP_REQUEST,
                                berth_monotonic_us() - request->began_us);
    }
    if (request->status >= 500) {
        berth_log_warning("http", "request %s: %d %s: %s", request->number, request->status,
                          berth_error_name(request->error),
                          request->detail != NULL ? request->detail : "");
    }
}

static ssize_t
read_stream(void *data, uint64_t position, char *buffer, size_t max)
{
    BerthRequest *request = data;
    ssize_t n = berth_watcher_read(request->watcher, buffer, max);
    if (n == 0) {
        request->is_suspended = true;
        MHD_suspend_connection(request->connection);
    }
    return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static enum MHD_Result
queue_stream(BerthRequest *request)
{
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, read_stream, request, NULL);
    if (response == NULL) {
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Request-Id", request->number);
    enum MHD_Result result = MHD_queue_response(request->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
queue_answer(BerthRequest *request)
{
    char *text = NULL;
    if (request->watcher != NULL) {
        return queue_stream(request);
    }
    if (request->error != BERTH_OK) {
        text = berth_request_format_problem(request);
    } else {
        berth_request_prepare(request);
        if (request->version > 0 && request->version == request->none_match_version) {
            request->status = MHD_HTTP_NOT_MODIFIED;
        } else {
            text = g_steal_pointer(&request->text);
        }
    }
    size_t len = text != NULL ? strlen(text) : 0;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    add_headers(request, response, len > 0);
    if (request->error == BERTH_ERR_UNSUPPORTED && request->allow != NULL) {
        MHD_add_response_header(response, "Allow", request->allow);
    }
    count_answer(request);
    enum MHD_Result result =
        MHD_queue_response(request->connection, (unsigned int)request->status, response);
    MHD_destroy_response(response);
    return result;
}

static Peer *
peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static enum MHD_Result
go_on(BerthRequest *request)
{
    Peer *peer = peer_of(request->connection);
    if (peer != NULL) {
        peer->since_us = 0;
    }
    if (!request->is_done && !request->is_dispatched) {
        request->is_dispatched = true;
        if (request->is_too_large) {
            berth_request_fail(request, BERTH_ERR_TOO_LARGE, "the body is over %zu bytes",
                               max_body_bytes(request));
        } else if (request->is_admitted) {
            berth_router_go_on(request);
        } else {
            berth_router_dispatch(request, get_header(request->connection, "Authorization"));
        }
    }
    if (request->is_done) {
        return queue_answer(request);
    }
    request->is_suspended = true;
    MHD_suspend_connection(request->connection);
    return MHD_YES;
}

/*
 * A large body is memory: it is taken from who may send it, and from so many at once.  After the
 * connection goes on MHD calls again, before the body, and takes a refusal there.
 */
static enum MHD_Result
admit(BerthRequest *request)
{
    BerthHttpServer *server = request->server;
    if (server->n_raw >= BERTH_LIMIT_UPLOAD_PIECES) {
        request->retry_after_s = 1;
        berth_request_fail(request, BERTH_ERR_THROTTLED, "too many uploads at once");
        return queue_answer(request);
    }
    server->n_raw++;
    request->exchange->holds_raw = true;
    request->is_admitting = true;
    request->is_dispatched = true;
    berth_router_dispatch(request, get_header(request->connection, "Authorization"));
    if (request->is_done) {
        request->is_admitting = false;
        return queue_answer(request);
    }
    request->is_suspended = true;
    MHD_suspend_connection(request->connection);
    return MHD_YES;
}

static enum MHD_Result
answer(void *data, struct MHD_Connection *connection, const char *url, const char *method,
       const char *version, const char *upload, size_t *upload_size, void **slot)
{
    BerthExchange *exchange = *slot;
    if (exchange == NULL) {
        exchange = g_new0(BerthExchange, 1);
        *slot = exchange;
        begin(data, exchange, connection, url, method);
        bool is_raw = !exchange->request->is_done && exchange->request->route->raw_bytes > 0;
        return is_raw ? admit(exchange->request) : MHD_YES;
    }
    BerthRequest *request = exchange->request;
    if (request->is_admitting) {
        request->is_admitting = false;
        return request->is_done ? queue_answer(request) : MHD_YES;
    }
    if (*upload_size > 0) {
        collect(request, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    return go_on(request);
}

static void
completed(void *data, struct MHD_Connection *connection, void **slot,
          enum MHD_RequestTerminationCode code)
{
    Peer *peer = peer_of(connection);
    if (peer != NULL) {
        peer->since_us = berth_monotonic_us();
    }
    BerthExchange *exchange = *slot;
    if (exchange != NULL) {
        BerthRequest *request = exchange->request;
        BerthHttpServer *server = data;
        server->n_raw -= exchange->holds_raw ? 1 : 0;
        if (request->watcher != NULL) {
            berth_watcher_close(request->watcher);
        } else if (request->is_dispatched && !request->is_done) {
            /* Its handler still works on it, and ends it. */
            request->exchange = NULL;
        } else {
            berth_request_free(request);
        }
        g_free(exchange);
    }
    *slot = NULL;
}

static void
connection_changed(void *data, struct MHD_Connection *connection, void **slot,
                   enum MHD_ConnectionNotificationCode code)
{
    BerthHttpServer *server = data;
    Peer *peer = *slot;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        peer = g_new0(Peer, 1);
        peer->fd = info != NULL ? info->connect_fd : -1;
        peer->since_us = berth_monotonic_us();
        peer->link.data = peer;
        g_queue_push_tail_link(&server->peers, &peer->link);
        *slot = peer;
    } else if (peer != NULL) {
        g_queue_unlink(&server->peers, &peer->link);
        g_free(peer);
        *slot = NULL;
    }
}

/* Cuts off who began a request and does not come to its end. */
static gboolean
check_peers(gpointer data)
{
    BerthHttpServer *server = data;
    int64_t oldest_us = berth_monotonic_us() - server->receive_us;
    for (GList *link = server->peers.head; link != NULL; link = link->next) {
        const Peer *peer = link->data;
        if (peer->since_us != 0 && peer->since_us < oldest_us && peer->fd >= 0) {
            (void)shutdown(peer->fd, SHUT_RDWR);
        }
    }
    return G_SOURCE_CONTINUE;
}

bool
berth_http_is_abandoned(const BerthRequest *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    char byte;
    ssize_t n = recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void
berth_http_cut(BerthRequest *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    (void)shutdown(info->connect_fd, SHUT_RDWR);
    berth_http_wake(request);
}

void
berth_http_wake(BerthRequest *request)
{
    if (request->is_suspended) {
        berth_http_resume(request);
    }
}

void
berth_http_resume(BerthRequest *request)
{
    BerthHttpServer *server = request->server;
    request->is_suspended = false;
    MHD_resume_connection(request->connection);
    /* Without threads of its own MHD wakes nobody: the next turn of the loop has to run it. */
    g_source_set_ready_time(server->source, 0);
}

static gboolean
source_prepare(GSource *source, gint *timeout_ms)
{
    HttpSource *self = (HttpSource *)source;
    unsigned MHD_LONG_LONG wait_ms = 0;
    *timeout_ms = -1;
    if (MHD_get_timeout(self->server->daemon, &wait_ms) == MHD_YES) {
        *timeout_ms = (gint)MIN(wait_ms, 60000);
    }
    return *timeout_ms == 0;
}

static gboolean
source_check(GSource *source)
{
    HttpSource *self = (HttpSource *)source;
    gint timeout_ms = 0;
    return g_source_query_unix_fd(source, self->tag) != 0 || source_prepare(source, &timeout_ms);
}

static gboolean
source_dispatch(GSource *source, GSourceFunc callback, gpointer user_data)
{
    HttpSource *self = (HttpSource *)source;
    g_source_set_ready_time(source, -1);
    MHD_run(self->server->daemon);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {
    .prepare = source_prepare,
    .check = source_check,
    .dispatch = source_dispatch,
};

static int
listen_on(const char *path, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address.sun_path) {
        berth_set_error(error, BERTH_ERR_CONFIG, "the socket path \"%s\" is too long", path);
        return -1;
    }
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    berth_autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)unlink(path);
    mode_t old_mask = umask(0117);
    bool is_good = fd >= 0 &&
                   bind(fd, (const struct sockaddr *)(void *)&address, sizeof address) == 0 &&
                   listen(fd, SOMAXCONN) == 0;
    int errnum = errno;
    umask(old_mask);
    if (!is_good) {
        berth_set_error(error, berth_error_from_errno(errnum), "cannot listen on \"%s\": %s", path,
                        g_strerror(errnum));
        return -1;
    }
    return berth_steal_fd(&fd);
}

static void
log_message(void *data, const char *format, va_list args)
{
    g_autofree char *text = g_strdup_vprintf(format, args);
    berth_log_debug("http", "%s", g_strchomp(text));
}

BerthHttpServer *
berth_http_server_new(BerthBroker *broker, const char *socket_path, bool is_internal,
                      GError **error)
{
    berth_autofd int fd = listen_on(socket_path, error);
    if (fd < 0) {
        return NULL;
    }
    BerthHttpServer *server = g_new0(BerthHttpServer, 1);
    server->broker = broker;
    server->is_internal = is_internal;
    server->path = g_strdup(socket_path);
    server->receive_us = BERTH_LIMIT_HTTP_RECEIVE_US;
    g_snprintf(server->number_prefix, sizeof server->number_prefix, "%08x", g_random_int());
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, answer, server,
        MHD_OPTION_EXTERNAL_LOGGER, log_message, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_NOTIFY_COMPLETED, completed, server, MHD_OPTION_NOTIFY_CONNECTION,
        connection_changed, server, MHD_OPTION_CONNECTION_LIMIT, BERTH_LIMIT_HTTP_CONNECTIONS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)BERTH_LIMIT_HTTP_CONNECTION_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        server->daemon != NULL ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)
                               : NULL;
    if (info == NULL) {
        berth_set_error(error, BERTH_ERR_IO, "cannot serve HTTP on \"%s\"", socket_path);
        berth_http_server_free(server);
        return NULL;
    }
    (void)berth_steal_fd(&fd);
    server->source = g_source_new(&source_funcs, sizeof(HttpSource));
    HttpSource *source = (HttpSource *)server->source;
    source->server = server;
    source->tag = g_source_add_unix_fd(server->source, info->epoll_fd, G_IO_IN);
    g_source_attach(server->source, NULL);
    server->peer_timer = g_timeout_add(PEER_CHECK_MS, check_peers, server);
    return server;
}

void
berth_http_server_free(BerthHttpServer *server)
{
    if (server == NULL) {
        return;
    }
    if (server->peer_timer != 0) {
        g_source_remove(server->peer_timer);
    }
    if (server->source != NULL) {
        g_source_destroy(server->source);
        g_source_unref(server->source);
    }
    if (server->daemon != NULL) {
        /* Lets those go on that were answered a moment ago. */
        MHD_run(server->daemon);
        MHD_stop_daemon(server->daemon);
    }
    g_free(server->path);
    g_free(server);
}
