/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/pool-planner.h"

#define READY(name)                                \
    {                                              \
        .id = (name), .state = BERTH_MACHINE_READY \
    }
#define ASSIGNED(name)                                                                    \
    {                                                                                     \
        .id = (name), .state = BERTH_MACHINE_ASSIGNED, .is_dirty = true, .is_owned = true \
    }

static void
count(const BerthPlanPool *pool, const BerthPlanMachine *machines, size_t n, int *ret_counts)
{
    GArray *actions = berth_plan_pool(pool, machines, n);
    for (guint i = 0; i < actions->len; i++) {
        ret_counts[g_array_index(actions, BerthPlanAction, i).kind]++;
    }
    g_array_unref(actions);
}

static void
assert_plan(const BerthPlanPool *pool, const BerthPlanMachine *machines, size_t n, int n_create,
            int n_recycle, int n_delete)
{
    int counts[3] = { 0 };
    count(pool, machines, n, counts);
    assert_int_equal(counts[BERTH_PLAN_CREATE], n_create);
    assert_int_equal(counts[BERTH_PLAN_RECYCLE], n_recycle);
    assert_int_equal(counts[BERTH_PLAN_DELETE], n_delete);
}

static void
an_empty_pool_gets_all_its_spares_at_once(void **state)
{
    BerthPlanPool pool = { .size = 10, .spares_hot = 4 };
    assert_plan(&pool, NULL, 0, 4, 0, 0);
}

static void
size_limits_the_spares(void **state)
{
    BerthPlanPool pool = { .size = 3, .spares_hot = 4 };
    BerthPlanMachine machines[] = { ASSIGNED("a"), READY("b") };
    assert_plan(&pool, machines, 2, 1, 0, 0);
}

static void
a_machine_in_use_is_replaced_by_a_spare(void **state)
{
    BerthPlanPool pool = { .size = 10, .spares_hot = 1 };
    BerthPlanMachine machines[] = { ASSIGNED("a") };
    assert_plan(&pool, machines, 1, 1, 0, 0);
}

static void
what_is_coming_counts_as_a_spare(void **state)
{
    BerthPlanPool pool = { .size = 10, .spares_hot = 3 };
    BerthPlanMachine machines[] = {
        { .id = "a", .state = BERTH_MACHINE_CREATING },
        { .id = "b", .state = BERTH_MACHINE_STARTING },
        { .id = "c", .state = BERTH_MACHINE_RECYCLING, .is_dirty = true },
    };
    assert_plan(&pool, machines, 3, 0, 0, 0);
}

static void
failed_and_lost_machines_are_no_spares_but_take_their_place(void **state)
{
    BerthPlanPool pool = { .size = 3, .spares_hot = 2 };
    BerthPlanMachine machines[] = {
        { .id = "a", .state = BERTH_MACHINE_FAILED },
        { .id = "b", .state = BERTH_MACHINE_LOST },
    };
    assert_plan(&pool, machines, 2, 1, 0, 0);
}

static void
who_waits_gets_a_machine_even_without_spares(void **state)
{
    BerthPlanPool pool = { .size = 5, .spares_hot = 0, .n_queued = 2 };
    assert_plan(&pool, NULL, 0, 2, 0, 0);
}

static void
a_shrunk_pool_lets_the_least_useful_go_and_never_one_in_use(void **state)
{
    BerthPlanPool pool = { .size = 1, .spares_hot = 1 };
    BerthPlanMachine machines[] = {
        ASSIGNED("a"), READY("b"), { .id = "c", .state = BERTH_MACHINE_FAILED }, ASSIGNED("d")
    };
    GArray *actions = berth_plan_pool(&pool, machines, 4);
    guint n = actions->len;
    const char *first = n > 0 ? g_array_index(actions, BerthPlanAction, 0).id : "";
    const char *second = n > 1 ? g_array_index(actions, BerthPlanAction, 1).id : "";
    g_array_unref(actions);
    assert_int_equal(n, 2);
    assert_string_equal(first, "c");
    assert_string_equal(second, "b");
}

static void
a_second_plan_after_the_first_has_nothing_to_do(void **state)
{
    BerthPlanPool pool = { .size = 6, .spares_hot = 4 };
    BerthPlanMachine machines[6];
    int counts[3] = { 0 };
    count(&pool, NULL, 0, counts);
    for (int i = 0; i < counts[BERTH_PLAN_CREATE]; i++) {
        machines[i] = (BerthPlanMachine){ .id = "x", .state = BERTH_MACHINE_CREATING };
    }
    assert_plan(&pool, machines, (size_t)counts[BERTH_PLAN_CREATE], 0, 0, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_pool_gets_all_its_spares_at_once),
        cmocka_unit_test(size_limits_the_spares),
        cmocka_unit_test(a_machine_in_use_is_replaced_by_a_spare),
        cmocka_unit_test(what_is_coming_counts_as_a_spare),
        cmocka_unit_test(failed_and_lost_machines_are_no_spares_but_take_their_place),
        cmocka_unit_test(who_waits_gets_a_machine_even_without_spares),
        cmocka_unit_test(a_shrunk_pool_lets_the_least_useful_go_and_never_one_in_use),
        cmocka_unit_test(a_second_plan_after_the_first_has_nothing_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
