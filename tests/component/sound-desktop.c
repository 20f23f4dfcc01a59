/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A desktop that has a small picture and sound, and nothing else: what a QEMU with a D-Bus display
 * does for its card of sound, by a clock that no emulated guest disturbs.
 *
 * usage: sound-desktop DISPLAY_FD
 *
 * Lines that it takes, files are raw (16 bits, stereo, 48,000 a second):
 *     play FILE         gives it to who listens; "played" at its end
 *     flicker MS        shows noise that changes so often; 0 ends it
 *     listen MS FILE    listens to the microphone until it has given so much; "listened" then
 * A microphone that is not there yet, or not any more, is waited for.
 *
 * Source: QEMU audio/dbusaudio.c, ui/dbus-display1.xml.
 */
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <glib-unix.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RATE 48000
#define TICK_BYTES 4
/* What QEMU 7.2 gives at once, and what a guest asks for. */
#define PIECE_TICKS 1024
#define READ_TICKS 480
#define VOICE_ID G_GUINT64_CONSTANT(0x1234)
#define SIDE_PX 256
#define NOISE_PX 128
#define X8R8G8B8 0x20020888u

#define OUT "org.qemu.Display1.AudioOutListener"
#define IN "org.qemu.Display1.AudioInListener"

static const char *const xml =
    "<node>"
    "<interface name='org.qemu.Display1.Console'>"
    "<method name='RegisterListener'><arg type='h' direction='in'/></method>"
    "<method name='SetUIInfo'><arg type='q' direction='in'/><arg type='q' direction='in'/>"
    "<arg type='i' direction='in'/><arg type='i' direction='in'/>"
    "<arg type='u' direction='in'/><arg type='u' direction='in'/></method>"
    "<property name='Width' type='u' access='read'/>"
    "<property name='Height' type='u' access='read'/>"
    "</interface>"
    "<interface name='org.qemu.Display1.Keyboard'>"
    "<method name='Press'><arg type='u' direction='in'/></method>"
    "<method name='Release'><arg type='u' direction='in'/></method>"
    "</interface>"
    "<interface name='org.qemu.Display1.Mouse'>"
    "<method name='Press'><arg type='u' direction='in'/></method>"
    "<method name='Release'><arg type='u' direction='in'/></method>"
    "<method name='SetAbsPosition'><arg type='u' direction='in'/><arg type='u' direction='in'/>"
    "</method>"
    "<property name='IsAbsolute' type='b' access='read'/>"
    "</interface>"
    "<interface name='org.qemu.Display1.Audio'>"
    "<method name='RegisterOutListener'><arg type='h' direction='in'/></method>"
    "<method name='RegisterInListener'><arg type='h' direction='in'/></method>"
    "</interface>"
    "</node>";

/* One direction; the listener is the session's. */
typedef struct {
    GDBusConnection *listener; /* NULL: nobody */
    const char *iface;
    bool is_enabled;
    char *bytes; /* of the file; NULL while idle */
    gsize n_bytes, at;
    int64_t start_us;
    char *path;     /* that is written at the end */
    bool is_asking; /* the answer of a Read has not come */
} Voice;

typedef struct {
    GMainLoop *loop;
    GDBusConnection *peer;
    GDBusConnection *screen;
    Voice out, in;
    guint out_source, in_source, flicker_source;
} Desktop;

static void
call(GDBusConnection *listener, const char *iface, const char *method, GVariant *body)
{
    if (listener != NULL) {
        g_dbus_connection_call(listener, NULL, "/org/qemu/Display1/Listener", iface, method, body,
                               NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
    } else {
        g_variant_unref(g_variant_ref_sink(body));
    }
}

/* Our end of what a caller handed over. */
static GDBusConnection *
accept_listener(GDBusMethodInvocation *invocation)
{
    GDBusMessage *message = g_dbus_method_invocation_get_message(invocation);
    int fd = g_unix_fd_list_get(g_dbus_message_get_unix_fd_list(message), 0, NULL);
    g_autofree char *guid = g_dbus_generate_guid();
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, NULL);
    g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection(socket);

    return g_dbus_connection_new_sync(
        G_IO_STREAM(stream), guid, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER, NULL, NULL, NULL);
}

static void
send_picture(GDBusConnection *screen)
{
    static const uint8_t black[SIDE_PX * SIDE_PX * 4];

    call(screen, "org.qemu.Display1.Listener", "Scanout",
         g_variant_new("(uuuu@ay)", SIDE_PX, SIDE_PX, SIDE_PX * 4, X8R8G8B8,
                       g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, black, sizeof black, 1)));
}

