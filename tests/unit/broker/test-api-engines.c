/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/api/event-cursor.h"
#include "broker/api/headers.h"
#include "broker/api/page.h"
#include "broker/api/rate-limit.h"
#include "broker/api/report-math.h"

#include <string.h>

#define CHAIN_A "00000000000000000000000000000001"
#define CHAIN_B "00000000000000000000000000000002"
#define SECOND_US (1000LL * 1000)

static void
entity_tags_are_ours_or_refused(void **state)
{
    static const char *const bad[] = { "",
                                       "12",
                                       "\"\"",
                                       "\"012\"",
                                       "W/\"12\"",
                                       "\"1\"2",
                                       "\"1\",\"2\"",
                                       "\"-1\"",
                                       "\"1e3\"",
                                       "**",
                                       "\"9999999999999999999\"" };
    int64_t version = -1;
    assert_berth_ok(berth_header_parse_tag("\"12\"", &version));
    assert_int_equal(version, 12);
    assert_berth_ok(berth_header_parse_tag("*", &version));
    assert_int_equal(version, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_berth_error(berth_header_parse_tag(bad[i], &version), BERTH_ERR_INVALID);
    }
}

static void
keys_are_short_and_printable(void **state)
{
    char longest[BERTH_HEADER_KEY_MAX_BYTES + 2];
    memset(longest, 'k', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_false(berth_header_is_key(longest));
    longest[BERTH_HEADER_KEY_MAX_BYTES] = '\0';
    assert_true(berth_header_is_key(longest));
    assert_true(berth_header_is_key("0f8b-1"));
    assert_false(berth_header_is_key(""));
    assert_false(berth_header_is_key("a b"));
    assert_false(berth_header_is_key("a\nb"));
    assert_false(berth_header_is_key("\xc3\xa4"));
}

static void
a_cursor_belongs_to_its_list(void **state)
{
    g_autofree char *cursor = berth_page_make_cursor("machines", "key ~ \xc3\xbc");
    g_autofree char *key = berth_page_read_cursor("machines", cursor);
    assert_string_equal(key, "key ~ \xc3\xbc");
    assert_null(strpbrk(cursor, "+/"));
    assert_null(berth_page_read_cursor("machine", cursor));
    assert_null(berth_page_read_cursor("pools", cursor));
    assert_null(berth_page_read_cursor("machines", "bWFjaGluZXMK"));
    assert_null(berth_page_read_cursor("machines", "not base64 at all"));
    assert_null(berth_page_read_cursor("machines", ""));
}

static void
an_event_cursor_comes_back_as_it_was(void **state)
{
    static const char *const bad[] = { "x",
                                       CHAIN_A,
                                       CHAIN_A ":",
                                       CHAIN_A ":1,",
                                       CHAIN_A ":-1",
                                       CHAIN_A ":1 ",
                                       CHAIN_B ":1," CHAIN_A ":1",
                                       CHAIN_A ":1," CHAIN_A ":2",
                                       CHAIN_A ":99999999999999999999" };
    BerthEventCursor cursor;
    char text[BERTH_EVENT_CURSOR_CHARS];
    assert_berth_ok(berth_event_cursor_parse("", &cursor));
    assert_berth_ok(berth_event_cursor_set(&cursor, CHAIN_B, 7));
    assert_berth_ok(berth_event_cursor_set(&cursor, CHAIN_A, 9));
    berth_event_cursor_format(&cursor, text);
    assert_string_equal(text, CHAIN_A ":9," CHAIN_B ":7");
    assert_berth_ok(berth_event_cursor_parse(text, &cursor));
    assert_int_equal(berth_event_cursor_get(&cursor, CHAIN_B), 7);
    assert_int_equal(berth_event_cursor_get(&cursor, "00000000000000000000000000000003"), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_berth_error(berth_event_cursor_parse(bad[i], &cursor), BERTH_ERR_INVALID);
    }
}

static void
an_event_cursor_is_bounded(void **state)
{
    BerthEventCursor cursor = { .n = 0 };
    char text[BERTH_EVENT_CURSOR_CHARS];
    char chain[BERTH_ID_HEX_CHARS + 1];
    for (int i = 0; i < BERTH_EVENT_CURSOR_MAX; i++) {
        g_snprintf(chain, sizeof chain, "%032x", 1000 - i);
        assert_berth_ok(berth_event_cursor_set(&cursor, chain, INT64_C(999999999999999999)));
    }
    assert_berth_error(berth_event_cursor_set(&cursor, CHAIN_A, 1), BERTH_ERR_TOO_LARGE);
    berth_event_cursor_format(&cursor, text);
    assert_berth_ok(berth_event_cursor_parse(text, &cursor));
    assert_int_equal(cursor.n, BERTH_EVENT_CURSOR_MAX);
}

static void
a_bucket_empties_and_fills(void **state)
{
    BerthRateLimit *limit = berth_rate_limit_new(2, 3, 10);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(berth_rate_limit_take(limit, "a", SECOND_US), 0);
    }
    assert_int_equal(berth_rate_limit_take(limit, "a", SECOND_US), SECOND_US / 2);
    assert_int_equal(berth_rate_limit_take(limit, "b", SECOND_US), 0);
    assert_int_equal(berth_rate_limit_take(limit, "a", SECOND_US + SECOND_US / 2), 0);
    assert_int_not_equal(berth_rate_limit_take(limit, "a", SECOND_US + SECOND_US / 2), 0);
    /* A clock that goes back gives nothing, and takes nothing. */
    assert_int_not_equal(berth_rate_limit_take(limit, "a", 0), 0);
    assert_int_equal(berth_rate_limit_take(limit, "a", INT64_MAX / 2), 0);
    berth_rate_limit_free(limit);
    assert_int_equal(berth_rate_limit_take(NULL, "a", 0), 0);
}

