/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/bench/x11-pixels.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>

void
x11_pixels_fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

int64_t
x11_pixels_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
x11_pixels_wait_until(int64_t due_us)
{
    int64_t left_us;

    while ((left_us = due_us - x11_pixels_now_us()) > 0) {
        struct timespec left = { left_us / 1000000, (long)(left_us % 1000000) * 1000 };

        ppoll(NULL, 0, &left, NULL);
    }
}

static void
share_picture(X11Pixels *self)
{
    size_t size_bytes = (size_t)self->width * (size_t)self->height * 4;
    int id = shmget(IPC_PRIVATE, size_bytes, IPC_CREAT | 0600);
    void *memory = id < 0 ? (void *)-1 : shmat(id, NULL, 0);
    xcb_generic_error_t *error;

    if (memory == (void *)-1) {
        x11_pixels_fail("no shared memory for a picture");
    }
    self->pixels = memory;
    self->segment = xcb_generate_id(self->connection);
    error = xcb_request_check(
        self->connection, xcb_shm_attach_checked(self->connection, self->segment, (uint32_t)id, 0));
    shmctl(id, IPC_RMID, NULL);
    if (error) {
        x11_pixels_fail("the X server does not share memory");
    }
}

void
x11_pixels_open(X11Pixels *self, const char *display, int width, int height)
{
    int number;

    memset(self, 0, sizeof(*self));
    self->connection = xcb_connect(display, &number);
    if (xcb_connection_has_error(self->connection)) {
        x11_pixels_fail("the X display cannot be opened");
    }
    self->screen = xcb_setup_roots_iterator(xcb_get_setup(self->connection)).data;
    if (self->screen->root_depth != 24) {
        x11_pixels_fail("the X display has not 24 bits of depth");
    }
    self->width = width ? width : self->screen->width_in_pixels;
    self->height = height ? height : self->screen->height_in_pixels;
    share_picture(self);
}

static void
wait_exposed(X11Pixels *self)
{
    xcb_generic_event_t *event;

    while ((event = xcb_wait_for_event(self->connection))) {
        bool is_exposed = (event->response_type & 0x7f) == XCB_EXPOSE;

        free(event);
        if (is_exposed) {
            return;
        }
    }
    x11_pixels_fail("the X server went away");
}

xcb_window_t
x11_pixels_make_window(X11Pixels *self, bool is_managed)
{
    xcb_window_t window = xcb_generate_id(self->connection);
    uint32_t values[] = { self->screen->black_pixel, !is_managed, XCB_EVENT_MASK_EXPOSURE };

    xcb_create_window(self->connection, XCB_COPY_FROM_PARENT, window, self->screen->root, 0, 0,
                      (uint16_t)self->width, (uint16_t)self->height, 0,
                      XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
                      XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
    xcb_map_window(self->connection, window);
    xcb_flush(self->connection);
    wait_exposed(self);
    return window;
}

void
x11_pixels_put(X11Pixels *self, xcb_window_t window, xcb_gcontext_t gc, BerthRect rect)
{
    xcb_shm_put_image(self->connection, window, gc, (uint16_t)self->width, (uint16_t)self->height,
                      (uint16_t)rect.x, (uint16_t)rect.y, (uint16_t)rect.w, (uint16_t)rect.h,
                      (int16_t)rect.x, (int16_t)rect.y, 24, XCB_IMAGE_FORMAT_Z_PIXMAP, 0,
                      self->segment, 0);
}

void
x11_pixels_sync(X11Pixels *self)
{
    free(xcb_get_input_focus_reply(self->connection, xcb_get_input_focus(self->connection), NULL));
}

void
x11_pixels_grab(X11Pixels *self, BerthRect rect)
{
    xcb_shm_get_image_reply_t *reply = xcb_shm_get_image_reply(
        self->connection,
        xcb_shm_get_image(self->connection, self->screen->root, (int16_t)rect.x, (int16_t)rect.y,
                          (uint16_t)rect.w, (uint16_t)rect.h, ~0u, XCB_IMAGE_FORMAT_Z_PIXMAP,
                          self->segment, 0),
        NULL);

    if (!reply) {
        x11_pixels_fail("the screen cannot be read");
    }
    free(reply);
}

void
x11_pixels_watch(X11Pixels *self)
{
    const xcb_query_extension_reply_t *damage =
        xcb_get_extension_data(self->connection, &xcb_damage_id);
    const xcb_query_extension_reply_t *fixes =
        xcb_get_extension_data(self->connection, &xcb_xfixes_id);

    if (!damage || !damage->present || !fixes || !fixes->present) {
        x11_pixels_fail("the X server lacks XDamage or XFixes");
    }
    free(xcb_xfixes_query_version_reply(self->connection,
                                        xcb_xfixes_query_version(self->connection, 5, 0), NULL));
    free(xcb_damage_query_version_reply(self->connection,
                                        xcb_damage_query_version(self->connection, 1, 1), NULL));
    self->damage_event = (uint8_t)(damage->first_event + XCB_DAMAGE_NOTIFY);
    self->damage = xcb_generate_id(self->connection);
    self->region = xcb_generate_id(self->connection);
    xcb_damage_create(self->connection, self->damage, self->screen->root,
                      XCB_DAMAGE_REPORT_LEVEL_NON_EMPTY);
    xcb_xfixes_create_region(self->connection, self->region, 0, NULL);
    xcb_flush(self->connection);
}

size_t
x11_pixels_take_damage(X11Pixels *self, BerthRect *rects, size_t max)
{
    xcb_xfixes_fetch_region_reply_t *reply;
    const xcb_rectangle_t *found;
    size_t n = 0;
    int n_found;

    xcb_damage_subtract(self->connection, self->damage, XCB_NONE, self->region);
    reply = xcb_xfixes_fetch_region_reply(
        self->connection, xcb_xfixes_fetch_region(self->connection, self->region), NULL);
    if (!reply) {
        return 0;
    }
    found = xcb_xfixes_fetch_region_rectangles(reply);
    n_found = xcb_xfixes_fetch_region_rectangles_length(reply);
    if ((size_t)n_found > max) {
        found = &reply->extents;
        n_found = 1;
    }
    for (int i = 0; i < n_found; i++) {
        BerthRect rect = { found[i].x, found[i].y, found[i].width, found[i].height };

        rect = berth_rect_intersect(rect, (BerthRect){ 0, 0, self->width, self->height });
        if (!berth_rect_is_empty(rect)) {
            rects[n++] = rect;
        }
    }
    free(reply);
    return n;
}

void
x11_pixels_drop_damage(X11Pixels *self)
{
    xcb_damage_subtract(self->connection, self->damage, XCB_NONE, XCB_NONE);
    xcb_flush(self->connection);
}
