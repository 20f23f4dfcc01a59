/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Capture from QEMU's D-Bus display over a private connection, on which QEMU authenticates as the
 * server.
 *
 * The peer connection carries our calls: input, resize, properties.  Pixels come on one listener
 * connection for each console that is a head (qemu-console.h).  The first console is head 0; the
 * console n becomes head n when a size is asked for it.
 *
 * Source: QEMU ui/dbus-display1.xml.
 */
#include "host-agent/session/capture-qemu-dbus.h"
#include "host-agent/session/keymap.h"
#include "host-agent/session/qemu-console.h"
#include "host-agent/session/qemu-peer.h"
#include "host-agent/session/qemu-sound.h"

#include "base/error.h"
#include "base/log.h"
#include "display/wire/msg-input.h"

#include <gio/gio.h>

#define SCOPE "capture"
#define FIRST_PATH "/org/qemu/Display1/Console_0"
#define IFACE_CONSOLE "org.qemu.Display1.Console"
#define IFACE_KEYBOARD "org.qemu.Display1.Keyboard"
#define IFACE_MOUSE "org.qemu.Display1.Mouse"

/* Calls without a reply yet: beyond it new presses are refused, so that QEMU's queue is bounded. */
#define MAX_CALLS 256
/* Beyond it pointer positions wait, and only the newest of them. */
#define MAX_CALLS_MOTION 8
/* Notches of one wheel call. */
#define MAX_NOTCHES 8
/* Time for both connections to come up; a busy host may need seconds. */
#define ATTACH_LIMIT_S 30

