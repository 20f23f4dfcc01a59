/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/images/image-keep.h"

bool
berth_image_may_go(const BerthImageFacts *facts)
{
    if (facts->is_wanted || facts->is_used || facts->is_safe_mode) {
        return false;
    }
    /* A silent broker ripens nothing. */
    bool is_ripe =
        facts->unwanted_us != 0 && facts->heard_us - facts->unwanted_us >= BERTH_IMAGE_ABSENCE_US;
    return is_ripe && facts->age_us >= BERTH_IMAGE_YOUNG_US;
}
