/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/audio/delay-plan.h"

#include "testing.h"

#include <glib.h>

#define MS 1000LL
#define SECOND (1000 * MS)

/* Packets each 10 ms from one time to another, every nth of them late. */
typedef struct {
    int from_s, to_s;
    int every;
    int late_ms;
} Stretch;

typedef struct {
    const char *name;
    Stretch stretches[3];
    int least_ms, most_ms; /* of the wait at the end */
} Row;

static const Row rows[] = {
    { "a quiet network", { { 0, 60, 1, 0 } }, 20, 20 },
    { "always later by the same is not late", { { 0, 60, 1, 90 } }, 20, 20 },
    { "one packet late", { { 0, 60, 0, 0 }, { 60, 61, 100, 90 } }, 113, 114 },
    { "it is remembered for five minutes", { { 0, 1, 50, 90 }, { 1, 280, 0, 0 } }, 113, 114 },
    { "and no longer", { { 0, 1, 50, 90 }, { 1, 320, 0, 0 } }, 20, 20 },
    { "a break is no lateness", { { 0, 60, 1000, 400 } }, 20, 20 },
    { "a sender that stood still is as quick as before",
      { { 0, 10, 0, 0 }, { 10, 20, 1, 3000 } },
      20,
      20 },
    { "a way that got longer is forgotten", { { 0, 10, 0, 0 }, { 10, 400, 1, 100 } }, 20, 20 },
};

static void
play(BerthDelayPlan *plan, const Stretch *stretch)
{
    int n = 0;

    for (int64_t at = stretch->from_s * SECOND; at < stretch->to_s * SECOND; at += 10 * MS) {
        bool is_late = stretch->every > 0 && ++n % stretch->every == 0;

        berth_delay_plan_note(plan, at, at + 5 * SECOND + (is_late ? stretch->late_ms * MS : 0));
    }
}

static void
the_wait_is_what_packets_were_late(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        BerthDelayPlan plan;

        berth_delay_plan_init(&plan);
        for (size_t k = 0; k < G_N_ELEMENTS(rows[i].stretches); k++) {
            play(&plan, &rows[i].stretches[k]);
        }
        int64_t wait_us = berth_delay_plan_get_wait_us(&plan);
        if (wait_us < rows[i].least_ms * MS || wait_us > rows[i].most_ms * MS) {
            fail_msg("%s: %lld us", rows[i].name, (long long)wait_us);
        }
    }
}

static void
the_first_packet_is_on_time(void **state)
{
    BerthDelayPlan plan;

    berth_delay_plan_init(&plan);
    assert_int_equal(berth_delay_plan_get_wait_us(&plan), BERTH_DELAY_FIRST_US);
    berth_delay_plan_note(&plan, 7 * SECOND, -3 * SECOND);
    assert_int_equal(berth_delay_plan_get_lag_us(&plan, 8 * SECOND, -SECOND), SECOND);
}

static void
the_wait_has_an_end(void **state)
{
    BerthDelayPlan plan;

    berth_delay_plan_init(&plan);
    for (int64_t i = 0; i < 1000; i++) {
        berth_delay_plan_note(&plan, i * SECOND, i * SECOND + (i * 7919 % 300) * MS);
        assert_in_range(berth_delay_plan_get_wait_us(&plan), BERTH_DELAY_FIRST_US,
                        BERTH_DELAY_MAX_US);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wait_is_what_packets_were_late),
        cmocka_unit_test(the_first_packet_is_on_time),
        cmocka_unit_test(the_wait_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
