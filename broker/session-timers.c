/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/session-timers.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/schedule.h"
#include "broker/steps.h"
#include "policies/policy.h"

#include <string.h>

#define SECOND_US (1000LL * 1000)
#define WARN_US (60 * SECOND_US)
/* The pool's, its logoff_after_s, and three of the policy. */
#define MAX_TIMERS (BERTH_TIMERS_MAX + 4)

static int
add_job(BerthTx *tx, const BerthTimerStart *start, const char *kind, const BerthTimer *timer,
        int64_t run_at_us, int64_t left_us)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    berth_id_random_hex(id);
    g_autofree char *data = g_strdup_printf(
        "{\"event\":\"%s\",\"action\":\"%s\",\"left_us\":%" G_GINT64_FORMAT "}",
        berth_timer_event_name(timer->event), berth_timer_action_name(timer->action), left_us);
    return berth_tx_post(tx, start->is_once ? BERTH_SQL_JOB_INSERT_ONCE : BERTH_SQL_JOB_INSERT,
                         "sssisi", id, kind, start->session, start->epoch, data, run_at_us);
}

static int
set_timer(BerthTx *tx, const BerthTimerStart *start, const BerthTimer *timer, size_t number)
{
    const char *event = berth_timer_event_name(timer->event);
    int64_t act_at_us = start->from_us + timer->delay_us;
    g_autofree char *kind = g_strdup_printf(BERTH_TIMER_KIND "%s:%zu", event, number);
    int error = add_job(tx, start, kind, timer, act_at_us, 0);
    if (error == BERTH_OK && timer->warn_us > 0) {
        g_autofree char *warn = g_strdup_printf(BERTH_TIMER_WARN_KIND "%s:%zu", event, number);
        error = add_job(tx, start, warn, timer, act_at_us - timer->warn_us, timer->warn_us);
    }
    return error;
}

static void
add_timer(BerthTimer *timers, size_t *n, BerthTimerEvent event, BerthTimerAction action,
          int64_t delay_us, int64_t warn_us)
{
    if (delay_us > 0) {
        timers[*n] = (BerthTimer){
            .event = event, .action = action, .delay_us = delay_us, .warn_us = warn_us
        };
        *n += 1;
    }
}

/* What the policy of a session limits; its user is told a minute before. */
static void
add_policy_timers(const char *policy_text, BerthTimer *timers, size_t *n)
{
    static const struct {
        BerthPolicyKey key;
        BerthTimerEvent event;
        BerthTimerAction action;
    } limits[] = {
        { BERTH_POLICY_IDLE_DISCONNECT_S, BERTH_TIMER_ON_IDLE, BERTH_TIMER_DO_DISCONNECT },
        { BERTH_POLICY_DISCONNECTED_LOGOFF_S, BERTH_TIMER_ON_DISCONNECT, BERTH_TIMER_DO_LOGOFF },
        { BERTH_POLICY_SESSION_MAX_S, BERTH_TIMER_ON_MAX_DURATION, BERTH_TIMER_DO_LOGOFF },
    };

    BerthPolicy policy;
    json_auto_t *json = json_loads(policy_text, JSON_REJECT_DUPLICATES, NULL);
    if (!berth_policy_from_json(json, &policy, NULL)) {
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        int64_t delay_us = berth_policy_number(&policy, limits[i].key) * SECOND_US;
        bool is_told = limits[i].event != BERTH_TIMER_ON_DISCONNECT && delay_us >= 2 * WARN_US;
        add_timer(timers, n, limits[i].event, limits[i].action, delay_us, is_told ? WARN_US : 0);
    }
}

/*
 * The timers of a session: its pool's, its pool's logoff_after_s, which is one more, and those of
 * its policy.
 */
static int
read_timers(BerthTx *tx, const char *session, BerthTimer ret[MAX_TIMERS], size_t *ret_n)
{
    BerthRows rows;
    *ret_n = 0;
    berth_tx_query(tx, &rows, BERTH_SQL_SESSION_TIMERS, "s", session);
    if (berth_rows_next(&rows)) {
        (void)berth_timers_parse(berth_rows_text(&rows, 0), ret, ret_n, NULL);
        add_timer(ret, ret_n, BERTH_TIMER_ON_DISCONNECT, BERTH_TIMER_DO_LOGOFF,
                  berth_rows_int(&rows, 1) * SECOND_US, 0);
        add_policy_timers(berth_rows_text(&rows, 2), ret, ret_n);
    }
    return berth_rows_end(&rows);
}

