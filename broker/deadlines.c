/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/deadlines.h"

#include "base/error.h"
#include "base/log.h"
#include "broker/steps.h"
#include "broker/unit.h"

#include <string.h>

typedef struct {
    const BerthCause *cause;
    char *machine; /* NULL for a session */
    char *session;
    char *state;
    char *assignment;
} Due;

static void
due_clear(gpointer item)
{
    Due *due = item;
    g_free(due->machine);
    g_free(due->session);
    g_free(due->state);
    g_free(due->assignment);
}

static int
time_out(BerthTx *tx, void *data)
{
    const Due *due = data;
    if (due->machine != NULL) {
        return berth_machine_step(tx, due->cause, due->machine, BERTH_MACHINE_EVENT_TIMEOUT, NULL,
                                  "timeout");
    }
    if (strcmp(due->state, "allocating") == 0) {
        /* The host never opened it: give the desktop back instead of keeping it for nobody. */
        int error = berth_assignment_release(tx, due->cause, due->assignment, "timeout");
        if (error != BERTH_ERR_STATE) {
            return error;
        }
    }
    return berth_session_step(tx, due->cause, due->session, BERTH_SESSION_EVENT_TIMEOUT, "");
}

static int
read_dues(BerthTx *tx, const BerthCause *cause, GArray *dues)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_MACHINES_OVERDUE, "i", cause->now_us);
    while (berth_rows_next(&rows)) {
        Due due = { .cause = cause, .machine = g_strdup(berth_rows_text(&rows, 0)) };
        g_array_append_val(dues, due);
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK) {
        return error;
    }
    berth_tx_query(tx, &rows, BERTH_SQL_SESSIONS_OVERDUE, "i", cause->now_us);
    while (berth_rows_next(&rows)) {
        Due due = { .cause = cause,
                    .session = g_strdup(berth_rows_text(&rows, 0)),
                    .state = g_strdup(berth_rows_text(&rows, 1)),
                    .assignment = g_strdup(berth_rows_text(&rows, 2)) };
        g_array_append_val(dues, due);
    }
    return berth_rows_end(&rows);
}

int
berth_deadlines_step(BerthTx *tx, const BerthCause *cause, int *n_changes)
{
    g_autoptr(GArray) dues = g_array_new(FALSE, FALSE, sizeof(Due));
    g_array_set_clear_func(dues, due_clear);
    int error = read_dues(tx, cause, dues);
    for (guint i = 0; i < dues->len && error == BERTH_OK; i++) {
        Due *due = &g_array_index(dues, Due, i);
        int result = BERTH_OK;
        error = berth_unit_run(tx, time_out, due, &result);
        if (error == BERTH_OK && result != BERTH_OK) {
            berth_log_warning("tick", "\"%s\" is overdue and cannot be timed out: %s",
                              due->machine != NULL ? due->machine : due->session,
                              berth_error_sentence(result));
        }
        *n_changes += result == BERTH_OK ? 1 : 0;
    }
    return error;
}
