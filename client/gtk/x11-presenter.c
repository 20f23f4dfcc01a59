/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/x11-presenter.h"

#include "client/core/buffer-ring.h"
#include "client/gtk/shared-frame.h"

#include <gdk/gdkx.h>
#include <stdlib.h>
#include <xcb/shape.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

/* The colours of a BerthFrame's words. */
#define RED_MASK 0xff0000u
#define BLUE_MASK 0x0000ffu
#define MIN_DEPTH 24
#define BYTES_PER_PIXEL 4
#define EVENT_MASK 0x7f
/* Answers of the server that may wait to be read. */
#define MAX_BEING_READ 16
/* Memories: one that the server reads, and one that is drawn on. */
#define N_SLOTS 2

typedef struct {
    BerthPresenter base;
    xcb_connection_t *x;
    xcb_window_t window;
    xcb_gcontext_t gc;
    uint8_t depth;
    uint8_t completion; /* number of the event that tells that the server has read the segment */

    /* Guarded by the picture's lock while there is a picture. */
    BerthRect place;      /* in the toplevel */
    bool has_holes;       /* the window does not have the shape of the picture */
    BerthBufferRing ring; /* of N_SLOTS at most, none held */
    xcb_shm_seg_t segments[N_SLOTS];
    /* Pictures that the server reads from each; those of the front are the later ones. */
    unsigned n_being_read[N_SLOTS];
} X11Presenter;

static void
drop_segments(X11Presenter *self)
{
    for (size_t i = 0; i < self->ring.n_slots; i++) {
        xcb_shm_detach(self->x, self->segments[i]);
    }
    berth_buffer_ring_clear(&self->ring);
}

/* fd: taken */
static bool
attach(X11Presenter *self, size_t slot, int fd)
{
    xcb_shm_seg_t segment = xcb_generate_id(self->x);
    xcb_generic_error_t *error =
        xcb_request_check(self->x, xcb_shm_attach_fd_checked(self->x, segment, fd, 1));
    bool is_good = error == NULL && xcb_connection_has_error(self->x) == 0;

    free(error);
    if (is_good) {
        self->segments[slot] = segment;
    }
    return is_good;
}

/* Memory that the server has, too; NULL: there is none. */
static BerthFrame *
make_memory(X11Presenter *self, size_t slot, int width, int height)
{
    int fd = -1;
    BerthFrame *frame = berth_shared_frame_new(width, height, &fd);

    if (frame != NULL && !attach(self, slot, fd)) {
        g_clear_pointer(&frame, berth_frame_unref);
    }
    return frame;
}

static BerthFrame *
new_frame(int width, int height, void *user_data)
{
    X11Presenter *self = user_data;
    BerthFrame *frame;

    drop_segments(self);
    frame = make_memory(self, 0, width, height);
    if (frame != NULL) {
        berth_buffer_ring_reset(&self->ring, frame);
    }
    return frame;
}

static size_t
get_other(const X11Presenter *self)
{
    return self->ring.front == 0 ? 1 : 0;
}

/* Waits until the server has read what it was given of a slot; it mostly has. */
static void
wait_until_read(X11Presenter *self, size_t slot)
{
    while (self->n_being_read[slot] > 0) {
        xcb_generic_event_t *event = xcb_wait_for_event(self->x);
        size_t first = self->n_being_read[get_other(self)] > 0 ? get_other(self) : self->ring.front;

        if (event == NULL) {
            self->n_being_read[slot] = 0; /* the connection is broken */
        } else if ((event->response_type & EVENT_MASK) == self->completion) {
            self->n_being_read[first]--;
        }
        free(event);
    }
}

static BerthFrame *
before(BerthFrame *frame, const BerthRect *rects, size_t n_rects, void *user_data)
{
    X11Presenter *self = user_data;

    wait_until_read(self, self->ring.front);
    return frame;
}

static bool
is_front(const X11Presenter *self, const BerthFrame *frame)
{
    size_t slot = berth_buffer_ring_find(&self->ring, frame->data);

    return slot != BERTH_BUFFER_RING_MAX && slot == self->ring.front;
}

static BerthFrame *
lend(BerthFrame *frame, BerthRegion *ret_missed, void *user_data)
{
    X11Presenter *self = user_data;
    size_t slot = get_other(self);
    BerthFrame *fresh;

    if (!self->base.is_shown || !is_front(self, frame)) {
        return NULL;
    }
    if (slot == self->ring.n_slots) {
        fresh = make_memory(self, slot, frame->width, frame->height);
        if (fresh == NULL) {
            return NULL;
        }
        berth_buffer_ring_add(&self->ring, fresh);
        berth_frame_unref(fresh);
    }
    wait_until_read(self, slot);
    berth_buffer_ring_borrow(&self->ring, slot, ret_missed);
    return self->ring.slots[slot].frame;
}

