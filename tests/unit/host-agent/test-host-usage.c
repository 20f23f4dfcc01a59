/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/host-usage.h"
#include "host-agent/inventory.h"

#include "testing.h"

#include <string.h>
#include <unistd.h>

static void
idle_time_is_not_busy(void **state)
{
    uint64_t busy, all;
    assert_true(berth_usage_read_cpu("cpu  10 20 30 400 50 6 7 8 9 10\ncpu0 1", &busy, &all));
    assert_int_equal(all, 531);
    assert_int_equal(busy, 81);
    assert_false(berth_usage_read_cpu("cpu  10 20", &busy, &all));
    assert_false(berth_usage_read_cpu("", &busy, &all));
}

static void
a_process_name_cannot_shift_the_numbers(void **state)
{
    uint64_t ticks, pages;
    const char *text = "7 (a) b 1 2 3) S 1 7 7 0 -1 0 0 0 0 0 11 22 0 0 20 0 1 0 555 4096 77 0";
    assert_true(berth_usage_read_process(text, &ticks, &pages));
    assert_int_equal(ticks, 33);
    assert_int_equal(pages, 77);
    assert_false(berth_usage_read_process("7 (x) S 1 7", &ticks, &pages));
    assert_false(berth_usage_read_process("", &ticks, &pages));
}

static void
this_process_uses_memory(void **state)
{
    json_t *usage = berth_machine_usage_report(getpid(), "/proc/self/exe", "lo");
    assert_true(json_integer_value(json_object_get(usage, "memory_mib")) > 0);
    assert_non_null(json_object_get(usage, "cpu_ms"));
    assert_non_null(json_object_get(usage, "disk_mib"));
    json_decref(usage);
    usage = berth_machine_usage_report(0, NULL, NULL);
    assert_int_equal(json_object_size(usage), 0);
    json_decref(usage);
}

static void
usage_and_idle_seconds_are_no_news(void **state)
{
    json_t *before = json_loads("{\"machines\": [{\"id\": \"a\", \"usage\": {\"cpu_ms\": 1}}],"
                                "\"sessions\": [{\"id\": \"s\", \"idle_s\": 40}], \"usage\": {}}",
                                0, NULL);
    json_t *after = json_loads("{\"machines\": [{\"id\": \"a\", \"usage\": {\"cpu_ms\": 9}}],"
                               "\"sessions\": [{\"id\": \"s\", \"idle_s\": 42}],"
                               "\"usage\": {\"cpu_pct\": 3}}",
                               0, NULL);
    json_t *old_news = berth_inventory_news(before);
    json_t *new_news = berth_inventory_news(after);
    assert_true(json_equal(old_news, new_news));
    json_decref(new_news);
    json_object_set_new(json_array_get(json_object_get(after, "sessions"), 0), "idle_s",
                        json_integer(0));
    new_news = berth_inventory_news(after);
    assert_false(json_equal(old_news, new_news));
    json_decref(old_news);
    json_decref(new_news);
    json_decref(before);
    json_decref(after);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_time_is_not_busy),
        cmocka_unit_test(a_process_name_cannot_shift_the_numbers),
        cmocka_unit_test(this_process_uses_memory),
        cmocka_unit_test(usage_and_idle_seconds_are_no_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
