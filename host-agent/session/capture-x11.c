/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Capture from a local X display: pixels by berth_x11_grabber, pointer shapes by XFixes, input by
 * XTest.
 *
 * A reader thread of its own waits for the X server, and for the moment when somebody wants a
 * picture.  xcb is safe for several threads, so input leaves on the main thread at once; it is
 * refused while the server's socket is full, so that a server which stands still stops nobody.
 *
 * Keys are given by their place: codes of the evdev rules, which every X server on Linux has.
 */
#include "host-agent/session/capture.h"
#include "host-agent/session/x11-grabber.h"
#include "host-agent/session/x11-target.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "berth/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xcb/randr.h>
#include <xcb/xcb.h>
#include <xcb/xfixes.h>
#include <xcb/xtest.h>

/* X keycodes of the evdev rules begin here. */
#define KEYCODE_OFFSET 8
#define MAX_NOTCHES 8
/* X buttons: the wheel is 4 to 7. */
#define WHEEL_UP 4
#define WHEEL_DOWN 5
#define WHEEL_LEFT 6
#define WHEEL_RIGHT 7

typedef struct {
    BerthCapture base;
    BerthScreen *screen;
    BerthX11Target target;
    int wake_fd; /* eventfd: a picture is wanted, or it is over */
    GThread *thread;
    gint is_closing;              /* atomic */
    xcb_connection_t *connection; /* atomic; NULL until the display is open */
    xcb_window_t root;            /* before connection is set */
    uint8_t min_keycode, max_keycode;

    /* The thread's: */
    BerthX11Grabber *grabber;
    uint8_t cursor_event; /* number of CursorNotify */
    uint8_t size_event;   /* number of ScreenChangeNotify; 0: the display has one size for ever */
    bool is_cursor_new;
    bool is_size_new;
} X11Capture;

/* ---- the reader thread ---- */

static uint8_t
divide_alpha(uint32_t value, uint32_t alpha)
{
    return alpha == 0 ? 0 : (uint8_t)MIN(255u, (value * 255u + alpha / 2) / alpha);
}

/* X multiplies colours by alpha; our shapes are straight. */
static bool
convert_cursor(const uint32_t *argb, size_t n_px, uint8_t *bgra)
{
    bool is_visible = false;

    for (size_t i = 0; i < n_px; i++) {
        uint32_t alpha = argb[i] >> 24;

        bgra[4 * i] = divide_alpha(argb[i] & 0xff, alpha);
        bgra[4 * i + 1] = divide_alpha((argb[i] >> 8) & 0xff, alpha);
        bgra[4 * i + 2] = divide_alpha((argb[i] >> 16) & 0xff, alpha);
        bgra[4 * i + 3] = (uint8_t)alpha;
        is_visible |= alpha > 0;
    }
    return is_visible;
}

static void
update_cursor(X11Capture *self, xcb_connection_t *connection)
{
    g_autofree xcb_xfixes_get_cursor_image_reply_t *reply = xcb_xfixes_get_cursor_image_reply(
        connection, xcb_xfixes_get_cursor_image(connection), NULL);
    g_autofree uint8_t *pixels = NULL;
    size_t n_px;
    bool is_visible;

    if (!reply || reply->width == 0 || reply->height == 0 ||
        reply->width > BERTH_LIMIT_CURSOR_SIDE_PX || reply->height > BERTH_LIMIT_CURSOR_SIDE_PX) {
        return;
    }
    n_px = (size_t)reply->width * reply->height;
    if ((size_t)xcb_xfixes_get_cursor_image_cursor_image_length(reply) < n_px) {
        return;
    }
    pixels = g_malloc(n_px * 4);
    is_visible = convert_cursor(xcb_xfixes_get_cursor_image_cursor_image(reply), n_px, pixels);
    if (is_visible) {
        BerthCursorShape shape = { reply->width, reply->height, reply->xhot,
                                   reply->yhot,  pixels,        n_px * 4 };

        berth_screen_set_cursor(self->screen, &shape);
    }
    berth_screen_set_pointer(self->screen, reply->x, reply->y, is_visible);
}

