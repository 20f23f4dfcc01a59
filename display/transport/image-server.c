/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/image-server.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"
#include "display/transport/image-channel.h"
#include "display/transport/image-wire.h"
#include "display/transport/tls.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Read and encrypted at once: what stays in the second-level cache on the way. */
#define PIECE_BYTES (256 * 1024)
#define ACCEPT_REST_US (100 * 1000)

struct BerthImageServer {
    BerthTlsContext *tls;
    char *allowed_name;
    int max_connections;
    int (*open_file)(const BerthDigest *root, int *ret_fd, BerthChunkList **ret_list, void *data);
    void *user_data;
    BerthAddress address;
    int listen_fd;
    int stop_fd;
    GThread *acceptor;
    GMutex lock;
    GCond connection_ended;
    int n_connections; /* under the lock */
};

typedef struct {
    BerthImageServer *server;
    BerthImageChannel *channel;
    char peer[BERTH_ADDRESS_CHARS];
    BerthDigest root; /* of the file that is open */
    int fd;           /* -1: none is */
    BerthChunkList *list;
    uint8_t *piece;
} Connection;

/* ---- one connection ---- */

static int
send_answer(Connection *self, int status, uint64_t length)
{
    uint8_t bytes[BERTH_IMAGE_ANSWER_BYTES];
    const BerthImageAnswer answer = { .status = status, .length = length };
    berth_image_answer_encode(&answer, bytes);
    return berth_image_channel_write(self->channel, bytes, sizeof bytes, length > 0,
                                     berth_monotonic_us() + BERTH_LIMIT_IMAGE_STALL_US);
}

static int
send_bytes(Connection *self, const void *bytes, size_t n, bool has_more)
{
    return berth_image_channel_write(self->channel, bytes, n, has_more,
                                     berth_monotonic_us() + BERTH_LIMIT_IMAGE_STALL_US);
}

/* Opens the file of a request unless it is the one before. */
static int
open_root(Connection *self, const BerthDigest *root)
{
    BerthImageServer *server = self->server;
    int fd = -1;
    BerthChunkList *list = NULL;
    if (self->fd >= 0 && berth_digest_equal(&self->root, root)) {
        return BERTH_OK;
    }
    int error = server->open_file(root, &fd, &list, server->user_data);
    if (error == BERTH_OK) {
        berth_clear_fd(&self->fd);
        berth_chunk_list_unref(self->list);
        self->fd = fd;
        self->list = list;
        self->root = *root;
    }
    return error;
}

static int
serve_list(Connection *self)
{
    g_autoptr(GBytes) bytes = berth_chunk_list_format(self->list);
    size_t n;
    const void *data = g_bytes_get_data(bytes, &n);
    int error = send_answer(self, BERTH_OK, n);
    return error == BERTH_OK ? send_bytes(self, data, n, false) : error;
}

