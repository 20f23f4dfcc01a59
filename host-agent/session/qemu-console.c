/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RegisterListener makes QEMU's main loop wait until our end has authenticated and has answered
 * one GetAll, so both are started before the reply of RegisterListener is awaited.
 *
 * QEMU 7.2 tells a new size only with a Scanout, which it sends for a change of the whole picture;
 * VGA text modes change line by line and never send one.  The console's Width and Height are
 * watched for that: if no Scanout follows them, the listener is registered anew, and QEMU begins
 * with a Scanout.
 *
 * QEMU 7.2 keeps its listeners by the names of their buses, and all of ours have none: a new one
 * takes the place of the one before.  If the connection of that one ends at the same time, QEMU
 * takes the new one for the one that has gone, drops it, and touches freed memory.  So the old
 * connection stays open until QEMU has answered a call that came after RegisterListener.
 *
 * Source: QEMU ui/dbus-display1.xml.
 */
#include "host-agent/session/qemu-console.h"

#include "host-agent/session/dbus-reader.h"
#include "host-agent/session/qemu-peer.h"

#include "base/error.h"
#include "base/log.h"

#include <gio/gunixfdlist.h>
#include <sys/socket.h>

#define SCOPE "capture"
#define IFACE_CONSOLE "org.qemu.Display1.Console"
#define IFACE_PROPERTIES "org.freedesktop.DBus.Properties"
/* Time for a Scanout to follow a new console size. */
#define SIZE_GRACE_MS 60

struct BerthQemuConsole {
    gint ref_count;
    int number;
    char *path;
    BerthScreen *screen;
    const BerthQemuConsoleCallbacks *callbacks;
    void *user_data;
    GCancellable *cancellable;
    GDBusConnection *peer;
    GDBusConnection *listener; /* NULL until it is up */
    GDBusConnection *retired;  /* the one before, while QEMU may know it */
    guint filter;
    guint watch;
    int console_w, console_h; /* as the console's properties say; 0 before */
    guint size_timer;
    bool is_closed;
    bool is_ended; /* the owner was told */
};

static BerthQemuConsole *
ref_console(BerthQemuConsole *self)
{
    self->ref_count++;
    return self;
}

static void
unref_console(gpointer data)
{
    BerthQemuConsole *self = data;

    if (--self->ref_count > 0) {
        return;
    }
    g_clear_object(&self->listener);
    g_object_unref(self->peer);
    g_object_unref(self->cancellable);
    berth_screen_unref(self->screen);
    g_free(self->path);
    g_free(self);
}

char *
berth_qemu_console_path(int number)
{
    return g_strdup_printf("/org/qemu/Display1/Console_%d", number);
}

static void
end_console(BerthQemuConsole *self, const char *text)
{
    if (!self->is_closed && !self->is_ended) {
        self->is_ended = true;
        self->callbacks->ended(self, text, self->user_data);
    }
}

static void
on_connection_closed(GDBusConnection *connection, gboolean vanished, GError *error,
                     gpointer user_data)
{
    end_console(user_data, "the desktop closed the connection of its pictures");
}

static void
drop_retired(BerthQemuConsole *self)
{
    if (self->retired) {
        g_dbus_connection_close(self->retired, NULL, NULL, NULL);
        g_clear_object(&self->retired);
    }
}

/* Nothing that it brings is heard any more; its connection stays open. */
static void
retire_listener(BerthQemuConsole *self)
{
    if (self->listener) {
        g_dbus_connection_remove_filter(self->listener, self->filter);
        g_signal_handlers_disconnect_by_data(self->listener, self);
        self->retired = g_steal_pointer(&self->listener);
    }
}

/* --- the listener --- */

static void
on_listener_registered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    BerthQemuConsole *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish(
        G_DBUS_CONNECTION(source), NULL, result, &error);

    if (!reply) {
        g_autofree char *text =
            g_strdup_printf("the desktop refused the display listener: %s", error->message);

        end_console(self, text);
    }
    unref_console(self);
}

static void
on_listener_up(GObject *source, GAsyncResult *result, gpointer user_data)
{
    BerthQemuConsole *self = user_data;
    g_autoptr(GError) error = NULL;
    GDBusConnection *listener = g_dbus_connection_new_finish(result, &error);

    if (!listener) {
        end_console(self, "the desktop's display listener did not come up");
    } else if (self->is_closed) {
        g_dbus_connection_close(listener, NULL, NULL, NULL);
        g_object_unref(listener);
    } else {
        self->listener = listener;
        g_signal_connect(listener, "closed", G_CALLBACK(on_connection_closed), self);
        self->filter = g_dbus_connection_add_filter(listener, berth_dbus_reader_filter,
                                                    berth_dbus_reader_new(self->screen),
                                                    berth_dbus_reader_free);
        g_dbus_connection_start_message_processing(listener);
        self->callbacks->up(self, self->user_data);
    }
    unref_console(self);
}

