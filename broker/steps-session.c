/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/steps-private.h"

#include "base/error.h"
#include "broker/session-timers.h"
#include "broker/version-samples.h"

#include <string.h>

#define SECOND_US (1000LL * 1000)
#define ALLOCATING_LIMIT_US (600 * SECOND_US)
#define CONNECTING_LIMIT_US (90 * SECOND_US)
#define ENDING_LIMIT_US (30 * SECOND_US)

int64_t
berth_session_deadline_us(BerthSessionState state, int64_t now_us)
{
    switch (state) {
    case BERTH_SESSION_ALLOCATING:
        return now_us + ALLOCATING_LIMIT_US;
    case BERTH_SESSION_CONNECTING:
        return now_us + CONNECTING_LIMIT_US;
    case BERTH_SESSION_ENDING:
        return now_us + ENDING_LIMIT_US;
    default:
        return 0;
    }
}

typedef struct {
    const char *id;
    BerthSessionState state;
    int64_t connection_epoch;
    char *assignment;
} Session;

/*
 * Nobody is connected any more: the pool's timers run, unless the assignment is over.  A desktop
 * whose session ended before anyone saw it is given back after a fixed time.
 */
static int
start_timers_of_absence(BerthTx *tx, const BerthCause *cause, const Session *session)
{
    g_autofree char *assignment = NULL;
    const BerthTimerStart start = { .session = session->id,
                                    .epoch = session->connection_epoch,
                                    .from_us = cause->now_us };
    int error =
        berth_tx_get_text(tx, &assignment, BERTH_SQL_ASSIGNMENT_STATE, "s", session->assignment);
    if (error != BERTH_OK || strcmp(assignment, "open") != 0) {
        return error;
    }
    bool is_ended = session->state == BERTH_SESSION_ENDED;
    if (is_ended && session->connection_epoch == 0) {
        return berth_session_timers_start_unused(tx, &start, ALLOCATING_LIMIT_US);
    }
    error = berth_session_timers_start(tx, BERTH_TIMER_ON_DISCONNECT, &start);
    return error == BERTH_OK && is_ended
               ? berth_session_timers_start(tx, BERTH_TIMER_ON_LOGOFF, &start)
               : error;
}

/* The user is back, or here for the first time. */
static int
start_timers_of_presence(BerthTx *tx, const BerthCause *cause, const Session *session)
{
    const BerthTimerStart start = { .session = session->id,
                                    .from_us = cause->now_us,
                                    .is_once = true };
    int error = berth_session_timers_cancel(tx, session->id, BERTH_TIMER_ON_DISCONNECT);
    if (error == BERTH_OK) {
        error = berth_session_timers_cancel(tx, session->id, BERTH_TIMER_ON_IDLE);
    }
    return error == BERTH_OK ? berth_session_timers_start(tx, BERTH_TIMER_ON_MAX_DURATION, &start)
                             : error;
}

static int
turn_timers(BerthTx *tx, const BerthCause *cause, const Session *session)
{
    switch (session->state) {
    case BERTH_SESSION_DISCONNECTED:
    case BERTH_SESSION_ENDED:
        return start_timers_of_absence(tx, cause, session);
    case BERTH_SESSION_CONNECTING:
    case BERTH_SESSION_ACTIVE:
        return start_timers_of_presence(tx, cause, session);
    default:
        return BERTH_OK;
    }
}

static int
read_session(BerthTx *tx, const char *id, Session *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_SESSION_LOCK, "s", id);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        int state = berth_fsm_state_from_name(&berth_session_fsm, berth_rows_text(&rows, 0));
        *ret = (Session){ .id = id,
                          .state = (BerthSessionState)state,
                          .connection_epoch = berth_rows_int(&rows, 4),
                          .assignment = g_strdup(berth_rows_text(&rows, 3)) };
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_NOT_FOUND : error;
}

static void
session_clear(Session *session)
{
    g_free(session->assignment);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, session_clear)

/* A first connection, or a desktop that went before it, tells about the desktop's version. */
static int
tell_samples(BerthTx *tx, const BerthCause *cause, const char *session, BerthSessionState from,
             BerthSessionState to, const char *reason)
{
    if (from != BERTH_SESSION_CONNECTING) {
        return BERTH_OK;
    }
    if (to == BERTH_SESSION_ACTIVE) {
        return berth_sample_logon(tx, cause, session);
    }
    return strcmp(reason, "desktop-gone") == 0 ? berth_sample_logon_failed(tx, cause, session)
                                               : BERTH_OK;
}

int
berth_session_step(BerthTx *tx, const BerthCause *cause, const char *id, BerthSessionEvent event,
                   const char *reason)
{
    g_auto(Session) session = { 0 };
    int error = read_session(tx, id, &session);
    if (error != BERTH_OK) {
        return error;
    }
    int from = (int)session.state;
    int state = from;
    error = berth_fsm_step(&berth_session_fsm, &state, event, NULL);
    if (error != BERTH_OK || (state == from && event != BERTH_SESSION_EVENT_GRANTED)) {
        return error;
    }
    session.state = (BerthSessionState)state;
    error = tell_samples(tx, cause, id, (BerthSessionState)from, session.state, reason);
    if (error != BERTH_OK) {
        return error;
    }
    error = berth_tx_post(tx, BERTH_SQL_SESSION_SET_STATE, "ssiis", id,
                          berth_fsm_state_name(&berth_session_fsm, state), cause->now_us,
                          berth_session_deadline_us(session.state, cause->now_us), reason);
    if (error == BERTH_OK) {
        error = turn_timers(tx, cause, &session);
    }
    if (error == BERTH_OK) {
        json_t *data = json_pack("{s:I}", "connection_epoch", (json_int_t)session.connection_epoch);
        error =
            berth_steps_audit(tx, cause, &berth_session_fsm, id, from, event, state, data, reason);
    }
    return error;
}

