/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Capture from QEMU's D-Bus display over a private connection.
 *
 * There are two connections, and QEMU authenticates as the server on both.  The peer connection
 * carries our calls: input, resize, properties.  The listener connection is a socket pair whose
 * other end we pass with RegisterListener; QEMU calls us there with pixels and never waits for a
 * reply, so whatever we do not read piles up in QEMU.  A message filter handles those calls in
 * GDBus's own thread, which therefore always drains; see dbus-reader.c.
 *
 * RegisterListener makes QEMU's main loop wait until our end has authenticated and has answered
 * one GetAll, so both are started before the reply of RegisterListener is awaited.
 *
 * QEMU 7.2 tells a new size only with a Scanout, which it sends for a change of the whole picture;
 * VGA text modes change line by line and never send one.  The console's Width and Height are
 * watched for that: if no Scanout follows them, the listener is registered anew, and QEMU begins
 * with a Scanout.
 *
 * Source: QEMU ui/dbus-display1.xml.
 */
#include "host-agent/session/capture-qemu-dbus.h"
#include "host-agent/session/dbus-reader.h"
#include "host-agent/session/keymap.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <sys/socket.h>

#define SCOPE "capture"
#define CONSOLE_PATH "/org/qemu/Display1/Console_0"
#define IFACE_CONSOLE "org.qemu.Display1.Console"
#define IFACE_KEYBOARD "org.qemu.Display1.Keyboard"
#define IFACE_MOUSE "org.qemu.Display1.Mouse"
#define IFACE_PROPERTIES "org.freedesktop.DBus.Properties"

/* Calls without a reply yet: beyond it new presses are refused, so that QEMU's queue is bounded. */
#define MAX_CALLS 256
/* Beyond it pointer positions wait, and only the newest of them. */
#define MAX_CALLS_MOTION 8
/* Notches of one wheel call. */
#define MAX_NOTCHES 8
/* Time for a Scanout to follow a new console size. */
#define SIZE_GRACE_MS 60
/* Time for both connections to come up; a busy host may need seconds. */
#define ATTACH_LIMIT_S 30

typedef struct {
    BerthCapture base;
    gint ref_count;
    BerthScreen *screen;
    GCancellable *cancellable;
    GDBusConnection *peer;     /* NULL until it is up */
    GDBusConnection *listener; /* NULL until it is up */
    guint filter;
    guint watches[3];
    int console_w, console_h; /* as the console's properties say; 0 before */
    guint size_timer;
    guint attach_timer;
    bool is_input_only;
    bool is_closed;
    bool is_ended; /* the screen was told */
    unsigned n_calls;
    bool motion_waits;
    int motion_x, motion_y;
} QemuCapture;

/* QEMU's numbers for the buttons of the wire; 3 and 4 are the wheel. */
static const uint8_t button_numbers[BERTH_N_BUTTONS] = { 0, 1, 2, 5, 6 };
#define ALL_LEDS (BERTH_LED_SCROLL | BERTH_LED_NUM | BERTH_LED_CAPS)
#define WHEEL_UP 3
#define WHEEL_DOWN 4

static QemuCapture *
ref_capture(QemuCapture *self)
{
    self->ref_count++;
    return self;
}

static void
unref_capture(QemuCapture *self)
{
    if (--self->ref_count > 0) {
        return;
    }
    g_clear_object(&self->peer);
    g_clear_object(&self->listener);
    g_object_unref(self->cancellable);
    berth_screen_unref(self->screen);
    g_free(self);
}

static void
clear_timer(guint *timer)
{
    if (*timer) {
        g_source_remove(*timer);
        *timer = 0;
    }
}

static void
release_capture(gpointer data)
{
    unref_capture(data);
}

static void
end_capture(QemuCapture *self, const char *text)
{
    if (!self->is_closed && !self->is_ended) {
        self->is_ended = true;
        berth_log_warning(SCOPE, "%s", text);
        berth_screen_end(self->screen, BERTH_ERR_DESKTOP_GONE, text);
    }
}

static void
on_connection_closed(GDBusConnection *connection, gboolean vanished, GError *error,
                     gpointer user_data)
{
    end_capture(user_data, "the desktop closed its display connection");
}

/* Wraps an inherited or paired socket; fd is taken, also on error. */
static GIOStream *
new_stream(int fd, GError **error)
{
    berth_autofd int owned = fd;
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, error);

    if (!socket) {
        return NULL;
    }
    berth_steal_fd(&owned);
    return G_IO_STREAM(g_socket_connection_factory_create_connection(socket));
}

static void on_input_done(GObject *source, GAsyncResult *result, gpointer user_data);

