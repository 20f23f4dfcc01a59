/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/host-sync.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "broker/reconcile.h"
#include "broker/steps.h"
#include "display/transport/tcp.h"
#include "policies/policy-decision.h"

#include <string.h>

/* A host with more memory than this (64 TiB) is a mistake. */
#define MAX_MEMORY_MIB (64LL * 1024 * 1024)
#define MAX_START_SLOTS 1024
#define CONTROL_VERSION 1

static bool
hello_text(const json_t *message, const char *key, char *ret, GError **error)
{
    const char *text = json_string_value(json_object_get(message, key));
    if (text == NULL || strlen(text) > BERTH_INVENTORY_TEXT_BYTES) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL,
                               "\"%s\" must be a string of at most %d bytes", key,
                               BERTH_INVENTORY_TEXT_BYTES);
    }
    g_strlcpy(ret, text, BERTH_INVENTORY_TEXT_BYTES + 1);
    return true;
}

static bool
hello_int(const json_t *message, const char *key, int64_t min, int64_t max, int64_t *ret,
          GError **error)
{
    const json_t *value = json_object_get(message, key);
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL,
                               "\"%s\" must be a number from %" G_GINT64_FORMAT
                               " to %" G_GINT64_FORMAT,
                               key, min, max);
    }
    *ret = json_integer_value(value);
    return true;
}

/* Gateways dial it: a host that tells nonsense is told so before it spreads. */
static bool
hello_address(const json_t *message, char *ret, GError **error)
{
    BerthAddress address;
    if (!hello_text(message, "display_address", ret, error)) {
        return false;
    }
    if (berth_address_parse(ret, &address) != BERTH_OK || berth_address_get_port(&address) == 0) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "\"display_address\" is not ip:port");
    }
    return true;
}

bool
berth_hello_from_json(const json_t *message, BerthHello *ret, GError **error)
{
    BerthHello hello = { 0 };
    BerthId id;
    int64_t version = 0;
    if (!hello_int(message, "version", 0, INT64_MAX, &version, error)) {
        return false;
    }
    if (version != CONTROL_VERSION) {
        return berth_set_error(error, BERTH_ERR_VERSION,
                               "the agent speaks version %" G_GINT64_FORMAT ", this broker %d",
                               version, CONTROL_VERSION);
    }
    if (berth_id_parse(json_string_value(json_object_get(message, "host")), &id) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "\"host\" must be an id");
    }
    berth_id_format(&id, hello.host);
    if (!hello_text(message, "boot_id", hello.boot_id, error) ||
        !hello_address(message, hello.address, error) ||
        !hello_text(message, "accel", hello.accel, error) ||
        !hello_text(message, "qemu", hello.qemu, error) ||
        !hello_int(message, "agent_epoch", 0, INT64_MAX, &hello.agent_epoch, error) ||
        !hello_int(message, "memory_limit_mib", 0, MAX_MEMORY_MIB, &hello.memory_limit_mib,
                   error) ||
        !hello_int(message, "start_slots", 1, MAX_START_SLOTS, &hello.start_slots, error)) {
        return false;
    }
    *ret = hello;
    return true;
}

int
berth_host_hello(BerthTx *tx, const BerthCause *cause, const BerthHello *hello)
{
    BerthRows rows;
    bool is_stale = false;
    berth_tx_query(tx, &rows, BERTH_SQL_HOST_STATE, "s", hello->host);
    bool is_known = berth_rows_next(&rows);
    if (is_known) {
        is_stale = strcmp(berth_rows_text(&rows, 2), hello->boot_id) == 0 &&
                   berth_rows_int(&rows, 1) > hello->agent_epoch;
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK || !is_known) {
        return error != BERTH_OK ? error : BERTH_ERR_NOT_FOUND;
    }
    if (is_stale) {
        return BERTH_ERR_STALE_EPOCH;
    }
    error = berth_tx_run_one(tx, BERTH_SQL_HOST_SET_HELLO, "ssisssiii", hello->host, hello->boot_id,
                             hello->agent_epoch, hello->address, hello->accel, hello->qemu,
                             hello->memory_limit_mib, hello->start_slots, cause->now_us);
    if (error == BERTH_OK) {
        error = berth_host_step(tx, cause, hello->host, BERTH_HOST_EVENT_HEARD);
    }
    return error;
}

