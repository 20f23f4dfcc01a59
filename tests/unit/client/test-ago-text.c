/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/ago-text.h"

#include "testing.h"

static void
times_are_told_as_people_do(void **state)
{
    static const struct {
        const char *at;
        const char *text;
    } cases[] = {
        { "2026-03-29T14:05:00Z", "today, 14:05" },
        { "2026-03-29T00:00:00Z", "today, 00:00" },
        { "2026-03-28T23:59:00Z", "yesterday, 23:59" },
        { "2026-03-27T23:59:00Z", "2 days ago" },
        { "2026-03-15T10:00:00Z", "14 days ago" },
        { "2026-03-14T10:00:00Z", "2026-03-14" },
        { "2026-03-29T15:00:01Z", "" },
    };

    g_autoptr(GDateTime) now = g_date_time_new_from_iso8601("2026-03-29T15:00:00Z", NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GDateTime) at = g_date_time_new_from_iso8601(cases[i].at, NULL);
        g_autofree char *text = berth_ago_text(g_date_time_to_unix(at) * 1000000, now);

        assert_string_equal(text, cases[i].text);
    }
}

static void
what_never_was_or_cannot_be_is_not_told(void **state)
{
    static const int64_t times[] = { 0, -1, INT64_MIN, INT64_MAX };
    g_autoptr(GDateTime) now = g_date_time_new_from_iso8601("2026-03-29T15:00:00Z", NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        g_autofree char *text = berth_ago_text(times[i], now);

        assert_string_equal(text, "");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_told_as_people_do),
        cmocka_unit_test(what_never_was_or_cannot_be_is_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
