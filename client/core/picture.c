/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/picture.h"

#include <glib.h>

struct BerthPicture {
    gint ref_count; /* atomic */
    GMutex lock;
    BerthFrame *front; /* guarded by lock */
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

static bool
has_size_of(const BerthFrame *front, const BerthFrame *canvas)
{
    return front != NULL && front->width == canvas->width && front->height == canvas->height;
}

static bool
copy_changes(BerthFrame *front, const BerthFrame *canvas, const BerthRect *rects, size_t n_rects)
{
    bool is_changed = false;

    for (size_t i = 0; i < n_rects; i++) {
        is_changed = is_changed || !berth_frame_rect_equal(front, canvas, rects[i]);
        berth_frame_copy_rect(front, canvas, rects[i]);
    }
    return is_changed;
}

bool
berth_picture_update(BerthPicture *self, const BerthFrame *canvas, const BerthRect *rects,
                     size_t n_rects, bool *ret_resized)
{
    BerthFrame *fresh = NULL;
    bool is_changed;

    g_mutex_lock(&self->lock);
    if (has_size_of(self->front, canvas)) {
        is_changed = copy_changes(self->front, canvas, rects, n_rects);
        g_mutex_unlock(&self->lock);
        *ret_resized = false;
        return is_changed;
    }
    g_mutex_unlock(&self->lock);

    /* Only the decoder writes, so the picture cannot change between the two locks. */
    fresh = berth_frame_new(canvas->width, canvas->height);
    if (fresh == NULL) {
        g_error("no memory for a picture of %dx%d", canvas->width, canvas->height);
    }
    berth_frame_copy_rect(fresh, canvas, berth_frame_get_rect(canvas));
    g_mutex_lock(&self->lock);
    berth_frame_unref(self->front);
    self->front = fresh;
    g_mutex_unlock(&self->lock);
    *ret_resized = true;
    return true;
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

void
berth_picture_get_size(BerthPicture *self, int *ret_width, int *ret_height)
{
    g_mutex_lock(&self->lock);
    *ret_width = self->front != NULL ? self->front->width : 0;
    *ret_height = self->front != NULL ? self->front->height : 0;
    g_mutex_unlock(&self->lock);
}