/* A pool keeps what its administrator said; a host gets the whole policy. */
static void
complete_policies(json_t *sessions)
{
    size_t i = 0;
    json_t *session = NULL;
    json_array_foreach (sessions, i, session) {
        char *text = json_dumps(json_object_get(session, "policy"), JSON_COMPACT);
        BerthPolicy policy = berth_policy_of_pool(text);
        free(text);
        json_object_set_new(session, "policy", berth_policy_to_json(&policy));
    }
}

int
berth_host_desired(BerthTx *tx, const char *host, json_t **ret)
{
    int error = BERTH_OK;
    json_auto_t *machines = berth_tx_to_json(tx, &error, BERTH_SQL_DESIRED_MACHINES, "s", host);
    if (machines == NULL) {
        return error;
    }
    json_auto_t *sessions = berth_tx_to_json(tx, &error, BERTH_SQL_DESIRED_SESSIONS, "s", host);
    if (sessions == NULL) {
        return error;
    }
    complete_policies(sessions);
    *ret = json_pack("{s:O, s:O}", "machines", machines, "sessions", sessions);
    return *ret != NULL ? BERTH_OK : BERTH_ERR_NO_MEMORY;
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
        g_array_append_val(sessions, row);
    }
    *ret_error = berth_rows_end(&rows);
    return sessions;
}

static int
apply_step(BerthTx *tx, const BerthCause *cause, const BerthReconcileStep *step)
{
    const BerthMachineReport *report = step->report;
    const BerthSessionReport *session = step->session_report;
    switch (step->kind) {
    case BERTH_RECONCILE_MACHINE_EVENT:
        return berth_machine_step(tx, cause, step->id, (BerthMachineEvent)step->event, NULL,
                                  step->event == BERTH_MACHINE_EVENT_SEEN_FAILED ||
                                          step->event == BERTH_MACHINE_EVENT_SEEN_ABSENT
                                      ? "desktop-gone"
                                      : "");
    case BERTH_RECONCILE_SCRUBBED:
        return berth_machine_scrubbed(tx, cause, step->id, report->overlay);
    case BERTH_RECONCILE_INFO:
        return berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_INFO, "sssss", step->id, report->overlay,
                                report->condition, report->code, report->detail);
    case BERTH_RECONCILE_ABSENT:
        return berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_ABSENT, "si", step->id, step->absent_us);
    case BERTH_RECONCILE_SESSION_EVENT:
        return berth_session_step(tx, cause, step->id, (BerthSessionEvent)step->event,
                                  session != NULL ? session->code : "");
    case BERTH_RECONCILE_SESSION_KEY:
        return berth_tx_run_one(tx, BERTH_SQL_SESSION_SET_KEY, "ss", step->id,
                                session != NULL ? session->session_key : "");
    }
    return BERTH_ERR_INTERNAL;
}

/* An eviction earlier in the same plan may have ended a session that a later step is about. */
static bool
is_overtaken(const BerthReconcileStep *step, int error)
{
    return error == BERTH_ERR_STATE && step->kind == BERTH_RECONCILE_SESSION_EVENT;
}

int
berth_host_apply_inventory(BerthTx *tx, const BerthCause *cause, const char *host,
                           const BerthInventory *inventory, int *ret_n_steps)
{
    int error = BERTH_OK;
    g_autoptr(GArray) machines = read_machine_rows(tx, host, &error);
    if (error != BERTH_OK) {
        return error;
    }
    g_autoptr(GArray) sessions = read_session_rows(tx, host, &error);
    if (error != BERTH_OK) {
        return error;
    }
    g_autoptr(GArray) steps = berth_reconcile(
        (const BerthMachineRow *)(void *)machines->data, machines->len,
        (const BerthSessionRow *)(void *)sessions->data, sessions->len, inventory, cause->now_us);
    for (guint i = 0; i < steps->len; i++) {
        const BerthReconcileStep *step = &g_array_index(steps, BerthReconcileStep, i);
        error = apply_step(tx, cause, step);
        if (error != BERTH_OK && !is_overtaken(step, error)) {
            berth_log_error("reconcile", "step %d of \"%s\" failed: %s", (int)step->kind, step->id,
                            berth_error_sentence(error));
            return error;
        }
    }
    *ret_n_steps = (int)steps->len;
    return BERTH_OK;
}
