/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/gateway/gateway-connection.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/limits.h"
#include "broker/gateway/gateway-pump.h"
#include "broker/gateway/gateway-route.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A farewell that the peer does not read is cut off. */
#define FAREWELL_US (2LL * 1000 * 1000)
/* An API connection on which nothing moves; the longest request waits 15 seconds. */
#define API_IDLE_US (120LL * 1000 * 1000)
/* The first may have been under way when the host was asked for; the second was not. */
#define REFRESHES_FOR_A_HOST 2
/* Reads before other connections get their turn. */
#define READS_PER_TURN 16
/* Tells connections of one address apart; the name with a device's key must fit sun_path. */
#define NAME_RANDOM_BYTES 8
#define SCOPE "gateway"

typedef enum {
    STATE_PEEK,
    STATE_WAIT_HOST,
    STATE_CONNECT_HOST,
    STATE_HANDSHAKE,
    STATE_SPLICE_SESSION,
    STATE_SPLICE_API,
    STATE_FAREWELL,
} State;

static const char plain_http_answer[] = "HTTP/1.1 400 Bad Request\r\n"
                                        "Content-Type: text/plain; charset=utf-8\r\n"
                                        "Content-Length: 26\r\n"
                                        "Connection: close\r\n"
                                        "\r\n"
                                        "this port speaks TLS only\n";

static const char broker_down_answer[] =
    "HTTP/1.1 503 Service Unavailable\r\n"
    "Content-Type: application/problem+json\r\n"
    "Content-Length: 120\r\n"
    "Retry-After: 5\r\n"
    "Connection: close\r\n"
    "\r\n"
    "{\"status\":503,\"code\":\"again\",\"title\":\"not now, try again\","
    "\"detail\":\"the broker does not answer; running desktops go on\"}";

struct BerthGatewayConnection {
    const BerthGatewayShared *shared;
    State state;
    BerthEnd client;
    BerthEnd server;
    int watched_fd; /* the descriptor that this watches itself, or -1 */
    BerthPump *pump;
    BerthAddress peer;
    BerthId host;
    int n_refreshes; /* that did not bring the host */
    int64_t deadline_us;
    uint64_t seen_bytes; /* moved by the pump at the last sign of life */
    const char *farewell;
    size_t farewell_left;
    BerthGatewayConnectionFunc done;
    void *user_data;
};

static void
unwatch(BerthGatewayConnection *self)
{
    if (self->watched_fd >= 0) {
        berth_poller_remove(self->shared->poller, self->watched_fd);
        self->watched_fd = -1;
    }
}

static void
watch(BerthGatewayConnection *self, int fd, uint32_t events, BerthPollerFunc func)
{
    unwatch(self);
    if (berth_poller_add(self->shared->poller, fd, events, func, self) == BERTH_OK) {
        self->watched_fd = fd;
    }
}

/* Ends the connection; self is gone after it. */
static void
end(BerthGatewayConnection *self, const char *why)
{
    char peer[BERTH_ADDRESS_CHARS];
    berth_address_format(&self->peer, peer);
    berth_log_debug(SCOPE, "connection from %s ends: %s", peer, why);
    self->done(self, self->user_data);
}

static void
on_pump_done(void *user_data)
{
    end(user_data, "both sides are done");
}

static void
splice_ends(BerthGatewayConnection *self, State state)
{
    unwatch(self);
    self->state = state;
    self->deadline_us = state == STATE_SPLICE_API ? berth_monotonic_us() + API_IDLE_US : INT64_MAX;
    BerthEnd client = self->client;
    BerthEnd server = self->server;
    self->client = BERTH_END_NONE;
    self->server = BERTH_END_NONE;
    self->pump = berth_pump_new(self->shared->poller, client, server, on_pump_done, self);
}

