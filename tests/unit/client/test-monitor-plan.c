/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/monitor-plan.h"

#include "testing.h"

#include <glib.h>

static void
choices_are_read(void **state)
{
    static const struct {
        const char *text;
        size_t n_monitors;
        bool is_good;
        uint32_t chosen;
    } rows[] = {
        { "all", 1, true, 1 },
        { "all", 3, true, 7 },
        { "all", 32, true, 0xffffffffu },
        { "1", 1, true, 1 },
        { "1,3", 3, true, 5 },
        { "3,1,3", 3, true, 5 },
        { "2", 1, false, 0 },
        { "0", 3, false, 0 },
        { "", 3, false, 0 },
        { "1,", 3, false, 0 },
        { ",1", 3, false, 0 },
        { "1, 2", 3, false, 0 },
        { "-1", 3, false, 0 },
        { "one", 3, false, 0 },
        { "1;2", 3, false, 0 },
        { "99999999999999999999", 3, false, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        uint32_t chosen = 0;

        assert_int_equal(
            berth_monitor_plan_parse(rows[i].text, rows[i].n_monitors, &chosen, &error),
            rows[i].is_good);
        assert_int_equal(chosen, rows[i].chosen);
        assert_int_equal(error == NULL, rows[i].is_good);
    }
}

static void
heads_go_from_left_to_right(void **state)
{
    static const BerthRect places[] = {
        { 1920, 0, 1920, 1080 },
        { 3840, 0, 1280, 1024 },
        { 0, 200, 1920, 1080 },
        { 1920, 1080, 1920, 1080 },
    };

    size_t order[4];

    assert_int_equal(berth_monitor_plan_order(places, 4, 0xf, order, 4), 4);
    assert_int_equal(order[0], 2);
    assert_int_equal(order[1], 0);
    assert_int_equal(order[2], 3);
    assert_int_equal(order[3], 1);
    assert_int_equal(berth_monitor_plan_order(places, 4, 0x3, order, 4), 2);
    assert_int_equal(order[0], 0);
    assert_int_equal(order[1], 1);
    assert_int_equal(berth_monitor_plan_order(places, 4, 0xf, order, 2), 2);
    assert_int_equal(order[0], 2);
    assert_int_equal(order[1], 0);
    assert_int_equal(berth_monitor_plan_order(places, 4, 0xf0, order, 4), 0);
    assert_int_equal(berth_monitor_plan_order(NULL, 0, 0xf, order, 4), 0);
}

static void
a_choice_outlives_other_plugs(void **state)
{
    static const char *const names[] = { "HDMI-1", "DP-1", "DP-2" };
    static const char *const later[] = { "DP-2", "eDP-1" };
    g_autofree char *text = berth_monitor_plan_remember(names, 3, 0x5);

    assert_int_equal(berth_monitor_plan_recall(names, 3, text), 0x5);
    assert_int_equal(berth_monitor_plan_recall(later, 2, text), 0x1);
    assert_int_equal(berth_monitor_plan_recall(later + 1, 1, text), 0);
    assert_int_equal(berth_monitor_plan_recall(names, 3, ""), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices_are_read),
        cmocka_unit_test(heads_go_from_left_to_right),
        cmocka_unit_test(a_choice_outlives_other_plugs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
