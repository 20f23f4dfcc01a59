/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/start-progress.h"

#include "testing.h"

#define S(seconds) ((int64_t)(seconds)*1000 * 1000)

static void
each_phase_has_its_time(void **state)
{
    const BerthConnectAnswer queued = { .is_queued = true, .position = 3, .estimate_s = 40 };
    const BerthConnectAnswer starting = { .estimate_s = 8 };
    BerthStartProgress progress;
    g_autofree char *text = NULL;

    berth_start_progress_begin(&progress, S(100));
    berth_start_progress_wait(&progress, &queued, S(101));
    text = berth_start_progress_text(&progress);
    assert_string_equal(text, "waiting for a free desktop, place 3 in the queue");
    assert_int_equal(berth_start_progress_left_s(&progress, S(111)), 30);
    assert_int_equal(berth_start_progress_left_s(&progress, S(500)), 0);
    berth_start_progress_wait(&progress, &queued, S(105));
    berth_start_progress_wait(&progress, &starting, S(110));
    assert_int_equal(progress.position, 0);
    berth_start_progress_open(&progress, S(118));
    assert_int_equal(berth_start_progress_phase_us(&progress, BERTH_START_ASKING, S(120)), S(1));
    assert_int_equal(berth_start_progress_phase_us(&progress, BERTH_START_QUEUED, S(120)), S(9));
    assert_int_equal(berth_start_progress_phase_us(&progress, BERTH_START_STARTING, S(120)), S(8));
    assert_int_equal(berth_start_progress_phase_us(&progress, BERTH_START_OPENING, S(120)), S(2));
}

static void
a_phase_that_was_not_entered_has_none(void **state)
{
    BerthStartProgress progress;

    berth_start_progress_begin(&progress, S(1));
    berth_start_progress_open(&progress, S(2));
    assert_int_equal(berth_start_progress_phase_us(&progress, BERTH_START_QUEUED, S(9)), -1);
    assert_int_equal(berth_start_progress_phase_us(&progress, BERTH_START_ASKING, S(9)), S(1));
    berth_start_progress_begin(&progress, S(20));
    assert_int_equal(berth_start_progress_phase_us(&progress, BERTH_START_OPENING, S(21)), -1);
}

static void
durations_are_for_people(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        { 0, "a moment" },
        { 25, "25 s" },
        { 60, "about a minute" },
        { 100, "about 2 minutes" },
        { 89 * 60, "about 89 minutes" },
        { 2 * 3600, "about 2 hours" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = berth_duration_text(cases[i].seconds);

        assert_string_equal(text, cases[i].text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_phase_has_its_time),
        cmocka_unit_test(a_phase_that_was_not_entered_has_none),
        cmocka_unit_test(durations_are_for_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
