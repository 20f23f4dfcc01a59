/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/dialer.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <stdbool.h>
#include <string.h>

#define TIMEOUT_S 10
/*
 * A lost SYN is sent again by the kernel after 1, 3 and 7 s; a new connection beside the old one
 * needs not wait for that when the network comes back.
 */
#define AGAIN_MS 400
#define MAX_ATTEMPTS 24

/* Lives until all attempts have ended, which may be after its owner has freed it. */
struct BerthDialer {
    GSocketClient *client;
    GCancellable *cancellable;
    char *name; /* "host:port", for sentences */
    uint16_t port;
    BerthDialerFunc func;
    void *user_data;
    unsigned n_pending, n_started;
    guint again_source;
    bool is_over;
    bool is_freed;
};

static void
destroy(BerthDialer *self)
{
    g_object_unref(self->client);
    g_object_unref(self->cancellable);
    g_free(self->name);
    g_free(self);
}

static int
code_of(const GError *error)
{
    if (error->domain == G_RESOLVER_ERROR) {
        return BERTH_ERR_NOT_FOUND;
    }
    return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ? BERTH_ERR_TIMEOUT
                                                                    : BERTH_ERR_CLOSED;
}

static int
dup_socket(GSocketConnection *connection)
{
    int fd = g_socket_get_fd(g_socket_connection_get_socket(connection));
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

    if (copy >= 0 && fcntl(copy, F_SETFL, O_NONBLOCK) != 0) {
        berth_clear_fd(&copy);
    }
    return copy;
}

/* Tells how it went, once. */
static void
report(BerthDialer *self, int fd, const GError *why)
{
    g_autoptr(GError) error = NULL;

    self->is_over = true;
    g_clear_handle_id(&self->again_source, g_source_remove);
    if (fd < 0) {
        berth_set_error(&error, why != NULL ? code_of(why) : BERTH_ERR_IO,
                        _("%s cannot be reached (%s)"), self->name,
                        why != NULL ? why->message : _("no file descriptor is left"));
    }
    self->func(fd, error, self->user_data);
}

/* The first answer counts, whatever it is. */
static void
on_connected(GObject *source, GAsyncResult *result, gpointer user_data)
{
    BerthDialer *self = user_data;
    g_autoptr(GError) why = NULL;
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(source), result, &why);

    self->n_pending--;
    if (self->is_freed) {
        if (self->n_pending == 0) {
            destroy(self);
        }
    } else if (!self->is_over) {
        report(self, connection != NULL ? dup_socket(connection) : -1, why);
    }
}

static void
start_attempt(BerthDialer *self)
{
    self->n_pending++;
    self->n_started++;
    g_socket_client_connect_to_host_async(self->client, self->name, self->port, self->cancellable,
                                          on_connected, self);
}

static gboolean
on_again(gpointer user_data)
{
    BerthDialer *self = user_data;

    start_attempt(self);
    if (self->n_started < MAX_ATTEMPTS) {
        return G_SOURCE_CONTINUE;
    }
    self->again_source = 0;
    return G_SOURCE_REMOVE;
}

BerthDialer *
berth_dialer_new(const char *host, uint16_t port, BerthDialerFunc func, void *user_data)
{
    BerthDialer *self = g_new0(BerthDialer, 1);

    self->client = g_socket_client_new();
    self->cancellable = g_cancellable_new();
    self->name = g_strdup_printf(strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
    self->port = port;
    self->func = func;
    self->user_data = user_data;
    g_socket_client_set_enable_proxy(self->client, FALSE);
    g_socket_client_set_timeout(self->client, TIMEOUT_S);
    start_attempt(self);
    self->again_source = g_timeout_add(AGAIN_MS, on_again, self);
    return self;
}

void
berth_dialer_free(BerthDialer *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->again_source, g_source_remove);
    if (self->n_pending == 0) {
        destroy(self);
        return;
    }
    self->is_freed = true;
    g_cancellable_cancel(self->cancellable);
}