static void
put(X11Presenter *self, const BerthFrame *frame, BerthRect rect, bool is_last)
{
    xcb_shm_put_image(self->x, self->window, self->gc,
                      (uint16_t)(frame->stride_bytes / BYTES_PER_PIXEL), (uint16_t)frame->height,
                      (uint16_t)rect.x, (uint16_t)rect.y, (uint16_t)rect.w, (uint16_t)rect.h,
                      (int16_t)rect.x, (int16_t)rect.y, self->depth, XCB_IMAGE_FORMAT_Z_PIXMAP,
                      is_last, self->segments[self->ring.front], 0);
}

/* frame: the front */
static bool
put_rects(X11Presenter *self, const BerthFrame *frame, const BerthRect *rects, size_t n_rects)
{
    size_t slot = self->ring.front;

    if (!self->base.is_shown || n_rects == 0 || frame->width != self->place.w ||
        frame->height != self->place.h) {
        return false;
    }
    /* A picture that rests may be put again and again as other windows move over it. */
    if (self->n_being_read[slot] == MAX_BEING_READ) {
        wait_until_read(self, slot);
    }
    for (size_t i = 0; i < n_rects; i++) {
        put(self, frame, rects[i], i + 1 == n_rects);
    }
    xcb_flush(self->x);
    self->n_being_read[slot]++;
    return true;
}

static bool
after(const BerthFrame *frame, const BerthRect *rects, size_t n_rects, void *user_data)
{
    X11Presenter *self = user_data;
    size_t slot = berth_buffer_ring_find(&self->ring, frame->data);

    if (slot == BERTH_BUFFER_RING_MAX) {
        return false;
    }
    berth_buffer_ring_turn(&self->ring, slot);
    berth_buffer_ring_note(&self->ring, rects, n_rects);
    return put_rects(self, frame, rects, n_rects);
}

static const BerthPictureSink sink = {
    .new_frame = new_frame,
    .before = before,
    .lend = lend,
    .after = after,
};

static void
put_all(X11Presenter *self, const BerthFrame *frame)
{
    BerthRect whole = berth_frame_get_rect(frame);

    if (is_front(self, frame)) {
        put_rects(self, frame, &whole, 1);
    }
}

/* What another window had covered came to light. */
static GdkFilterReturn
on_event(GdkXEvent *gdk_event, GdkEvent *unused, gpointer user_data)
{
    X11Presenter *self = user_data;
    const XEvent *event = gdk_event;
    const BerthFrame *frame;

    if (event->type != Expose || event->xexpose.window != self->window) {
        return GDK_FILTER_CONTINUE;
    }
    if (event->xexpose.count == 0 && self->base.picture != NULL) {
        frame = berth_picture_lock(self->base.picture);
        if (frame != NULL) {
            put_all(self, frame);
        }
        berth_picture_unlock(self->base.picture);
    }
    return GDK_FILTER_REMOVE;
}

static void
move_window(X11Presenter *self, BerthRect place)
{
    const uint32_t values[] = { (uint32_t)place.x, (uint32_t)place.y, (uint32_t)place.w,
                                (uint32_t)place.h };

    xcb_configure_window(self->x, self->window,
                         XCB_CONFIG_WINDOW_X | XCB_CONFIG_WINDOW_Y | XCB_CONFIG_WINDOW_WIDTH |
                             XCB_CONFIG_WINDOW_HEIGHT,
                         values);
}

static xcb_rectangle_t
to_xcb(BerthRect rect)
{
    return (xcb_rectangle_t){ (int16_t)rect.x, (int16_t)rect.y, (uint16_t)rect.w,
                              (uint16_t)rect.h };
}

/* place: in the area, as the holes */
static void
cut_holes(X11Presenter *self, BerthRect place, const BerthRect *holes, size_t n_holes)
{
    xcb_rectangle_t whole = to_xcb((BerthRect){ 0, 0, place.w, place.h });

    if (n_holes == 0 && !self->has_holes) {
        return;
    }
    self->has_holes = n_holes > 0;
    xcb_shape_rectangles(self->x, XCB_SHAPE_SO_SET, XCB_SHAPE_SK_BOUNDING,
                         XCB_CLIP_ORDERING_UNSORTED, self->window, 0, 0, 1, &whole);
    for (size_t i = 0; i < n_holes; i++) {
        BerthRect hole = berth_rect_intersect(holes[i], place);

        if (!berth_rect_is_empty(hole)) {
            xcb_rectangle_t rect =
                to_xcb((BerthRect){ hole.x - place.x, hole.y - place.y, hole.w, hole.h });

            xcb_shape_rectangles(self->x, XCB_SHAPE_SO_SUBTRACT, XCB_SHAPE_SK_BOUNDING,
                                 XCB_CLIP_ORDERING_UNSORTED, self->window, 0, 0, 1, &rect);
        }
    }
}