static void
call_input(QemuCapture *self, const char *iface, const char *method, GVariant *arguments)
{
    self->n_calls++;
    g_dbus_connection_call(self->peer, NULL, CONSOLE_PATH, iface, method, arguments, NULL,
                           G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->cancellable, on_input_done,
                           ref_capture(self));
}

static void
maybe_send_motion(QemuCapture *self)
{
    if (self->motion_waits && self->peer && !self->is_closed) {
        self->motion_waits = false;
        call_input(self, IFACE_MOUSE, "SetAbsPosition",
                   g_variant_new("(uu)", (guint32)self->motion_x, (guint32)self->motion_y));
    }
}

static void
on_input_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    QemuCapture *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    if (!reply && !self->is_closed) {
        berth_log_debug(SCOPE, "the desktop refused an input event: %s", error->message);
    }
    self->n_calls--;
    if (self->n_calls < MAX_CALLS_MOTION) {
        maybe_send_motion(self);
    }
    unref_capture(self);
}

static int
check_ready(const QemuCapture *self, bool is_release)
{
    if (!self->peer || self->is_closed || g_dbus_connection_is_closed(self->peer)) {
        return BERTH_ERR_CLOSED;
    }
    /* A release follows a press that was let in, so releases are bounded as well. */
    return !is_release && self->n_calls >= MAX_CALLS ? BERTH_ERR_BUSY : BERTH_OK;
}

static int
qemu_key(BerthCapture *base, uint16_t evdev, bool is_down)
{
    QemuCapture *self = (QemuCapture *)base;
    uint8_t qnum = berth_keymap_qnum(evdev);
    int r = check_ready(self, !is_down);

    if (r < 0) {
        return r;
    }
    if (qnum == 0) {
        return BERTH_ERR_UNSUPPORTED;
    }
    call_input(self, IFACE_KEYBOARD, is_down ? "Press" : "Release", g_variant_new("(u)", qnum));
    return BERTH_OK;
}

static int
qemu_pointer_abs(BerthCapture *base, int head, int x_px, int y_px)
{
    QemuCapture *self = (QemuCapture *)base;
    int r = check_ready(self, false);

    if (r < 0) {
        return r;
    }
    self->motion_x = x_px;
    self->motion_y = y_px;
    self->motion_waits = true;
    if (self->n_calls < MAX_CALLS_MOTION) {
        maybe_send_motion(self);
    }
    return BERTH_OK;
}

static int
qemu_pointer_rel(BerthCapture *base, int dx_px, int dy_px)
{
    QemuCapture *self = (QemuCapture *)base;
    int r = check_ready(self, false);

    if (r < 0) {
        return r;
    }
    call_input(self, IFACE_MOUSE, "RelMotion", g_variant_new("(ii)", dx_px, dy_px));
    return BERTH_OK;
}

static int
qemu_button(BerthCapture *base, BerthButton button, bool is_down)
{
    QemuCapture *self = (QemuCapture *)base;
    int r = check_ready(self, !is_down);

    if (r < 0) {
        return r;
    }
    if ((unsigned)button >= BERTH_N_BUTTONS) {
        return BERTH_ERR_UNSUPPORTED;
    }
    maybe_send_motion(self); /* the click belongs where the pointer is */
    call_input(self, IFACE_MOUSE, is_down ? "Press" : "Release",
               g_variant_new("(u)", button_numbers[button]));
    return BERTH_OK;
}

static int
qemu_wheel(BerthCapture *base, int n_right, int n_down)
{
    QemuCapture *self = (QemuCapture *)base;
    int n = CLAMP(n_down, -MAX_NOTCHES, MAX_NOTCHES);
    guint32 number = n < 0 ? WHEEL_UP : WHEEL_DOWN;
    int r = check_ready(self, false);

    if (r < 0) {
        return r;
    }
    if (n == 0) {
        return BERTH_ERR_UNSUPPORTED; /* QEMU's D-Bus mouse has no sideways wheel */
    }
    maybe_send_motion(self);
    for (int i = 0; i < ABS(n); i++) {
        call_input(self, IFACE_MOUSE, "Press", g_variant_new("(u)", number));
        call_input(self, IFACE_MOUSE, "Release", g_variant_new("(u)", number));
    }
    return BERTH_OK;
}

static int
qemu_resize(BerthCapture *base, int head, int w_px, int h_px, int w_mm, int h_mm)
{
    QemuCapture *self = (QemuCapture *)base;
    int r = check_ready(self, false);

    if (r < 0) {
        return r;
    }
    if (head != 0) {
        return BERTH_ERR_UNSUPPORTED;
    }
    call_input(self, IFACE_CONSOLE, "SetUIInfo",
               g_variant_new("(qqiiuu)", (guint16)w_mm, (guint16)h_mm, 0, 0, (guint32)w_px,
                             (guint32)h_px));
    return BERTH_OK;
}

static bool register_listener(QemuCapture *self, GError **error);

