/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/host-sync.h"

#include "base/error.h"
#include "base/log.h"
#include "broker/reconcile.h"
#include "broker/session-timers.h"
#include "broker/steps.h"
#include "broker/version-samples.h"

#include <string.h>

/*
 * Whether the host may say hello.
 *
 * Errors: BERTH_ERR_NOT_FOUND, BERTH_ERR_STALE_EPOCH if a younger process of its boot was here.
 */
static int
check_hello(BerthTx *tx, const BerthHello *hello)
{
    BerthRows rows;
    bool is_stale = false;
    berth_tx_query(tx, &rows, BERTH_SQL_HOST_STATE, "s", hello->host);
    bool is_known = berth_rows_next(&rows) && strcmp(berth_rows_text(&rows, 0), "removed") != 0;
    if (is_known) {
        is_stale = strcmp(berth_rows_text(&rows, 2), hello->boot_id) == 0 &&
                   berth_rows_int(&rows, 1) > hello->agent_epoch;
    }
    int error = berth_rows_end(&rows);
    if (error == BERTH_OK && !is_known) {
        return BERTH_ERR_NOT_FOUND;
    }
    return error == BERTH_OK && is_stale ? BERTH_ERR_STALE_EPOCH : error;
}

int
berth_host_hello(BerthTx *tx, const BerthCause *cause, const BerthHello *hello, const char *holder)
{
    int error = check_hello(tx, hello);
    if (error != BERTH_OK) {
        return error;
    }
    error = berth_tx_run_one(
        tx, BERTH_SQL_HOST_SET_HELLO, "ssisssiiiisssisiss", hello->host, hello->boot_id,
        hello->agent_epoch, hello->address, hello->accel, hello->qemu, hello->memory_limit_mib,
        hello->start_slots, cause->now_us, hello->vcpu_limit,
        hello->labels[0] != '\0' ? hello->labels : "{}",
        hello->networks[0] != '\0' ? hello->networks : "[]", hello->cgroup, hello->cluster_epoch,
        holder, cause->now_us + BERTH_AGENT_LOST_US, hello->image_address, hello->cpu_model);
    if (error == BERTH_OK) {
        error = berth_host_step(tx, cause, hello->host, BERTH_HOST_EVENT_HEARD);
    }
    return error;
}

static GArray *
read_machine_rows(BerthTx *tx, const char *host, int *ret_error)
{
    GArray *machines = g_array_new(FALSE, FALSE, sizeof(BerthMachineRow));
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_RECONCILE_MACHINES, "s", host);
    while (berth_rows_next(&rows)) {
        BerthMachineRow row = { 0 };
        g_strlcpy(row.id, berth_rows_text(&rows, 0), sizeof row.id);
        row.state = (BerthMachineState)berth_fsm_state_from_name(&berth_machine_fsm,
                                                                 berth_rows_text(&rows, 1));
        row.epoch = berth_rows_int(&rows, 2);
        row.is_dirty = berth_rows_int(&rows, 3) != 0;
        row.is_owned = !berth_rows_is_null(&rows, 4);
        g_strlcpy(row.overlay, berth_rows_text(&rows, 5), sizeof row.overlay);
        g_strlcpy(row.scrub_overlay, berth_rows_text(&rows, 6), sizeof row.scrub_overlay);
        g_strlcpy(row.condition, berth_rows_text(&rows, 7), sizeof row.condition);
        g_strlcpy(row.code, berth_rows_text(&rows, 8), sizeof row.code);
        g_strlcpy(row.detail, berth_rows_text(&rows, 9), sizeof row.detail);
        row.absent_us = berth_rows_int(&rows, 10);
        row.is_kept = berth_rows_int(&rows, 11) != 0;
        g_array_append_val(machines, row);
    }
    *ret_error = berth_rows_end(&rows);
    return machines;
}

static GArray *
read_session_rows(BerthTx *tx, const char *host, int *ret_error)
{
    GArray *sessions = g_array_new(FALSE, FALSE, sizeof(BerthSessionRow));
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_RECONCILE_SESSIONS, "s", host);
    while (berth_rows_next(&rows)) {
        BerthSessionRow row = { 0 };
        g_strlcpy(row.id, berth_rows_text(&rows, 0), sizeof row.id);
        row.state = (BerthSessionState)berth_fsm_state_from_name(&berth_session_fsm,
                                                                 berth_rows_text(&rows, 1));
        row.epoch = berth_rows_int(&rows, 2);
        g_strlcpy(row.session_key, berth_rows_text(&rows, 3), sizeof row.session_key);
        row.idle_since_us = berth_rows_int(&rows, 4);
        row.is_measured = berth_rows_int(&rows, 5) != 0;
        g_array_append_val(sessions, row);
    }
    *ret_error = berth_rows_end(&rows);
    return sessions;
}

/* A disk that holds somebody's data is not where it was: people have to look. */
static int
apply_missing(BerthTx *tx, const BerthCause *cause, const BerthReconcileStep *step)
{
    int error =
        berth_machine_step(tx, cause, step->id, BERTH_MACHINE_EVENT_HOST_LOST, NULL, "missing");
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_CONDITION, "ss", step->id, "missing");
    }
    if (error == BERTH_OK) {
        error = berth_audit(tx, cause, "machine.missing", step->id, json_object());
    }
    berth_log_error("reconcile", "machine \"%s\" holds data and its disk is missing", step->id);
    return error;
}

