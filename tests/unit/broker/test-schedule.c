/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "base/error.h"
#include "broker/schedule.h"

#define BERLIN "Europe/Berlin"
#define NEW_YORK "America/New_York"
#define OFFICE "[{\"days\": [1, 2, 3, 4, 5], \"from\": \"08:00\", \"to\": \"18:00\"}]"
#define NIGHT "[{\"days\": [6], \"from\": \"22:00\", \"to\": \"06:00\"}]"
#define ALWAYS "[{\"days\": [1, 2, 3, 4, 5, 6, 7], \"from\": \"00:00\", \"to\": \"24:00\"}]"

static int64_t
utc_us(const char *iso)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(iso, NULL);
    return time != NULL ? g_date_time_to_unix(time) * 1000 * 1000 : -1;
}

static void
is_open_by_the_clock_on_the_wall(void **state)
{
    static const struct {
        const char *zone, *rules, *at;
        bool is_open;
    } rows[] = {
        /* Winter: Berlin is an hour ahead; 2026-01-05 is a Monday. */
        { BERLIN, OFFICE, "2026-01-05T06:59:59Z", false },
        { BERLIN, OFFICE, "2026-01-05T07:00:00Z", true },
        { BERLIN, OFFICE, "2026-01-05T16:59:59Z", true },
        { BERLIN, OFFICE, "2026-01-05T17:00:00Z", false },
        { BERLIN, OFFICE, "2026-01-04T10:00:00Z", false },
        /* Summer: two hours. */
        { BERLIN, OFFICE, "2026-07-06T05:59:59Z", false },
        { BERLIN, OFFICE, "2026-07-06T06:00:00Z", true },
        { BERLIN, OFFICE, "2026-07-06T16:00:00Z", false },
        /* The days before and after the clocks change. */
        { BERLIN, OFFICE, "2026-03-27T07:00:00Z", true },
        { BERLIN, OFFICE, "2026-03-30T06:00:00Z", true },
        { BERLIN, OFFICE, "2026-03-30T05:59:59Z", false },
        { BERLIN, OFFICE, "2026-10-26T06:30:00Z", false },
        { BERLIN, OFFICE, "2026-10-26T07:00:00Z", true },
        { NEW_YORK, OFFICE, "2026-03-06T13:00:00Z", true },
        { NEW_YORK, OFFICE, "2026-03-09T12:00:00Z", true },
        { NEW_YORK, OFFICE, "2026-03-09T11:59:59Z", false },
        { NEW_YORK, OFFICE, "2026-11-02T12:30:00Z", false },
        { NEW_YORK, OFFICE, "2026-11-02T13:00:00Z", true },
        /* Over midnight, through the hour that is left out and the one that comes twice. */
        { BERLIN, NIGHT, "2026-03-28T21:00:00Z", true },
        { BERLIN, NIGHT, "2026-03-29T03:59:59Z", true },
        { BERLIN, NIGHT, "2026-03-29T04:00:00Z", false },
        { BERLIN, NIGHT, "2026-10-25T04:59:59Z", true },
        { BERLIN, NIGHT, "2026-10-25T05:00:00Z", false },
        { BERLIN, NIGHT, "2026-10-24T19:59:59Z", false },
        { NEW_YORK, NIGHT, "2026-03-08T09:59:59Z", true },
        { NEW_YORK, NIGHT, "2026-03-08T10:00:00Z", false },
        { NEW_YORK, NIGHT, "2026-11-01T10:59:59Z", true },
        { NEW_YORK, NIGHT, "2026-11-01T11:00:00Z", false },
        { "UTC", ALWAYS, "2026-06-01T00:00:00Z", true },
        { "UTC", ALWAYS, "2026-06-01T23:59:59Z", true },
        { "Pacific/Kiritimati", OFFICE, "2026-01-04T18:00:00Z", true },
        { "UTC", "[]", "2026-06-01T00:00:00Z", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        bool is_open =
            berth_schedule_is_open(rows[i].zone, rows[i].rules, utc_us(rows[i].at), NULL);
        if (is_open != rows[i].is_open) {
            fail_msg("%s at %s: open is %d", rows[i].zone, rows[i].at, (int)is_open);
        }
    }
}

/* The clock of Berlin shows 02:00 to 03:00 never in March and twice in October. */
static void
edges_inside_the_changed_hour(void **state)
{
    static const struct {
        const char *zone, *rules, *at;
        bool is_open;
    } rows[] = {
        { BERLIN, "[{\"days\": [7], \"from\": \"02:30\", \"to\": \"04:00\"}]",
          "2026-03-29T00:59:59Z", false },
        { BERLIN, "[{\"days\": [7], \"from\": \"02:30\", \"to\": \"04:00\"}]",
          "2026-03-29T01:00:00Z", true },
        { BERLIN, "[{\"days\": [7], \"from\": \"01:00\", \"to\": \"02:30\"}]",
          "2026-03-29T00:59:59Z", true },
        { BERLIN, "[{\"days\": [7], \"from\": \"01:00\", \"to\": \"02:30\"}]",
          "2026-03-29T01:00:00Z", false },
        /* From the first 02:15 (00:15 UTC) to the last 02:45 (01:45 UTC), without a gap. */
        { BERLIN, "[{\"days\": [7], \"from\": \"02:15\", \"to\": \"02:45\"}]",
          "2026-10-25T00:14:59Z", false },
        { BERLIN, "[{\"days\": [7], \"from\": \"02:15\", \"to\": \"02:45\"}]",
          "2026-10-25T00:15:00Z", true },
        { BERLIN, "[{\"days\": [7], \"from\": \"02:15\", \"to\": \"02:45\"}]",
          "2026-10-25T00:50:00Z", true },
        { BERLIN, "[{\"days\": [7], \"from\": \"02:15\", \"to\": \"02:45\"}]",
          "2026-10-25T01:44:59Z", true },
        { BERLIN, "[{\"days\": [7], \"from\": \"02:15\", \"to\": \"02:45\"}]",
          "2026-10-25T01:45:00Z", false },
        { NEW_YORK, "[{\"days\": [7], \"from\": \"01:30\", \"to\": \"01:45\"}]",
          "2026-11-01T05:30:00Z", true },
        { NEW_YORK, "[{\"days\": [7], \"from\": \"01:30\", \"to\": \"01:45\"}]",
          "2026-11-01T06:44:59Z", true },
        { NEW_YORK, "[{\"days\": [7], \"from\": \"01:30\", \"to\": \"01:45\"}]",
          "2026-11-01T06:45:00Z", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        bool is_open =
            berth_schedule_is_open(rows[i].zone, rows[i].rules, utc_us(rows[i].at), NULL);
        if (is_open != rows[i].is_open) {
            fail_msg("row %zu, %s at %s: open is %d", i, rows[i].zone, rows[i].at, (int)is_open);
        }
    }
}

static void
the_next_change_is_told(void **state)
{
    static const struct {
        const char *zone, *rules, *at, *next;
    } rows[] = {
        { BERLIN, OFFICE, "2026-01-05T00:00:00Z", "2026-01-05T07:00:00Z" },
        { BERLIN, OFFICE, "2026-01-05T07:00:00Z", "2026-01-05T17:00:00Z" },
        /* Friday evening to Monday over a change of the clocks. */
        { BERLIN, OFFICE, "2026-03-27T17:00:00Z", "2026-03-30T06:00:00Z" },
        { BERLIN, OFFICE, "2026-10-23T16:00:00Z", "2026-10-26T07:00:00Z" },
        { NEW_YORK, NIGHT, "2026-11-01T03:00:00Z", "2026-11-01T11:00:00Z" },
        /* Two windows that touch are one. */
        { "UTC",
          "[{\"days\": [1], \"from\": \"08:00\", \"to\": \"12:00\"},"
          " {\"days\": [1], \"from\": \"12:00\", \"to\": \"14:00\"}]",
          "2026-01-05T09:00:00Z", "2026-01-05T14:00:00Z" },
        { "UTC", ALWAYS, "2026-01-05T09:00:00Z", NULL },
        { "UTC", "[]", "2026-01-05T09:00:00Z", NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(BerthSchedule) schedule = berth_schedule_parse(rows[i].zone, rows[i].rules, NULL);
        int64_t next_us =
            schedule != NULL ? berth_schedule_next_change_us(schedule, utc_us(rows[i].at)) : -1;
        if (next_us != (rows[i].next != NULL ? utc_us(rows[i].next) : 0)) {
            fail_msg("row %zu: the next change is at %" G_GINT64_FORMAT, i, next_us);
        }
    }
}

static void
what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *zone, *rules, *words;
    } rows[] = {
        { "Europe/Berlim", OFFICE, "there is no time zone \"Europe/Berlim\"" },
        { "", OFFICE, "there is no time zone" },
        { "+02:00", OFFICE, "there is no time zone" },
        { "EST5EDT4", OFFICE, "there is no time zone" },
        { "/etc/localtime", OFFICE, "there is no time zone" },
        { "Europe/../Europe/Berlin", OFFICE, "there is no time zone" },
        { "UTC", "{}", "\"rules\" must be a JSON array" },
        { "UTC", "[3]", "a rule must be an object" },
        { "UTC", "[{\"from\": \"08:00\", \"to\": \"09:00\"}]", "a rule needs \"days\"" },
        { "UTC", "[{\"days\": [], \"from\": \"08:00\", \"to\": \"09:00\"}]", "needs \"days\"" },
        { "UTC", "[{\"days\": [0], \"from\": \"08:00\", \"to\": \"09:00\"}]", "from 1 (Monday)" },
        { "UTC", "[{\"days\": [8], \"from\": \"08:00\", \"to\": \"09:00\"}]", "from 1 (Monday)" },
        { "UTC", "[{\"days\": [1], \"from\": \"8:00\", \"to\": \"09:00\"}]", "not \"8:00\"" },
        { "UTC", "[{\"days\": [1], \"from\": \"24:00\", \"to\": \"09:00\"}]", "not \"24:00\"" },
        { "UTC", "[{\"days\": [1], \"from\": \"08:00\", \"to\": \"24:01\"}]", "not \"24:01\"" },
        { "UTC", "[{\"days\": [1], \"from\": \"08:60\", \"to\": \"09:00\"}]", "not \"08:60\"" },
        { "UTC", "[{\"days\": [1], \"from\": \"08:00\", \"to\": \"08:00\"}]", "is empty" },
        { "UTC", "[{\"days\": [1], \"from\": \"08:00\", \"until\": \"09:00\"}]",
          "there is no \"until\"" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(BerthSchedule) schedule =
            berth_schedule_parse(rows[i].zone, rows[i].rules, &error);
        if (schedule != NULL || strstr(error->message, rows[i].words) == NULL) {
            fail_msg("row %zu: %s", i, error != NULL ? error->message : "it was taken");
        }
        assert_false(berth_schedule_is_open(rows[i].zone, rows[i].rules, 0, NULL));
    }
}

static void
too_many_rules_are_refused(void **state)
{
    g_autoptr(GString) rules = g_string_new("[");
    g_autoptr(GError) error = NULL;
    for (int i = 0; i < 33; i++) {
        g_string_append(rules, i > 0 ? "," : "");
        g_string_append(rules, "{\"days\": [1], \"from\": \"08:00\", \"to\": \"09:00\"}");
    }
    g_string_append(rules, "]");
    assert_null(berth_schedule_parse("UTC", rules->str, &error));
    assert_int_equal(error->code, BERTH_ERR_TOO_LARGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_open_by_the_clock_on_the_wall),
        cmocka_unit_test(edges_inside_the_changed_hour),
        cmocka_unit_test(the_next_change_is_told),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(too_many_rules_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
