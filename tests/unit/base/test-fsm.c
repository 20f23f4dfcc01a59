/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/fsm.h"

#include "testing.h"

enum {
    IDLE,
    RUNNING,
    DONE,
    N_STATES
};

enum {
    START,
    STOP,
    N_EVENTS
};

static const char *const states[] = { "idle", "running", "done" };
static const char *const events[] = { "start", "stop" };
static const BerthFsmRow rows[] = {
    { IDLE, START, RUNNING, 10 },
    { RUNNING, STOP, DONE, 20 },
    { RUNNING, START, RUNNING, 30 },
};
static const BerthFsmTable table = {
    "sample", states, N_STATES, events, N_EVENTS, rows, G_N_ELEMENTS(rows),
};

static void
every_pair_of_state_and_event_does_what_its_row_says(void **state)
{
    for (int from = 0; from < N_STATES; from++) {
        for (int event = 0; event < N_EVENTS; event++) {
            const BerthFsmRow *expected = NULL;
            for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                if (rows[i].from == from && rows[i].event == event) {
                    expected = &rows[i];
                }
            }
            int now = from;
            int action = -7;
            int result = berth_fsm_step(&table, &now, event, &action);
            assert_int_equal(result, expected ? BERTH_OK : BERTH_ERR_STATE);
            assert_int_equal(now, expected ? expected->to : from);
            assert_int_equal(action, expected ? expected->action : -7);
        }
    }
}

static void
numbers_outside_the_table_are_refused(void **state)
{
    static const int bad[] = { -1, 99, INT32_MIN, INT32_MAX };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        int now = IDLE;
        assert_berth_error(berth_fsm_step(&table, &now, bad[i], NULL), BERTH_ERR_INVALID);
        now = bad[i];
        assert_berth_error(berth_fsm_step(&table, &now, START, NULL), BERTH_ERR_INVALID);
        assert_int_equal(now, bad[i]);
        assert_string_equal(berth_fsm_state_name(&table, bad[i]), "?");
        assert_string_equal(berth_fsm_event_name(&table, bad[i]), "?");
    }
    assert_string_equal(berth_fsm_state_name(&table, DONE), "done");
    assert_int_equal(berth_fsm_state_from_name(&table, "done"), DONE);
    assert_int_equal(berth_fsm_state_from_name(&table, "don"), -1);
    assert_int_equal(berth_fsm_state_from_name(&table, ""), -1);
}

static void
check_finds_what_is_wrong_with_a_table(void **state)
{
    static const BerthFsmRow twice[] = {
        { IDLE, START, RUNNING, 0 },
        { IDLE, START, DONE, 0 },
    };
    static const BerthFsmRow outside[] = { { IDLE, START, 9, 0 } };
    static const BerthFsmRow island[] = { { IDLE, START, RUNNING, 0 } };

    const struct {
        const BerthFsmRow *rows;
        int n_rows;
        const char *why;
    } cases[] = {
        { twice, 2, "row 1 of \"sample\" repeats state \"idle\", event \"start\"" },
        { outside, 1, "row 0 of \"sample\" is out of range" },
        { island, 1, "state \"done\" of \"sample\" cannot be reached" },
    };

    assert_berth_ok(berth_fsm_check(&table, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        BerthFsmTable bad = table;
        bad.rows = cases[i].rows;
        bad.n_rows = cases[i].n_rows;
        char *why = NULL;
        assert_berth_error(berth_fsm_check(&bad, &why), BERTH_ERR_INVALID);
        assert_string_equal(why, cases[i].why);
        g_free(why);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_state_and_event_does_what_its_row_says),
        cmocka_unit_test(numbers_outside_the_table_are_refused),
        cmocka_unit_test(check_finds_what_is_wrong_with_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
