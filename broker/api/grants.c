/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/api/page.h"

#include <string.h>

int
berth_handle_list_grants(BerthTx *tx, BerthRequest *request)
{
    BerthPage page;
    int error = berth_page_begin(request, "grants", &page);
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_LIST_GRANTS, BERTH_PAGE_TYPES "ss",
                                    BERTH_PAGE_VALUES(page), berth_page_filter(request, "user"),
                                    berth_page_filter(request, "group"));
    return berth_page_reply(request, &page, error, rows, "id");
}

/* Who gives a role must be an administrator of all that the role will reach. */
static int
check_grant(BerthTx *tx, BerthRequest *request)
{
    const char *scope = berth_body_text(request->body, "scope");
    bool has_user = berth_body_text(request->body, "user") != NULL;
    if (has_user == (berth_body_text(request->body, "group") != NULL)) {
        return berth_request_explain(request, BERTH_ERR_INVALID,
                                     "name either a \"user\" or a \"group\"");
    }
    if (!berth_rights_is_scope(scope)) {
        return berth_request_explain(request, BERTH_ERR_INVALID,
                                     "\"%s\" is no scope: use \"/\", \"/pools\", \"/pools/<id>\", "
                                     "or the same of hosts, images, users or groups",
                                     scope);
    }
    int error = berth_rights_check(tx, request->account, BERTH_PERMIT_GRANT_WRITE, scope);
    if (error == BERTH_ERR_FORBIDDEN) {
        return berth_request_explain(request, error,
                                     "this needs the role \"admin\" on \"%s\" or above it", scope);
    }
    return error;
}

int
berth_handle_add_grant(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    const char *role = berth_body_text(request->body, "role");
    const char *scope = berth_body_text(request->body, "scope");
    char account[BERTH_ID_HEX_CHARS + 1];
    char group[BERTH_ID_HEX_CHARS + 1];
    char id[BERTH_ID_HEX_CHARS + 1];
    int error = check_grant(tx, request);
    if (error == BERTH_OK) {
        error = berth_request_find(tx, request, BERTH_SQL_FIND_ACCOUNT, "user", account);
    }
    if (error == BERTH_OK) {
        error = berth_request_find(tx, request, BERTH_SQL_FIND_GROUP, "group", group);
    }
    if (error != BERTH_OK) {
        return error;
    }
    const char *user_value = account[0] != '\0' ? account : NULL;
    const char *group_value = group[0] != '\0' ? group : NULL;
    berth_id_random_hex(id);
    error = berth_tx_run(tx, BERTH_SQL_GRANT_INSERT, "sssssi", id, user_value, group_value, role,
                         scope, request->now_us);
    if (error == BERTH_ERR_EXISTS) {
        return berth_request_explain(request, error, "the role \"%s\" on \"%s\" is given already",
                                     role, scope);
    }
    if (error == BERTH_OK) {
        error = berth_audit(tx, &cause, "role.granted", id,
                            json_pack("{s:s*, s:s*, s:s, s:s}", "user", user_value, "group",
                                      group_value, "role", role, "scope", scope));
    }
    if (error != BERTH_OK) {
        return error;
    }
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_GRANT_JSON, "s", id);
    request->reply = json_incref(json_array_get(rows, 0));
    return error;
}

/* Somebody must stay who can give roles: the rows are locked, so two cannot go at once. */
static int
check_not_last(BerthTx *tx, BerthRequest *request)
{
    BerthRows rows;
    int n_admins = 0;
    bool is_one = false;
    berth_tx_query(tx, &rows, BERTH_SQL_GRANT_SITE_ADMINS, "");
    while (berth_rows_next(&rows)) {
        n_admins++;
        is_one = is_one || strcmp(berth_rows_text(&rows, 0), request->id) == 0;
    }
    int error = berth_rows_end(&rows);
    if (error == BERTH_OK && is_one && n_admins == 1) {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "this is the last administrator; make another one first");
    }
    return error;
}

int
berth_handle_remove_grant(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    int error = check_not_last(tx, request);
    if (error != BERTH_OK) {
        return error;
    }
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_GRANT_JSON, "s", request->id);
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_GRANT_DELETE, "s", request->id);
    }
    return error == BERTH_OK ? berth_audit(tx, &cause, "role.taken", request->id,
                                           json_incref(json_array_get(rows, 0)))
                             : error;
}