static void
a_crowd_is_forgotten_oldest_first(void **state)
{
    BerthRateLimit *limit = berth_rate_limit_new(1, 1, 4);
    for (int i = 0; i < 1000; i++) {
        char key[16];
        g_snprintf(key, sizeof key, "key%d", i);
        assert_int_equal(berth_rate_limit_take(limit, key, 0), 0);
    }
    assert_int_not_equal(berth_rate_limit_take(limit, "key999", 0), 0);
    assert_int_equal(berth_rate_limit_take(limit, "key0", 0), 0);
    berth_rate_limit_free(limit);
}

static void
a_peak_counts_who_was_there_at_once(void **state)
{
    static const BerthSpan spans[] = { { 0, 10 }, { 5, 15 }, { 10, 20 }, { 12, 14 }, { 30, 30 } };
    int64_t at_us = -1;
    assert_int_equal(berth_spans_peak(spans, 5, 0, 100, &at_us), 3);
    assert_int_equal(at_us, 12);
    assert_int_equal(berth_spans_peak(spans, 5, 0, 12, &at_us), 2);
    assert_int_equal(at_us, 5);
    assert_int_equal(berth_spans_peak(spans, 5, 40, 50, &at_us), 0);
    assert_int_equal(at_us, 40);
    assert_int_equal(berth_spans_peak(NULL, 0, 1, 2, &at_us), 0);
    assert_int_equal(berth_span_overlap_us(&spans[1], 0, 100), 10);
    assert_int_equal(berth_span_overlap_us(&spans[1], 6, 7), 1);
    assert_int_equal(berth_span_overlap_us(&spans[1], 20, 30), 0);
}

enum {
    N_SPANS = 200,
    N_HOURS = 50
};

/* Many on full hours, some outside, some empty, some that last for all of it. */
static BerthSpan
random_span(GRand *random)
{
    int64_t unit_us = BERTH_REPORT_HOUR_US / (g_rand_boolean(random) ? 1 : 7);
    int64_t hour = 1000 + g_rand_int_range(random, -9, N_HOURS + 2);
    int64_t begin_us = hour * BERTH_REPORT_HOUR_US + g_rand_int_range(random, 0, 7) * unit_us;
    return (BerthSpan){ begin_us, begin_us + g_rand_int_range(random, 0, 90) * unit_us };
}

/* The slow way: each hour by itself. */
static BerthReportHour
look_at_hour(const BerthSpan *spans, int64_t begin_us, int64_t end_us)
{
    BerthReportHour hour = { .n_spans = 0 };
    for (int i = 0; i < N_SPANS; i++) {
        int64_t us = berth_span_overlap_us(&spans[i], begin_us, end_us);
        hour.total_us += us;
        hour.n_spans += us > 0 ? 1 : 0;
    }
    hour.peak = (int64_t)berth_spans_peak(spans, N_SPANS, begin_us, end_us, &hour.peak_at_us);
    return hour;
}

static void
hours_told_at_once_are_as_told_one_by_one(void **state)
{
    BerthSpan spans[N_SPANS];
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    int64_t from_us = 1000 * BERTH_REPORT_HOUR_US + 5;
    int64_t to_us = (1000 + N_HOURS) * BERTH_REPORT_HOUR_US - 7;
    for (int round = 0; round < 20; round++) {
        BerthReportHour hours[N_HOURS];
        memset(hours, 0, sizeof hours);
        for (int i = 0; i < N_SPANS; i++) {
            spans[i] = random_span(random);
        }
        berth_spans_by_hour(spans, N_SPANS, from_us, to_us, hours, N_HOURS);
        for (int h = 0; h < N_HOURS; h++) {
            BerthReportHour alone =
                look_at_hour(spans, MAX((1000 + h) * BERTH_REPORT_HOUR_US, from_us),
                             MIN((1001 + h) * BERTH_REPORT_HOUR_US, to_us));
            assert_int_equal(hours[h].peak, alone.peak);
            assert_int_equal(hours[h].peak_at_us, alone.peak_at_us);
            assert_int_equal(hours[h].total_us, alone.total_us);
            assert_int_equal(hours[h].n_spans, alone.n_spans);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entity_tags_are_ours_or_refused),
        cmocka_unit_test(keys_are_short_and_printable),
        cmocka_unit_test(a_cursor_belongs_to_its_list),
        cmocka_unit_test(an_event_cursor_comes_back_as_it_was),
        cmocka_unit_test(an_event_cursor_is_bounded),
        cmocka_unit_test(a_bucket_empties_and_fills),
        cmocka_unit_test(a_crowd_is_forgotten_oldest_first),
        cmocka_unit_test(a_peak_counts_who_was_there_at_once),
        cmocka_unit_test(hours_told_at_once_are_as_told_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