static void
handle_event(X11Capture *self, const xcb_generic_event_t *event)
{
    uint8_t type = event->response_type & 0x7f;

    if (berth_x11_grabber_handle_event(self->grabber, event)) {
        return;
    }
    if (type == self->cursor_event) {
        self->is_cursor_new = true;
    } else if (type == self->size_event || type == XCB_CONFIGURE_NOTIFY) {
        self->is_size_new = true;
    }
}

/* Does what the events asked for; returns whether there was something to do. */
static bool
follow_events(X11Capture *self, xcb_connection_t *connection)
{
    bool is_busy = false;

    if (self->is_size_new) {
        self->is_size_new = false;
        berth_x11_grabber_follow_size(self->grabber);
        is_busy = true;
    }
    if (self->is_cursor_new) {
        self->is_cursor_new = false;
        update_cursor(self, connection);
        is_busy = true;
    }
    if (berth_x11_grabber_has_damage(self->grabber) && berth_screen_is_wanted(self->screen)) {
        berth_x11_grabber_grab(self->grabber);
        is_busy = true;
    }
    return is_busy;
}

static void
drain_events(X11Capture *self, xcb_connection_t *connection)
{
    xcb_generic_event_t *event;

    while ((event = xcb_poll_for_event(connection))) {
        handle_event(self, event);
        free(event);
    }
}

static void
run_loop(X11Capture *self, xcb_connection_t *connection)
{
    struct pollfd fds[2] = { { xcb_get_file_descriptor(connection), POLLIN, 0 },
                             { self->wake_fd, POLLIN, 0 } };
    eventfd_t count;

    while (!g_atomic_int_get(&self->is_closing) && !xcb_connection_has_error(connection)) {
        drain_events(self, connection);
        if (follow_events(self, connection)) {
            continue; /* its replies may have brought events */
        }
        xcb_flush(connection);
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            return;
        }
        if (fds[1].revents & POLLIN) {
            eventfd_read(self->wake_fd, &count);
        }
    }
}

static void
watch_cursor(X11Capture *self, xcb_connection_t *connection)
{
    self->cursor_event = (uint8_t)(xcb_get_extension_data(connection, &xcb_xfixes_id)->first_event +
                                   XCB_XFIXES_CURSOR_NOTIFY);
    xcb_xfixes_select_cursor_input(connection, self->root,
                                   XCB_XFIXES_CURSOR_NOTIFY_MASK_DISPLAY_CURSOR);
    self->is_cursor_new = true;
}

static void
watch_size(X11Capture *self, xcb_connection_t *connection)
{
    const xcb_query_extension_reply_t *randr = xcb_get_extension_data(connection, &xcb_randr_id);
    const uint32_t mask = XCB_EVENT_MASK_STRUCTURE_NOTIFY;

    xcb_change_window_attributes(connection, self->root, XCB_CW_EVENT_MASK, &mask);
    if (randr && randr->present) {
        self->size_event = (uint8_t)(randr->first_event + XCB_RANDR_SCREEN_CHANGE_NOTIFY);
        xcb_randr_select_input(connection, self->root, XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE);
    }
}

static const xcb_screen_t *
find_root(const xcb_setup_t *setup, int number)
{
    xcb_screen_iterator_t iterator = xcb_setup_roots_iterator(setup);

    for (; iterator.rem > 0; xcb_screen_next(&iterator)) {
        if (number-- == 0) {
            return iterator.data;
        }
    }
    return NULL;
}

