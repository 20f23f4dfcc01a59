/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/images/image-keep.h"

#include "testing.h"

#include <glib.h>

#define T0 (1000LL * 1000 * 1000)

static void
only_old_unwanted_and_unused_files_may_go(void **state)
{
    const int64_t ripe = T0 + BERTH_IMAGE_ABSENCE_US;
    const int64_t old = BERTH_IMAGE_YOUNG_US;

    const struct {
        BerthImageFacts facts;
        bool may_go;
    } rows[] = {
        { { .unwanted_us = T0, .heard_us = ripe, .age_us = old }, true },
        { { .unwanted_us = T0, .heard_us = ripe - 1, .age_us = old }, false },
        { { .unwanted_us = T0, .heard_us = ripe, .age_us = old - 1 }, false },
        { { .unwanted_us = T0, .heard_us = ripe, .age_us = -1 }, false },
        { { .unwanted_us = 0, .heard_us = ripe, .age_us = old }, false },
        { { .unwanted_us = T0, .heard_us = ripe, .age_us = old, .is_wanted = true }, false },
        { { .unwanted_us = T0, .heard_us = ripe, .age_us = old, .is_used = true }, false },
        { { .unwanted_us = T0, .heard_us = ripe, .age_us = old, .is_safe_mode = true }, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_int_equal(berth_image_may_go(&rows[i].facts), rows[i].may_go);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_old_unwanted_and_unused_files_may_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
