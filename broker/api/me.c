/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "broker/broker.h"
#include "broker/steps.h"

#include <string.h>

int
berth_handle_me(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_ACCOUNT_JSON, "s", request->account);
    json_t *roles = rows != NULL
                        ? berth_tx_to_json(tx, &error, BERTH_SQL_MY_ROLES, "s", request->account)
                        : NULL;
    if (roles != NULL) {
        request->reply = json_incref(json_array_get(rows, 0));
        json_object_set_new(request->reply, "roles", roles);
    }
    return error;
}

int
berth_handle_my_sessions(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_MY_SESSIONS, "s", request->account);
    if (rows != NULL) {
        request->reply = json_pack("{s:o}", "sessions", rows);
    }
    return error;
}

void
berth_handle_connect(BerthRequest *request)
{
    berth_request_clear_deadline(request); /* it waits for the desktop, as long as is said there */
    berth_connects_add(request->broker->connects, request);
}

/* Somebody else's session does not exist, as far as this user can see. */
static int
check_owner(BerthTx *tx, const BerthRequest *request)
{
    BerthRows rows;
    bool is_own = false;
    berth_tx_query(tx, &rows, BERTH_SQL_SESSION_STATE, "s", request->id);
    if (berth_rows_next(&rows)) {
        is_own = strcmp(berth_rows_text(&rows, 2), request->account) == 0;
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_own ? BERTH_ERR_NOT_FOUND : error;
}

int
berth_handle_my_disconnect(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = { .now_us = request->now_us, .actor = request->actor };
    int error = check_owner(tx, request);
    return error == BERTH_OK ? berth_session_disconnect(tx, &cause, request->id) : error;
}

int
berth_handle_my_logoff(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = { .now_us = request->now_us, .actor = request->actor };
    int error = check_owner(tx, request);
    return error == BERTH_OK ? berth_session_logoff(tx, &cause, request->id, "logged-off") : error;
}
