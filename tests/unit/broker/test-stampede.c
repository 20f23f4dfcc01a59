/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/stampede.h"

#define SECOND_US (1000LL * 1000)
#define NOW_US (1000 * SECOND_US)

/* n hosts of n_hosts fell silent, one each step_us; returns what a fresh engine says. */
static BerthStampedeChange
look(size_t n, size_t n_hosts, int64_t step_us)
{
    BerthStampede stampede = { 0 };
    int64_t times[100];
    for (size_t i = 0; i < n; i++) {
        times[i] = NOW_US - (int64_t)i * step_us;
    }
    return berth_stampede_look(&stampede, times, n, n_hosts, NOW_US);
}

static void
most_hosts_at_once_is_our_own_fault(void **state)
{
    static const struct {
        size_t n, n_hosts;
        int64_t step_us;
        BerthStampedeChange expected;
    } rows[] = {
        { 0, 0, 0, BERTH_STAMPEDE_CALM },
        { 0, 10, 0, BERTH_STAMPEDE_CALM },
        { 1, 1, 0, BERTH_STAMPEDE_CALM },
        { 2, 2, 0, BERTH_STAMPEDE_CALM },
        { 2, 3, 0, BERTH_STAMPEDE_CALM },
        { 3, 3, 0, BERTH_STAMPEDE_BEGINS },
        { 3, 5, 0, BERTH_STAMPEDE_BEGINS },
        { 3, 6, 0, BERTH_STAMPEDE_CALM },
        { 5, 10, 0, BERTH_STAMPEDE_CALM },
        { 6, 10, 0, BERTH_STAMPEDE_BEGINS },
        { 100, 100, 0, BERTH_STAMPEDE_BEGINS },
        /* one after the other: these are hosts that failed */
        { 3, 3, 15 * SECOND_US, BERTH_STAMPEDE_BEGINS },
        { 3, 3, 16 * SECOND_US, BERTH_STAMPEDE_CALM },
        { 10, 10, 3 * SECOND_US, BERTH_STAMPEDE_BEGINS },
        { 10, 10, 7 * SECOND_US, BERTH_STAMPEDE_CALM },
        { 100, 100, SECOND_US, BERTH_STAMPEDE_CALM },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_int_equal(look(rows[i].n, rows[i].n_hosts, rows[i].step_us), rows[i].expected);
    }
}

static void
nobody_is_lost_until_it_ends_or_is_overruled(void **state)
{
    BerthStampede stampede = { 0 };
    int64_t times[4] = { NOW_US, NOW_US, NOW_US, NOW_US };
    assert_true(berth_stampede_may_lose(&stampede));
    assert_int_equal(berth_stampede_look(&stampede, times, 4, 4, NOW_US), BERTH_STAMPEDE_BEGINS);
    assert_false(berth_stampede_may_lose(&stampede));
    assert_int_equal(stampede.since_us, NOW_US);
    assert_int_equal(berth_stampede_look(&stampede, times, 3, 4, NOW_US + 90 * SECOND_US),
                     BERTH_STAMPEDE_GOES_ON);
    assert_false(berth_stampede_may_lose(&stampede));
    berth_stampede_overrule(&stampede);
    assert_true(berth_stampede_may_lose(&stampede));
    assert_int_equal(berth_stampede_look(&stampede, times, 3, 4, NOW_US + 91 * SECOND_US),
                     BERTH_STAMPEDE_GOES_ON);
    assert_true(berth_stampede_may_lose(&stampede));
    assert_int_equal(berth_stampede_look(&stampede, times, 2, 4, NOW_US + 92 * SECOND_US),
                     BERTH_STAMPEDE_ENDS);
    assert_int_equal(berth_stampede_look(&stampede, times, 2, 4, NOW_US + 93 * SECOND_US),
                     BERTH_STAMPEDE_CALM);
    /* The next one is judged anew. */
    assert_int_equal(berth_stampede_look(&stampede, times, 4, 4, NOW_US + 94 * SECOND_US),
                     BERTH_STAMPEDE_BEGINS);
    assert_false(berth_stampede_may_lose(&stampede));
}

static void
to_overrule_a_calm_one_changes_nothing(void **state)
{
    BerthStampede stampede = { 0 };
    int64_t times[3] = { NOW_US, NOW_US, NOW_US };
    berth_stampede_overrule(&stampede);
    assert_int_equal(berth_stampede_look(&stampede, times, 3, 3, NOW_US), BERTH_STAMPEDE_BEGINS);
    assert_false(berth_stampede_may_lose(&stampede));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_hosts_at_once_is_our_own_fault),
        cmocka_unit_test(nobody_is_lost_until_it_ends_or_is_overruled),
        cmocka_unit_test(to_overrule_a_calm_one_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
