/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/steps.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/fsm/assignment.h"

#include <glib.h>
#include <string.h>

#define SECOND_US (1000LL * 1000)

/* A guest without hardware acceleration may need minutes to boot. */
#define CREATING_LIMIT_US (120 * SECOND_US)
#define STARTING_LIMIT_US (300 * SECOND_US)
#define RECYCLING_LIMIT_US (120 * SECOND_US)
/* A failed machine is tried again after 5, 10, 20 ... 300 s; after MAX_RETRIES it waits for people.
 */
#define RETRY_FIRST_US (5 * SECOND_US)
#define RETRY_LAST_US (300 * SECOND_US)
#define MAX_RETRIES 8

#define ALLOCATING_LIMIT_US (600 * SECOND_US)
#define CONNECTING_LIMIT_US (90 * SECOND_US)
#define ENDING_LIMIT_US (30 * SECOND_US)

typedef struct {
    const char *id;
    BerthMachineState state;
    char *assignment; /* NULL if nobody's */
    char *pool;
    char *host;
    char *overlay;
    char *scrub_overlay;
    int64_t epoch;
    int64_t memory_mib;
    int64_t n_failures;
} Machine;

static void
machine_clear(Machine *machine)
{
    g_free(machine->assignment);
    g_free(machine->pool);
    g_free(machine->host);
    g_free(machine->overlay);
    g_free(machine->scrub_overlay);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Machine, machine_clear)

int64_t
berth_machine_deadline_us(BerthMachineState state, int64_t n_failures, int64_t now_us)
{
    switch (state) {
    case BERTH_MACHINE_CREATING:
        return now_us + CREATING_LIMIT_US;
    case BERTH_MACHINE_STARTING:
        return now_us + STARTING_LIMIT_US;
    case BERTH_MACHINE_RECYCLING:
        return now_us + RECYCLING_LIMIT_US;
    case BERTH_MACHINE_FAILED:
        if (n_failures > MAX_RETRIES) {
            return 0;
        }
        return now_us + MIN(RETRY_FIRST_US << MAX(n_failures - 1, 0), RETRY_LAST_US);
    default:
        return 0;
    }
}

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
read_machine(BerthTx *tx, const char *id, Machine *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_MACHINE_STATE, "s", id);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        int state = berth_fsm_state_from_name(&berth_machine_fsm, berth_rows_text(&rows, 0));
        *ret = (Machine){
            .id = id,
            .state = (BerthMachineState)state,
            .assignment = berth_rows_is_null(&rows, 1) ? NULL : g_strdup(berth_rows_text(&rows, 1)),
            .epoch = berth_rows_int(&rows, 2),
            .pool = g_strdup(berth_rows_text(&rows, 3)),
            .host = g_strdup(berth_rows_text(&rows, 4)),
            .memory_mib = berth_rows_int(&rows, 5),
            .n_failures = berth_rows_int(&rows, 6),
            .overlay = g_strdup(berth_rows_text(&rows, 7)),
            .scrub_overlay = g_strdup(berth_rows_text(&rows, 8)),
        };
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_NOT_FOUND : error;
}

static int
audit_step(BerthTx *tx, const BerthCause *cause, const BerthFsmTable *table, const char *id,
           int from, int event, int to, json_t *data, const char *reason)
{
    g_autofree char *kind =
        g_strdup_printf("%s.%s", table->name, berth_fsm_event_name(table, event));
    json_object_set_new(data, "from", json_string(berth_fsm_state_name(table, from)));
    json_object_set_new(data, "to", json_string(berth_fsm_state_name(table, to)));
    if (reason[0] != '\0') {
        json_object_set_new(data, "reason", json_string(reason));
    }
    return berth_audit(tx, cause, kind, id, data);
}

static int
close_assignment(BerthTx *tx, const BerthCause *cause, const char *assignment, const char *reason)
{
    g_autoptr(GPtrArray) sessions = g_ptr_array_new_with_free_func(g_free);
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_ASSIGNMENT_SESSIONS, "s", assignment);
    while (berth_rows_next(&rows)) {
        g_ptr_array_add(sessions, g_strdup(berth_rows_text(&rows, 0)));
    }
    int error = berth_rows_end(&rows);
    for (guint i = 0; i < sessions->len && error == BERTH_OK; i++) {
        error = berth_session_step(tx, cause, g_ptr_array_index(sessions, i),
                                   BERTH_SESSION_EVENT_END, reason);
    }
    int state = BERTH_ASSIGNMENT_OPEN;
    if (error == BERTH_OK) {
        error = berth_fsm_step(&berth_assignment_fsm, &state, BERTH_ASSIGNMENT_EVENT_RELEASE, NULL);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_ASSIGNMENT_CLOSE, "ssis", assignment,
                                 berth_fsm_state_name(&berth_assignment_fsm, state), cause->now_us,
                                 reason);
    }
    if (error == BERTH_OK) {
        error = audit_step(tx, cause, &berth_assignment_fsm, assignment, BERTH_ASSIGNMENT_OPEN,
                           BERTH_ASSIGNMENT_EVENT_RELEASE, state, json_object(), reason);
    }
    return error;
}