static void drop_listener(QemuCapture *self);

static gboolean
on_size_timer(gpointer user_data)
{
    QemuCapture *self = user_data;
    g_autoptr(GError) error = NULL;
    int w, h;

    self->size_timer = 0;
    berth_screen_get_mode(self->screen, &w, &h);
    if ((w == self->console_w && h == self->console_h) || !self->listener) {
        return G_SOURCE_REMOVE;
    }
    berth_log_debug(SCOPE, "the desktop has %dx%d pixels and did not say so", self->console_w,
                    self->console_h);
    drop_listener(self);
    if (!register_listener(self, &error)) {
        end_capture(self, error->message);
    }
    return G_SOURCE_REMOVE;
}

static void
note_console_size(QemuCapture *self, int *side, GVariant *value)
{
    *side = (int)MIN(g_variant_get_uint32(value), G_MAXUINT16);
    if (!self->size_timer) {
        self->size_timer = g_timeout_add(SIZE_GRACE_MS, on_size_timer, self);
    }
}

/* Notes one property of the console, the keyboard or the mouse; others are ignored. */
static void
note_property(QemuCapture *self, const char *name, GVariant *value)
{
    bool is_number = g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32);

    if (is_number && g_str_equal(name, "Modifiers")) {
        berth_screen_set_leds(self->screen, (uint8_t)(g_variant_get_uint32(value) & ALL_LEDS));
    } else if (is_number && g_str_equal(name, "Width")) {
        note_console_size(self, &self->console_w, value);
    } else if (is_number && g_str_equal(name, "Height")) {
        note_console_size(self, &self->console_h, value);
    } else if (g_str_equal(name, "IsAbsolute") &&
               g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN)) {
        berth_screen_set_absolute(self->screen, g_variant_get_boolean(value));
    }
}

static void
note_properties(QemuCapture *self, GVariant *dictionary)
{
    GVariantIter iter;
    const char *name;
    GVariant *value;

    g_variant_iter_init(&iter, dictionary);
    while (g_variant_iter_loop(&iter, "{&sv}", &name, &value)) {
        note_property(self, name, value);
    }
}

static void
on_properties_changed(GDBusConnection *connection, const char *sender, const char *path,
                      const char *iface, const char *signal, GVariant *arguments,
                      gpointer user_data)
{
    QemuCapture *self = user_data;

    if (!self->is_closed && g_variant_is_of_type(arguments, G_VARIANT_TYPE("(sa{sv}as)"))) {
        g_autoptr(GVariant) dictionary = g_variant_get_child_value(arguments, 1);

        note_properties(self, dictionary);
    }
}

static void
on_properties(GObject *source, GAsyncResult *result, gpointer user_data)
{
    QemuCapture *self = user_data;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);

    if (reply && !self->is_closed) {
        g_autoptr(GVariant) dictionary = g_variant_get_child_value(reply, 0);

        note_properties(self, dictionary);
    }
    unref_capture(self);
}

static void
watch_properties(QemuCapture *self, const char *iface, guint *ret_watch)
{
    *ret_watch = g_dbus_connection_signal_subscribe(
        self->peer, NULL, IFACE_PROPERTIES, "PropertiesChanged", CONSOLE_PATH, iface,
        G_DBUS_SIGNAL_FLAGS_NONE, on_properties_changed, ref_capture(self), release_capture);
    g_dbus_connection_call(self->peer, NULL, CONSOLE_PATH, IFACE_PROPERTIES, "GetAll",
                           g_variant_new("(s)", iface), G_VARIANT_TYPE("(a{sv})"),
                           G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->cancellable, on_properties,
                           ref_capture(self));
}

static void
on_listener_registered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    QemuCapture *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish(
        G_DBUS_CONNECTION(source), NULL, result, &error);

    if (!reply) {
        g_autofree char *text =
            g_strdup_printf("the desktop refused the display listener: %s", error->message);

        end_capture(self, text);
    }
    unref_capture(self);
}

static void
close_connection(QemuCapture *self, GDBusConnection *connection)
{
    g_signal_handlers_disconnect_by_data(connection, self);
    g_dbus_connection_close(connection, NULL, NULL, NULL);
}

static void
drop_listener(QemuCapture *self)
{
    if (self->listener) {
        g_dbus_connection_remove_filter(self->listener, self->filter);
        close_connection(self, self->listener);
        g_clear_object(&self->listener);
    }
}

