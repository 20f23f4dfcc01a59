/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/plan.h"

#include <glib.h>

BerthPlan *
berth_plan_ref(BerthPlan *self)
{
    g_atomic_int_inc(&self->ref_count);
    return self;
}

void
berth_plan_unref(BerthPlan *self)
{
    if (self == NULL || !g_atomic_int_dec_and_test(&self->ref_count)) {
        return;
    }
    berth_frame_unref(self->picture);
    berth_damage_free(self->changed);
    g_free(self->stores);
    g_free(self->copies);
    g_free(self->fills);
    g_free(self->crops);
    g_free(self->tile_classes);
    g_free(self);
}

size_t
berth_plan_get_n_jobs(const BerthPlan *self)
{
    return 0;
}

void
berth_plan_run_job(BerthPlan *self, size_t i)
{
}
