/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "broker/fsck.h"

static int
reply_rows(BerthTx *tx, BerthRequest *request, BerthStatement statement, const char *name)
{
    int error = BERTH_OK;
    json_t *rows = berth_tx_to_json(tx, &error, statement, "");
    if (rows != NULL) {
        request->reply = json_pack("{s:o}", name, rows);
    }
    return error;
}

int
berth_handle_status(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_STATUS, "");
    if (rows != NULL) {
        json_t *status = json_incref(json_array_get(rows, 0));
        json_object_set_new(status, "version", json_string(BERTH_VERSION));
        request->reply = json_pack("{s:o}", "status", status);
    }
    return error;
}

int
berth_handle_list_pools(BerthTx *tx, BerthRequest *request)
{
    return reply_rows(tx, request, BERTH_SQL_LIST_POOLS, "pools");
}

int
berth_handle_list_machines(BerthTx *tx, BerthRequest *request)
{
    return reply_rows(tx, request, BERTH_SQL_LIST_MACHINES, "machines");
}

int
berth_handle_list_sessions(BerthTx *tx, BerthRequest *request)
{
    return reply_rows(tx, request, BERTH_SQL_LIST_SESSIONS, "sessions");
}

int
berth_handle_list_hosts(BerthTx *tx, BerthRequest *request)
{
    return reply_rows(tx, request, BERTH_SQL_LIST_HOSTS, "hosts");
}

int
berth_handle_list_users(BerthTx *tx, BerthRequest *request)
{
    return reply_rows(tx, request, BERTH_SQL_LIST_USERS, "users");
}

int
berth_handle_list_images(BerthTx *tx, BerthRequest *request)
{
    return reply_rows(tx, request, BERTH_SQL_LIST_IMAGES, "images");
}

int
berth_handle_list_audit(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_EVENT_LIST, "i",
                                    berth_body_int(request->query, "limit", 100));
    if (rows != NULL) {
        request->reply = json_pack("{s:o}", "audit", rows);
    }
    return error;
}

int
berth_handle_fsck(BerthTx *tx, BerthRequest *request)
{
    json_t *checks = NULL;
    int64_t n_breaches = 0;
    int error = berth_fsck(tx, &checks, &n_breaches);
    if (error == BERTH_OK) {
        request->reply =
            json_pack("{s:I, s:o}", "breaches", (json_int_t)n_breaches, "fsck", checks);
    }
    return error;
}
