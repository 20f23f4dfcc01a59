/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/wayland-presenter.h"

#include "client/core/buffer-ring.h"
#include "client/core/viewport.h"
#include "client/gtk/shared-frame.h"
#include "client/gtk/wayland-globals.h"

#include <fractional-scale-v1-client-protocol.h>
#include <gdk/gdkwayland.h>
#include <unistd.h>
#include <viewporter-client-protocol.h>

/*
 * Frames that may be sent before the compositor has shown one: the second still gets into the
 * picture that is being made, if it comes in time, and takes the place of the first.
 */
#define MAX_AHEAD 2

/* Compositors tell scales in parts of that. */
#define SCALE_PARTS 120

typedef struct WaylandPresenter WaylandPresenter;

/* What the compositor knows the memory of a slot by. */
typedef struct {
    WaylandPresenter *owner;
    size_t slot;
    int fd;                   /* until it has heard of it; -1 then */
    struct wl_buffer *buffer; /* NULL: it has not */
} Memory;

struct WaylandPresenter {
    BerthPresenter base;
    const BerthWaylandGlobals *globals;
    GdkFrameClock *clock; /* NULL: nothing is to be taken away after GTK has drawn */

    struct wl_surface *parent;  /* compared only */
    struct wl_surface *surface; /* NULL: there is none, nor the three below */
    struct wl_subsurface *subsurface;
    struct wp_viewport *viewport;
    struct wp_fractional_scale_v1 *fractional;
    bool has_buffer;              /* it has been shown */
    struct wl_callback *callback; /* NULL: the compositor has shown what it was asked to tell of */
    unsigned n_ahead;             /* frames that were sent since it has last shown one */
    int width, height;            /* of the picture that the surface is laid out for */
    int x, y;                     /* in the toplevel, in units of GTK */

    /* Guarded by the picture's lock while there is a picture. */
    BerthBufferRing ring;
    Memory *memories[BERTH_BUFFER_RING_MAX];
    GSList *retired; /* Memory of another size, that may be on the screen still */
};

static void
on_release(void *user_data, struct wl_buffer *buffer)
{
    Memory *memory = user_data;
    WaylandPresenter *self = memory->owner;

    berth_picture_lock(self->base.picture);
    if (self->memories[memory->slot] == memory) {
        berth_buffer_ring_release(&self->ring, memory->slot);
    }
    berth_picture_unlock(self->base.picture);
}

static const struct wl_buffer_listener buffer_listener = { .release = on_release };

static Memory *
memory_new(WaylandPresenter *self, size_t slot, int fd)
{
    Memory *memory = g_new0(Memory, 1);

    memory->owner = self;
    memory->slot = slot;
    memory->fd = fd;
    return memory;
}

static void
memory_free(gpointer data)
{
    Memory *memory = data;

    if (memory->fd >= 0) {
        close(memory->fd);
    }
    g_clear_pointer(&memory->buffer, wl_buffer_destroy);
    g_free(memory);
}

/* Tells the compositor of the memory, once. */
static void
ensure_buffer(WaylandPresenter *self, Memory *memory, const BerthFrame *frame)
{
    struct wl_shm_pool *pool;

    if (memory->buffer != NULL) {
        return;
    }
    pool = wl_shm_create_pool(self->globals->shm, memory->fd,
                              (int)berth_frame_size_bytes(frame->width, frame->height));
    memory->buffer = wl_shm_pool_create_buffer(pool, 0, frame->width, frame->height,
                                               (int)frame->stride_bytes, WL_SHM_FORMAT_XRGB8888);
    wl_shm_pool_destroy(pool);
    wl_buffer_add_listener(memory->buffer, &buffer_listener, memory);
    close(memory->fd);
    memory->fd = -1;
}

/* With the picture locked, in any thread: what the main thread destroys later. */
static void
retire_memories(WaylandPresenter *self)
{
    for (size_t i = 0; i < self->ring.n_slots; i++) {
        self->retired = g_slist_prepend(self->retired, g_steal_pointer(&self->memories[i]));
    }
}

static void
bury_retired(WaylandPresenter *self)
{
    g_slist_free_full(g_steal_pointer(&self->retired), memory_free);
}