/* Each time it is other noise: nothing of it can be predicted. */
static gboolean
on_flicker(gpointer user_data)
{
    static uint8_t noise[NOISE_PX * NOISE_PX * 4];
    static GRand *chance;
    Desktop *desktop = user_data;

    if (chance == NULL) {
        chance = g_rand_new_with_seed(1);
    }
    for (size_t i = 0; i < sizeof noise; i += 4) {
        guint32 word = g_rand_int(chance);

        memcpy(noise + i, &word, sizeof word);
    }
    call(desktop->screen, "org.qemu.Display1.Listener", "Update",
         g_variant_new("(iiiiuu@ay)", 0, 0, NOISE_PX, NOISE_PX, NOISE_PX * 4, X8R8G8B8,
                       g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, noise, sizeof noise, 1)));
    return G_SOURCE_CONTINUE;
}

static void
flicker(Desktop *desktop, guint every_ms)
{
    g_clear_handle_id(&desktop->flicker_source, g_source_remove);
    if (every_ms > 0) {
        desktop->flicker_source = g_timeout_add(every_ms, on_flicker, desktop);
    }
}

/* As QEMU does with each voice that there is when a listener comes. */
static void
introduce(Voice *voice)
{
    call(voice->listener, voice->iface, "Init",
         g_variant_new("(tybbuyuub)", VOICE_ID, 16, TRUE, FALSE, RATE, 2, TICK_BYTES,
                       RATE * TICK_BYTES, FALSE));
    call(voice->listener, voice->iface, "SetEnabled",
         g_variant_new("(tb)", VOICE_ID, voice->is_enabled));
}

static void
set_enabled(Voice *voice, bool is_enabled)
{
    voice->is_enabled = is_enabled;
    call(voice->listener, voice->iface, "SetEnabled", g_variant_new("(tb)", VOICE_ID, is_enabled));
}

static void
end_voice(Voice *voice, const char *word)
{
    set_enabled(voice, false);
    if (voice->path != NULL && !g_file_set_contents(voice->path, voice->bytes, voice->at, NULL)) {
        word = "failed";
    }
    g_clear_pointer(&voice->bytes, g_free);
    g_clear_pointer(&voice->path, g_free);
    puts(word);
    fflush(stdout);
}

/* --- what is played --- */

static int64_t
due_us(const Voice *voice)
{
    return voice->start_us + (int64_t)(voice->at / TICK_BYTES) * 1000000 / RATE;
}

static gboolean
on_piece(gpointer user_data)
{
    Desktop *desktop = user_data;
    Voice *out = &desktop->out;

    while (due_us(out) <= g_get_monotonic_time()) {
        gsize n = MIN(PIECE_TICKS * TICK_BYTES, out->n_bytes - out->at);

        if (n == 0) {
            desktop->out_source = 0;
            end_voice(out, "played");
            return G_SOURCE_REMOVE;
        }
        call(out->listener, OUT, "Write",
             g_variant_new(
                 "(t@ay)", VOICE_ID,
                 g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, out->bytes + out->at, n, 1)));
        out->at += n;
    }
    return G_SOURCE_CONTINUE;
}

static void
play(Desktop *desktop, const char *path)
{
    Voice *out = &desktop->out;

    if (!g_file_get_contents(path, &out->bytes, &out->n_bytes, NULL)) {
        g_error("%s cannot be read", path);
    }
    out->n_bytes -= out->n_bytes % TICK_BYTES;
    out->at = 0;
    out->start_us = g_get_monotonic_time();
    set_enabled(out, true);
    desktop->out_source = g_timeout_add(1, on_piece, desktop);
}

/* --- what is said --- */

static void
on_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Voice *in = &((Desktop *)user_data)->in;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);
    g_autoptr(GVariant) bytes = NULL;
    const char *data;
    gsize n;

    in->is_asking = false;
    if (reply == NULL || in->bytes == NULL) {
        return;
    }
    bytes = g_variant_get_child_value(reply, 0);
    data = g_variant_get_fixed_array(bytes, &n, 1);
    n = MIN(n, in->n_bytes - in->at);
    memcpy(in->bytes + in->at, data, n);
    in->at += n;
}

