/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/display-listener.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "display/transport/client-hello.h"
#include "display/transport/session-name.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SWEEP_INTERVAL_S 1
#define ACCEPTS_AT_ONCE 32

typedef struct {
    BerthDisplayListener *listener;
    int fd;
    int64_t deadline_us;
    char peer[BERTH_ADDRESS_CHARS];
} Pending;

struct BerthDisplayListener {
    BerthPoller *poller;
    int fd;
    BerthId host_id;
    bool is_paused; /* descriptors ran out: the next sweep tries again */
    GQueue pending; /* of Pending *, oldest first */
    guint sweep_source;
    BerthRouteFunc route;
    void *user_data;
};

/* A TLS record of its own: the fatal alert unrecognized_name. */
static const uint8_t alert_unknown_name[] = { 0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 112 };

static void
forget(Pending *pending)
{
    BerthDisplayListener *self = pending->listener;
    if (pending->fd >= 0) {
        berth_poller_remove(self->poller, pending->fd);
    }
    g_queue_remove(&self->pending, pending);
    berth_clear_fd(&pending->fd);
    g_free(pending);
}

static void
refuse(Pending *pending, const char *why, bool is_tls)
{
    berth_log_info("display", "connection from %s refused: %s", pending->peer, why);
    if (is_tls) {
        /* Closing with unread bytes resets the connection: take them, so that the alert arrives. */
        char bytes[BERTH_LIMIT_CLIENT_HELLO_BYTES];
        ssize_t n = recv(pending->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n > 0) {
            n = send(pending->fd, alert_unknown_name, sizeof alert_unknown_name,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        if (n < 0) {
            berth_log_debug("display", "the alert could not be sent");
        }
    }
    forget(pending);
}

static void on_pending(int fd, uint32_t events, void *user_data);

static void
hand_over(Pending *pending, const char *name)
{
    BerthDisplayListener *self = pending->listener;
    BerthId session, host;
    if (berth_session_name_parse(name, &session, &host) != BERTH_OK ||
        !berth_id_equal(&host, &self->host_id)) {
        refuse(pending, "its server name is no session of this host", true);
        return;
    }
    int low_water = 1;
    setsockopt(pending->fd, SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof low_water);
    berth_poller_remove(self->poller, pending->fd);
    if (!self->route(&session, pending->fd, self->user_data)) {
        berth_poller_add(self->poller, pending->fd, 0, on_pending, pending);
        refuse(pending, "its session does not run here", true);
        return;
    }
    pending->fd = -1;
    forget(pending);
}

static void
on_pending(int fd, uint32_t events, void *user_data)
{
    Pending *pending = user_data;
    uint8_t bytes[BERTH_LIMIT_CLIENT_HELLO_BYTES];
    char name[BERTH_SERVER_NAME_CHARS];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        forget(pending);
        return;
    }
    int code = berth_client_hello_sni(bytes, (size_t)n, name, sizeof name);
    if (code == BERTH_OK) {
        hand_over(pending, name);
    } else if (code != BERTH_ERR_AGAIN || (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) {
        refuse(pending, "it does not begin with a TLS ClientHello", false);
    } else {
        /* The peeked bytes stay readable: wake up only when there are more than these. */
        int low_water = (int)n + 1;
        setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof low_water);
    }
}

static bool
accept_one(BerthDisplayListener *self)
{
    BerthAddress peer;
    int fd = -1;
    int code = berth_tcp_accept(self->fd, &fd, &peer);
    if (code != BERTH_OK) {
        if (code != BERTH_ERR_AGAIN) {
            berth_log_warning("display", "cannot accept a connection: %s",
                              berth_error_sentence(code));
            berth_poller_remove(self->poller, self->fd);
            self->is_paused = true;
        }
        return false;
    }
    if (g_queue_get_length(&self->pending) >= BERTH_DISPLAY_PENDING_MAX) {
        refuse(g_queue_peek_head(&self->pending), "too many connections wait", false);
    }
    Pending *pending = g_new0(Pending, 1);
    pending->listener = self;
    pending->fd = fd;
    pending->deadline_us = berth_monotonic_us() + BERTH_LIMIT_TLS_HANDSHAKE_US;
    berth_address_format(&peer, pending->peer);
    g_queue_push_tail(&self->pending, pending);
    berth_poller_add(self->poller, fd, EPOLLIN | EPOLLRDHUP, on_pending, pending);
    return true;
}

static void
on_listen(int fd, uint32_t events, void *user_data)
{
    BerthDisplayListener *self = user_data;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        if (!accept_one(self)) {
            return;
        }
    }
}

static gboolean
on_sweep(gpointer user_data)
{
    BerthDisplayListener *self = user_data;
    int64_t now_us = berth_monotonic_us();
    Pending *oldest;
    while ((oldest = g_queue_peek_head(&self->pending)) != NULL && oldest->deadline_us <= now_us) {
        refuse(oldest, "it did not say hello in time", false);
    }
    if (self->is_paused) {
        self->is_paused = berth_poller_add(self->poller, self->fd, EPOLLIN, on_listen, self) < 0;
    }
    return G_SOURCE_CONTINUE;
}

BerthDisplayListener *
berth_display_listener_new(BerthPoller *poller, const BerthAddress *address, const BerthId *host_id,
                           BerthRouteFunc route, void *user_data, GError **error)
{
    int fd = -1;
    int code = berth_tcp_listen(address, &fd);
    if (code != BERTH_OK) {
        char text[BERTH_ADDRESS_CHARS];
        berth_address_format(address, text);
        berth_set_error(error, code, "cannot listen on %s: %s", text, berth_error_sentence(code));
        return NULL;
    }
    BerthDisplayListener *self = g_new0(BerthDisplayListener, 1);
    self->poller = poller;
    self->fd = fd;
    self->host_id = *host_id;
    self->route = route;
    self->user_data = user_data;
    g_queue_init(&self->pending);
    berth_poller_add(poller, fd, EPOLLIN, on_listen, self);
    self->sweep_source = g_timeout_add_seconds(SWEEP_INTERVAL_S, on_sweep, self);
    return self;
}

void
berth_display_listener_free(BerthDisplayListener *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->sweep_source, g_source_remove);
    while (!g_queue_is_empty(&self->pending)) {
        forget(g_queue_peek_head(&self->pending));
    }
    berth_poller_remove(self->poller, self->fd);
    berth_clear_fd(&self->fd);
    g_free(self);
}

void
berth_display_listener_get_address(const BerthDisplayListener *self, BerthAddress *ret)
{
    memset(ret, 0, sizeof *ret);
    berth_tcp_get_local(self->fd, ret);
}
