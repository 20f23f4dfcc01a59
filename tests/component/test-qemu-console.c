/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A listener that takes the place of another one, at a painter that says how far it is.
 */
#include "testing.h"

#include "host-agent/session/qemu-console.h"

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <sys/socket.h>

#define CONSOLE "org.qemu.Display1.Console"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define PATH "/org/qemu/Display1/Console_0"
#define MAX_LISTENERS 4

typedef struct {
    GDBusConnection *painter; /* the ends of the peer connection */
    GDBusConnection *peer;
    GDBusConnection *listeners[MAX_LISTENERS]; /* the painter's ends; NULL until they are up */
    GAsyncQueue *calls;                        /* of the peer, in their order: GDBusMessage * */
    BerthScreen *screen;
    BerthQemuConsole *console;
    int n_registered, n_up, n_ended;
} Bench;

/* ---- the painter ---- */

/* In the thread of GDBus. */
static GDBusMessage *
note_call(GDBusConnection *connection, GDBusMessage *message, gboolean is_incoming,
          gpointer user_data)
{
    if (!is_incoming ||
        g_dbus_message_get_message_type(message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL) {
        return message;
    }
    g_async_queue_push(((Bench *)user_data)->calls, message);
    g_main_context_wakeup(NULL);
    return NULL;
}

static void
on_listener(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusConnection **listener = user_data;

    *listener = g_dbus_connection_new_finish(result, NULL);
    assert_non_null(*listener);
}

static void
take_listener(Bench *bench, GDBusMessage *call)
{
    g_autofree char *guid = g_dbus_generate_guid();
    int fd = g_unix_fd_list_get(g_dbus_message_get_unix_fd_list(call), 0, NULL);
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, NULL);
    g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection(socket);

    assert_true(bench->n_registered < MAX_LISTENERS);
    g_dbus_connection_new(G_IO_STREAM(stream), guid, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER,
                          NULL, NULL, on_listener, &bench->listeners[bench->n_registered++]);
}

static void
answer(Bench *bench, GDBusMessage *call, GVariant *body)
{
    g_autoptr(GDBusMessage) reply = g_dbus_message_new_method_reply(call);

    if (body != NULL) {
        g_dbus_message_set_body(reply, body);
    }
    assert_true(g_dbus_connection_send_message(bench->painter, reply,
                                               G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL));
    g_object_unref(call);
}

/* The next call of the console, which is that one. */
static GDBusMessage *
next_call(Bench *bench, const char *member)
{
    GDBusMessage *call;

    while ((call = g_async_queue_try_pop(bench->calls)) == NULL) {
        g_main_context_iteration(NULL, TRUE);
    }
    assert_string_equal(g_dbus_message_get_member(call), member);
    return call;
}

static void
answer_properties(Bench *bench, GDBusMessage *call)
{
    answer(bench, call, g_variant_new("(a{sv})", NULL));
}

static void
answer_registration(Bench *bench)
{
    GDBusMessage *call = next_call(bench, "RegisterListener");

    take_listener(bench, call);
    answer(bench, call, NULL);
    while (bench->listeners[bench->n_registered - 1] == NULL || bench->n_up < bench->n_registered) {
        g_main_context_iteration(NULL, TRUE);
    }
}

/* A new size, and no picture that says so. */
static void
tell_size(Bench *bench, uint32_t w, uint32_t h)
{
    GVariantBuilder changed;

    g_variant_builder_init(&changed, G_VARIANT_TYPE("a{sv}"));
    g_variant_builder_add(&changed, "{sv}", "Width", g_variant_new_uint32(w));
    g_variant_builder_add(&changed, "{sv}", "Height", g_variant_new_uint32(h));
    assert_true(
        g_dbus_connection_emit_signal(bench->painter, NULL, PATH, PROPERTIES, "PropertiesChanged",
                                      g_variant_new("(sa{sv}as)", CONSOLE, &changed, NULL), NULL));
}

static void
on_asked(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GError **error = user_data;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, error);

    assert_null(reply); /* nothing is told any more */
}

/* Whether the other end of a listener still answers. */
static bool
is_open(Bench *bench, int n)
{
    g_autoptr(GError) error = NULL;

    g_dbus_connection_call(bench->listeners[n], NULL, "/", "org.example", "Nothing", NULL, NULL,
                           G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_asked, &error);
    while (error == NULL) {
        g_main_context_iteration(NULL, TRUE);
    }
    return g_dbus_error_is_remote_error(error);
}

