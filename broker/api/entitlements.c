/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/api/page.h"
#include "broker/steps.h"

#include <string.h>

typedef struct {
    char account[BERTH_ID_HEX_CHARS + 1];
    char group[BERTH_ID_HEX_CHARS + 1];
    char pool[BERTH_ID_HEX_CHARS + 1];
    char schedule[BERTH_ID_HEX_CHARS + 1];
} Entitlement;

int
berth_handle_list_entitlements(BerthTx *tx, BerthRequest *request)
{
    BerthPage page;
    int error = berth_page_begin(request, "entitlements", &page);
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows =
        berth_tx_to_json(tx, &error, BERTH_SQL_LIST_ENTITLEMENTS, BERTH_PAGE_TYPES "sss",
                         BERTH_PAGE_VALUES(page), berth_page_filter(request, "pool"),
                         berth_page_filter(request, "user"), berth_page_filter(request, "group"));
    return berth_page_reply(request, &page, error, rows, "id");
}

static const char *
or_null(const char *id)
{
    return id[0] != '\0' ? id : NULL;
}

static int
insert(BerthTx *tx, BerthRequest *request, const Entitlement *what, char ret_id[])
{
    BerthCause cause = berth_request_cause(request);
    berth_id_random_hex(ret_id);
    int error = berth_tx_run_one(tx, BERTH_SQL_ENTITLEMENT_INSERT, "sssssi", ret_id,
                                 or_null(what->account), or_null(what->group), what->pool,
                                 or_null(what->schedule), request->now_us);
    if (error == BERTH_ERR_NOT_FOUND) {
        return BERTH_ERR_EXISTS;
    }
    return error == BERTH_OK
               ? berth_audit(tx, &cause, "pool.entitled", what->pool,
                             json_pack("{s:s, s:s*, s:s*, s:s*}", "entitlement", ret_id, "user",
                                       or_null(what->account), "group", or_null(what->group),
                                       "schedule", or_null(what->schedule)))
               : error;
}

static int
find_all(BerthTx *tx, BerthRequest *request, Entitlement *ret)
{
    int error = berth_request_find(tx, request, BERTH_SQL_FIND_POOL, "pool", ret->pool);
    if (error == BERTH_OK) {
        error = berth_request_find(tx, request, BERTH_SQL_FIND_ACCOUNT, "user", ret->account);
    }
    if (error == BERTH_OK) {
        error = berth_request_find(tx, request, BERTH_SQL_FIND_GROUP, "group", ret->group);
    }
    if (error == BERTH_OK) {
        error = berth_request_find(tx, request, BERTH_SQL_FIND_SCHEDULE, "schedule", ret->schedule);
    }
    return error;
}

/* A pool that one may not see does not exist. */
static int
check_pool(BerthTx *tx, BerthRequest *request, const char *pool)
{
    g_autofree char *path = g_strconcat("/pools/", pool, NULL);
    int error = berth_rights_check(tx, request->account, BERTH_PERMIT_ENTITLEMENT_WRITE, path);
    if (error == BERTH_ERR_FORBIDDEN) {
        return berth_request_explain(
            request, error, "this needs the permission \"entitlement-write\" on \"%s\"", path);
    }
    return error;
}

int
berth_handle_add_entitlement(BerthTx *tx, BerthRequest *request)
{
    Entitlement what = { 0 };
    char id[BERTH_ID_HEX_CHARS + 1];
    bool has_user = berth_body_text(request->body, "user") != NULL;
    if (has_user == (berth_body_text(request->body, "group") != NULL)) {
        return berth_request_explain(request, BERTH_ERR_INVALID,
                                     "name either a \"user\" or a \"group\"");
    }
    int error = find_all(tx, request, &what);
    if (error == BERTH_OK) {
        error = check_pool(tx, request, what.pool);
    }
    if (error == BERTH_OK) {
        error = insert(tx, request, &what, id);
    }
    if (error == BERTH_ERR_EXISTS) {
        return berth_request_explain(request, error,
                                     "\"%s\" may have desktops of this pool already; remove that "
                                     "entitlement first to change its schedule",
                                     berth_body_text(request->body, has_user ? "user" : "group"));
    }
    if (error != BERTH_OK) {
        return error;
    }
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_ENTITLEMENT_JSON, "s", id);
    request->reply = json_incref(json_array_get(rows, 0));
    return error;
}

int
berth_handle_remove_entitlement(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    int error = BERTH_OK;
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_ENTITLEMENT_JSON, "s", request->id);
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_ENTITLEMENT_DELETE, "s", request->id);
    }
    if (error != BERTH_OK) {
        return error;
    }
    const json_t *row = json_array_get(rows, 0);
    /* Who has no other entitlement to the pool is disconnected. */
    error = berth_session_revoke_unentitled(
        tx, &cause, json_string_value(json_object_get(row, "pool_id")), "", "revoked");
    if (error != BERTH_OK) {
        return error;
    }
    return berth_audit(
        tx, &cause, "pool.disentitled", json_string_value(json_object_get(row, "pool_id")),
        json_pack("{s:s, s:O, s:O}", "entitlement", request->id, "user",
                  json_object_get(row, "user"), "group", json_object_get(row, "group")));
}
