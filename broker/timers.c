/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/timers.h"

#include "base/error.h"

#include <jansson.h>
#include <string.h>

#define SECOND_US (1000LL * 1000)
/* A timer of more than a year is a mistake. */
#define MAX_DELAY_S (366LL * 24 * 3600)

#define NAME(name, text) (text),
static const char *const event_names[] = { BERTH_TIMER_EVENTS(NAME) };
static const char *const action_names[] = { BERTH_TIMER_ACTIONS(NAME) };

static int
find_name(const char *const *names, int n_names, const char *name)
{
    int i = 0;
    while (i < n_names && (name == NULL || strcmp(names[i], name) != 0)) {
        i++;
    }
    return i;
}

static bool
read_seconds(const json_t *item, const char *key, bool is_needed, int64_t *ret_us, GError **error)
{
    const json_t *value = json_object_get(item, key);
    *ret_us = 0;
    if (value == NULL && !is_needed) {
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > MAX_DELAY_S) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"%s\" of a timer must be 0 to %" G_GINT64_FORMAT " seconds", key,
                               (gint64)MAX_DELAY_S);
    }
    *ret_us = json_integer_value(value) * SECOND_US;
    return true;
}

static bool
check_keys(json_t *item, GError **error)
{
    static const char *const keys[] = { "event", "delay_s", "warn_s", "action" };
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach (item, key, value) {
        if (find_name(keys, G_N_ELEMENTS(keys), key) == G_N_ELEMENTS(keys)) {
            return berth_set_error(error, BERTH_ERR_INVALID, "a timer has no \"%s\"", key);
        }
    }
    return true;
}

static bool
read_timer(json_t *item, BerthTimer *ret, GError **error)
{
    const char *event = json_string_value(json_object_get(item, "event"));
    const char *action = json_string_value(json_object_get(item, "action"));
    if (!json_is_object(item)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "a timer must be an object");
    }
    ret->event = berth_timer_event_from_name(event);
    ret->action = berth_timer_action_from_name(action);
    if (ret->event == BERTH_N_TIMER_EVENTS) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"%s\" is no event of a timer: write idle, disconnect, logoff, "
                               "max-duration or schedule",
                               event != NULL ? event : "");
    }
    if (ret->action == BERTH_N_TIMER_ACTIONS) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"%s\" is no action of a timer: write message, lock, disconnect, "
                               "logoff, stop or recycle",
                               action != NULL ? action : "");
    }
    if (!check_keys(item, error) || !read_seconds(item, "delay_s", true, &ret->delay_us, error) ||
        !read_seconds(item, "warn_s", false, &ret->warn_us, error)) {
        return false;
    }
    return ret->warn_us <= ret->delay_us ||
           berth_set_error(error, BERTH_ERR_INVALID, "a timer cannot warn before its event");
}

bool
berth_timers_parse(const char *text, BerthTimer ret[BERTH_TIMERS_MAX], size_t *ret_n,
                   GError **error)
{
    BerthTimer timers[BERTH_TIMERS_MAX];
    json_auto_t *array =
        text[0] == '\0' ? json_array() : json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_array(array) || json_array_size(array) > BERTH_TIMERS_MAX) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "timers must be an array of at most %d objects", BERTH_TIMERS_MAX);
    }
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (!read_timer(json_array_get(array, i), &timers[i], error)) {
            return false;
        }
    }
    *ret_n = json_array_size(array);
    memcpy(ret, timers, *ret_n * sizeof timers[0]);
    return true;
}

const char *
berth_timer_event_name(BerthTimerEvent event)
{
    return event_names[event];
}

const char *
berth_timer_action_name(BerthTimerAction action)
{
    return action_names[action];
}

BerthTimerEvent
berth_timer_event_from_name(const char *name)
{
    return (BerthTimerEvent)find_name(event_names, BERTH_N_TIMER_EVENTS, name);
}

BerthTimerAction
berth_timer_action_from_name(const char *name)
{
    return (BerthTimerAction)find_name(action_names, BERTH_N_TIMER_ACTIONS, name);
}

static const char *
explain_event(BerthTimerEvent event)
{
    switch (event) {
    case BERTH_TIMER_ON_IDLE:
        return "nobody has used this desktop for a while";
    case BERTH_TIMER_ON_MAX_DURATION:
        return "this session has lasted as long as it may";
    case BERTH_TIMER_ON_SCHEDULE:
        return "the hours of this desktop are over";
    default:
        return "this desktop is not in use";
    }
}

static const char *
explain_action(BerthTimerAction action)
{
    switch (action) {
    case BERTH_TIMER_DO_LOGOFF:
    case BERTH_TIMER_DO_STOP:
    case BERTH_TIMER_DO_RECYCLE:
        return "you will be logged off";
    case BERTH_TIMER_DO_LOCK:
    case BERTH_TIMER_DO_DISCONNECT:
        return "you will be disconnected";
    default:
        return NULL;
    }
}

char *
berth_timer_notice(BerthTimerEvent event, BerthTimerAction action, int64_t left_us)
{
    const char *what = explain_action(action);
    int64_t left_s = left_us / SECOND_US;
    if (what == NULL) {
        return g_strdup_printf("%s", explain_event(event));
    }
    bool is_long = left_s >= 120;
    return g_strdup_printf("%s: %s in %" G_GINT64_FORMAT " %s", explain_event(event), what,
                           (gint64)(is_long ? left_s / 60 : left_s),
                           is_long ? "minutes" : "seconds");
}