/* Returns NULL if all is well, else why not. */
static const char *
prepare(X11Capture *self, xcb_connection_t *connection)
{
    const xcb_query_extension_reply_t *test;
    const xcb_setup_t *setup;
    const xcb_screen_t *root;
    const char *text = NULL;

    if (xcb_connection_has_error(connection)) {
        return "the X server does not let us in";
    }
    setup = xcb_get_setup(connection);
    root = find_root(setup, self->target.screen);
    if (!root) {
        return "the X display has no such screen";
    }
    test = xcb_get_extension_data(connection, &xcb_test_id);
    if (!test || !test->present) {
        return "the X server lacks XTest";
    }
    self->root = root->root;
    self->min_keycode = setup->min_keycode;
    self->max_keycode = setup->max_keycode;
    self->grabber = berth_x11_grabber_new(connection, root, self->screen, &text);
    if (!self->grabber) {
        return text;
    }
    watch_cursor(self, connection);
    watch_size(self, connection);
    return NULL;
}

static gpointer
run_thread(gpointer user_data)
{
    X11Capture *self = user_data;
    xcb_auth_info_t auth = { self->target.name_len, self->target.name, self->target.data_len,
                             self->target.data };
    /* xcb closes its descriptor; close() of the source needs ours to wake it. */
    xcb_connection_t *connection = xcb_connect_to_fd(fcntl(self->target.fd, F_DUPFD_CLOEXEC, 3),
                                                     self->target.name_len > 0 ? &auth : NULL);
    const char *text = prepare(self, connection);

    if (!text) {
        g_atomic_pointer_set(&self->connection, connection);
        berth_screen_set_absolute(self->screen, true);
        run_loop(self, connection);
        text = "the X server closed the connection";
    }
    if (!g_atomic_int_get(&self->is_closing)) {
        berth_screen_end(self->screen, BERTH_ERR_DESKTOP_GONE, text);
    }
    return connection;
}

/* ---- input, on the main thread ---- */

/*
 * Hands one event to the X server.  Presses and motion are refused while it takes nothing; a
 * release stays in xcb's buffer then, and the thread sends it.
 */
static int
give(X11Capture *self, uint8_t type, uint8_t detail, int x, int y, bool is_release)
{
    xcb_connection_t *connection = g_atomic_pointer_get(&self->connection);
    struct pollfd fd;
    bool is_writable;

    if (!connection) {
        return BERTH_ERR_BUSY;
    }
    if (xcb_connection_has_error(connection)) {
        return BERTH_ERR_CLOSED;
    }
    fd = (struct pollfd){ self->target.fd, POLLOUT, 0 };
    is_writable = poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT);
    if (!is_writable && !is_release) {
        return BERTH_ERR_BUSY;
    }
    xcb_test_fake_input(connection, type, detail, XCB_CURRENT_TIME, self->root, (int16_t)x,
                        (int16_t)y, 0);
    if (is_writable) {
        xcb_flush(connection);
    } else {
        eventfd_write(self->wake_fd, 1);
    }
    return BERTH_OK;
}

static int
x11_key(BerthCapture *base, uint16_t evdev, bool is_down)
{
    X11Capture *self = (X11Capture *)base;
    unsigned code = evdev + KEYCODE_OFFSET;

    if (g_atomic_pointer_get(&self->connection) &&
        (code < self->min_keycode || code > self->max_keycode)) {
        return BERTH_ERR_UNSUPPORTED;
    }
    return give(self, is_down ? XCB_KEY_PRESS : XCB_KEY_RELEASE, (uint8_t)code, 0, 0, !is_down);
}

static int
x11_pointer_abs(BerthCapture *base, int head, int x_px, int y_px)
{
    if (head != 0) {
        return BERTH_ERR_UNSUPPORTED;
    }
    return give((X11Capture *)base, XCB_MOTION_NOTIFY, 0, x_px, y_px, false);
}

static int
x11_pointer_rel(BerthCapture *base, int dx_px, int dy_px)
{
    return give((X11Capture *)base, XCB_MOTION_NOTIFY, 1, dx_px, dy_px, false);
}