typedef struct {
    BerthCapture base;
    gint ref_count;
    BerthHeads *heads;   /* NULL once closed */
    BerthScreen *screen; /* of head 0 */
    GCancellable *cancellable;
    GDBusConnection *peer; /* NULL until it is up */
    guint watches[2];
    BerthQemuConsole *consoles[BERTH_LIMIT_HEADS]; /* NULL if it is no head */
    BerthSoundRoom *sound_room;                    /* NULL: nobody wants its sound */
    BerthQemuSound *sound;                         /* NULL until the peer is up */
    guint attach_timer;
    bool is_input_only;
    bool is_closed;
    bool is_ended; /* the screen was told */
    unsigned n_calls;
    bool motion_waits;
    int motion_head, motion_x, motion_y;
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

static void on_input_done(GObject *source, GAsyncResult *result, gpointer user_data);

static void
call_console(QemuCapture *self, int head, const char *iface, const char *method,
             GVariant *arguments)
{
    g_autofree char *path = berth_qemu_console_path(head);

    self->n_calls++;
    g_dbus_connection_call(self->peer, NULL, path, iface, method, arguments, NULL,
                           G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->cancellable, on_input_done,
                           ref_capture(self));
}

static void
call_input(QemuCapture *self, const char *iface, const char *method, GVariant *arguments)
{
    call_console(self, 0, iface, method, arguments);
}

static void
maybe_send_motion(QemuCapture *self)
{
    if (self->motion_waits && self->peer && !self->is_closed) {
        self->motion_waits = false;
        call_console(self, self->motion_head, IFACE_MOUSE, "SetAbsPosition",
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
    self->motion_head = head;
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

/* --- sound --- */

static void
maybe_begin_sound(QemuCapture *self)
{
    if (self->peer && self->sound_room && !self->sound) {
        self->sound = berth_qemu_sound_new(self->peer, self->sound_room);
    }
}

static void
qemu_set_sound(BerthCapture *base, BerthSoundRoom *room)
{
    QemuCapture *self = (QemuCapture *)base;

    self->sound_room = berth_sound_room_ref(room);
    maybe_begin_sound(self);
}

/* --- heads --- */

static void
end_console(QemuCapture *self, int head)
{
    berth_qemu_console_close(g_steal_pointer(&self->consoles[head]));
    if (head > 0) {
        berth_heads_remove(self->heads, head);
    }
}

static void
on_console_up(BerthQemuConsole *console, void *user_data)
{
    QemuCapture *self = user_data;

    clear_timer(&self->attach_timer);
}

static void
on_console_ended(BerthQemuConsole *console, const char *text, void *user_data)
{
    QemuCapture *self = user_data;
    int head = berth_qemu_console_get_number(console);

    if (head == 0) {
        end_capture(self, text);
    } else {
        berth_log_info(SCOPE, "head %d is gone: %s", head, text);
        end_console(self, head);
    }
}

static const BerthQemuConsoleCallbacks console_callbacks = {
    .up = on_console_up,
    .ended = on_console_ended,
};

static bool
begin_console(QemuCapture *self, int head, GError **error)
{
    BerthScreen *screen = berth_heads_ensure(self->heads, head);

    self->consoles[head] =
        berth_qemu_console_new(self->peer, head, screen, &console_callbacks, self);
    return berth_qemu_console_attach(self->consoles[head], error);
}

static void
maybe_begin_console(QemuCapture *self, int head)
{
    g_autoptr(GError) error = NULL;

    if (head > 0 && !self->consoles[head] && !self->is_input_only &&
        !begin_console(self, head, &error)) {
        berth_log_warning(SCOPE, "there is no head %d: %s", head, error->message);
        end_console(self, head);
    }
}

static int
qemu_resize(BerthCapture *base, int head, int w_px, int h_px, int w_mm, int h_mm)
{
    QemuCapture *self = (QemuCapture *)base;
    int r = check_ready(self, false);

    if (r < 0) {
        return r;
    }
    if (w_px > 0) {
        maybe_begin_console(self, head);
    } else if (self->consoles[head]) {
        end_console(self, head);
    }
    /* A size of zero makes QEMU pull the plug of that output. */
    call_console(self, head, IFACE_CONSOLE, "SetUIInfo",
                 g_variant_new("(qqiiuu)", (guint16)w_mm, (guint16)h_mm, 0, 0, (guint32)w_px,
                               (guint32)h_px));
    return BERTH_OK;
}

/* Notes one property of the keyboard or the mouse; others are ignored. */
static void
note_property(const char *name, GVariant *value, void *user_data)
{
    QemuCapture *self = user_data;

    if (self->is_closed) {
        return;
    }
    if (g_str_equal(name, "Modifiers") && g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32)) {
        berth_screen_set_leds(self->screen, (uint8_t)(g_variant_get_uint32(value) & ALL_LEDS));
    } else if (g_str_equal(name, "IsAbsolute") &&
               g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN)) {
        berth_screen_set_absolute(self->screen, g_variant_get_boolean(value));
    }
}

static guint
watch_properties(QemuCapture *self, const char *iface)
{
    return berth_qemu_peer_watch(self->peer, FIRST_PATH, iface, self->cancellable, note_property,
                                 ref_capture(self), release_capture);
}

static void
close_connection(QemuCapture *self, GDBusConnection *connection)
{
    g_signal_handlers_disconnect_by_data(connection, self);
    g_dbus_connection_close(connection, NULL, NULL, NULL);
}

/*
 * A session that was killed has released nothing, and a guest repeats a key that is held.  QEMU
 * drops the release of what is not held.
 */
static void
release_everything(QemuCapture *self)
{
    for (uint16_t evdev = 1; evdev <= BERTH_WIRE_MAX_KEY; evdev++) {
        uint8_t qnum = berth_keymap_qnum(evdev);

        if (qnum != 0) {
            g_dbus_connection_call(self->peer, NULL, FIRST_PATH, IFACE_KEYBOARD, "Release",
                                   g_variant_new("(u)", qnum), NULL,
                                   G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(button_numbers); i++) {
        g_dbus_connection_call(self->peer, NULL, FIRST_PATH, IFACE_MOUSE, "Release",
                               g_variant_new("(u)", button_numbers[i]), NULL,
                               G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
    }
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
        release_everything(self);
        maybe_begin_sound(self);
        self->watches[0] = watch_properties(self, IFACE_KEYBOARD);
        self->watches[1] = watch_properties(self, IFACE_MOUSE);
        if (self->is_input_only) {
            clear_timer(&self->attach_timer);
        } else if (!begin_console(self, 0, &error)) {
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
    g_autoptr(GIOStream) stream = berth_qemu_peer_new_stream(fd, error);
    QemuCapture *self;

    if (!stream) {
        return NULL;
    }
    self = g_new0(QemuCapture, 1);
    self->base.ops = &berth_capture_qemu_dbus;
    self->ref_count = 1;
    self->is_input_only = is_input_only;
    self->heads = heads;
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
    clear_timer(&self->attach_timer);
    berth_qemu_sound_close(g_steal_pointer(&self->sound));
    g_clear_pointer(&self->sound_room, berth_sound_room_unref);
    for (int i = 0; i < (int)BERTH_LIMIT_HEADS; i++) {
        if (self->consoles[i]) {
            end_console(self, i);
        }
    }
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
    .set_sound = qemu_set_sound,
};
