/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/schedule.h"

#include "base/error.h"
#include "berth/limits.h"

#include <jansson.h>
#include <string.h>

#define SECOND_US (1000LL * 1000)
#define DAY_S 86400LL
#define DAY_MINUTES (24 * 60)
/* Zones differ from UTC by less than a day, so a moment's local date is one of three; a window
 * that began a day earlier may still be open. */
#define DAYS_BACK 3
/* A week later everything was seen once. */
#define DAYS_AHEAD 9
/* A zone is named by an area and a place; the longest has 32 letters. */
#define MAX_ZONE_CHARS 64

typedef struct {
    unsigned days;        /* bit n: day n of the week, Monday is 1 */
    int from_min, to_min; /* minutes of the day; to may lie in the next day */
} Window;

struct BerthSchedule {
    GTimeZone *zone;
    GArray *windows; /* Window */
};

static bool
is_zone_name(const char *name)
{
    if (strcmp(name, "UTC") == 0) {
        return true;
    }
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/");
    return g_ascii_isalpha(name[0]) && strchr(name, '/') != NULL && name[len] == '\0' &&
           len <= MAX_ZONE_CHARS;
}

/*
 * GLib reads a zone's file again whenever nobody holds the zone; the claim asks for each connect.
 * Only zones that exist are kept, a few hundred at most.
 */
static GTimeZone *
find_zone(const char *name)
{
    static GMutex mutex;
    static GHashTable *zones;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);
    if (zones == NULL) {
        zones = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                      (GDestroyNotify)g_time_zone_unref);
    }
    GTimeZone *zone = g_hash_table_lookup(zones, name);
    if (zone == NULL) {
        zone = g_time_zone_new_identifier(name);
        if (zone == NULL) {
            return NULL;
        }
        g_hash_table_insert(zones, g_strdup(name), zone);
    }
    return g_time_zone_ref(zone);
}

/* "HH:MM", "24:00" only as an end; -1 if it is neither. */
static int
parse_minutes(const char *text, bool is_end)
{
    if (text == NULL || strlen(text) != 5 || text[2] != ':' || !g_ascii_isdigit(text[0]) ||
        !g_ascii_isdigit(text[1]) || !g_ascii_isdigit(text[3]) || !g_ascii_isdigit(text[4])) {
        return -1;
    }
    int hour = (text[0] - '0') * 10 + text[1] - '0';
    int minute = (text[3] - '0') * 10 + text[4] - '0';
    int minutes = hour * 60 + minute;
    return minute < 60 && (minutes < DAY_MINUTES || (is_end && minutes == DAY_MINUTES)) ? minutes
                                                                                        : -1;
}

static bool
read_days(const json_t *days, unsigned *ret, GError **error)
{
    size_t i = 0;
    json_t *day = NULL;
    *ret = 0;
    json_array_foreach (days, i, day) {
        json_int_t number = json_integer_value(day);
        if (number < 1 || number > 7) {
            return berth_set_error(error, BERTH_ERR_INVALID,
                                   "\"days\" holds numbers from 1 (Monday) to 7 (Sunday)");
        }
        *ret |= 1u << number;
    }
    if (*ret == 0) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "a rule needs \"days\": an array of numbers from 1 (Monday) to 7");
    }
    return true;
}

static bool
read_times(const json_t *rule, Window *window, GError **error)
{
    const char *from = json_string_value(json_object_get(rule, "from"));
    const char *to = json_string_value(json_object_get(rule, "to"));
    window->from_min = parse_minutes(from, false);
    window->to_min = parse_minutes(to, true);
    if (window->from_min < 0) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"from\" must be a time such as \"08:00\", not \"%.16s\"",
                               from != NULL ? from : "");
    }
    if (window->to_min < 0) {
        return berth_set_error(
            error, BERTH_ERR_INVALID,
            "\"to\" must be a time such as \"18:00\" or \"24:00\", not \"%.16s\"",
            to != NULL ? to : "");
    }
    if (window->from_min == window->to_min) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "a window from \"%s\" to \"%s\" is empty; a whole day is "
                               "\"00:00\" to \"24:00\"",
                               from, to);
    }
    if (window->to_min < window->from_min) {
        window->to_min += DAY_MINUTES;
    }
    return true;
}

static bool
read_rule(const json_t *rule, Window *ret, GError **error)
{
    const char *key = NULL;
    json_t *value = NULL;
    if (!json_is_object(rule)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "a rule must be an object");
    }
    json_object_foreach ((json_t *)rule, key, value) {
        if (strcmp(key, "days") != 0 && strcmp(key, "from") != 0 && strcmp(key, "to") != 0) {
            return berth_set_error(error, BERTH_ERR_INVALID,
                                   "there is no \"%.64s\" in a rule: it has \"days\", \"from\" "
                                   "and \"to\"",
                                   key);
        }
    }
    return read_days(json_object_get(rule, "days"), &ret->days, error) &&
           read_times(rule, ret, error);
}