static const char *
reason_of(const BerthReconcileStep *step)
{
    bool is_gone = step->event == BERTH_MACHINE_EVENT_SEEN_FAILED ||
                   step->event == BERTH_MACHINE_EVENT_SEEN_ABSENT;
    return is_gone ? "desktop-gone" : "";
}

static int
apply_step(BerthTx *tx, const BerthCause *cause, const BerthReconcileStep *step)
{
    const BerthMachineReport *report = step->report;
    const BerthSessionReport *session = step->session_report;
    switch (step->kind) {
    case BERTH_RECONCILE_MACHINE_EVENT:
        return berth_machine_step(tx, cause, step->id, (BerthMachineEvent)step->event, NULL,
                                  reason_of(step));
    case BERTH_RECONCILE_SCRUBBED:
        return berth_machine_scrubbed(tx, cause, step->id, report->overlay);
    case BERTH_RECONCILE_INFO:
        return berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_INFO, "sssss", step->id, report->overlay,
                                report->condition, report->code, report->detail);
    case BERTH_RECONCILE_ABSENT:
        return berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_ABSENT, "si", step->id, step->time_us);
    case BERTH_RECONCILE_MISSING:
        return apply_missing(tx, cause, step);
    case BERTH_RECONCILE_SESSION_EVENT:
        return berth_session_step(tx, cause, step->id, (BerthSessionEvent)step->event,
                                  session != NULL ? session->code : "");
    case BERTH_RECONCILE_SESSION_KEY:
        return berth_tx_run_one(tx, BERTH_SQL_SESSION_SET_KEY, "ss", step->id,
                                session != NULL ? session->session_key : "");
    case BERTH_RECONCILE_SESSION_IDLE:
        return berth_session_set_idle(tx, step->id, step->time_us);
    case BERTH_RECONCILE_SESSION_FRAME:
        return berth_sample_first_frame(tx, cause, step->id, session->first_frame_ms);
    }
    return BERTH_ERR_INTERNAL;
}

/* An eviction earlier in the same plan may have ended a session that a later step is about. */
static bool
is_overtaken(const BerthReconcileStep *step, int error)
{
    return error == BERTH_ERR_STATE && step->kind == BERTH_RECONCILE_SESSION_EVENT;
}

/* What is wrong with the host as a whole makes it degraded, and its end makes it well. */
static int
apply_conditions(BerthTx *tx, const BerthCause *cause, const char *host, const char *conditions)
{
    BerthRows rows;
    g_autofree char *detail = NULL;
    g_autofree char *state = NULL;
    berth_tx_query(tx, &rows, BERTH_SQL_HOST_STATE, "s", host);
    if (berth_rows_next(&rows)) {
        state = g_strdup(berth_rows_text(&rows, 0));
        detail = g_strdup(berth_rows_text(&rows, 3));
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK || state == NULL) {
        return error;
    }
    bool is_degraded = strcmp(state, "degraded") == 0;
    if (strcmp(detail, conditions) != 0) {
        error = berth_tx_run_one(tx, BERTH_SQL_HOST_SET_DETAIL, "ss", host, conditions);
    }
    if (error == BERTH_OK && is_degraded != (conditions[0] != '\0') &&
        (is_degraded || strcmp(state, "up") == 0)) {
        error = berth_host_step(
            tx, cause, host, is_degraded ? BERTH_HOST_EVENT_RECOVERED : BERTH_HOST_EVENT_DEGRADED);
    }
    return error;
}

static int
apply_steps(BerthTx *tx, const BerthCause *cause, const GArray *steps)
{
    for (guint i = 0; i < steps->len; i++) {
        const BerthReconcileStep *step = &g_array_index(steps, BerthReconcileStep, i);
        int error = apply_step(tx, cause, step);
        if (error != BERTH_OK && !is_overtaken(step, error)) {
            berth_log_error("reconcile", "step %d of \"%s\" failed: %s", (int)step->kind, step->id,
                            berth_error_sentence(error));
            return error;
        }
    }
    return BERTH_OK;
}

int
berth_host_apply_inventory(BerthTx *tx, const BerthCause *cause, const char *host,
                           const BerthInventory *inventory, GHashTable *living,
                           BerthSyncResult *ret)
{
    int error = apply_conditions(tx, cause, host, inventory->conditions);
    if (error != BERTH_OK) {
        return error;
    }
    g_autoptr(GArray) machines = read_machine_rows(tx, host, &error);
    if (error != BERTH_OK) {
        return error;
    }
    g_autoptr(GArray) sessions = read_session_rows(tx, host, &error);
    if (error != BERTH_OK) {
        return error;
    }
    g_auto(BerthReconcilePlan) plan =
        berth_reconcile((const BerthMachineRow *)(void *)machines->data, machines->len,
                        (const BerthSessionRow *)(void *)sessions->data, sessions->len, inventory,
                        living, cause->now_us);
    error = apply_steps(tx, cause, plan.steps);
    if (error == BERTH_OK) {
        *ret = (BerthSyncResult){ .n_steps = (int)plan.steps->len,
                                  .is_pending = plan.is_pending,
                                  .n_strangers = plan.n_strangers };
    }
    return error;
}