static void
on_listener_up(GObject *source, GAsyncResult *result, gpointer user_data)
{
    QemuCapture *self = user_data;
    g_autoptr(GError) error = NULL;
    GDBusConnection *listener = g_dbus_connection_new_finish(result, &error);

    if (!listener) {
        end_capture(self, "the desktop's display listener did not come up");
    } else if (self->is_closed) {
        g_dbus_connection_close(listener, NULL, NULL, NULL);
        g_object_unref(listener);
    } else {
        clear_timer(&self->attach_timer);
        self->listener = listener;
        g_signal_connect(listener, "closed", G_CALLBACK(on_connection_closed), self);
        self->filter = g_dbus_connection_add_filter(listener, berth_dbus_reader_filter,
                                                    berth_dbus_reader_new(self->screen),
                                                    berth_dbus_reader_free);
        g_dbus_connection_start_message_processing(listener);
    }
    unref_capture(self);
}

/* Passes one end of a socket pair to QEMU and opens the other one at the same time. */
static bool
register_listener(QemuCapture *self, GError **error)
{
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GIOStream) stream = NULL;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        return berth_set_error(error, BERTH_ERR_IO, "no socket pair for the display listener: %m");
    }
    fds = g_unix_fd_list_new_from_array(&pair[1], 1);
    stream = new_stream(pair[0], error);
    if (!stream) {
        return false;
    }
    g_dbus_connection_call_with_unix_fd_list(
        self->peer, NULL, CONSOLE_PATH, IFACE_CONSOLE, "RegisterListener", g_variant_new("(h)", 0),
        NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, fds, self->cancellable, on_listener_registered,
        ref_capture(self));
    g_dbus_connection_new(stream, NULL,
                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                              G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                          NULL, self->cancellable, on_listener_up, ref_capture(self));
    return true;
}

static void
on_peer_up(GObject *source, GAsyncResult *result, gpointer user_data)
{
    QemuCapture *self = user_data;
    g_autoptr(GError) error = NULL;
    GDBusConnection *peer = g_dbus_connection_new_finish(result, &error);

    if (self->is_closed) {
        g_clear_object(&peer);
    } else if (!peer) {
        end_capture(self, "the desktop's display connection did not come up");
    } else {
        self->peer = peer;
        g_signal_connect(peer, "closed", G_CALLBACK(on_connection_closed), self);
        watch_properties(self, IFACE_KEYBOARD, &self->watches[0]);
        watch_properties(self, IFACE_MOUSE, &self->watches[1]);
        watch_properties(self, IFACE_CONSOLE, &self->watches[2]);
        if (self->is_input_only) {
            clear_timer(&self->attach_timer);
        } else if (!register_listener(self, &error)) {
            end_capture(self, error->message);
        }
    }
    unref_capture(self);
}

static gboolean
on_attach_timer(gpointer user_data)
{
    QemuCapture *self = user_data;

    self->attach_timer = 0;
    end_capture(self, "the desktop does not answer on its display connection");
    return G_SOURCE_REMOVE;
}

static BerthCapture *
open_display(int fd, BerthHeads *heads, bool is_input_only, GError **error)
{
    g_autoptr(GIOStream) stream = new_stream(fd, error);
    QemuCapture *self;

    if (!stream) {
        return NULL;
    }
    self = g_new0(QemuCapture, 1);
    self->base.ops = &berth_capture_qemu_dbus;
    self->ref_count = 1;
    self->is_input_only = is_input_only;
    self->screen = berth_screen_ref(berth_heads_get(heads, 0));
    self->cancellable = g_cancellable_new();
    self->attach_timer = g_timeout_add_seconds(ATTACH_LIMIT_S, on_attach_timer, self);
    g_dbus_connection_new(stream, NULL, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL,
                          self->cancellable, on_peer_up, ref_capture(self));
    return &self->base;
}

static BerthCapture *
qemu_open(int fd, BerthHeads *heads, GError **error)
{
    return open_display(fd, heads, false, error);
}

BerthCapture *
berth_capture_qemu_dbus_open_input(int fd, BerthHeads *heads, GError **error)
{
    return open_display(fd, heads, true, error);
}

static void
qemu_close(BerthCapture *base)
{
    QemuCapture *self = (QemuCapture *)base;

    self->is_closed = true;
    g_cancellable_cancel(self->cancellable);
    clear_timer(&self->size_timer);
    clear_timer(&self->attach_timer);
    drop_listener(self);
    if (self->peer) {
        for (size_t i = 0; i < G_N_ELEMENTS(self->watches); i++) {
            g_dbus_connection_signal_unsubscribe(self->peer, self->watches[i]);
        }
        close_connection(self, self->peer);
    }
    unref_capture(self);
}

const BerthCaptureOps berth_capture_qemu_dbus = {
    .name = "qemu-dbus",
    .open = qemu_open,
    .close = qemu_close,
    .key = qemu_key,
    .pointer_abs = qemu_pointer_abs,
    .pointer_rel = qemu_pointer_rel,
    .button = qemu_button,
    .wheel = qemu_wheel,
    .resize = qemu_resize,
};
