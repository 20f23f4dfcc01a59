/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "broker/gateway/gateway-connection.h"
#include "broker/gateway/gateway-limits.h"
#include "broker/gateway/gateway.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>

#define TICK_MS 250
/* Connections taken at once, before those that exist get their turn. */
#define ACCEPTS_PER_TURN 64
#define SCOPE "gateway"

struct BerthGateway {
    BerthGatewayShared shared;
    char *api_socket;
    BerthGatewayLimits *limits;
    GHashTable *connections; /* set of BerthGatewayConnection */
    int listen_fd;
    bool is_accepting; /* false: descriptors ran out, the next tick tries again */
    uint16_t port;
    guint tick_source;
    uint64_t n_refused; /* since the last line about it */
};

static void
on_connection_done(BerthGatewayConnection *connection, void *user_data)
{
    BerthGateway *self = user_data;
    berth_gateway_limits_release(self->limits, berth_gateway_connection_get_peer(connection));
    g_hash_table_remove(self->connections, connection);
    berth_gateway_connection_free(connection);
}

static void
take_connection(BerthGateway *self, int fd, const BerthAddress *peer)
{
    berth_autofd int owned = fd;
    if (berth_gateway_limits_admit(self->limits, peer) < 0) {
        self->n_refused++;
        return;
    }
    BerthGatewayConnection *connection =
        berth_gateway_connection_new(&self->shared, berth_steal_fd(&owned), peer,
                                     berth_monotonic_us(), on_connection_done, self);
    g_hash_table_add(self->connections, connection);
}

static void
on_acceptable(int listen_fd, uint32_t events, void *user_data)
{
    BerthGateway *self = user_data;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        BerthAddress peer;
        int fd;
        int result = berth_tcp_accept(listen_fd, &fd, &peer);
        if (result == BERTH_ERR_AGAIN) {
            return;
        }
        if (result < 0) {
            berth_log_warning(SCOPE, "cannot accept a connection: %s", berth_error_name(result));
            berth_poller_remove(self->shared.poller, listen_fd);
            self->is_accepting = false;
            return;
        }
        take_connection(self, fd, &peer);
    }
}

static void
start_accepting(BerthGateway *self)
{
    if (!self->is_accepting) {
        self->is_accepting = berth_poller_add(self->shared.poller, self->listen_fd, EPOLLIN,
                                              on_acceptable, self) == BERTH_OK;
    }
}

/* A copy, because connections end and leave the set while it is walked. */
static GList *
list_connections(BerthGateway *self)
{
    return g_hash_table_get_keys(self->connections);
}

static void
on_hosts_refreshed(void *user_data)
{
    BerthGateway *self = user_data;
    g_autoptr(GList) all = list_connections(self);
    for (GList *link = all; link; link = link->next) {
        berth_gateway_connection_hosts_changed(link->data);
    }
}

static gboolean
on_tick(gpointer user_data)
{
    BerthGateway *self = user_data;
    int64_t now_us = berth_monotonic_us();
    berth_host_refresh_tick(self->shared.refresh, now_us);
    g_autoptr(GList) all = list_connections(self);
    for (GList *link = all; link; link = link->next) {
        berth_gateway_connection_tick(link->data, now_us);
    }
    if (self->n_refused > 0) {
        berth_log_warning(SCOPE, "%" G_GUINT64_FORMAT " connections refused: over the limits",
                          self->n_refused);
        self->n_refused = 0;
    }
    start_accepting(self);
    return G_SOURCE_CONTINUE;
}

static bool
start_listening(BerthGateway *self, const char *listen, GError **error)
{
    BerthAddress address;
    if (berth_address_parse(listen, &address) < 0) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "\"%s\" is not an address with a port",
                               listen);
    }
    int result = berth_tcp_listen(&address, &self->listen_fd);
    if (result == BERTH_OK) {
        result = berth_tcp_get_local(self->listen_fd, &address);
    }
    if (result < 0) {
        return berth_set_error(error, result, "cannot listen on %s: %s", listen,
                               berth_error_sentence(result));
    }
    self->port = berth_address_get_port(&address);
    return true;
}

BerthGateway *
berth_gateway_new(const BerthGatewayConfig *config, BerthPoller *poller, BerthTlsContext *tls,
                  GError **error)
{
    if (strlen(config->api_socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        berth_set_error(error, BERTH_ERR_CONFIG, "the path \"%s\" is too long", config->api_socket);
        return NULL;
    }
    BerthGateway *self = g_new0(BerthGateway, 1);
    self->listen_fd = -1;
    self->api_socket = g_strdup(config->api_socket);
    self->connections = g_hash_table_new(NULL, NULL);
    self->limits = berth_gateway_limits_new(config->max_connections, config->max_per_source);
    self->shared.poller = poller;
    self->shared.tls = tls;
    self->shared.api_socket = self->api_socket;
    self->shared.hosts = berth_host_table_new();
    self->shared.refresh = berth_host_refresh_new(
        poller, self->shared.hosts, config->internal_socket, on_hosts_refreshed, self);
    if (!start_listening(self, config->listen, error)) {
        berth_gateway_free(self);
        return NULL;
    }
    start_accepting(self);
    self->tick_source = g_timeout_add(TICK_MS, on_tick, self);
    berth_host_refresh_tick(self->shared.refresh, berth_monotonic_us());
    return self;
}

void
berth_gateway_free(BerthGateway *self)
{
    if (!self) {
        return;
    }
    if (self->tick_source) {
        g_source_remove(self->tick_source);
    }
    if (self->is_accepting) {
        berth_poller_remove(self->shared.poller, self->listen_fd);
    }
    berth_clear_fd(&self->listen_fd);
    g_autoptr(GList) all = list_connections(self);
    for (GList *link = all; link; link = link->next) {
        on_connection_done(link->data, self);
    }
    berth_host_refresh_free(self->shared.refresh);
    berth_host_table_free(self->shared.hosts);
    berth_gateway_limits_free(self->limits);
    g_hash_table_unref(self->connections);
    g_free(self->api_socket);
    g_free(self);
}

uint16_t
berth_gateway_get_port(const BerthGateway *self)
{
    return self->port;
}