static bool
read_rules(BerthSchedule *schedule, const char *text, GError **error)
{
    json_auto_t *rules = text != NULL ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    size_t i = 0;
    json_t *rule = NULL;
    if (!json_is_array(rules)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"rules\" must be a JSON array");
    }
    if (json_array_size(rules) > BERTH_LIMIT_SCHEDULE_RULES) {
        return berth_set_error(error, BERTH_ERR_TOO_LARGE, "%zu rules, at most %u are allowed",
                               json_array_size(rules), BERTH_LIMIT_SCHEDULE_RULES);
    }
    json_array_foreach (rules, i, rule) {
        Window window = { 0 };
        if (!read_rule(rule, &window, error)) {
            return false;
        }
        g_array_append_val(schedule->windows, window);
    }
    return true;
}

BerthSchedule *
berth_schedule_parse(const char *timezone, const char *rules_json, GError **error)
{
    g_autoptr(BerthSchedule) schedule = g_new0(BerthSchedule, 1);
    schedule->windows = g_array_new(FALSE, FALSE, sizeof(Window));
    schedule->zone = timezone != NULL && is_zone_name(timezone) ? find_zone(timezone) : NULL;
    if (schedule->zone == NULL) {
        berth_set_error(error, BERTH_ERR_INVALID,
                        "there is no time zone \"%.64s\"; names are such as \"Europe/Berlin\" or "
                        "\"UTC\"",
                        timezone != NULL ? timezone : "");
        return NULL;
    }
    return read_rules(schedule, rules_json, error) ? g_steal_pointer(&schedule) : NULL;
}

void
berth_schedule_free(BerthSchedule *schedule)
{
    if (schedule == NULL) {
        return;
    }
    g_clear_pointer(&schedule->zone, g_time_zone_unref);
    g_array_unref(schedule->windows);
    g_free(schedule);
}

/* Seconds that the clock on the wall is ahead of UTC at a moment. */
static int64_t
offset_at(GTimeZone *zone, int64_t utc_s)
{
    gint interval = g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, utc_s);
    return interval >= 0 ? g_time_zone_get_offset(zone, interval) : 0;
}

/*
 * The moment at which the wall shows `local_s` (counted as if it were UTC): the first or the last
 * one if it does so twice, the jump if it never does.
 */
static int64_t
to_utc(GTimeZone *zone, int64_t local_s, bool is_last)
{
    int64_t before = local_s - offset_at(zone, local_s - DAY_S);
    int64_t after = local_s - offset_at(zone, local_s + DAY_S);
    bool is_before = before + offset_at(zone, before) == local_s;
    bool is_after = after + offset_at(zone, after) == local_s;
    if (is_before && is_after) {
        return is_last ? MAX(before, after) : MIN(before, after);
    }
    if (is_before || is_after) {
        return is_before ? before : after;
    }
    /* Left out: the offset grows somewhere between the two. */
    int64_t low = MIN(before, after);
    int64_t high = MAX(before, after);
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (middle + offset_at(zone, middle) < local_s) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

static bool
is_on_day(const Window *window, int64_t day)
{
    /* Day 0 was a Thursday. */
    int64_t weekday = ((day + 3) % 7 + 7) % 7 + 1;
    return (window->days & (1u << weekday)) != 0;
}

static int64_t
window_begin(const BerthSchedule *schedule, const Window *window, int64_t day)
{
    return to_utc(schedule->zone, day * DAY_S + window->from_min * 60LL, false);
}

static int64_t
window_end(const BerthSchedule *schedule, const Window *window, int64_t day)
{
    return to_utc(schedule->zone, day * DAY_S + window->to_min * 60LL, true);
}

static bool
contains_s(const BerthSchedule *schedule, int64_t now_s)
{
    int64_t today = now_s / DAY_S;
    for (guint i = 0; i < schedule->windows->len; i++) {
        const Window *window = &g_array_index(schedule->windows, Window, i);
        for (int64_t day = today - DAYS_BACK; day <= today + 1; day++) {
            if (is_on_day(window, day) && now_s >= window_begin(schedule, window, day) &&
                now_s < window_end(schedule, window, day)) {
                return true;
            }
        }
    }
    return false;
}

bool
berth_schedule_contains(const BerthSchedule *schedule, int64_t now_us)
{
    return contains_s(schedule, now_us / SECOND_US);
}

int64_t
berth_schedule_next_change_us(const BerthSchedule *schedule, int64_t now_us)
{
    int64_t now_s = now_us / SECOND_US;
    int64_t today = now_s / DAY_S;
    int64_t next_s = INT64_MAX;
    bool is_open = contains_s(schedule, now_s);
    for (guint i = 0; i < schedule->windows->len; i++) {
        const Window *window = &g_array_index(schedule->windows, Window, i);
        for (int64_t day = today - DAYS_BACK; day <= today + DAYS_AHEAD; day++) {
            if (!is_on_day(window, day)) {
                continue;
            }
            /* An open schedule changes at an end, a closed one at a begin. */
            int64_t edge_s =
                is_open ? window_end(schedule, window, day) : window_begin(schedule, window, day);
            if (edge_s > now_s && edge_s < next_s && contains_s(schedule, edge_s) != is_open) {
                next_s = edge_s;
            }
        }
    }
    return next_s != INT64_MAX ? next_s * SECOND_US : 0;
}

bool
berth_schedule_is_open(const char *timezone, const char *rules_json, int64_t now_us, GError **error)
{
    g_autoptr(BerthSchedule) schedule = berth_schedule_parse(timezone, rules_json, error);
    return schedule != NULL && berth_schedule_contains(schedule, now_us);
}
