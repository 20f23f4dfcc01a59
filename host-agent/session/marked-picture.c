/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/marked-picture.h"

#include "berth/errors.h"

static void
follow_rect(BerthMarkedPicture *self, const BerthFrame *picture, BerthRect rect)
{
    berth_frame_copy_rect(self->frame, picture, rect);
    berth_watermark_draw(self->mark, self->frame, rect);
}

static void
follow_damage(BerthMarkedPicture *self, const BerthFrame *picture, const BerthDamage *damage)
{
    size_t n_max = berth_damage_get_n_tiles(damage);
    g_autofree BerthRect *rects = g_new(BerthRect, n_max);
    size_t n = berth_damage_get_rects(damage, rects, n_max);

    for (size_t i = 0; i < n; i++) {
        follow_rect(self, picture, rects[i]);
    }
}

/* A frame of the picture's size under another mark. */
static int
begin(BerthMarkedPicture *self, BerthWatermark *mark, const BerthFrame *picture)
{
    berth_marked_picture_clear(self);
    self->frame = berth_frame_new(picture->width, picture->height);
    if (self->frame == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    self->mark = berth_watermark_ref(mark);
    follow_rect(self, picture, berth_frame_get_rect(picture));
    return BERTH_OK;
}

int
berth_marked_picture_follow(BerthMarkedPicture *self, BerthWatermark *mark,
                            const BerthFrame *picture, const BerthDamage *damage,
                            const BerthFrame **ret, bool *ret_is_all)
{
    bool is_same_size = self->frame != NULL && self->frame->width == picture->width &&
                        self->frame->height == picture->height;
    int r = BERTH_OK;

    *ret_is_all = mark != self->mark || (mark != NULL && !is_same_size);
    if (mark == NULL) {
        berth_marked_picture_clear(self);
        *ret = picture;
        return BERTH_OK;
    }
    if (*ret_is_all) {
        r = begin(self, mark, picture);
    } else if (damage != NULL) {
        follow_damage(self, picture, damage);
    }
    *ret = self->frame;
    return r;
}

void
berth_marked_picture_clear(BerthMarkedPicture *self)
{
    g_clear_pointer(&self->frame, berth_frame_unref);
    g_clear_pointer(&self->mark, berth_watermark_unref);
}
