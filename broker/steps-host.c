/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/steps-private.h"

#include "base/error.h"

static int
lose_contents(BerthTx *tx, const BerthCause *cause, const char *host)
{
    int error = BERTH_OK;
    g_autoptr(GPtrArray) machines = berth_steps_read_ids(tx, BERTH_SQL_HOST_MACHINES, host, &error);
    for (guint i = 0; i < machines->len && error == BERTH_OK; i++) {
        error = berth_machine_step(tx, cause, g_ptr_array_index(machines, i),
                                   BERTH_MACHINE_EVENT_HOST_LOST, NULL, "host-lost");
    }
    if (error != BERTH_OK) {
        return error;
    }
    g_autoptr(GPtrArray) sessions = berth_steps_read_ids(tx, BERTH_SQL_HOST_SESSIONS, host, &error);
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
    int error = berth_tx_get_text(tx, &name, BERTH_SQL_HOST_LOCK, "s", host);
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
        error = berth_steps_audit(tx, cause, &berth_host_fsm, host, from, event, state,
                                  json_object(), "");
    }
    return error;
}