static BerthFrame *
new_frame(int width, int height, void *user_data)
{
    WaylandPresenter *self = user_data;
    int fd = -1;
    BerthFrame *frame = berth_shared_frame_new(width, height, &fd);

    retire_memories(self);
    berth_buffer_ring_clear(&self->ring);
    if (frame != NULL) {
        berth_buffer_ring_reset(&self->ring, frame);
        self->memories[0] = memory_new(self, 0, fd);
    }
    return frame;
}

/* False: there is no memory for one more. */
static bool
ensure_slot(WaylandPresenter *self, size_t slot, const BerthFrame *frame)
{
    int fd = -1;
    BerthFrame *fresh;

    if (slot < self->ring.n_slots) {
        return true;
    }
    fresh = berth_shared_frame_new(frame->width, frame->height, &fd);
    if (fresh == NULL) {
        return false;
    }
    berth_buffer_ring_add(&self->ring, fresh);
    berth_frame_unref(fresh);
    self->memories[slot] = memory_new(self, slot, fd);
    return true;
}

static BerthFrame *
before(BerthFrame *frame, const BerthRect *rects, size_t n_rects, void *user_data)
{
    WaylandPresenter *self = user_data;
    size_t slot;

    if (!self->base.is_shown ||
        berth_buffer_ring_find(&self->ring, frame->data) != self->ring.front) {
        return frame;
    }
    slot = berth_buffer_ring_plan_next(&self->ring);
    if (!ensure_slot(self, slot, frame)) {
        return frame;
    }
    berth_buffer_ring_advance(&self->ring, slot, rects, n_rects);
    return self->ring.slots[slot].frame;
}

static BerthFrame *
lend(BerthFrame *frame, BerthRegion *ret_missed, void *user_data)
{
    WaylandPresenter *self = user_data;
    size_t slot;

    if (!self->base.is_shown ||
        berth_buffer_ring_find(&self->ring, frame->data) != self->ring.front) {
        return NULL;
    }
    slot = berth_buffer_ring_plan_other(&self->ring);
    if (slot == BERTH_BUFFER_RING_MAX || !ensure_slot(self, slot, frame)) {
        return NULL;
    }
    berth_buffer_ring_borrow(&self->ring, slot, ret_missed);
    return self->ring.slots[slot].frame;
}

static bool
after(const BerthFrame *frame, const BerthRect *rects, size_t n_rects, void *user_data)
{
    WaylandPresenter *self = user_data;
    size_t slot = berth_buffer_ring_find(&self->ring, frame->data);

    if (slot != BERTH_BUFFER_RING_MAX) {
        berth_buffer_ring_turn(&self->ring, slot);
        berth_buffer_ring_note(&self->ring, rects, n_rects);
    }
    return false;
}

static const BerthPictureSink sink = {
    .new_frame = new_frame,
    .before = before,
    .lend = lend,
    .after = after,
};

static void flush(BerthPresenter *presenter);

/* The compositor has shown what it was sent. */
static void
on_shown(void *user_data, struct wl_callback *callback, uint32_t time)
{
    WaylandPresenter *self = user_data;

    g_clear_pointer(&self->callback, wl_callback_destroy);
    self->n_ahead = 0;
    flush(&self->base);
}

static const struct wl_callback_listener callback_listener = { .done = on_shown };

/* With the picture locked: all that is unsent goes. */
static void
commit(WaylandPresenter *self, const BerthFrame *frame)
{
    Memory *memory = self->memories[self->ring.front];

    ensure_buffer(self, memory, frame);
    self->has_buffer = true;
    wl_surface_attach(self->surface, memory->buffer, 0, 0);
    for (size_t i = 0; i < self->ring.unsent.n_rects; i++) {
        const BerthRect *rect = &self->ring.unsent.rects[i];

        wl_surface_damage_buffer(self->surface, rect->x, rect->y, rect->w, rect->h);
    }
    if (self->callback == NULL) {
        self->callback = wl_surface_frame(self->surface);
        wl_callback_add_listener(self->callback, &callback_listener, self);
    }
    wl_surface_commit(self->surface);
    self->n_ahead++;
    berth_buffer_ring_hold(&self->ring);
    bury_retired(self);
    wl_display_flush(gdk_wayland_display_get_wl_display(gtk_widget_get_display(self->base.area)));
}