static gboolean
on_read_time(gpointer user_data)
{
    Desktop *desktop = user_data;
    Voice *in = &desktop->in;

    if (in->at == in->n_bytes) {
        desktop->in_source = 0;
        end_voice(in, "listened");
        return G_SOURCE_REMOVE;
    }
    if (in->listener == NULL) {
        in->start_us = g_get_monotonic_time() - (int64_t)(in->at / TICK_BYTES) * 1000000 / RATE;
    } else if (!in->is_asking && due_us(in) <= g_get_monotonic_time()) {
        in->is_asking = true;
        g_dbus_connection_call(in->listener, NULL, "/org/qemu/Display1/Listener", IN, "Read",
                               g_variant_new("(tt)", VOICE_ID, (guint64)READ_TICKS * TICK_BYTES),
                               G_VARIANT_TYPE("(ay)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_read,
                               desktop);
    }
    return G_SOURCE_CONTINUE;
}

static void
hear(Desktop *desktop, const char *arguments)
{
    Voice *in = &desktop->in;
    g_auto(GStrv) words = g_strsplit(arguments, " ", 2);

    in->n_bytes = (gsize)g_ascii_strtoull(words[0], NULL, 10) * RATE / 1000 * TICK_BYTES;
    in->bytes = g_malloc0(in->n_bytes);
    in->at = 0;
    in->path = g_strdup(words[1]);
    in->start_us = g_get_monotonic_time();
    set_enabled(in, true);
    desktop->in_source = g_timeout_add(READ_TICKS * 1000 / RATE, on_read_time, desktop);
}

/* --- the display --- */

static void
on_voice_gone(GDBusConnection *listener, gboolean has_vanished, GError *error, gpointer user_data)
{
    Voice *voice = user_data;

    if (voice->listener == listener) {
        g_clear_object(&voice->listener);
    }
}

static void
take_voice(Voice *voice, GDBusMethodInvocation *invocation)
{
    GDBusConnection *listener = accept_listener(invocation);

    if (listener != NULL) {
        g_clear_object(&voice->listener);
        voice->listener = listener;
        g_signal_connect(listener, "closed", G_CALLBACK(on_voice_gone), voice);
        introduce(voice);
    }
}

static void
on_method(GDBusConnection *peer, const char *sender, const char *path, const char *iface,
          const char *method, GVariant *arguments, GDBusMethodInvocation *invocation,
          gpointer user_data)
{
    Desktop *desktop = user_data;

    if (g_str_equal(method, "RegisterListener")) {
        g_clear_object(&desktop->screen);
        desktop->screen = accept_listener(invocation);
        send_picture(desktop->screen);
    } else if (g_str_equal(method, "RegisterOutListener")) {
        take_voice(&desktop->out, invocation);
    } else if (g_str_equal(method, "RegisterInListener")) {
        take_voice(&desktop->in, invocation);
    }
    g_dbus_method_invocation_return_value(invocation, NULL);
}

static GVariant *
on_property(GDBusConnection *peer, const char *sender, const char *path, const char *iface,
            const char *name, GError **error, gpointer user_data)
{
    return g_str_equal(name, "IsAbsolute") ? g_variant_new_boolean(TRUE)
                                           : g_variant_new_uint32(SIDE_PX);
}

static const GDBusInterfaceVTable vtable = { .method_call = on_method,
                                             .get_property = on_property };

static void
add_object(Desktop *desktop, GDBusNodeInfo *node, const char *path, const char *iface)
{
    g_autoptr(GError) error = NULL;

    if (g_dbus_connection_register_object(desktop->peer, path,
                                          g_dbus_node_info_lookup_interface(node, iface), &vtable,
                                          desktop, NULL, &error) == 0) {
        g_error("%s", error->message);
    }
}

static gboolean
on_line(GIOChannel *channel, GIOCondition condition, gpointer user_data)
{
    Desktop *desktop = user_data;
    g_autofree char *line = NULL;
    gsize end;

    if (g_io_channel_read_line(channel, &line, NULL, &end, NULL) != G_IO_STATUS_NORMAL) {
        g_main_loop_quit(desktop->loop);
        return G_SOURCE_REMOVE;
    }
    line[end] = '\0';
    if (g_str_has_prefix(line, "play ")) {
        play(desktop, line + 5);
    } else if (g_str_has_prefix(line, "flicker ")) {
        flicker(desktop, (guint)g_ascii_strtoull(line + 8, NULL, 10));
    } else if (g_str_has_prefix(line, "listen ")) {
        hear(desktop, line + 7);
    } else {
        g_error("no such line: %s", line);
    }
    return G_SOURCE_CONTINUE;
}

static GDBusConnection *
open_peer(int fd)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *guid = g_dbus_generate_guid();
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, NULL);
    g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection(socket);
    GDBusConnection *peer =
        g_dbus_connection_new_sync(G_IO_STREAM(stream), guid,
                                   G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                                       G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                                   NULL, NULL, &error);

    if (peer == NULL) {
        g_error("%s", error->message);
    }
    return peer;
}

int
main(int argc, char **argv)
{
    Desktop desktop = { .out = { .iface = OUT }, .in = { .iface = IN } };
    g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(xml, NULL);
    g_autoptr(GIOChannel) lines = g_io_channel_unix_new(STDIN_FILENO);
    const char *console = "/org/qemu/Display1/Console_0";

    if (argc != 2) {
        fprintf(stderr, "usage: sound-desktop DISPLAY_FD\n");
        return 2;
    }
    desktop.loop = g_main_loop_new(NULL, FALSE);
    desktop.peer = open_peer((int)g_ascii_strtoll(argv[1], NULL, 10));
    add_object(&desktop, node, console, "org.qemu.Display1.Console");
    add_object(&desktop, node, console, "org.qemu.Display1.Keyboard");
    add_object(&desktop, node, console, "org.qemu.Display1.Mouse");
    add_object(&desktop, node, "/org/qemu/Display1/Audio", "org.qemu.Display1.Audio");
    g_dbus_connection_start_message_processing(desktop.peer);
    g_io_add_watch(lines, G_IO_IN | G_IO_HUP, on_line, &desktop);
    g_main_loop_run(desktop.loop);
    return 0;
}
