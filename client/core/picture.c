/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/picture.h"

#include <glib.h>

struct BerthPicture {
    gint ref_count; /* atomic */
    GMutex lock;
    BerthFrame *front;            /* guarded by lock, as the three below */
    const BerthPictureSink *sink; /* NULL: none */
    void *user_data;
    BerthFrame *lent; /* borrowed: of the sink, being drawn on; NULL: none */
};

BerthPicture *
berth_picture_new(void)
{
    BerthPicture *self = g_new0(BerthPicture, 1);

    self->ref_count = 1;
    g_mutex_init(&self->lock);
    return self;
}

BerthPicture *
berth_picture_ref(BerthPicture *self)
{
    g_atomic_int_inc(&self->ref_count);
    return self;
}

void
berth_picture_unref(BerthPicture *self)
{
    if (self == NULL || !g_atomic_int_dec_and_test(&self->ref_count)) {
        return;
    }
    berth_frame_unref(self->front);
    g_mutex_clear(&self->lock);
    g_free(self);
}

static BerthFrame *
new_frame_or_die(int width, int height)
{
    BerthFrame *frame = berth_frame_new(width, height);

    if (frame == NULL) {
        g_error("no memory for a picture of %dx%d", width, height);
    }
    return frame;
}

static bool
has_size_of(const BerthFrame *front, const BerthFrame *canvas)
{
    return front != NULL && front->width == canvas->width && front->height == canvas->height;
}

BerthFrame *
berth_picture_begin(BerthPicture *self, BerthFrame *canvas, BerthCatchUp *catch_up)
{
    BerthFrame *next = NULL;
    BerthRegion missed;

    g_mutex_lock(&self->lock);
    self->lent = NULL;
    if (has_size_of(self->front, canvas) && self->sink != NULL && self->sink->lend != NULL) {
        next = self->sink->lend(self->front, &missed, self->user_data);
        self->lent = next;
    }
    if (next != NULL) {
        berth_frame_ref(next);
    } else if (canvas != self->front) {
        next = berth_frame_ref(canvas);
    } else {
        next = new_frame_or_die(canvas->width, canvas->height);
        berth_region_init(&missed, 1);
        berth_region_add(&missed, berth_frame_get_rect(canvas));
    }
    if (next != canvas) {
        berth_catch_up_begin(catch_up, next, self->front, &missed);
    }
    g_mutex_unlock(&self->lock);
    return next;
}

/* What was drawn in the sink's memory is the picture. */
static void
take_lent(BerthPicture *self, const BerthRect *rects, size_t n_rects, BerthPictureChange *change)
{
    for (size_t i = 0; i < n_rects && !change->is_changed; i++) {
        change->is_changed = !berth_frame_rect_equal(self->front, self->lent, rects[i]);
    }
    berth_frame_unref(self->front);
    self->front = berth_frame_ref(self->lent);
    change->is_shown = self->sink->after(self->front, rects, n_rects, self->user_data);
}

static void
copy_changes(BerthPicture *self, const BerthFrame *canvas, const BerthRect *rects, size_t n_rects,
             BerthPictureChange *change)
{
    BerthFrame *old = self->front;

    if (self->sink != NULL) {
        self->front = berth_frame_ref(self->sink->before(old, rects, n_rects, self->user_data));
    } else {
        berth_frame_ref(old);
    }
    for (size_t i = 0; i < n_rects; i++) {
        change->is_changed = change->is_changed || !berth_frame_rect_equal(old, canvas, rects[i]);
        berth_frame_copy_rect(self->front, canvas, rects[i]);
    }
    berth_frame_unref(old);
    if (self->sink != NULL) {
        change->is_shown = self->sink->after(self->front, rects, n_rects, self->user_data);
    }
}

/* Another frame for the present size or the next, in the memory that the sink wants. */
static void
replace_front(BerthPicture *self, const BerthFrame *content)
{
    BerthRect whole = berth_frame_get_rect(content);
    BerthFrame *fresh = NULL;

    self->lent = NULL;
    if (self->sink != NULL) {
        fresh = self->sink->new_frame(whole.w, whole.h, self->user_data);
    }
    if (fresh == NULL) {
        fresh = new_frame_or_die(whole.w, whole.h);
    }
    berth_frame_copy_rect(fresh, content, whole);
    berth_frame_unref(self->front);
    self->front = fresh;
    if (self->sink != NULL) {
        self->sink->after(fresh, &whole, 1, self->user_data);
    }
}

BerthPictureChange
berth_picture_update(BerthPicture *self, const BerthFrame *canvas, const BerthRect *rects,
                     size_t n_rects)
{
    BerthPictureChange change = { 0 };

    g_mutex_lock(&self->lock);
    if (canvas == self->lent && has_size_of(self->front, canvas)) {
        take_lent(self, rects, n_rects, &change);
    } else if (has_size_of(self->front, canvas)) {
        copy_changes(self, canvas, rects, n_rects, &change);
    } else {
        change.is_changed = change.is_resized = true;
        replace_front(self, canvas);
    }
    self->lent = NULL;
    g_mutex_unlock(&self->lock);
    return change;
}

void
berth_picture_clear(BerthPicture *self)
{
    g_mutex_lock(&self->lock);
    g_clear_pointer(&self->front, berth_frame_unref);
    g_mutex_unlock(&self->lock);
}

void
berth_picture_set_sink(BerthPicture *self, const BerthPictureSink *sink, void *user_data)
{
    g_mutex_lock(&self->lock);
    self->sink = sink;
    self->user_data = user_data;
    self->lent = NULL;
    if (sink != NULL && self->front != NULL) {
        replace_front(self, self->front);
    }
    g_mutex_unlock(&self->lock);
}

BerthFrame *
berth_picture_lock(BerthPicture *self)
{
    g_mutex_lock(&self->lock);
    return self->front;
}

void
berth_picture_unlock(BerthPicture *self)
{
    g_mutex_unlock(&self->lock);
}

bool
berth_picture_is_drawn(BerthPicture *self)
{
    const BerthFrame *frame = berth_picture_lock(self);
    uint32_t xrgb;
    bool is_drawn =
        frame != NULL && !berth_frame_get_solid(frame, berth_frame_get_rect(frame), &xrgb);

    berth_picture_unlock(self);
    return is_drawn;
}

void
berth_picture_get_size(BerthPicture *self, int *ret_width, int *ret_height)
{
    g_mutex_lock(&self->lock);
    *ret_width = self->front != NULL ? self->front->width : 0;
    *ret_height = self->front != NULL ? self->front->height : 0;
    g_mutex_unlock(&self->lock);
}
