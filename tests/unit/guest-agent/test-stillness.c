/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "guest-agent/stillness.h"

#include <glib.h>

#define SLEEPS "12 (a) b) S 1 12 12"
#define RUNS "12 (S) R 1 12 12"

static void
a_process_is_still_after_looks_that_are_alike(void **state)
{
    static const struct {
        const char *stat, *schedstat;
        bool is_still;
    } rows[] = {
        { SLEEPS, "100 5 1\n", false }, { SLEEPS, "100 5 1\n", false },
        { SLEEPS, "100 5 1\n", false }, { SLEEPS, "100 5 1\n", true },
        { SLEEPS, "100 5 1\n", true },  { SLEEPS, "101 5 2\n", false }, /* it ran */
        { SLEEPS, "101 5 2\n", false }, { SLEEPS, "101 5 2\n", false },
        { SLEEPS, "101 5 2\n", true },  { RUNS, "101 5 2\n", false },
        { SLEEPS, "101 5 2\n", false }, { SLEEPS, "101 5 2\n", false },
        { SLEEPS, NULL, false },        { SLEEPS, "101 5 2\n", false },
        { SLEEPS, "101 5 2\n", false }, { SLEEPS, "101 5 2\n", false },
        { SLEEPS, "101 5 2\n", true },  { NULL, "101 5 2\n", false },
        { "nonsense", "1", false },     { SLEEPS, "", false },
    };

    BerthStillness stillness = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_int_equal(berth_stillness_note(&stillness, rows[i].stat, rows[i].schedstat),
                         rows[i].is_still);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_is_still_after_looks_that_are_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