int
berth_session_disconnect(BerthTx *tx, const BerthCause *cause, const char *session)
{
    g_autofree char *state = NULL;
    int error = berth_tx_get_text(tx, &state, BERTH_SQL_SESSION_STATE, "s", session);
    if (error != BERTH_OK) {
        return error;
    }
    if (strcmp(state, "ending") == 0 || strcmp(state, "ended") == 0) {
        return BERTH_ERR_STATE;
    }
    error = berth_tx_run_one(tx, BERTH_SQL_SESSION_WANT_DISCONNECT, "s", session);
    if (error == BERTH_OK) {
        error = berth_audit(tx, cause, "session.disconnect", session, NULL);
    }
    return error;
}

int
berth_session_notify(BerthTx *tx, const BerthCause *cause, const char *session, const char *text)
{
    int error = berth_tx_run_one(tx, BERTH_SQL_SESSION_SET_NOTICE, "ss", session, text);
    return error != BERTH_OK ? error
                             : berth_audit(tx, cause, "session.notice", session,
                                           json_pack("{s:s}", "text", text));
}

static int
revoke_all(BerthTx *tx, const BerthCause *cause, BerthStatement statement, const char *id,
           const char *pool, const char *reason)
{
    BerthRows rows;
    int error = BERTH_OK;
    g_autoptr(GPtrArray) sessions = g_ptr_array_new_with_free_func(g_free);
    if (pool != NULL) {
        berth_tx_query(tx, &rows, statement, "ss", id, pool);
    } else {
        berth_tx_query(tx, &rows, statement, "s", id);
    }
    while (berth_rows_next(&rows)) {
        g_ptr_array_add(sessions, g_strdup(berth_rows_text(&rows, 0)));
    }
    error = berth_rows_end(&rows);
    for (guint i = 0; i < sessions->len && error == BERTH_OK; i++) {
        const char *session = g_ptr_array_index(sessions, i);
        error = berth_tx_run_one(tx, BERTH_SQL_SESSION_REVOKE, "ss", session, reason);
        if (error == BERTH_OK) {
            error = berth_audit(tx, cause, "session.revoked", session,
                                json_pack("{s:s}", "reason", reason));
        }
    }
    return error;
}

int
berth_session_revoke_account(BerthTx *tx, const BerthCause *cause, const char *account,
                             const char *reason)
{
    return revoke_all(tx, cause, BERTH_SQL_SESSIONS_OF_ACCOUNT, account, NULL, reason);
}

int
berth_session_revoke_login(BerthTx *tx, const BerthCause *cause, const char *login,
                           const char *reason)
{
    return revoke_all(tx, cause, BERTH_SQL_SESSIONS_OF_LOGIN, login, NULL, reason);
}

int
berth_session_revoke_unentitled(BerthTx *tx, const BerthCause *cause, const char *pool,
                                const char *account, const char *reason)
{
    return revoke_all(tx, cause, BERTH_SQL_SESSIONS_UNENTITLED, account, pool, reason);
}

typedef struct {
    char *assignment;
    char *machine;
    bool is_open; /* the assignment */
    bool is_live; /* the session */
    bool is_kept; /* the desktop stays its user's */
    bool is_to_stop;
} Logoff;

static void
logoff_clear(Logoff *logoff)
{
    g_free(logoff->assignment);
    g_free(logoff->machine);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Logoff, logoff_clear)

static int
read_logoff(BerthTx *tx, const char *session, Logoff *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_SESSION_LOGOFF, "s", session);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        const char *state = berth_rows_text(&rows, 2);
        const char *on_logoff = berth_rows_text(&rows, 5);
        ret->assignment = g_strdup(berth_rows_text(&rows, 0));
        ret->machine = g_strdup(berth_rows_text(&rows, 1));
        ret->is_live = strcmp(state, "ending") != 0 && strcmp(state, "ended") != 0;
        ret->is_open = strcmp(berth_rows_text(&rows, 3), "open") == 0;
        ret->is_to_stop = strcmp(on_logoff, "stop") == 0;
        ret->is_kept = strcmp(berth_rows_text(&rows, 4), "dedicated") == 0 ||
                       strcmp(on_logoff, "recycle") != 0 || berth_rows_int(&rows, 6) != 0;
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_NOT_FOUND : error;
}

int
berth_session_logoff(BerthTx *tx, const BerthCause *cause, const char *session, const char *reason)
{
    g_auto(Logoff) logoff = { 0 };
    int error = read_logoff(tx, session, &logoff);
    if (error != BERTH_OK || !logoff.is_open) {
        return error != BERTH_OK ? error : BERTH_ERR_STATE;
    }
    if (!logoff.is_kept) {
        return berth_assignment_release(tx, cause, logoff.assignment, reason);
    }
    if (logoff.is_to_stop) {
        error = berth_machine_set_power(tx, cause, logoff.machine, "off", reason);
    }
    if (error == BERTH_OK && logoff.is_live) {
        error = berth_session_step(tx, cause, session, BERTH_SESSION_EVENT_END, reason);
    }
    return error;
}