/* True if the picture is the one that the surface is laid out for. */
static bool
can_commit(WaylandPresenter *self, const BerthFrame *frame)
{
    return self->base.is_shown && frame != NULL && frame->width == self->width &&
           frame->height == self->height &&
           berth_buffer_ring_find(&self->ring, frame->data) == self->ring.front;
}

static void
flush(BerthPresenter *presenter)
{
    WaylandPresenter *self = (WaylandPresenter *)presenter;
    bool is_sent = false;
    const BerthFrame *frame;

    if (!self->base.is_shown || self->n_ahead >= MAX_AHEAD) {
        return;
    }
    frame = berth_picture_lock(self->base.picture);
    if (can_commit(self, frame) && !berth_region_is_empty(&self->ring.unsent)) {
        commit(self, frame);
        is_sent = true;
    }
    berth_picture_unlock(self->base.picture);
    if (is_sent) {
        presenter->sent(presenter->user_data);
    }
}

static void
drop_surface(WaylandPresenter *self)
{
    if (self->clock != NULL) {
        g_signal_handlers_disconnect_by_data(self->clock, self);
        g_clear_object(&self->clock);
    }
    g_clear_pointer(&self->callback, wl_callback_destroy);
    self->n_ahead = 0;
    self->has_buffer = false;
    g_clear_pointer(&self->fractional, wp_fractional_scale_v1_destroy);
    g_clear_pointer(&self->viewport, wp_viewport_destroy);
    g_clear_pointer(&self->subsurface, wl_subsurface_destroy);
    g_clear_pointer(&self->surface, wl_surface_destroy);
}

/* Input goes to GTK's surface below. */
static void
let_input_through(WaylandPresenter *self)
{
    struct wl_region *nothing = wl_compositor_create_region(self->globals->compositor);

    wl_surface_set_input_region(self->surface, nothing);
    wl_region_destroy(nothing);
}

/*
 * GTK 3 rounds up to whole numbers, and the compositor makes its pictures smaller again: only our
 * own surface can have pixels of the screen.  Below 1 that would be fewer than GTK's own.
 */
static void
on_preferred_scale(void *user_data, struct wp_fractional_scale_v1 *fractional, uint32_t parts)
{
    WaylandPresenter *self = user_data;
    bool is_of_gtk = parts % SCALE_PARTS == 0 || parts < SCALE_PARTS;
    double scale = is_of_gtk ? 0 : (double)parts / SCALE_PARTS;

    if (scale != self->base.scale) {
        self->base.scale = scale;
        self->base.rescaled(self->base.user_data);
    }
}

static const struct wp_fractional_scale_v1_listener scale_listener = {
    .preferred_scale = on_preferred_scale,
};

static void
listen_for_scale(WaylandPresenter *self)
{
    if (self->globals->fractional != NULL && self->globals->viewporter != NULL) {
        self->fractional = wp_fractional_scale_manager_v1_get_fractional_scale(
            self->globals->fractional, self->surface);
        wp_fractional_scale_v1_add_listener(self->fractional, &scale_listener, self);
    }
}

/* False: GTK has no surface now. */
static bool
ensure_surface(WaylandPresenter *self)
{
    struct wl_surface *parent = gdk_wayland_window_get_wl_surface(self->base.toplevel);

    if (self->surface != NULL && self->parent != parent) {
        drop_surface(self);
    }
    if (self->surface != NULL || parent == NULL) {
        return parent != NULL;
    }
    self->parent = parent;
    self->surface = wl_compositor_create_surface(self->globals->compositor);
    self->subsurface =
        wl_subcompositor_get_subsurface(self->globals->subcompositor, self->surface, parent);
    wl_subsurface_set_desync(self->subsurface);
    if (self->globals->viewporter != NULL) {
        self->viewport = wp_viewporter_get_viewport(self->globals->viewporter, self->surface);
    }
    let_input_through(self);
    listen_for_scale(self);
    /* Nowhere yet. */
    self->x = self->y = G_MININT;
    return true;
}

