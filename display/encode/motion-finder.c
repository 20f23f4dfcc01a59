/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/motion-finder.h"

#include <glib.h>

struct BerthMotionFinder {
    int unused;
};

BerthMotionFinder *
berth_motion_finder_new(void)
{
    return g_try_new0(BerthMotionFinder, 1);
}

void
berth_motion_finder_free(BerthMotionFinder *self)
{
    g_free(self);
}

size_t
berth_motion_finder_find(BerthMotionFinder *self, const BerthFrame *old, const BerthFrame *new,
                         const BerthDamage *damage, BerthWireCopy *copies, size_t max_copies)
{
    return 0;
}
