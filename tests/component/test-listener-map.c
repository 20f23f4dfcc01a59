/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A painter that shares its memory and means no good, over the real D-Bus protocol.
 */
#include "testing.h"

#include "host-agent/session/dbus-reader.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATH "/org/qemu/Display1/Listener"
#define LISTENER "org.qemu.Display1.Listener"
#define MAP LISTENER ".Unix.Map"
#define XRGB 0x20020888u
#define W 200
#define H 100
#define STRIDE 832
#define OFFSET 64
#define FILE_BYTES (OFFSET + STRIDE * H)
#define LIMIT_MS 10000

typedef struct {
    GDBusConnection *painter;
    GDBusConnection *reader;
    BerthScreen *screen;
    int fd;
    uint8_t *memory;
    GError *error; /* of the last call */
} Bench;

static void
on_change(void *user_data)
{
}

static GIOStream *
take_stream(int fd)
{
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, NULL);

    return G_IO_STREAM(g_socket_connection_factory_create_connection(socket));
}

static void
on_up(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusConnection **connection = user_data;

    *connection = g_dbus_connection_new_finish(result, NULL);
    assert_non_null(*connection);
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
    g_dbus_connection_new(theirs, guid, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER, NULL, NULL,
                          on_up, &bench->painter);
    g_dbus_connection_new(ours, NULL,
                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                              G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                          NULL, NULL, on_up, &bench->reader);
    while (!bench->painter || !bench->reader) {
        g_main_context_iteration(NULL, TRUE);
    }
    bench->screen = berth_screen_new(NULL, on_change, NULL);
    g_dbus_connection_add_filter(bench->reader, berth_dbus_reader_filter,
                                 berth_dbus_reader_new(bench->screen), berth_dbus_reader_free);
    g_dbus_connection_start_message_processing(bench->reader);
    bench->fd = memfd_create("picture", MFD_CLOEXEC);
    assert_int_equal(ftruncate(bench->fd, FILE_BYTES), 0);
    bench->memory = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, bench->fd, 0);
    assert_ptr_not_equal(bench->memory, MAP_FAILED);
    *state = bench;
    return 0;
}

static int
tear_down(void **state)
{
    Bench *bench = *state;

    g_dbus_connection_close_sync(bench->painter, NULL, NULL);
    g_dbus_connection_close_sync(bench->reader, NULL, NULL);
    g_object_unref(bench->painter);
    g_object_unref(bench->reader);
    berth_screen_detach(bench->screen);
    berth_screen_unref(bench->screen);
    munmap(bench->memory, FILE_BYTES);
    berth_clear_fd(&bench->fd);
    g_clear_error(&bench->error);
    g_free(bench);
    return 0;
}

/* Returns whether the reader took it. */
static bool
call(Bench *bench, const char *method, GVariant *arguments, int fd)
{
    g_autoptr(GUnixFDList) fds = fd >= 0 ? g_unix_fd_list_new() : NULL;
    g_autoptr(GVariant) reply = NULL;

    if (fds) {
        g_unix_fd_list_append(fds, fd, NULL);
    }
    g_clear_error(&bench->error);
    reply = g_dbus_connection_call_with_unix_fd_list_sync(bench->painter, NULL, PATH, MAP, method,
                                                          arguments, NULL, G_DBUS_CALL_FLAGS_NONE,
                                                          LIMIT_MS, fds, NULL, NULL, &bench->error);
    return reply != NULL;
}

static bool
scanout(Bench *bench, int fd, uint32_t offset, uint32_t w, uint32_t h, uint32_t stride,
        uint32_t format)
{
    return call(bench, "ScanoutMap", g_variant_new("(huuuuu)", 0, offset, w, h, stride, format),
                fd);
}

static bool
update(Bench *bench, int x, int y, int w, int h)
{
    return call(bench, "UpdateMap", g_variant_new("(iiii)", x, y, w, h), -1);
}

static void
put_pixel(Bench *bench, int x, int y, uint32_t colour)
{
    memcpy(bench->memory + OFFSET + y * STRIDE + x * 4, &colour, 4);
}

static uint32_t
get_pixel(Bench *bench, int x, int y)
{
    uint32_t colour;

    berth_screen_take_picture(bench->screen);
    memcpy(&colour, berth_frame_pixel(berth_screen_get_picture(bench->screen), x, y), 4);
    return colour;
}

/* A ScanoutMap is read after its reply: the next call's reply comes after that. */
static void
share(Bench *bench)
{
    assert_true(scanout(bench, bench->fd, OFFSET, W, H, STRIDE, XRGB));
    assert_true(update(bench, 0, 0, 1, 1));
}

static void
the_reader_tells_that_it_can_map(void **state)
{
    Bench *bench = *state;
    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
        bench->painter, NULL, PATH, "org.freedesktop.DBus.Properties", "GetAll",
        g_variant_new("(s)", LISTENER), G_VARIANT_TYPE("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, LIMIT_MS,
        NULL, NULL);
    g_autoptr(GVariant) properties = g_variant_get_child_value(reply, 0);
    g_autofree const char **names = NULL;

    assert_true(g_variant_lookup(properties, "Interfaces", "^a&s", &names));
    assert_true(g_strv_contains(names, MAP));
}

