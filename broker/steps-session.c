/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/steps-private.h"

#include "base/error.h"
#include "base/id.h"

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

static int
read_logoff_after(BerthTx *tx, const char *pool, int64_t *ret_after_us)
{
    BerthRows rows;
    *ret_after_us = 0;
    berth_tx_query(tx, &rows, BERTH_SQL_POOL_GET, "s", pool);
    if (berth_rows_next(&rows)) {
        *ret_after_us = berth_rows_int(&rows, 9) * SECOND_US;
    }
    return berth_rows_end(&rows);
}

typedef struct {
    const char *id;
    BerthSessionState state;
    int64_t connection_epoch;
    char *pool;
    char *assignment;
} Session;

/*
 * Nobody is connected any more: the desktop is given back after the pool's time, unless its user
 * comes back.  One whose session ended before anyone saw it is given back after a fixed time.
 */
static int
set_logoff_timer(BerthTx *tx, const BerthCause *cause, const Session *session)
{
    int64_t after_us = 0;
    g_autofree char *assignment = NULL;
    int error =
        berth_tx_get_text(tx, &assignment, BERTH_SQL_ASSIGNMENT_STATE, "s", session->assignment);
    if (error != BERTH_OK || strcmp(assignment, "open") != 0) {
        return error;
    }
    error = read_logoff_after(tx, session->pool, &after_us);
    if (session->state == BERTH_SESSION_ENDED && session->connection_epoch == 0) {
        after_us = ALLOCATING_LIMIT_US;
    }
    if (error != BERTH_OK || after_us == 0) {
        return error;
    }
    char text[BERTH_ID_HEX_CHARS + 1];
    berth_id_random_hex(text);
    return berth_tx_run(tx, BERTH_SQL_JOB_INSERT, "sssii", text, "logoff", session->id,
                        session->connection_epoch, cause->now_us + after_us);
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
                          .pool = g_strdup(berth_rows_text(&rows, 5)),
                          .assignment = g_strdup(berth_rows_text(&rows, 3)) };
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_NOT_FOUND : error;
}

static void
session_clear(Session *session)
{
    g_free(session->pool);
    g_free(session->assignment);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, session_clear)

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
    error = berth_tx_run_one(tx, BERTH_SQL_SESSION_SET_STATE, "ssiis", id,
                             berth_fsm_state_name(&berth_session_fsm, state), cause->now_us,
                             berth_session_deadline_us(session.state, cause->now_us), reason);
    if (error == BERTH_OK &&
        (state == BERTH_SESSION_DISCONNECTED || state == BERTH_SESSION_ENDED)) {
        error = set_logoff_timer(tx, cause, &session);
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