/* place: in units of GTK in the area */
static void
lay_out(WaylandPresenter *self, BerthRect place, int scale)
{
    struct wl_region *whole = wl_compositor_create_region(self->globals->compositor);
    int x, y;

    berth_presenter_get_origin(&self->base, &x, &y);
    if (x + place.x != self->x || y + place.y != self->y) {
        self->x = x + place.x;
        self->y = y + place.y;
        wl_subsurface_set_position(self->subsurface, self->x, self->y);
        /* That counts from the parent's next commit on. */
        gtk_widget_queue_draw(self->base.area);
    }
    if (self->viewport != NULL) {
        wp_viewport_set_destination(self->viewport, place.w, place.h);
    } else {
        wl_surface_set_buffer_scale(self->surface, scale);
    }
    wl_region_add(whole, 0, 0, place.w, place.h);
    wl_surface_set_opaque_region(self->surface, whole);
    wl_region_destroy(whole);
}

/*
 * Finds the place of a surface in units of GTK.  It has to be exact if the scale is a whole number:
 * GTK could show it so; else GTK cannot do it better.
 *
 * Returns false if a surface cannot be there.
 */
static bool
find_place(const WaylandPresenter *self, const BerthFrame *frame, BerthRect place,
           BerthRect *ret_units)
{
    double scale =
        berth_presenter_get_scale(&self->base, gtk_widget_get_scale_factor(self->base.area));
    bool has_size = place.w == frame->width && place.h == frame->height;
    bool is_exact = berth_viewport_to_units(place, scale, ret_units);

    return (has_size || (self->globals->viewporter != NULL && place.w < frame->width)) &&
           (is_exact || self->base.scale > 0);
}

static bool
show(BerthPresenter *presenter, const BerthFrame *frame, BerthRect place, const BerthRect *holes,
     size_t n_holes)
{
    WaylandPresenter *self = (WaylandPresenter *)presenter;
    BerthRect units;

    if (n_holes > 0 || frame == NULL ||
        berth_buffer_ring_find(&self->ring, frame->data) != self->ring.front ||
        !find_place(self, frame, place, &units) || !ensure_surface(self)) {
        return false;
    }
    lay_out(self, units, gtk_widget_get_scale_factor(presenter->area));
    self->width = frame->width;
    self->height = frame->height;
    self->base.is_shown = true;
    berth_buffer_ring_unsend(&self->ring);
    commit(self, frame);
    return true;
}

/* GTK has drawn what the surface lay over. */
static void
on_after_paint(WaylandPresenter *self)
{
    if (!self->base.is_shown) {
        drop_surface(self);
    }
}

/* A surface hears of the scale before it has anything to show. */
static void
maybe_listen(WaylandPresenter *self)
{
    if (self->globals->fractional != NULL) {
        ensure_surface(self);
    }
}

static void
hide(BerthPresenter *presenter, bool was_shown)
{
    WaylandPresenter *self = (WaylandPresenter *)presenter;

    if (!gtk_widget_get_mapped(presenter->area)) {
        drop_surface(self);
    } else if (!self->has_buffer) {
        maybe_listen(self);
    } else if (self->clock == NULL) {
        self->clock = g_object_ref(gtk_widget_get_frame_clock(presenter->area));
        g_signal_connect_swapped(self->clock, "after-paint", G_CALLBACK(on_after_paint), self);
        gtk_widget_queue_draw(presenter->area);
    }
}

static void
forget(BerthPresenter *presenter)
{
    WaylandPresenter *self = (WaylandPresenter *)presenter;

    drop_surface(self);
    retire_memories(self);
    berth_buffer_ring_clear(&self->ring);
    bury_retired(self);
}

static void
presenter_free(BerthPresenter *presenter)
{
    drop_surface((WaylandPresenter *)presenter);
    g_free(presenter);
}

static const BerthPresenterKind kind = {
    .sink = &sink,
    .free = presenter_free,
    .show = show,
    .hide = hide,
    .forget = forget,
    .flush = flush,
};

BerthPresenter *
berth_wayland_presenter_new(GtkWidget *area)
{
    const BerthWaylandGlobals *globals = berth_wayland_globals_get(gtk_widget_get_display(area));
    WaylandPresenter *self;

    if (globals == NULL) {
        return NULL;
    }
    self = g_new0(WaylandPresenter, 1);
    berth_presenter_init(&self->base, &kind, area);
    self->globals = globals;
    return &self->base;
}