int
berth_session_timers_start(BerthTx *tx, BerthTimerEvent event, const BerthTimerStart *start)
{
    BerthTimer timers[MAX_TIMERS];
    size_t n = 0;
    int error = read_timers(tx, start->session, timers, &n);
    for (size_t i = 0; i < n && error == BERTH_OK; i++) {
        if (timers[i].event == event) {
            error = set_timer(tx, start, &timers[i], i);
        }
    }
    return error;
}

int
berth_session_timers_start_unused(BerthTx *tx, const BerthTimerStart *start, int64_t after_us)
{
    const BerthTimer timer = { .event = BERTH_TIMER_ON_DISCONNECT,
                               .action = BERTH_TIMER_DO_LOGOFF,
                               .delay_us = after_us };
    return set_timer(tx, start, &timer, MAX_TIMERS);
}

int
berth_session_timers_cancel(BerthTx *tx, const char *session, BerthTimerEvent event)
{
    return berth_tx_post(tx, BERTH_SQL_JOB_CANCEL, "ss", session, berth_timer_event_name(event));
}

int
berth_session_set_idle(BerthTx *tx, const char *session, int64_t idle_since_us)
{
    BerthRows rows;
    int64_t epoch = 0;
    int error = berth_tx_run(tx, BERTH_SQL_SESSION_SET_IDLE, "si", session, idle_since_us);
    if (error != BERTH_OK || idle_since_us == 0) {
        return error != BERTH_OK ? error
                                 : berth_session_timers_cancel(tx, session, BERTH_TIMER_ON_IDLE);
    }
    berth_tx_query(tx, &rows, BERTH_SQL_SESSION_STATE, "s", session);
    if (berth_rows_next(&rows)) {
        epoch = berth_rows_int(&rows, 4);
    }
    error = berth_rows_end(&rows);
    const BerthTimerStart start = { .session = session, .epoch = epoch, .from_us = idle_since_us };
    return error == BERTH_OK ? berth_session_timers_start(tx, BERTH_TIMER_ON_IDLE, &start) : error;
}

typedef struct {
    char *session;
    int64_t epoch;
    bool is_open;
} Scheduled;

static void
scheduled_clear(gpointer data)
{
    Scheduled *scheduled = data;
    g_free(scheduled->session);
}

static void
add_entitlement(GArray *sessions, const BerthRows *rows, int64_t now_us)
{
    bool is_open =
        berth_rows_is_null(rows, 2) ||
        berth_schedule_is_open(berth_rows_text(rows, 2), berth_rows_text(rows, 3), now_us, NULL);
    Scheduled *last =
        sessions->len > 0 ? &g_array_index(sessions, Scheduled, sessions->len - 1) : NULL;
    if (last != NULL && strcmp(last->session, berth_rows_text(rows, 0)) == 0) {
        last->is_open = last->is_open || is_open;
        return;
    }
    Scheduled scheduled = { .session = g_strdup(berth_rows_text(rows, 0)),
                            .epoch = berth_rows_int(rows, 1),
                            .is_open = is_open };
    g_array_append_val(sessions, scheduled);
}

int
berth_session_timers_check_schedules(BerthTx *tx, const BerthCause *cause)
{
    BerthRows rows;
    g_autoptr(GArray) sessions = g_array_new(FALSE, FALSE, sizeof(Scheduled));
    g_array_set_clear_func(sessions, scheduled_clear);
    berth_tx_query(tx, &rows, BERTH_SQL_SESSIONS_SCHEDULED, "");
    while (berth_rows_next(&rows)) {
        add_entitlement(sessions, &rows, cause->now_us);
    }
    int error = berth_rows_end(&rows);
    for (guint i = 0; i < sessions->len && error == BERTH_OK; i++) {
        const Scheduled *scheduled = &g_array_index(sessions, Scheduled, i);
        const BerthTimerStart start = { .session = scheduled->session,
                                        .epoch = scheduled->epoch,
                                        .from_us = cause->now_us,
                                        .is_once = true };
        if (!scheduled->is_open) {
            error = berth_session_timers_start(tx, BERTH_TIMER_ON_SCHEDULE, &start);
        }
    }
    return error;
}

/* What a job looks at before it acts. */
typedef struct {
    char *state;
    char *assignment;
    char *machine;
    int64_t epoch;
    bool is_idle;
    bool is_open;  /* the assignment */
    bool is_alone; /* no other session of it lives */
    bool is_kept;
} Target;

static void
target_clear(Target *target)
{
    g_free(target->state);
    g_free(target->assignment);
    g_free(target->machine);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Target, target_clear)