static void
on_farewell(int fd, uint32_t events, void *user_data)
{
    BerthGatewayConnection *self = user_data;
    while (self->farewell_left > 0) {
        size_t n;
        int result = berth_end_write(&self->client, self->farewell, self->farewell_left, &n);
        if (result == BERTH_ERR_AGAIN) {
            return;
        }
        if (result < 0) {
            end(self, "it did not wait for the answer");
            return;
        }
        self->farewell += n;
        self->farewell_left -= n;
        if (self->farewell_left == 0) {
            berth_end_shutdown_write(&self->client);
            watch(self, self->client.fd, EPOLLIN, on_farewell);
        }
    }
    /* Bytes that nobody reads at close() would destroy the answer on its way. */
    char ignored[4096];
    size_t n;
    int result = BERTH_OK;
    for (int i = 0; i < READS_PER_TURN && result == BERTH_OK; i++) {
        result = berth_end_read(&self->client, ignored, sizeof(ignored), &n);
    }
    if (result < 0 && result != BERTH_ERR_AGAIN) {
        end(self, "it was told why");
    }
}

static void
say_farewell(BerthGatewayConnection *self, const char *answer)
{
    self->state = STATE_FAREWELL;
    self->deadline_us = berth_monotonic_us() + FAREWELL_US;
    self->farewell = answer;
    self->farewell_left = strlen(answer);
    watch(self, self->client.fd, EPOLLIN | EPOLLOUT, on_farewell);
}

/*
 * The abstract name tells the broker who is behind this connection: the address and, for a client
 * that proved the key of a device certificate, a zero byte and the hash of that key as bytes.  A
 * name cannot be changed by what the client sends later.
 */
static int
bind_client_name(BerthGatewayConnection *self, int fd)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    char ip[BERTH_ADDRESS_CHARS];
    uint8_t random[NAME_RANDOM_BYTES];
    uint8_t device[BERTH_KEY_HASH_BYTES];
    char hex[2 * NAME_RANDOM_BYTES + 1];
    berth_random_bytes(random, sizeof(random));
    berth_hex_format(random, sizeof(random), hex);
    berth_address_format_ip(&self->peer, ip);
    size_t len = 1 + (size_t)g_snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1,
                                        "berth-gateway/%s/%s", hex, ip);
    if (berth_tls_stream_get_peer_key_hash(self->client.tls, device) == BERTH_OK) {
        if (len + 1 + sizeof(device) > sizeof(name.sun_path)) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name.sun_path + len + 1, device, sizeof(device));
        len += 1 + sizeof(device);
    }
    return bind(fd, (struct sockaddr *)&name,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

static int
connect_broker(BerthGatewayConnection *self)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    berth_autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    g_strlcpy(address.sun_path, self->shared->api_socket, sizeof(address.sun_path));
    if (fd < 0 || bind_client_name(self, fd) < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        berth_log_warning(SCOPE, "cannot reach the broker at \"%s\": %s", self->shared->api_socket,
                          g_strerror(errno));
        return -1;
    }
    return berth_steal_fd(&fd);
}

static void
on_handshake(int fd, uint32_t events, void *user_data)
{
    BerthGatewayConnection *self = user_data;
    int result = berth_tls_stream_handshake(self->client.tls);
    if (result == BERTH_ERR_AGAIN) {
        bool wants_write = berth_tls_stream_wants_write(self->client.tls);
        watch(self, fd, wants_write ? EPOLLOUT : EPOLLIN, on_handshake);
        return;
    }
    if (result < 0) {
        end(self, berth_tls_stream_get_error_text(self->client.tls));
        return;
    }
    self->server.fd = connect_broker(self);
    if (self->server.fd < 0) {
        say_farewell(self, broker_down_answer);
    } else {
        splice_ends(self, STATE_SPLICE_API);
    }
}

static void
start_handshake(BerthGatewayConnection *self)
{
    g_autoptr(GError) error = NULL;
    unwatch(self);
    int fd = berth_steal_fd(&self->client.fd);
    self->client.tls = berth_tls_stream_new(self->shared->tls, fd, NULL, &error);
    if (!self->client.tls) {
        end(self, error->message);
        return;
    }
    self->client.fd = fd;
    self->state = STATE_HANDSHAKE;
    on_handshake(fd, 0, self);
}

static void
on_host_connected(int fd, uint32_t events, void *user_data)
{
    BerthGatewayConnection *self = user_data;
    int result = berth_tcp_connect_result(fd);
    if (result == BERTH_ERR_AGAIN) {
        return;
    }
    if (result < 0) {
        char hex[BERTH_ID_HEX_CHARS + 1];
        berth_id_format(&self->host, hex);
        berth_log_warning(SCOPE, "host %s cannot be reached: %s", hex, berth_error_name(result));
        end(self, "its host does not answer");
        return;
    }
    splice_ends(self, STATE_SPLICE_SESSION);
}