static int
write_recycle(BerthTx *tx, const BerthCause *cause, const Machine *machine, int state)
{
    return berth_tx_run_one(
        tx, BERTH_SQL_MACHINE_SET_RECYCLE, "ssii", machine->id,
        berth_fsm_state_name(&berth_machine_fsm, state), cause->now_us,
        berth_machine_deadline_us((BerthMachineState)state, machine->n_failures, cause->now_us));
}

static int
write_state(BerthTx *tx, const BerthCause *cause, const Machine *machine, int state,
            const char *owner)
{
    int64_t n_failures = machine->n_failures;
    if (state == BERTH_MACHINE_FAILED && machine->state != BERTH_MACHINE_FAILED) {
        n_failures++;
    } else if (state == BERTH_MACHINE_READY) {
        n_failures = 0;
    }
    return berth_tx_run_one(
        tx, BERTH_SQL_MACHINE_SET_STATE, "sssiii", machine->id,
        berth_fsm_state_name(&berth_machine_fsm, state), owner, n_failures, cause->now_us,
        berth_machine_deadline_us((BerthMachineState)state, n_failures, cause->now_us));
}

static int
free_capacity(BerthTx *tx, const Machine *machine)
{
    int error = berth_tx_run_one(tx, BERTH_SQL_POOL_FREE_PLACE, "s", machine->pool);
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_HOST_UNRESERVE, "si", machine->host,
                                 machine->memory_mib);
    }
    return error;
}

static int
act(BerthTx *tx, const BerthCause *cause, const Machine *machine, int state, int action,
    const char *owner, const char *reason)
{
    int error = BERTH_OK;
    switch ((BerthMachineAction)action) {
    case BERTH_MACHINE_DO_EVICT:
        if (machine->assignment != NULL) {
            error = close_assignment(tx, cause, machine->assignment, reason);
        }
        return error == BERTH_OK ? write_recycle(tx, cause, machine, state) : error;
    case BERTH_MACHINE_DO_RECYCLE:
        return write_recycle(tx, cause, machine, state);
    case BERTH_MACHINE_DO_FREE:
        error = free_capacity(tx, machine);
        return error == BERTH_OK ? write_state(tx, cause, machine, state, NULL) : error;
    case BERTH_MACHINE_DO_CLEAN:
        /* owner is the new overlay here, checked by berth_machine_scrubbed(). */
        return berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_CLEAN, "sssii", machine->id,
                                berth_fsm_state_name(&berth_machine_fsm, state), owner,
                                cause->now_us, cause->now_us + STARTING_LIMIT_US);
    case BERTH_MACHINE_DO_NOTHING:
        break;
    }
    return write_state(tx, cause, machine, state, owner);
}

static int
step_machine(BerthTx *tx, const BerthCause *cause, const Machine *machine, BerthMachineEvent event,
             const char *owner, const char *reason, json_t *data)
{
    json_auto_t *details = data;
    int state = (int)machine->state;
    int action = BERTH_MACHINE_DO_NOTHING;
    int error = berth_fsm_step(&berth_machine_fsm, &state, event, &action);
    if (error != BERTH_OK) {
        return error;
    }
    if (state == (int)machine->state && action == BERTH_MACHINE_DO_NOTHING) {
        return BERTH_OK;
    }
    error = act(tx, cause, machine, state, action, owner, reason);
    if (error == BERTH_OK) {
        json_object_set_new(details, "epoch", json_integer(machine->epoch));
        error = audit_step(tx, cause, &berth_machine_fsm, machine->id, (int)machine->state, event,
                           state, g_steal_pointer(&details), reason);
    }
    return error;
}

int
berth_machine_step(BerthTx *tx, const BerthCause *cause, const char *id, BerthMachineEvent event,
                   const char *owner, const char *reason)
{
    g_auto(Machine) machine = { 0 };
    int error = read_machine(tx, id, &machine);
    if (error != BERTH_OK) {
        return error;
    }
    return step_machine(tx, cause, &machine, event, owner, reason, json_object());
}