static int
read_target(BerthTx *tx, const char *session, Target *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_TIMER_TARGET, "s", session);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        *ret = (Target){
            .state = g_strdup(berth_rows_text(&rows, 0)),
            .assignment = g_strdup(berth_rows_text(&rows, 1)),
            .machine = g_strdup(berth_rows_text(&rows, 2)),
            .epoch = berth_rows_int(&rows, 3),
            .is_idle = !berth_rows_is_null(&rows, 4),
            .is_open = strcmp(berth_rows_text(&rows, 5), "open") == 0,
            .is_alone = berth_rows_int(&rows, 6) == 0,
            .is_kept = berth_rows_int(&rows, 7) != 0,
        };
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_NOT_FOUND : error;
}

static bool
is_over(const Target *target)
{
    return strcmp(target->state, "ending") == 0 || strcmp(target->state, "ended") == 0;
}

/* The session is over and its user has kept the desktop without opening another one. */
static bool
is_left(const Target *target)
{
    return is_over(target) && target->is_open && target->is_alone;
}

/* Whether what the timer waited for is still so. */
static bool
is_due(const Target *target, BerthTimerEvent event, int64_t epoch)
{
    bool is_live = !is_over(target);
    bool is_same = target->epoch == epoch;
    switch (event) {
    case BERTH_TIMER_ON_IDLE:
        return is_same && target->is_idle && strcmp(target->state, "active") == 0;
    case BERTH_TIMER_ON_DISCONNECT:
        return is_same && (is_left(target) || strcmp(target->state, "disconnected") == 0);
    case BERTH_TIMER_ON_LOGOFF:
        return is_left(target);
    default:
        return is_live && (epoch == 0 || is_same);
    }
}

static int
stop_desktop(BerthTx *tx, const BerthCause *cause, const char *session, const Target *target)
{
    if (!target->is_kept) {
        return berth_session_logoff(tx, cause, session, "logged-off");
    }
    int error = berth_machine_set_power(tx, cause, target->machine, "off", "timer");
    return error == BERTH_OK && !is_over(target)
               ? berth_session_step(tx, cause, session, BERTH_SESSION_EVENT_END, "logged-off")
               : error;
}

static int
act(BerthTx *tx, const BerthCause *cause, const char *session, const Target *target,
    BerthTimerAction action, const char *notice)
{
    switch (action) {
    case BERTH_TIMER_DO_MESSAGE:
        return berth_session_notify(tx, cause, session, notice);
    case BERTH_TIMER_DO_LOCK:
    case BERTH_TIMER_DO_DISCONNECT:
        return berth_session_disconnect(tx, cause, session);
    case BERTH_TIMER_DO_LOGOFF:
        return berth_session_logoff(tx, cause, session, "logged-off");
    case BERTH_TIMER_DO_STOP:
        return stop_desktop(tx, cause, session, target);
    case BERTH_TIMER_DO_RECYCLE:
        return target->is_kept
                   ? berth_session_logoff(tx, cause, session, "logged-off")
                   : berth_assignment_release(tx, cause, target->assignment, "logged-off");
    case BERTH_N_TIMER_ACTIONS:
        break;
    }
    return BERTH_ERR_UNSUPPORTED;
}

int
berth_session_timers_fire(BerthTx *tx, const BerthCause *cause, const char *kind,
                          const char *session, int64_t epoch, const char *data)
{
    g_auto(Target) target = { 0 };
    bool is_warning = g_str_has_prefix(kind, BERTH_TIMER_WARN_KIND);
    if (!is_warning && !g_str_has_prefix(kind, BERTH_TIMER_KIND)) {
        return BERTH_ERR_UNSUPPORTED;
    }
    json_auto_t *object = json_loads(data, JSON_REJECT_DUPLICATES, NULL);
    BerthTimerEvent event =
        berth_timer_event_from_name(json_string_value(json_object_get(object, "event")));
    BerthTimerAction action =
        berth_timer_action_from_name(json_string_value(json_object_get(object, "action")));
    if (event == BERTH_N_TIMER_EVENTS || action == BERTH_N_TIMER_ACTIONS) {
        return BERTH_ERR_CORRUPT;
    }
    int error = read_target(tx, session, &target);
    if (error != BERTH_OK || !is_due(&target, event, epoch)) {
        return error == BERTH_ERR_NOT_FOUND ? BERTH_OK : error;
    }
    g_autofree char *notice =
        berth_timer_notice(event, action, json_integer_value(json_object_get(object, "left_us")));
    return is_warning ? berth_session_notify(tx, cause, session, notice)
                      : act(tx, cause, session, &target, action, notice);
}
