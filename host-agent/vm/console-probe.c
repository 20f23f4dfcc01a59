/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/console-probe.h"

#include "base/log.h"

#include <gio/gio.h>
#include <unistd.h>

#define POLL_INTERVAL_MS 200
#define CALL_TIMEOUT_MS 10000
#define CONSOLE_PATH "/org/qemu/Display1/Console_0"
#define CONSOLE_INTERFACE "org.qemu.Display1.Console"

struct BerthConsoleProbe {
    int n_refs; /* the owner and every call under way */
    GCancellable *cancellable;
    GDBusConnection *connection;
    guint poll_source;
    int min_width_px, min_height_px;
    bool has_looked;
    void (*on_looked)(bool is_shown, void *user_data);
    void *user_data;
};

static void
unref(BerthConsoleProbe *self)
{
    if (--self->n_refs > 0) {
        return;
    }
    g_clear_object(&self->connection);
    g_clear_object(&self->cancellable);
    g_free(self);
}

static bool
is_big_enough(BerthConsoleProbe *self, GVariant *reply)
{
    guint32 width = 0, height = 0;
    g_autoptr(GVariant) properties = NULL;
    if (!g_variant_is_of_type(reply, G_VARIANT_TYPE("(a{sv})"))) {
        return false;
    }
    properties = g_variant_get_child_value(reply, 0);
    g_variant_lookup(properties, "Width", "u", &width);
    g_variant_lookup(properties, "Height", "u", &height);
    return width >= (guint32)self->min_width_px && height >= (guint32)self->min_height_px;
}

static gboolean on_poll(gpointer user_data);

/* The owner may free the probe in what it is told. */
static void
tell(BerthConsoleProbe *self, bool is_shown)
{
    bool is_news = is_shown || !self->has_looked;
    self->has_looked = true;
    if (!is_shown) {
        self->poll_source = g_timeout_add(POLL_INTERVAL_MS, on_poll, self);
    }
    if (is_news) {
        self->on_looked(is_shown, self->user_data);
    }
}

static void
on_properties(GObject *source, GAsyncResult *result, gpointer user_data)
{
    BerthConsoleProbe *self = user_data;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);
    if (!g_cancellable_is_cancelled(self->cancellable)) {
        tell(self, reply != NULL && is_big_enough(self, reply));
    }
    unref(self);
}

static gboolean
on_poll(gpointer user_data)
{
    BerthConsoleProbe *self = user_data;
    self->poll_source = 0;
    self->n_refs++;
    g_dbus_connection_call(self->connection, NULL, CONSOLE_PATH, "org.freedesktop.DBus.Properties",
                           "GetAll", g_variant_new("(s)", CONSOLE_INTERFACE), NULL,
                           G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT_MS, self->cancellable,
                           on_properties, self);
    return G_SOURCE_REMOVE;
}

static void
on_connected(GObject *source, GAsyncResult *result, gpointer user_data)
{
    BerthConsoleProbe *self = user_data;
    g_autoptr(GError) error = NULL;
    GDBusConnection *connection = g_dbus_connection_new_finish(result, &error);
    if (connection == NULL) {
        if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
            berth_log_warning("vm", "the console cannot be watched: %s", error->message);
        }
    } else {
        self->connection = connection;
        g_dbus_connection_set_exit_on_close(connection, FALSE);
        if (!g_cancellable_is_cancelled(self->cancellable)) {
            on_poll(self);
        } else {
            g_dbus_connection_close(connection, NULL, NULL, NULL);
        }
    }
    unref(self);
}

BerthConsoleProbe *
berth_console_probe_new(int fd, int min_width_px, int min_height_px,
                        void (*on_looked)(bool is_shown, void *user_data), void *user_data)
{
    BerthConsoleProbe *self = g_new0(BerthConsoleProbe, 1);
    self->n_refs = 1;
    self->cancellable = g_cancellable_new();
    self->min_width_px = min_width_px;
    self->min_height_px = min_height_px;
    self->on_looked = on_looked;
    self->user_data = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, &error);
    if (socket == NULL) {
        berth_log_warning("vm", "the console cannot be watched: %s", error->message);
        close(fd);
        return self;
    }
    g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection(socket);
    self->n_refs++;
    g_dbus_connection_new(G_IO_STREAM(stream), NULL, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT,
                          NULL, self->cancellable, on_connected, self);
    return self;
}

void
berth_console_probe_free(BerthConsoleProbe *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->poll_source, g_source_remove);
    g_cancellable_cancel(self->cancellable);
    if (self->connection != NULL) {
        g_dbus_connection_close(self->connection, NULL, NULL, NULL);
    }
    unref(self);
}
