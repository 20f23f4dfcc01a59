/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/dialer.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <stdbool.h>
#include <string.h>

#define TIMEOUT_S 10

/* Lives until the attempt has ended, which may be after its owner has freed it. */
struct BerthDialer {
    GCancellable *cancellable;
    char *name; /* "host:port", for sentences */
    BerthDialerFunc func;
    void *user_data;
    bool is_over;
    bool is_freed;
};

static void
destroy(BerthDialer *self)
{
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

static void
on_connected(GObject *source, GAsyncResult *result, gpointer user_data)
{
    BerthDialer *self = user_data;
    g_autoptr(GError) why = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(source), result, &why);
    int fd = -1;

    self->is_over = true;
    if (self->is_freed) {
        destroy(self);
        return;
    }
    if (connection != NULL) {
        fd = dup_socket(connection);
    }
    if (fd < 0) {
        berth_set_error(&error, why != NULL ? code_of(why) : BERTH_ERR_IO,
                        "%s cannot be reached (%s)", self->name,
                        why != NULL ? why->message : "no file descriptor is left");
    }
    self->func(fd, error, self->user_data);
}

BerthDialer *
berth_dialer_new(const char *host, uint16_t port, BerthDialerFunc func, void *user_data)
{
    BerthDialer *self = g_new0(BerthDialer, 1);
    g_autoptr(GSocketClient) client = g_socket_client_new();

    self->cancellable = g_cancellable_new();
    self->name = g_strdup_printf(strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
    self->func = func;
    self->user_data = user_data;
    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_set_timeout(client, TIMEOUT_S);
    g_socket_client_connect_to_host_async(client, self->name, port, self->cancellable, on_connected,
                                          self);
    return self;
}

void
berth_dialer_free(BerthDialer *self)
{
    if (self == NULL) {
        return;
    }
    if (self->is_over) {
        destroy(self);
        return;
    }
    self->is_freed = true;
    g_cancellable_cancel(self->cancellable);
}