/* A file that is shorter than its list ends the connection: the client asks somebody else. */
static int
send_chunk(Connection *self, uint64_t index, bool has_more)
{
    size_t chunk_bytes = berth_chunk_list_chunk_bytes(self->list, index);
    for (size_t done = 0; done < chunk_bytes;) {
        size_t want = MIN(PIECE_BYTES, chunk_bytes - done);
        ssize_t n = pread(self->fd, self->piece, want, (off_t)(index * BERTH_CHUNK_BYTES + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            berth_log_warning("image", "a file that %s fetches cannot be read: %s", self->peer,
                              n < 0 ? g_strerror(errno) : "it is too short");
            return BERTH_ERR_IO;
        }
        done += (size_t)n;
        int error = send_bytes(self, self->piece, (size_t)n, has_more || done < chunk_bytes);
        if (error != BERTH_OK) {
            return error;
        }
    }
    return BERTH_OK;
}

static int
serve_chunks(Connection *self, const BerthImageRequest *request)
{
    uint64_t end = request->first_chunk + request->n_chunks;
    if (end > berth_chunk_list_n_chunks(self->list)) {
        return send_answer(self, BERTH_ERR_INVALID, 0);
    }
    uint64_t left = berth_image_range_bytes(self->list, request->first_chunk, request->n_chunks);
    int error = send_answer(self, BERTH_OK, left);
    for (uint64_t i = request->first_chunk; i < end && error == BERTH_OK; i++) {
        if (!berth_chunk_list_is_zero(self->list, i)) {
            left -= berth_chunk_list_chunk_bytes(self->list, i);
            error = send_chunk(self, i, left > 0);
        }
    }
    return error;
}

static int
serve_request(Connection *self)
{
    uint8_t bytes[BERTH_IMAGE_REQUEST_BYTES];
    BerthImageRequest request;
    int error = berth_image_channel_read(self->channel, bytes, sizeof bytes,
                                         berth_monotonic_us() + BERTH_LIMIT_IMAGE_STALL_US);
    if (error != BERTH_OK) {
        return error;
    }
    error = berth_image_request_decode(bytes, sizeof bytes, &request);
    if (error != BERTH_OK) {
        send_answer(self, error, 0);
        return error;
    }
    error = open_root(self, &request.root);
    if (error != BERTH_OK) {
        return send_answer(self, error, 0);
    }
    return request.op == BERTH_IMAGE_OP_LIST ? serve_list(self) : serve_chunks(self, &request);
}

static int
greet(Connection *self)
{
    BerthId host;
    BerthTlsStream *stream = berth_image_channel_get_stream(self->channel);
    const char *name = self->server->allowed_name;
    int error = berth_image_channel_handshake(self->channel, berth_monotonic_us() +
                                                                 BERTH_LIMIT_IMAGE_HANDSHAKE_US);
    if (error != BERTH_OK) {
        berth_log_info("image", "%s may not fetch: %s", self->peer,
                       berth_tls_stream_get_error_text(stream));
        return error;
    }
    if (berth_tls_stream_get_peer_host_id(stream, &host) != BERTH_OK &&
        (name == NULL || !berth_tls_stream_is_peer_named(stream, name))) {
        berth_log_warning("image", "%s may not fetch: its certificate is no host's", self->peer);
        return BERTH_ERR_FORBIDDEN;
    }
    return BERTH_OK;
}

static void
connection_free(Connection *self)
{
    BerthImageServer *server = self->server;
    berth_image_channel_free(self->channel);
    berth_clear_fd(&self->fd);
    berth_chunk_list_unref(self->list);
    g_free(self->piece);
    g_free(self);
    g_mutex_lock(&server->lock);
    server->n_connections--;
    g_cond_signal(&server->connection_ended);
    /* The server may be gone once the lock is free. */
    g_mutex_unlock(&server->lock);
}

static gpointer
run_connection(gpointer data)
{
    Connection *self = data;
    int error = greet(self);
    if (error == BERTH_OK) {
        self->piece = g_malloc(PIECE_BYTES);
    }
    while (error == BERTH_OK) {
        error = serve_request(self);
    }
    connection_free(self);
    return NULL;
}

/* ---- accept ---- */

static bool
take_place(BerthImageServer *self)
{
    g_mutex_lock(&self->lock);
    bool is_free = self->n_connections < self->max_connections;
    self->n_connections += is_free ? 1 : 0;
    g_mutex_unlock(&self->lock);
    return is_free;
}

static void
accept_one(BerthImageServer *self)
{
    berth_autofd int fd = -1;
    BerthAddress peer;
    int error = berth_tcp_accept(self->listen_fd, &fd, &peer);
    if (error != BERTH_OK) {
        /* Without descriptors the one that waits would wake us at once again. */
        berth_image_wait(self->stop_fd, error == BERTH_ERR_AGAIN ? 0 : ACCEPT_REST_US);
        return;
    }
    if (!take_place(self)) {
        berth_log_info("image", "more than %d connections at once: one is turned away",
                       self->max_connections);
        return;
    }
    Connection *connection = g_new0(Connection, 1);
    connection->server = self;
    connection->fd = -1;
    berth_address_format(&peer, connection->peer);
    BerthTlsStream *stream = berth_tls_stream_new(self->tls, berth_steal_fd(&fd), NULL, NULL);
    if (stream == NULL) {
        connection_free(connection);
        return;
    }
    connection->channel = berth_image_channel_new(stream, self->stop_fd);
    GThread *thread = g_thread_try_new("image-serve", run_connection, connection, NULL);
    if (thread == NULL) {
        connection_free(connection);
        return;
    }
    g_thread_unref(thread);
}

static gpointer
run_acceptor(gpointer data)
{
    BerthImageServer *self = data;
    struct pollfd fds[2] = {
        { .fd = self->listen_fd, .events = POLLIN },
        { .fd = self->stop_fd, .events = POLLIN },
    };
    while (fds[1].revents == 0) {
        if (poll(fds, G_N_ELEMENTS(fds), -1) > 0 && fds[1].revents == 0) {
            accept_one(self);
        }
    }
    return NULL;
}

/* ---- public ---- */

static bool
start_listening(BerthImageServer *self, const BerthAddress *listen, GError **error)
{
    int code = berth_tcp_listen(listen, &self->listen_fd);
    if (code == BERTH_OK) {
        code = berth_tcp_get_local(self->listen_fd, &self->address);
    }
    if (code != BERTH_OK) {
        char text[BERTH_ADDRESS_CHARS];
        berth_address_format(listen, text);
        return berth_set_error(error, code, "images cannot be served at %s: %s", text,
                               berth_error_sentence(code));
    }
    self->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->stop_fd < 0) {
        return berth_set_error(error, BERTH_ERR_IO, "no event descriptor: %s", g_strerror(errno));
    }
    return true;
}

BerthImageServer *
berth_image_server_new(const BerthImageServerConfig *config, GError **error)
{
    const BerthTlsConfig tls = {
        .key = config->key,
        .peer_check = BERTH_TLS_PEER_CA_MEMBER,
        .ca_file = config->ca_file,
        .alpn = BERTH_IMAGE_ALPN,
        .is_alpn_needed = true,
        .is_bulk = true,
    };
    BerthImageServer *self = g_new0(BerthImageServer, 1);
    self->listen_fd = -1;
    self->stop_fd = -1;
    self->allowed_name = g_strdup(config->allowed_name);
    self->max_connections = config->max_connections;
    self->open_file = config->open_file;
    self->user_data = config->user_data;
    g_mutex_init(&self->lock);
    g_cond_init(&self->connection_ended);
    self->tls = berth_tls_context_new_server(&tls, error);
    if (self->tls == NULL || !start_listening(self, &config->listen, error)) {
        berth_image_server_free(self);
        return NULL;
    }
    self->acceptor = g_thread_new("image-accept", run_acceptor, self);
    return self;
}

void
berth_image_server_free(BerthImageServer *self)
{
    if (self == NULL) {
        return;
    }
    if (self->acceptor != NULL) {
        eventfd_write(self->stop_fd, 1);
        g_thread_join(self->acceptor);
    }
    g_mutex_lock(&self->lock);
    while (self->n_connections > 0) {
        g_cond_wait(&self->connection_ended, &self->lock);
    }
    g_mutex_unlock(&self->lock);
    berth_clear_fd(&self->listen_fd);
    berth_clear_fd(&self->stop_fd);
    berth_tls_context_unref(self->tls);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->connection_ended);
    g_free(self->allowed_name);
    g_free(self);
}

void
berth_image_server_get_address(const BerthImageServer *self, BerthAddress *ret)
{
    *ret = self->address;
}
