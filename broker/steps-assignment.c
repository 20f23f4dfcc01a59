/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/steps-private.h"

#include "base/error.h"
#include "broker/fsm/assignment.h"
#include "broker/user-disk.h"

#include <string.h>

int
berth_steps_close_assignment(BerthTx *tx, const BerthCause *cause, const char *assignment,
                             const char *reason)
{
    int error = BERTH_OK;
    g_autoptr(GPtrArray) sessions =
        berth_steps_read_ids(tx, BERTH_SQL_ASSIGNMENT_SESSIONS, assignment, &error);
    for (guint i = 0; i < sessions->len && error == BERTH_OK; i++) {
        error = berth_session_step(tx, cause, g_ptr_array_index(sessions, i),
                                   BERTH_SESSION_EVENT_END, reason);
    }
    int state = BERTH_ASSIGNMENT_OPEN;
    if (error == BERTH_OK) {
        error = berth_user_disk_let_go(tx, cause, assignment);
    }
    if (error == BERTH_OK) {
        error = berth_fsm_step(&berth_assignment_fsm, &state, BERTH_ASSIGNMENT_EVENT_RELEASE, NULL);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_ASSIGNMENT_CLOSE, "ssis", assignment,
                                 berth_fsm_state_name(&berth_assignment_fsm, state), cause->now_us,
                                 reason);
    }
    if (error == BERTH_OK) {
        error =
            berth_steps_audit(tx, cause, &berth_assignment_fsm, assignment, BERTH_ASSIGNMENT_OPEN,
                              BERTH_ASSIGNMENT_EVENT_RELEASE, state, json_object(), reason);
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
    bool is_kept = false;
    /* Locks the machine before the assignment, as everybody does. */
    berth_tx_query(tx, &rows, BERTH_SQL_ASSIGNMENT_LOCK_MACHINE, "s", assignment);
    if (berth_rows_next(&rows)) {
        machine = g_strdup(berth_rows_text(&rows, 0));
        is_kept = berth_rows_int(&rows, 1) != 0;
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK || machine == NULL) {
        return error != BERTH_OK ? error : BERTH_ERR_NOT_FOUND;
    }
    berth_tx_query(tx, &rows, BERTH_SQL_ASSIGNMENT_LOCK, "s", assignment);
    is_open = berth_rows_next(&rows) && strcmp(berth_rows_text(&rows, 0), "open") == 0;
    error = berth_rows_end(&rows);
    if (error != BERTH_OK || !is_open || is_kept) {
        return error != BERTH_OK ? error : BERTH_ERR_STATE;
    }
    error = berth_steps_close_assignment(tx, cause, assignment, reason);
    if (error == BERTH_OK) {
        error = berth_machine_step(tx, cause, machine, BERTH_MACHINE_EVENT_RELEASE, NULL, reason);
    }
    return error;
}