int
berth_machine_scrubbed(BerthTx *tx, const BerthCause *cause, const char *id, const char *overlay)
{
    g_auto(Machine) machine = { 0 };
    int error = read_machine(tx, id, &machine);
    if (error != BERTH_OK) {
        return error;
    }
    if (overlay[0] == '\0' || strcmp(overlay, machine.scrub_overlay) == 0) {
        return BERTH_ERR_INVALID;
    }
    json_t *receipt =
        json_pack("{s:s, s:s}", "old_overlay", machine.scrub_overlay, "new_overlay", overlay);
    return step_machine(tx, cause, &machine, BERTH_MACHINE_EVENT_SCRUBBED, overlay, "", receipt);
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
    berth_tx_query(tx, &rows, BERTH_SQL_SESSION_STATE, "s", id);
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
        error = audit_step(tx, cause, &berth_session_fsm, id, from, event, state, data, reason);
    }
    return error;
}

static GPtrArray *
read_ids(BerthTx *tx, BerthStatement statement, const char *host, int *ret_error)
{
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    BerthRows rows;
    berth_tx_query(tx, &rows, statement, "s", host);
    while (berth_rows_next(&rows)) {
        g_ptr_array_add(ids, g_strdup(berth_rows_text(&rows, 0)));
    }
    *ret_error = berth_rows_end(&rows);
    return ids;
}

static int
lose_contents(BerthTx *tx, const BerthCause *cause, const char *host)
{
    int error = BERTH_OK;
    g_autoptr(GPtrArray) machines = read_ids(tx, BERTH_SQL_HOST_MACHINES, host, &error);
    for (guint i = 0; i < machines->len && error == BERTH_OK; i++) {
        error = berth_machine_step(tx, cause, g_ptr_array_index(machines, i),
                                   BERTH_MACHINE_EVENT_HOST_LOST, NULL, "host-lost");
    }
    if (error != BERTH_OK) {
        return error;
    }
    g_autoptr(GPtrArray) sessions = read_ids(tx, BERTH_SQL_HOST_SESSIONS, host, &error);
    for (guint i = 0; i < sessions->len && error == BERTH_OK; i++) {
        error = berth_session_step(tx, cause, g_ptr_array_index(sessions, i),
                                   BERTH_SESSION_EVENT_HOST_LOST, "");
    }
    return error;
}

int
berth_host_step(BerthTx *tx, const BerthCause *cause, const char *host, BerthHostEvent event)
{
    g_autofree char *name = NULL;
    int error = berth_tx_get_text(tx, &name, BERTH_SQL_HOST_STATE, "s", host);
    if (error != BERTH_OK) {
        return error;
    }
    int from = berth_fsm_state_from_name(&berth_host_fsm, name);
    int state = from;
    error = berth_fsm_step(&berth_host_fsm, &state, event, NULL);
    if (error != BERTH_OK || state == from) {
        return error;
    }
    error = berth_tx_run_one(tx, BERTH_SQL_HOST_SET_STATE, "ssi", host,
                             berth_fsm_state_name(&berth_host_fsm, state), cause->now_us);
    if (error == BERTH_OK && state == BERTH_HOST_LOST) {
        error = lose_contents(tx, cause, host);
    }
    if (error == BERTH_OK) {
        error = audit_step(tx, cause, &berth_host_fsm, host, from, event, state, json_object(), "");
    }
    return error;
}

int
berth_assignment_release(BerthTx *tx, const BerthCause *cause, const char *assignment,
                         const char *reason)
{
    g_autofree char *machine = NULL;
    BerthRows rows;
    bool is_open = false;
    berth_tx_query(tx, &rows, BERTH_SQL_ASSIGNMENT_STATE, "s", assignment);
    if (berth_rows_next(&rows)) {
        is_open = strcmp(berth_rows_text(&rows, 0), "open") == 0;
        machine = g_strdup(berth_rows_text(&rows, 1));
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK || machine == NULL || !is_open) {
        return error != BERTH_OK ? error : machine == NULL ? BERTH_ERR_NOT_FOUND : BERTH_ERR_STATE;
    }
    error = close_assignment(tx, cause, assignment, reason);
    if (error == BERTH_OK) {
        error = berth_machine_step(tx, cause, machine, BERTH_MACHINE_EVENT_RELEASE, NULL, reason);
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
berth_session_logoff(BerthTx *tx, const BerthCause *cause, const char *session, const char *reason)
{
    BerthRows rows;
    g_autofree char *assignment = NULL;
    berth_tx_query(tx, &rows, BERTH_SQL_SESSION_STATE, "s", session);
    if (berth_rows_next(&rows)) {
        assignment = g_strdup(berth_rows_text(&rows, 3));
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK || assignment == NULL) {
        return error != BERTH_OK ? error : BERTH_ERR_NOT_FOUND;
    }
    return berth_assignment_release(tx, cause, assignment, reason);
}
