/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kiosks: devices whose client certificate logs an account in.
 */
#include "broker/api/login.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/api/handlers.h"
#include "broker/revoke.h"

#include <string.h>

static int
read_kiosk(BerthTx *tx, void *data)
{
    BerthLogin *login = data;
    BerthRows rows;
    login->account[0] = '\0';
    berth_tx_query(tx, &rows, BERTH_SQL_KIOSK_LOGIN, "s", login->request->device);
    if (berth_rows_next(&rows)) {
        g_strlcpy(login->account, berth_rows_text(&rows, 2), sizeof login->account);
        g_snprintf(login->actor, sizeof login->actor, "user:%s", berth_rows_text(&rows, 3));
        g_free(login->source_name);
        login->source_name = g_strdup(berth_rows_text(&rows, 1));
    }
    return berth_rows_end(&rows);
}

/* Thread: hash worker. */
static void
run_look_for_kiosk(void *data)
{
    BerthLogin *login = data;
    login->error = berth_store_read(login->broker->store, read_kiosk, login);
    if (login->error == BERTH_OK && login->account[0] == '\0') {
        login->error = BERTH_ERR_BAD_CREDENTIALS;
        login->why = g_strdup_printf("no device has the fingerprint %s", login->request->device);
    }
}

static void
kiosk_done(void *data)
{
    BerthLogin *login = data;
    if (login->error == BERTH_OK) {
        berth_login_accept(login);
    } else {
        berth_login_refuse(login);
    }
}

/* The proof is the TLS handshake with the gateway: the broker believes the gateway alone. */
void
berth_handle_device_login(BerthRequest *request)
{
    if (request->device[0] == '\0') {
        berth_request_fail(request, BERTH_ERR_BAD_CREDENTIALS,
                           "the connection came without a device's certificate");
        return;
    }
    BerthLogin *login = berth_login_new(request, "", "device");
    login->is_whole = true;
    int error = berth_worker_pool_submit(request->broker->people->hash_workers, run_look_for_kiosk,
                                         kiosk_done, login);
    if (error != BERTH_OK) {
        berth_login_drop(login, error, "too many logins at once; try again in a moment");
    }
}

static int
reply_device(BerthTx *tx, BerthRequest *request, const char *id)
{
    int error = BERTH_OK;
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_KIOSK_LIST, "s", id);
    if (error == BERTH_OK && json_array_size(rows) == 0) {
        return berth_request_explain(request, BERTH_ERR_NOT_FOUND, "there is no device \"%s\"", id);
    }
    json_decref(request->reply);
    request->reply = json_incref(json_array_get(rows, 0));
    return error;
}

int
berth_handle_list_devices(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_KIOSK_LIST, "s", "");
    json_decref(request->reply);
    request->reply = json_pack("{s:o*}", "devices", rows);
    return error;
}

int
berth_handle_add_device(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    const char *name = berth_body_text(request->body, "name");
    const char *fingerprint = berth_body_text(request->body, "fingerprint");
    char account[BERTH_ID_HEX_CHARS + 1];
    char id[BERTH_ID_HEX_CHARS + 1];
    int64_t n_roles = 0;
    int error = berth_request_find(tx, request, BERTH_SQL_FIND_ACCOUNT, "user", account);
    if (error == BERTH_OK) {
        error = berth_tx_get_int(tx, &n_roles, BERTH_SQL_ACCOUNT_HAS_ROLE, "s", account);
    }
    if (error == BERTH_OK && n_roles > 0) {
        return berth_request_explain(request, BERTH_ERR_FORBIDDEN,
                                     "a user with a role cannot be logged in by a device");
    }
    berth_id_random_hex(id);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_KIOSK_INSERT, "ssssi", id, name, fingerprint, account,
                             request->now_us);
    }
    if (error == BERTH_ERR_EXISTS) {
        return berth_request_explain(request, error,
                                     "there is a device \"%s\" or this fingerprint already", name);
    }
    if (error == BERTH_OK) {
        error = berth_audit(tx, &cause, "device.added", id,
                            json_pack("{s:s, s:s, s:s}", "name", name, "user", account,
                                      "fingerprint", fingerprint));
    }
    return error == BERTH_OK ? reply_device(tx, request, id) : error;
}

/* What the device opened ends with it. */
static int
revoke_device(BerthTx *tx, const BerthCause *cause, const char *id)
{
    g_autofree char *account = NULL;
    int error = berth_tx_get_text(tx, &account, BERTH_SQL_KIOSK_ACCOUNT, "s", id);
    return error == BERTH_OK ? berth_revoke_method(tx, cause, account, "device") : error;
}

int
berth_handle_change_device(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    bool is_enabled = berth_body_bool(request->body, "enabled", true);
    int error = is_enabled ? BERTH_OK : revoke_device(tx, &cause, request->id);
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_KIOSK_SET, "sbi", request->id, (int)is_enabled,
                                 request->match_version);
        error = berth_request_match_error(request, error);
    }
    if (error == BERTH_OK) {
        error = berth_audit(tx, &cause, "device.changed", request->id,
                            json_pack("{s:b}", "enabled", (int)is_enabled));
    }
    return error == BERTH_OK ? reply_device(tx, request, request->id) : error;
}

int
berth_handle_remove_device(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    int error = revoke_device(tx, &cause, request->id);
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_KIOSK_DELETE, "s", request->id);
    }
    return error == BERTH_OK ? berth_audit(tx, &cause, "device.removed", request->id, NULL) : error;
}