static int
x11_button(BerthCapture *base, BerthButton button, bool is_down)
{
    static const uint8_t numbers[] = {
        [BERTH_BUTTON_LEFT] = 1, [BERTH_BUTTON_MIDDLE] = 2, [BERTH_BUTTON_RIGHT] = 3,
        [BERTH_BUTTON_SIDE] = 8, [BERTH_BUTTON_EXTRA] = 9,
    };

    if (button >= G_N_ELEMENTS(numbers)) {
        return BERTH_ERR_UNSUPPORTED;
    }
    return give((X11Capture *)base, is_down ? XCB_BUTTON_PRESS : XCB_BUTTON_RELEASE,
                numbers[button], 0, 0, !is_down);
}

static int
turn_wheel(X11Capture *self, int n, uint8_t negative, uint8_t positive)
{
    uint8_t button = n < 0 ? negative : positive;
    int r = BERTH_OK;

    n = MIN(ABS(n), MAX_NOTCHES);
    for (int i = 0; i < n && r == BERTH_OK; i++) {
        r = give(self, XCB_BUTTON_PRESS, button, 0, 0, false);
        if (r == BERTH_OK) {
            r = give(self, XCB_BUTTON_RELEASE, button, 0, 0, true);
        }
    }
    return r;
}

static int
x11_wheel(BerthCapture *base, int n_right, int n_down)
{
    X11Capture *self = (X11Capture *)base;
    int r = turn_wheel(self, n_down, WHEEL_UP, WHEEL_DOWN);

    return r == BERTH_OK ? turn_wheel(self, n_right, WHEEL_LEFT, WHEEL_RIGHT) : r;
}

/* Somebody sits at the display, perhaps: its size is theirs. */
static int
x11_resize(BerthCapture *base, int head, int w_px, int h_px, int w_mm, int h_mm)
{
    return BERTH_ERR_UNSUPPORTED;
}

/* ---- life ---- */

static BerthCapture *
x11_open(int fd, BerthHeads *heads, GError **error)
{
    X11Capture *self = g_new0(X11Capture, 1);
    int r = berth_x11_target_receive(fd, &self->target);

    if (r < 0) {
        berth_set_error(error, r, "no X display came with the descriptor");
        g_free(self);
        return NULL;
    }
    self->base.ops = &berth_capture_x11;
    self->screen = berth_screen_ref(berth_heads_get(heads, 0));
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    berth_screen_set_source_wake(self->screen, self->wake_fd);
    self->thread = g_thread_try_new("x11", run_thread, self, error);
    if (!self->thread) {
        berth_screen_set_source_wake(self->screen, -1);
        berth_clear_fd(&self->target.fd);
        berth_clear_fd(&self->wake_fd);
        berth_screen_unref(self->screen);
        g_free(self);
        return NULL;
    }
    return &self->base;
}

static void
x11_close(BerthCapture *base)
{
    X11Capture *self = (X11Capture *)base;
    xcb_connection_t *connection;

    berth_screen_set_source_wake(self->screen, -1);
    g_atomic_int_set(&self->is_closing, 1);
    shutdown(self->target.fd, SHUT_RDWR); /* wakes a wait for a reply */
    eventfd_write(self->wake_fd, 1);
    connection = g_thread_join(self->thread);
    berth_x11_grabber_free(self->grabber);
    xcb_disconnect(connection);
    berth_clear_fd(&self->target.fd);
    berth_clear_fd(&self->wake_fd);
    berth_screen_unref(self->screen);
    g_free(self);
}

const BerthCaptureOps berth_capture_x11 = {
    .name = "x11",
    .open = x11_open,
    .close = x11_close,
    .key = x11_key,
    .pointer_abs = x11_pointer_abs,
    .pointer_rel = x11_pointer_rel,
    .button = x11_button,
    .wheel = x11_wheel,
    .resize = x11_resize,
};
