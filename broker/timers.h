/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The timers of a pool: what happens to a session some time after an event.
 *
 * JSON: at most four of {"event": "idle|disconnect|logoff|max-duration|schedule", "delay_s": n,
 * "warn_s": n, "action": "message|lock|disconnect|logoff|stop|recycle"}.  warn_s before the action
 * the user is told; 0 or none tells nothing.  A lock is a disconnection: who comes back logs in
 * again.  Pure; thread: any.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_TIMERS_MAX 4

#define BERTH_TIMER_EVENTS(X)       \
    X(IDLE, "idle")                 \
    X(DISCONNECT, "disconnect")     \
    X(LOGOFF, "logoff")             \
    X(MAX_DURATION, "max-duration") \
    X(SCHEDULE, "schedule")

#define BERTH_TIMER_ACTIONS(X)  \
    X(MESSAGE, "message")       \
    X(LOCK, "lock")             \
    X(DISCONNECT, "disconnect") \
    X(LOGOFF, "logoff")         \
    X(STOP, "stop")             \
    X(RECYCLE, "recycle")

typedef enum {
#define BERTH_TIMER_EVENT(name, text) BERTH_TIMER_ON_##name,
    BERTH_TIMER_EVENTS(BERTH_TIMER_EVENT)
#undef BERTH_TIMER_EVENT
    BERTH_N_TIMER_EVENTS
} BerthTimerEvent;

typedef enum {
#define BERTH_TIMER_ACTION(name, text) BERTH_TIMER_DO_##name,
    BERTH_TIMER_ACTIONS(BERTH_TIMER_ACTION)
#undef BERTH_TIMER_ACTION
    BERTH_N_TIMER_ACTIONS
} BerthTimerAction;

typedef struct {
    BerthTimerEvent event;
    BerthTimerAction action;
    int64_t delay_us;
    int64_t warn_us; /* not more than delay_us */
} BerthTimer;

/*
 * Reads and checks timers.
 *
 * text:   JSON text; "" has none
 * ret:    set on success only
 * ret_n:  how many; set on success only
 *
 * Errors: BERTH_ERR_INVALID with a sentence that quotes the value.
 */
bool berth_timers_parse(const char *text, BerthTimer ret[BERTH_TIMERS_MAX], size_t *ret_n,
                        GError **error);

/* Name as in the JSON. */
const char *berth_timer_event_name(BerthTimerEvent event);

/* Name as in the JSON. */
const char *berth_timer_action_name(BerthTimerAction action);

/* The event of that name; BERTH_N_TIMER_EVENTS if there is none. */
BerthTimerEvent berth_timer_event_from_name(const char *name);

/* The action of that name; BERTH_N_TIMER_ACTIONS if there is none. */
BerthTimerAction berth_timer_action_from_name(const char *name);

/* What a user is told before or at an action; free with g_free(). */
char *berth_timer_notice(BerthTimerEvent event, BerthTimerAction action, int64_t left_us);
