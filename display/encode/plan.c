/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/plan.h"

#include "display/encode/photo-pool.h"

#include <glib.h>

void
berth_plan_free(BerthPlan *self)
{
    if (self == NULL) {
        return;
    }
    berth_frame_unref(self->picture);
    berth_damage_free(self->changed);
    g_free(self->stores);
    g_free(self->copies);
    g_free(self->fills);
    g_free(self->crops);
    for (size_t i = 0; self->photos != NULL && i < self->n_photos; i++) {
        g_free(self->photos[i].data);
    }
    g_free(self->photos);
    for (size_t i = 0; self->videos != NULL && i < self->n_videos; i++) {
        g_free(self->videos[i].keep);
        g_free(self->videos[i].data);
    }
    g_free(self->videos);
    g_free(self->tile_classes);
    g_free(self);
}

size_t
berth_plan_get_n_jobs(const BerthPlan *self)
{
    return MIN(self->n_photos, BERTH_PHOTO_POOL_SIZE);
}

void
berth_plan_run_job(BerthPlan *self, size_t i)
{
    for (size_t k = i; k < self->n_photos; k += BERTH_PHOTO_POOL_SIZE) {
        BerthPlanPhoto *photo = &self->photos[k];
        berth_photo_pool_encode(self->photo_pool, i, self->picture, photo->rect, &photo->quality,
                                &photo->data, &photo->len);
    }
}
