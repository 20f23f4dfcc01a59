/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What all parts of a private D-Bus connection to QEMU need: streams, and properties that are
 * watched.
 *
 * Thread: main.
 */
#pragma once

#include <gio/gio.h>

/* Wraps an inherited or paired socket.  fd: taken, also on error.  NULL with error set. */
GIOStream *berth_qemu_peer_new_stream(int fd, GError **error);

/* Called with a property as it is, and whenever it has changed. */
typedef void (*BerthQemuPropertyFunc)(const char *name, GVariant *value, void *user_data);

/*
 * Watches the properties of one interface of an object.
 *
 * cancellable: ends the first question
 * user_data:   given back to release once neither the watch nor the first question needs it; may be
 *              after the watch was unsubscribed
 *
 * Returns a number for g_dbus_connection_signal_unsubscribe().
 */
guint berth_qemu_peer_watch(GDBusConnection *peer, const char *path, const char *iface,
                            GCancellable *cancellable, BerthQemuPropertyFunc func, void *user_data,
                            GDestroyNotify release);
