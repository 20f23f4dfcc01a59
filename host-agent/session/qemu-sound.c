/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * QEMU 7.2 remembers listeners by the sender of their registration, which has none on a private
 * connection, and dies of that.  So ours names a sender, another one each time: the one before may
 * not have been forgotten yet.
 *
 * As with a console's listener QEMU's main loop waits for our end to come up, so that is started
 * before the reply is awaited.
 *
 * Source: QEMU ui/dbus-display1.xml, audio/dbusaudio.c.
 */
#include "host-agent/session/qemu-sound.h"

#include "host-agent/session/qemu-peer.h"
#include "host-agent/session/sound-reader.h"

#include "base/error.h"
#include "base/log.h"

#include <gio/gunixfdlist.h>
#include <sys/socket.h>

#define SCOPE "sound"
#define PATH_AUDIO "/org/qemu/Display1/Audio"
#define IFACE_AUDIO "org.qemu.Display1.Audio"

typedef enum {
    SIDE_OUT,
    SIDE_IN,
    N_SIDES,
} Side;

static const char *const methods[N_SIDES] = { "RegisterOutListener", "RegisterInListener" };

struct BerthQemuSound {
    gint ref_count;
    GDBusConnection *peer;
    BerthSoundRoom *room;
    /* Each registration has one, so that what comes late of one does not touch the next. */
    GCancellable *cancellables[N_SIDES]; /* NULL: not wanted */
    GDBusConnection *listeners[N_SIDES]; /* NULL until up */
    guint filters[N_SIDES];
};

/* What one registration gives along. */
typedef struct {
    BerthQemuSound *sound;
    Side side;
    GCancellable *cancellable;
} Registration;

static void
unref_sound(BerthQemuSound *self)
{
    if (--self->ref_count == 0) {
        g_object_unref(self->peer);
        berth_sound_room_unref(self->room);
        g_free(self);
    }
}

static Registration *
new_registration(BerthQemuSound *self, Side side)
{
    Registration *registration = g_new0(Registration, 1);

    self->ref_count++;
    *registration = (Registration){ self, side, g_object_ref(self->cancellables[side]) };
    return registration;
}

static void
free_registration(Registration *self)
{
    g_object_unref(self->cancellable);
    unref_sound(self->sound);
    g_free(self);
}

static void
on_registered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Registration *registration = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GDBusMessage) reply =
        g_dbus_connection_send_message_with_reply_finish(G_DBUS_CONNECTION(source), result, &error);

    if (reply && g_dbus_message_to_gerror(reply, &error)) {
        berth_log_info(SCOPE, "the desktop has no sound: %s", error->message);
        g_cancellable_cancel(registration->cancellable);
    }
    free_registration(registration);
}

static void
on_listener_up(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Registration *registration = user_data;
    BerthQemuSound *self = registration->sound;
    Side side = registration->side;
    g_autoptr(GError) error = NULL;
    g_autoptr(GDBusConnection) listener = g_dbus_connection_new_finish(result, &error);

    if (listener && g_cancellable_is_cancelled(registration->cancellable)) {
        g_dbus_connection_close(listener, NULL, NULL, NULL);
    } else if (listener) {
        self->filters[side] = g_dbus_connection_add_filter(listener, berth_sound_reader_filter,
                                                           berth_sound_reader_new(self->room),
                                                           berth_sound_reader_free);
        g_dbus_connection_start_message_processing(listener);
        self->listeners[side] = g_steal_pointer(&listener);
    }
    free_registration(registration);
}

static GDBusMessage *
new_call(Side side, int fd)
{
    static unsigned n_calls;
    g_autofree char *sender = g_strdup_printf(":1.%u", g_random_int() / 2 + ++n_calls);
    g_autoptr(GUnixFDList) fds = g_unix_fd_list_new_from_array(&fd, 1);
    GDBusMessage *call =
        g_dbus_message_new_method_call(NULL, PATH_AUDIO, IFACE_AUDIO, methods[side]);

    g_dbus_message_set_sender(call, sender);
    g_dbus_message_set_unix_fd_list(call, fds);
    g_dbus_message_set_body(call, g_variant_new("(h)", 0));
    return call;
}

static bool
register_side(BerthQemuSound *self, Side side, GError **error)
{
    g_autoptr(GDBusMessage) call = NULL;
    g_autoptr(GIOStream) stream = NULL;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        return berth_set_error(error, BERTH_ERR_IO, "no socket pair for sound: %m");
    }
    call = new_call(side, pair[1]);
    stream = berth_qemu_peer_new_stream(pair[0], error);
    if (!stream) {
        return false;
    }
    self->cancellables[side] = g_cancellable_new();
    g_dbus_connection_send_message_with_reply(self->peer, call, G_DBUS_SEND_MESSAGE_FLAGS_NONE, -1,
                                              NULL, self->cancellables[side], on_registered,
                                              new_registration(self, side));
    g_dbus_connection_new(stream, NULL,
                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                              G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                          NULL, self->cancellables[side], on_listener_up,
                          new_registration(self, side));
    return true;
}

static void
drop_side(BerthQemuSound *self, Side side)
{
    if (self->listeners[side]) {
        g_dbus_connection_remove_filter(self->listeners[side], self->filters[side]);
        g_dbus_connection_close(self->listeners[side], NULL, NULL, NULL);
        g_clear_object(&self->listeners[side]);
    }
    if (self->cancellables[side]) {
        g_cancellable_cancel(self->cancellables[side]);
        g_clear_object(&self->cancellables[side]);
    }
}

static void
begin_side(BerthQemuSound *self, Side side)
{
    g_autoptr(GError) error = NULL;

    if (!self->cancellables[side] && !register_side(self, side, &error)) {
        berth_log_warning(SCOPE, "the desktop's sound is not heard: %s", error->message);
    }
}

static void
on_mic(bool has_mic, void *user_data)
{
    BerthQemuSound *self = user_data;

    if (has_mic) {
        begin_side(self, SIDE_IN);
    } else {
        drop_side(self, SIDE_IN);
        berth_sound_room_set_recording(self->room, false);
    }
}

BerthQemuSound *
berth_qemu_sound_new(GDBusConnection *peer, BerthSoundRoom *room)
{
    BerthQemuSound *self = g_new0(BerthQemuSound, 1);

    self->ref_count = 1;
    self->peer = g_object_ref(peer);
    self->room = berth_sound_room_ref(room);
    begin_side(self, SIDE_OUT);
    berth_sound_room_watch_mic(room, on_mic, self);
    return self;
}

void
berth_qemu_sound_close(BerthQemuSound *self)
{
    if (!self) {
        return;
    }
    berth_sound_room_watch_mic(self->room, NULL, NULL);
    drop_side(self, SIDE_OUT);
    drop_side(self, SIDE_IN);
    berth_sound_room_stop(self->room);
    berth_sound_room_set_recording(self->room, false);
    unref_sound(self);
}