/* ---- the console ---- */

static void
on_change(void *user_data)
{
}

static void
on_up(BerthQemuConsole *console, void *user_data)
{
    ((Bench *)user_data)->n_up++;
}

static void
on_ended(BerthQemuConsole *console, const char *text, void *user_data)
{
    ((Bench *)user_data)->n_ended++;
}

static const BerthQemuConsoleCallbacks callbacks = { .up = on_up, .ended = on_ended };

static GIOStream *
take_stream(int fd)
{
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, NULL);

    return G_IO_STREAM(g_socket_connection_factory_create_connection(socket));
}

static int
set_up(void **state)
{
    Bench *bench = g_new0(Bench, 1);
    g_autofree char *guid = g_dbus_generate_guid();
    g_autoptr(GIOStream) ours = NULL;
    g_autoptr(GIOStream) theirs = NULL;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ours = take_stream(pair[0]);
    theirs = take_stream(pair[1]);
    bench->calls = g_async_queue_new_full(g_object_unref);
    g_dbus_connection_new(theirs, guid, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER, NULL, NULL,
                          on_listener, &bench->painter);
    g_dbus_connection_new(ours, NULL, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL,
                          on_listener, &bench->peer);
    while (bench->painter == NULL || bench->peer == NULL) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_dbus_connection_add_filter(bench->painter, note_call, bench, NULL);
    bench->screen = berth_screen_new(NULL, on_change, NULL);
    bench->console = berth_qemu_console_new(bench->peer, 0, bench->screen, &callbacks, bench);
    assert_true(berth_qemu_console_attach(bench->console, NULL));
    answer_properties(bench, next_call(bench, "GetAll"));
    answer_registration(bench);
    *state = bench;
    return 0;
}

static int
tear_down(void **state)
{
    Bench *bench = *state;

    berth_qemu_console_close(bench->console);
    g_dbus_connection_close_sync(bench->painter, NULL, NULL);
    g_dbus_connection_close_sync(bench->peer, NULL, NULL);
    for (int i = 0; i < bench->n_registered; i++) {
        g_dbus_connection_close_sync(bench->listeners[i], NULL, NULL);
        g_object_unref(bench->listeners[i]);
    }
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    g_object_unref(bench->painter);
    g_object_unref(bench->peer);
    g_async_queue_unref(bench->calls);
    berth_screen_detach(bench->screen);
    berth_screen_unref(bench->screen);
    g_free(bench);
    return 0;
}

static void
an_old_listener_stays_until_the_painter_knows_the_new_one(void **state)
{
    Bench *bench = *state;

    for (int i = 1; i < MAX_LISTENERS; i++) {
        tell_size(bench, 640 + (uint32_t)i, 480);
        answer_registration(bench);
        GDBusMessage *fence = next_call(bench, "GetAll");
        assert_true(is_open(bench, i - 1));
        answer_properties(bench, fence);
        while (is_open(bench, i - 1)) {
        }
        assert_true(is_open(bench, i));
    }
    assert_int_equal(bench->n_ended, 0);
}

static void
sizes_that_follow_at_once_wait_for_their_turn(void **state)
{
    Bench *bench = *state;

    tell_size(bench, 720, 400);
    answer_registration(bench);
    GDBusMessage *fence = next_call(bench, "GetAll");
    tell_size(bench, 360, 400);
    assert_true(is_open(bench, 0));
    assert_int_equal(g_async_queue_length(bench->calls), 0);
    answer_properties(bench, fence);
    answer_registration(bench);
    answer_properties(bench, next_call(bench, "GetAll"));
    while (is_open(bench, 1)) {
    }
    assert_true(is_open(bench, 2));
    assert_int_equal(bench->n_ended, 0);
}

static void
a_painter_that_hangs_up_is_told(void **state)
{
    Bench *bench = *state;

    g_dbus_connection_close_sync(bench->listeners[0], NULL, NULL);
    while (bench->n_ended == 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    assert_int_equal(bench->n_ended, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_old_listener_stays_until_the_painter_knows_the_new_one),
        TEST(sizes_that_follow_at_once_wait_for_their_turn),
        TEST(a_painter_that_hangs_up_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
