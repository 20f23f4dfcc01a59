/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/capacity.h"

#include <string.h>

#define HOUR_US (3600LL * 1000 * 1000)
#define DAY_US (24 * HOUR_US)
#define NOW_US (1000 * DAY_US)

static const BerthCapacityHost two_hosts[] = {
    { .id = "1",
      .name = "kvm1",
      .is_usable = true,
      .memory_mib = 10000,
      .vcpus = 100,
      .memory_reserved_mib = 4000 },
    { .id = "2", .name = "kvm2", .is_usable = true, .memory_mib = 10500, .vcpus = 100 },
};

static void
room_ends_where_the_first_thing_ends(void **state)
{
    json_auto_t *ssd = json_pack("{s:s}", "disk", "ssd");

    const struct {
        BerthCapacityPool pool;
        BerthCapacityHost hosts[2];
        int64_t room;
        BerthCapacityLimit limit;
    } rows[] = {
        { { .size = 5, .n_machines = 2, .n_assigned = 1, .memory_mib = 1000, .vcpus = 1 },
          { two_hosts[0], two_hosts[1] },
          4,
          BERTH_CAPACITY_BY_SIZE },
        { { .size = 99, .n_machines = 2, .n_assigned = 1, .memory_mib = 1000, .vcpus = 1 },
          { two_hosts[0], two_hosts[1] },
          17,
          BERTH_CAPACITY_BY_MEMORY },
        { { .size = 99, .memory_mib = 1000, .vcpus = 50 },
          { two_hosts[0], two_hosts[1] },
          4,
          BERTH_CAPACITY_BY_VCPUS },
        { { .size = 99, .memory_mib = 1000, .vcpus = 1, .labels = ssd },
          { two_hosts[0], two_hosts[1] },
          0,
          BERTH_CAPACITY_BY_HOSTS },
        { { .size = 99, .memory_mib = 1000, .vcpus = 1 },
          { { .memory_mib = 10000 }, { .memory_mib = 10000 } },
          0,
          BERTH_CAPACITY_BY_HOSTS },
        { { .size = 2, .n_machines = 3, .n_assigned = 3, .memory_mib = 1000, .vcpus = 1 },
          { two_hosts[0], two_hosts[1] },
          0,
          BERTH_CAPACITY_BY_SIZE },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        BerthCapacity got =
            berth_capacity_of_pool(&rows[i].pool, rows[i].hosts, 2, NULL, 0, NOW_US);
        if (got.room != rows[i].room || got.limit != rows[i].limit) {
            fail_msg("row %zu: %d by %s", i, (int)got.room, berth_capacity_limit_name(got.limit));
        }
    }
}

/* On each of the last days as many users at once as the array says. */
static GArray *
make_uses(const int *users, int n_days)
{
    GArray *uses = g_array_new(FALSE, FALSE, sizeof(BerthCapacityUse));
    for (int day = 0; day < n_days; day++) {
        int64_t morning_us = NOW_US - (n_days - day) * DAY_US + HOUR_US;
        for (int i = 0; i < users[day]; i++) {
            BerthCapacityUse use = { morning_us + i, morning_us + 8 * HOUR_US };
            g_array_append_val(uses, use);
        }
    }
    return uses;
}

static BerthCapacity
look(const int *users, int n_days, int64_t size, char **ret_words)
{
    BerthCapacityPool pool = { .name = "office", .size = size, .memory_mib = 1, .vcpus = 1 };
    BerthCapacityHost host = { .is_usable = true, .memory_mib = 100000 };
    g_autoptr(GArray) uses = make_uses(users, n_days);
    BerthCapacity capacity = berth_capacity_of_pool(
        &pool, &host, 1, (const BerthCapacityUse *)(void *)uses->data, uses->len, NOW_US);
    *ret_words = berth_capacity_explain(&pool, &capacity);
    return capacity;
}

static void
a_growing_pool_is_told_when_it_is_full(void **state)
{
    static const int users[] = { 10, 12, 14, 16, 18, 20 };
    g_autofree char *words = NULL;
    BerthCapacity got = look(users, 6, 40, &words);
    assert_int_equal(got.peak, 20);
    assert_true(got.growth > 1.99 && got.growth < 2.01);
    assert_int_equal(got.full_in_days, 10);
    assert_string_equal(words, "pool \"office\" has room for 40 more users: its size is the limit; "
                               "the most at once in 28 days were 20; at the present growth of 2.0 "
                               "users a day it is full in about 10 days");
}

static void
free_days_do_not_look_like_a_fall(void **state)
{
    static const int users[] = { 10, 11, 12, 13, 14, 0, 0, 17, 18 };
    g_autofree char *words = NULL;
    BerthCapacity got = look(users, 9, 28, &words);
    assert_true(got.growth > 0.99 && got.growth < 1.01);
    assert_int_equal(got.full_in_days, 10);
}

static void
without_growth_or_days_nothing_is_foretold(void **state)
{
    static const int flat[] = { 10, 10, 10, 10 };
    static const int few[] = { 1, 9 };
    g_autofree char *flat_words = NULL;
    g_autofree char *few_words = NULL;
    assert_int_equal(look(flat, 4, 40, &flat_words).full_in_days, -1);
    assert_non_null(strstr(flat_words, "its use does not grow"));
    assert_int_equal(look(few, 2, 40, &few_words).full_in_days, -1);
    assert_non_null(strstr(few_words, "too few days"));
}

static void
a_full_pool_is_full_now(void **state)
{
    BerthCapacityPool pool = { .name = "p", .size = 2, .n_machines = 2, .n_assigned = 2 };
    BerthCapacity got = berth_capacity_of_pool(&pool, NULL, 0, NULL, 0, NOW_US);
    g_autofree char *words = berth_capacity_explain(&pool, &got);
    assert_int_equal(got.full_in_days, 0);
    assert_non_null(strstr(words, "it is full"));
}

static void
sessions_from_before_the_first_day_count(void **state)
{
    BerthCapacityUse uses[] = { { 0, NOW_US + 1 }, { NOW_US - DAY_US, NOW_US + 1 } };
    BerthCapacityPool pool = { .name = "p", .size = 9 };
    BerthCapacity got = berth_capacity_of_pool(&pool, NULL, 0, uses, 2, NOW_US);
    assert_int_equal(got.peak, 2);
    assert_int_equal(got.peak_us, NOW_US - DAY_US);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_ends_where_the_first_thing_ends),
        cmocka_unit_test(a_growing_pool_is_told_when_it_is_full),
        cmocka_unit_test(free_days_do_not_look_like_a_fall),
        cmocka_unit_test(without_growth_or_days_nothing_is_foretold),
        cmocka_unit_test(a_full_pool_is_full_now),
        cmocka_unit_test(sessions_from_before_the_first_day_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