static void
shared_memory_is_shown(void **state)
{
    Bench *bench = *state;

    put_pixel(bench, 0, 0, 0x010203);
    put_pixel(bench, W - 1, H - 1, 0xa0b0c0);
    share(bench);
    assert_int_equal(get_pixel(bench, 0, 0), 0xff010203u);
    assert_int_equal(get_pixel(bench, W - 1, H - 1), 0xffa0b0c0u);
    put_pixel(bench, 50, 60, 0x445566);
    put_pixel(bench, 51, 60, 0x778899); /* not told */
    assert_true(update(bench, 50, 60, 1, 1));
    assert_int_equal(get_pixel(bench, 50, 60), 0xff445566u);
    assert_int_equal(get_pixel(bench, 51, 60), 0xff000000u);
}

static void
hostile_layouts_are_refused(void **state)
{
    Bench *bench = *state;

    static const struct {
        uint32_t offset, w, h, stride, format;
    } rows[] = {
        { OFFSET, 0, H, STRIDE, XRGB },
        { OFFSET, W, 0, STRIDE, XRGB },
        { OFFSET, W, H, W * 4 - 1, XRGB },
        { OFFSET, W, H, 0, XRGB },
        { OFFSET, W, H, STRIDE, 0 },
        { OFFSET, W, H, UINT32_MAX, XRGB },
        { OFFSET, W, H + 1, STRIDE, XRGB },
        { UINT32_MAX, W, H, STRIDE, XRGB },
        { OFFSET, UINT32_MAX, UINT32_MAX, UINT32_MAX, XRGB },
        { OFFSET, 16384, 16384, 65536, XRGB },
    };

    put_pixel(bench, 5, 5, 0x123456);
    assert_false(update(bench, 0, 0, 1, 1)); /* nothing is shared yet */
    share(bench);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_false(scanout(bench, bench->fd, rows[i].offset, rows[i].w, rows[i].h, rows[i].stride,
                             rows[i].format));
    }
    assert_false(call(bench, "ScanoutMap", g_variant_new("(huuuuu)", 0, 0, 1, 1, 4, XRGB), -1));
    assert_false(
        call(bench, "ScanoutMap", g_variant_new("(huuuuu)", 7, 0, 1, 1, 4, XRGB), bench->fd));
    assert_false(call(bench, "ScanoutMap", g_variant_new("(uu)", 1, 1), bench->fd));
    assert_false(update(bench, -1, 0, 1, 1));
    assert_false(update(bench, 0, 0, W + 1, 1));
    assert_false(update(bench, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX));
    assert_false(update(bench, 0, 0, 0, 0));
    assert_int_equal(get_pixel(bench, 5, 5), 0xff123456u); /* what was there goes on */
    assert_true(update(bench, 0, 0, W, H));
}

static void
only_files_in_memory_are_read(void **state)
{
    Bench *bench = *state;
    int pair[2];

    assert_int_equal(pipe2(pair, O_CLOEXEC), 0); /* would block the reader for ever */
    assert_false(scanout(bench, pair[0], 0, 1, 1, 4, XRGB));
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_false(scanout(bench, pair[0], 0, 1, 1, 4, XRGB));
    close(pair[0]);
    close(pair[1]);
}

static void
memory_that_is_cut_later_kills_nobody(void **state)
{
    Bench *bench = *state;

    put_pixel(bench, 9, 9, 0x0f0f0f);
    share(bench);
    assert_int_equal(ftruncate(bench->fd, OFFSET + STRIDE * 50), 0);
    assert_false(update(bench, 0, 0, W, H));
    assert_false(update(bench, 0, 99, 1, 1));
    assert_true(update(bench, 0, 0, W, 50));
    assert_int_equal(ftruncate(bench->fd, 0), 0);
    assert_false(update(bench, 0, 0, 1, 1));
    assert_int_equal(get_pixel(bench, 9, 9), 0xff0f0f0fu);
    assert_int_equal(ftruncate(bench->fd, FILE_BYTES), 0);
    share(bench);
    assert_int_equal(get_pixel(bench, 9, 9), 0xff000000u);
}

static gpointer
cut_and_grow(gpointer data)
{
    Bench *bench = data;

    for (int i = 0; i < 2000; i++) {
        if (ftruncate(bench->fd, i % 2 == 0 ? 0 : FILE_BYTES) < 0) {
            break;
        }
    }
    return NULL;
}

static void
memory_that_is_cut_meanwhile_kills_nobody(void **state)
{
    Bench *bench = *state;
    GThread *thread;

    share(bench);
    thread = g_thread_new("cut", cut_and_grow, bench);
    for (int i = 0; i < 200; i++) {
        update(bench, 0, 0, W, H);
    }
    g_thread_join(thread);
    assert_int_equal(ftruncate(bench->fd, FILE_BYTES), 0);
    share(bench);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_reader_tells_that_it_can_map),
        TEST(shared_memory_is_shown),
        TEST(hostile_layouts_are_refused),
        TEST(only_files_in_memory_are_read),
        TEST(memory_that_is_cut_later_kills_nobody),
        TEST(memory_that_is_cut_meanwhile_kills_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