static bool
show(BerthPresenter *presenter, const BerthFrame *frame, BerthRect place, const BerthRect *holes,
     size_t n_holes)
{
    X11Presenter *self = (X11Presenter *)presenter;
    int scale = gtk_widget_get_scale_factor(presenter->area);
    BerthRect inside = place;
    int x, y;

    berth_presenter_get_origin(presenter, &x, &y);
    place.x += x * scale;
    place.y += y * scale;
    if (frame == NULL || !is_front(self, frame) || frame->width != place.w ||
        frame->height != place.h || xcb_connection_has_error(self->x) != 0) {
        return false;
    }
    if (!self->base.is_shown || !berth_rect_equal(place, self->place)) {
        move_window(self, place);
    }
    self->place = place;
    cut_holes(self, inside, holes, n_holes);
    if (!self->base.is_shown) {
        xcb_map_window(self->x, self->window);
        self->base.is_shown = true;
    }
    put_all(self, frame);
    return true;
}

static void
hide(BerthPresenter *presenter, bool was_shown)
{
    X11Presenter *self = (X11Presenter *)presenter;

    if (was_shown) {
        xcb_unmap_window(self->x, self->window);
        xcb_flush(self->x);
    }
}

static void
forget(BerthPresenter *presenter)
{
    drop_segments((X11Presenter *)presenter);
}

static void
presenter_free(BerthPresenter *presenter)
{
    X11Presenter *self = (X11Presenter *)presenter;

    gdk_window_remove_filter(NULL, on_event, self);
    xcb_disconnect(self->x);
    g_free(self);
}

static const BerthPresenterKind kind = {
    .sink = &sink,
    .free = presenter_free,
    .show = show,
    .hide = hide,
    .forget = forget,
};

/* Shared memory by descriptor, and a window whose words are ours. */
static bool
is_supported(X11Presenter *self)
{
    GdkVisual *visual = gdk_window_get_visual(self->base.toplevel);
    const xcb_setup_t *setup = xcb_get_setup(self->x);
    const xcb_query_extension_reply_t *shm = xcb_get_extension_data(self->x, &xcb_shm_id);
    const xcb_query_extension_reply_t *shape = xcb_get_extension_data(self->x, &xcb_shape_id);
    xcb_shm_query_version_reply_t *version;
    guint32 red = 0, blue = 0;
    bool is_good;

    if (setup->image_byte_order != XCB_IMAGE_ORDER_LSB_FIRST || shm == NULL || !shm->present ||
        shape == NULL || !shape->present) {
        return false;
    }
    version = xcb_shm_query_version_reply(self->x, xcb_shm_query_version(self->x), NULL);
    is_good = version != NULL && (version->major_version > 1 || version->minor_version >= 2);
    free(version);
    gdk_visual_get_red_pixel_details(visual, &red, NULL, NULL);
    gdk_visual_get_blue_pixel_details(visual, &blue, NULL, NULL);
    self->depth = (uint8_t)gdk_visual_get_depth(visual);
    self->completion = (uint8_t)(shm->first_event + XCB_SHM_COMPLETION);
    return is_good && self->depth >= MIN_DEPTH && red == RED_MASK && blue == BLUE_MASK;
}

static bool
make_window(X11Presenter *self)
{
    xcb_window_t parent = (xcb_window_t)gdk_x11_window_get_xid(self->base.toplevel);
    xcb_generic_error_t *error;
    bool is_good;

    self->window = xcb_generate_id(self->x);
    self->gc = xcb_generate_id(self->x);
    error = xcb_request_check(self->x, xcb_create_window_checked(self->x, XCB_COPY_FROM_PARENT,
                                                                 self->window, parent, 0, 0, 1, 1,
                                                                 0, XCB_WINDOW_CLASS_INPUT_OUTPUT,
                                                                 XCB_COPY_FROM_PARENT, 0, NULL));
    is_good = error == NULL && xcb_connection_has_error(self->x) == 0;
    free(error);
    if (is_good) {
        xcb_create_gc(self->x, self->gc, self->window, 0, NULL);
        /* Clicks and movements fall through to the toplevel. */
        xcb_shape_rectangles(self->x, XCB_SHAPE_SO_SET, XCB_SHAPE_SK_INPUT,
                             XCB_CLIP_ORDERING_UNSORTED, self->window, 0, 0, 0, NULL);
        xcb_flush(self->x);
    }
    return is_good;
}

/* Exposures come over GDK's connection, because somebody reads that one in the main thread. */
static void
watch_exposures(X11Presenter *self)
{
    GdkDisplay *display = gtk_widget_get_display(self->base.area);

    gdk_x11_display_error_trap_push(display);
    XSelectInput(gdk_x11_display_get_xdisplay(display), self->window, ExposureMask);
    gdk_x11_display_error_trap_pop_ignored(display);
    gdk_window_add_filter(NULL, on_event, self);
}

BerthPresenter *
berth_x11_presenter_new(GtkWidget *area)
{
    GdkDisplay *display = gtk_widget_get_display(area);
    X11Presenter *self;

    if (!GDK_IS_X11_DISPLAY(display)) {
        return NULL;
    }
    self = g_new0(X11Presenter, 1);
    berth_presenter_init(&self->base, &kind, area);
    self->x = xcb_connect(gdk_display_get_name(display), NULL);
    if (xcb_connection_has_error(self->x) != 0 || !is_supported(self) || !make_window(self)) {
        xcb_disconnect(self->x);
        g_free(self);
        return NULL;
    }
    watch_exposures(self);
    return &self->base;
}
