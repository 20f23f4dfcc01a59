/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/qemu-peer.h"

#include "base/cleanup.h"

#define IFACE_PROPERTIES "org.freedesktop.DBus.Properties"

/* Shared by the subscription and the first question. */
typedef struct {
    gint ref_count;
    BerthQemuPropertyFunc func;
    void *user_data;
    GDestroyNotify release;
} Watch;

GIOStream *
berth_qemu_peer_new_stream(int fd, GError **error)
{
    berth_autofd int owned = fd;
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, error);

    if (!socket) {
        return NULL;
    }
    berth_steal_fd(&owned);
    return G_IO_STREAM(g_socket_connection_factory_create_connection(socket));
}

static void
unref_watch(gpointer data)
{
    Watch *watch = data;

    if (--watch->ref_count == 0) {
        watch->release(watch->user_data);
        g_free(watch);
    }
}

static void
note_properties(const Watch *watch, GVariant *dictionary)
{
    GVariantIter iter;
    const char *name;
    GVariant *value;

    g_variant_iter_init(&iter, dictionary);
    while (g_variant_iter_loop(&iter, "{&sv}", &name, &value)) {
        watch->func(name, value, watch->user_data);
    }
}

static void
on_properties_changed(GDBusConnection *connection, const char *sender, const char *path,
                      const char *iface, const char *signal, GVariant *arguments,
                      gpointer user_data)
{
    if (g_variant_is_of_type(arguments, G_VARIANT_TYPE("(sa{sv}as)"))) {
        g_autoptr(GVariant) dictionary = g_variant_get_child_value(arguments, 1);

        note_properties(user_data, dictionary);
    }
}

static void
on_properties(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);

    if (reply) {
        g_autoptr(GVariant) dictionary = g_variant_get_child_value(reply, 0);

        note_properties(user_data, dictionary);
    }
    unref_watch(user_data);
}

guint
berth_qemu_peer_watch(GDBusConnection *peer, const char *path, const char *iface,
                      GCancellable *cancellable, BerthQemuPropertyFunc func, void *user_data,
                      GDestroyNotify release)
{
    Watch *watch = g_new0(Watch, 1);

    *watch = (Watch){ 2, func, user_data, release };
    g_dbus_connection_call(peer, NULL, path, IFACE_PROPERTIES, "GetAll",
                           g_variant_new("(s)", iface), G_VARIANT_TYPE("(a{sv})"),
                           G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, cancellable, on_properties, watch);
    return g_dbus_connection_signal_subscribe(peer, NULL, IFACE_PROPERTIES, "PropertiesChanged",
                                              path, iface, G_DBUS_SIGNAL_FLAGS_NONE,
                                              on_properties_changed, watch, unref_watch);
}
