/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/metrics.h"

#include <string.h>

static void
a_counter_counts(void **state)
{
    int64_t before = berth_metric_get(BERTH_METRIC_LOGINS_OK);
    berth_metric_add(BERTH_METRIC_LOGINS_OK, 2);
    assert_int_equal(berth_metric_get(BERTH_METRIC_LOGINS_OK), before + 2);
}

static void
buckets_are_cumulative_and_end_with_everything(void **state)
{
    g_autoptr(GString) text = g_string_new(NULL);
    berth_metric_observe_us(BERTH_METRIC_CONNECT_CLAIM, 100);
    berth_metric_observe_us(BERTH_METRIC_CONNECT_CLAIM, 101);
    berth_metric_observe_us(BERTH_METRIC_CONNECT_CLAIM, 60 * 1000 * 1000);
    berth_metric_observe_us(BERTH_METRIC_CONNECT_CLAIM, -5);
    berth_metrics_format(text);
    assert_non_null(strstr(text->str, "berth_connect_claim_seconds_bucket{le=\"0.0001\"} 2\n"));
    assert_non_null(strstr(text->str, "berth_connect_claim_seconds_bucket{le=\"0.00025\"} 3\n"));
    assert_non_null(strstr(text->str, "berth_connect_claim_seconds_bucket{le=\"30\"} 3\n"));
    assert_non_null(strstr(text->str, "berth_connect_claim_seconds_bucket{le=\"+Inf\"} 4\n"));
    assert_non_null(strstr(text->str, "berth_connect_claim_seconds_sum 60.000201\n"));
    assert_non_null(strstr(text->str, "berth_connect_claim_seconds_count 4\n"));
}

/* One HELP and one TYPE a name, as the format wants. */
static void
every_name_is_explained_once(void **state)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    berth_metrics_format(text);
    berth_metrics_format_process(text);
    g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
    int n = 0;
    for (char **line = lines; *line != NULL; line++) {
        if (g_str_has_prefix(*line, "# TYPE ")) {
            assert_true(g_hash_table_add(seen, *line));
            n++;
        }
    }
    assert_true(n > 10);
    assert_null(strstr(text->str, "process_resident_memory_bytes 0\n"));
    assert_null(strstr(text->str, "process_open_fds 0\n"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_counts),
        cmocka_unit_test(buckets_are_cumulative_and_end_with_everything),
        cmocka_unit_test(every_name_is_explained_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