/* Passes one end of a socket pair to QEMU and opens the other one at the same time. */
static bool
register_listener(BerthQemuConsole *self, GError **error)
{
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GIOStream) stream = NULL;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        return berth_set_error(error, BERTH_ERR_IO, "no socket pair for the display listener: %m");
    }
    fds = g_unix_fd_list_new_from_array(&pair[1], 1);
    stream = berth_qemu_peer_new_stream(pair[0], error);
    if (!stream) {
        return false;
    }
    g_dbus_connection_call_with_unix_fd_list(
        self->peer, NULL, self->path, IFACE_CONSOLE, "RegisterListener", g_variant_new("(h)", 0),
        NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, fds, self->cancellable, on_listener_registered,
        ref_console(self));
    g_dbus_connection_new(stream, NULL,
                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                              G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                          NULL, self->cancellable, on_listener_up, ref_console(self));
    return true;
}

static void
on_successor_known(GObject *source, GAsyncResult *result, gpointer user_data)
{
    BerthQemuConsole *self = user_data;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);

    drop_retired(self);
    unref_console(self);
}

/* QEMU handles the calls of one connection one after the other. */
static bool
replace_listener(BerthQemuConsole *self, GError **error)
{
    retire_listener(self);
    if (!register_listener(self, error)) {
        return false;
    }
    g_dbus_connection_call(self->peer, NULL, self->path, IFACE_PROPERTIES, "GetAll",
                           g_variant_new("(s)", IFACE_CONSOLE), NULL,
                           G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->cancellable,
                           on_successor_known, ref_console(self));
    return true;
}

/* --- the size --- */

static gboolean
on_size_timer(gpointer user_data)
{
    BerthQemuConsole *self = user_data;
    g_autoptr(GError) error = NULL;
    int w, h;

    if (self->retired) {
        return G_SOURCE_CONTINUE; /* one at a time */
    }
    self->size_timer = 0;
    berth_screen_get_mode(self->screen, &w, &h);
    if ((w == self->console_w && h == self->console_h) || !self->listener) {
        return G_SOURCE_REMOVE;
    }
    berth_log_debug(SCOPE, "the desktop has %dx%d pixels and did not say so", self->console_w,
                    self->console_h);
    if (!replace_listener(self, &error)) {
        end_console(self, error->message);
    }
    return G_SOURCE_REMOVE;
}

static void
note_size(BerthQemuConsole *self, int *side, GVariant *value)
{
    *side = (int)MIN(g_variant_get_uint32(value), G_MAXUINT16);
    if (!self->size_timer) {
        self->size_timer = g_timeout_add(SIZE_GRACE_MS, on_size_timer, self);
    }
}

static void
note_property(const char *name, GVariant *value, void *user_data)
{
    BerthQemuConsole *self = user_data;

    if (self->is_closed) {
        return;
    }
    if (!g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32)) {
        if (g_str_equal(name, "Type") && g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) &&
            !g_str_equal(g_variant_get_string(value, NULL), "Graphic")) {
            end_console(self, "the desktop's console is none for pictures");
        }
    } else if (g_str_equal(name, "Width")) {
        note_size(self, &self->console_w, value);
    } else if (g_str_equal(name, "Height")) {
        note_size(self, &self->console_h, value);
    }
}

/* --- its life --- */

BerthQemuConsole *
berth_qemu_console_new(GDBusConnection *peer, int number, BerthScreen *screen,
                       const BerthQemuConsoleCallbacks *callbacks, void *user_data)
{
    BerthQemuConsole *self = g_new0(BerthQemuConsole, 1);

    self->ref_count = 1;
    self->number = number;
    self->path = berth_qemu_console_path(number);
    self->peer = g_object_ref(peer);
    self->screen = berth_screen_ref(screen);
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->cancellable = g_cancellable_new();
    return self;
}

void
berth_qemu_console_close(BerthQemuConsole *self)
{
    if (!self) {
        return;
    }
    self->is_closed = true;
    g_cancellable_cancel(self->cancellable);
    if (self->size_timer) {
        g_source_remove(self->size_timer);
    }
    if (self->watch) {
        g_dbus_connection_signal_unsubscribe(self->peer, self->watch);
    }
    drop_retired(self);
    retire_listener(self);
    drop_retired(self);
    unref_console(self);
}

bool
berth_qemu_console_attach(BerthQemuConsole *self, GError **error)
{
    self->watch = berth_qemu_peer_watch(self->peer, self->path, IFACE_CONSOLE, self->cancellable,
                                        note_property, ref_console(self), unref_console);
    return register_listener(self, error);
}

int
berth_qemu_console_get_number(const BerthQemuConsole *self)
{
    return self->number;
}