static void
connect_host(BerthGatewayConnection *self, const BerthAddress *address)
{
    unwatch(self);
    if (berth_tcp_connect(address, &self->server.fd) < 0) {
        end(self, "its host cannot be dialled");
        return;
    }
    self->state = STATE_CONNECT_HOST;
    watch(self, self->server.fd, EPOLLOUT, on_host_connected);
}

static void
find_host(BerthGatewayConnection *self)
{
    BerthAddress address;
    if (berth_host_table_lookup(self->shared->hosts, &self->host, &address) == BERTH_OK) {
        connect_host(self, &address);
        return;
    }
    unwatch(self);
    self->state = STATE_WAIT_HOST;
    berth_host_refresh_request(self->shared->refresh, berth_monotonic_us());
}

void
berth_gateway_connection_hosts_changed(BerthGatewayConnection *self)
{
    BerthAddress address;
    if (self->state != STATE_WAIT_HOST) {
        return;
    }
    if (berth_host_table_lookup(self->shared->hosts, &self->host, &address) == BERTH_OK) {
        connect_host(self, &address);
    } else if (++self->n_refreshes < REFRESHES_FOR_A_HOST) {
        berth_host_refresh_request(self->shared->refresh, berth_monotonic_us());
    } else {
        end(self, "nobody knows its host");
    }
}

static void
on_peekable(int fd, uint32_t events, void *user_data)
{
    BerthGatewayConnection *self = user_data;
    uint8_t hello[BERTH_LIMIT_CLIENT_HELLO_BYTES];
    ssize_t n = recv(fd, hello, sizeof(hello), MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        end(self, "it went away before it said anything");
        return;
    }
    BerthRoute route = berth_gateway_route(hello, (size_t)n);
    switch (route.kind) {
    case BERTH_ROUTE_MORE:
        /* Edge-triggered: the next call comes with new bytes, not with those that stay. */
        if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) || (size_t)n == sizeof(hello)) {
            end(self, "its beginning is cut off or too long");
        }
        return;
    case BERTH_ROUTE_SESSION:
        self->host = route.host;
        find_host(self);
        return;
    case BERTH_ROUTE_API:
        start_handshake(self);
        return;
    case BERTH_ROUTE_PLAIN_HTTP:
        say_farewell(self, plain_http_answer);
        return;
    case BERTH_ROUTE_REFUSE:
        end(self, "it speaks no TLS, or asks for a name that cannot be");
        return;
    }
}

BerthGatewayConnection *
berth_gateway_connection_new(const BerthGatewayShared *shared, int fd, const BerthAddress *peer,
                             int64_t now_us, BerthGatewayConnectionFunc done, void *user_data)
{
    BerthGatewayConnection *self = g_new0(BerthGatewayConnection, 1);
    self->shared = shared;
    self->state = STATE_PEEK;
    self->client = (BerthEnd){ .fd = fd };
    self->server = BERTH_END_NONE;
    self->watched_fd = -1;
    self->peer = *peer;
    self->deadline_us = now_us + BERTH_LIMIT_TLS_HANDSHAKE_US;
    self->done = done;
    self->user_data = user_data;
    watch(self, fd, EPOLLIN | EPOLLRDHUP | EPOLLET, on_peekable);
    return self;
}

void
berth_gateway_connection_free(BerthGatewayConnection *self)
{
    if (!self) {
        return;
    }
    unwatch(self);
    berth_pump_free(self->pump);
    berth_end_clear(&self->client);
    berth_end_clear(&self->server);
    g_free(self);
}

const BerthAddress *
berth_gateway_connection_get_peer(const BerthGatewayConnection *self)
{
    return &self->peer;
}

void
berth_gateway_connection_tick(BerthGatewayConnection *self, int64_t now_us)
{
    if (self->state == STATE_SPLICE_API && berth_pump_get_bytes(self->pump) != self->seen_bytes) {
        self->seen_bytes = berth_pump_get_bytes(self->pump);
        self->deadline_us = now_us + API_IDLE_US;
    }
    if (now_us >= self->deadline_us) {
        end(self, "it took too long");
    }
}
