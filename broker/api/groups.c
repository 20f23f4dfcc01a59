/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Groups of users, made here or by a source.  A source's group has the members that the source
 * says; only local members are added and removed here.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/api/page.h"
#include "broker/broker.h"
#include "broker/membership.h"

#include <string.h>

static int
reply_group(BerthTx *tx, BerthRequest *request, const char *id)
{
    int error = BERTH_OK;
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_GROUP_GET, "s", id);
    if (error == BERTH_OK && json_array_size(rows) == 0) {
        return berth_request_explain(request, BERTH_ERR_NOT_FOUND, "there is no group \"%s\"", id);
    }
    json_decref(request->reply);
    request->reply = json_incref(json_array_get(rows, 0));
    return error;
}

int
berth_handle_list_groups(BerthTx *tx, BerthRequest *request)
{
    BerthPage page;
    int error = berth_page_begin(request, "groups", &page);
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_GROUP_LIST, BERTH_PAGE_TYPES,
                                    BERTH_PAGE_VALUES(page));
    return berth_page_reply(request, &page, error, rows, "name");
}

int
berth_handle_get_group(BerthTx *tx, BerthRequest *request)
{
    return reply_group(tx, request, request->id);
}

int
berth_handle_add_group(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    const char *name = berth_body_text(request->body, "name");
    char id[BERTH_ID_HEX_CHARS + 1];
    berth_id_random_hex(id);
    int error =
        berth_tx_run(tx, BERTH_SQL_GROUP_INSERT, "ssssi", id, name, NULL, "", request->now_us);
    if (error == BERTH_ERR_EXISTS) {
        return berth_request_explain(request, error, "there is a group \"%s\" already", name);
    }
    if (error == BERTH_OK) {
        error = berth_audit(tx, &cause, "group.added", id, json_pack("{s:s}", "name", name));
    }
    return error == BERTH_OK ? reply_group(tx, request, id) : error;
}

int
berth_handle_change_group(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    const char *name = berth_body_text(request->body, "name");
    int error = reply_group(tx, request, request->id);
    if (error != BERTH_OK) {
        return error;
    }
    error = berth_tx_run_one(tx, BERTH_SQL_GROUP_RENAME, "ssi", request->id, name,
                             request->match_version);
    error = berth_request_match_error(request, error);
    if (error == BERTH_ERR_EXISTS) {
        return berth_request_explain(request, error, "there is a group \"%s\" already", name);
    }
    if (error == BERTH_OK) {
        error =
            berth_audit(tx, &cause, "group.changed", request->id, json_pack("{s:s}", "name", name));
    }
    return error == BERTH_OK ? reply_group(tx, request, request->id) : error;
}

int
berth_handle_remove_group(BerthTx *tx, BerthRequest *request)
{
    static const BerthStatement belongings[] = {
        BERTH_SQL_GROUP_CLEAR_MEMBERS,
        BERTH_SQL_GROUP_CLEAR_GRANTS,
        BERTH_SQL_GROUP_CLEAR_ENTITLEMENTS,
        BERTH_SQL_GROUP_CLEAR_POLICY,
        BERTH_SQL_GROUP_DELETE,
    };
    BerthCause cause = berth_request_cause(request);
    int error = reply_group(tx, request, request->id);
    for (size_t i = 0; error == BERTH_OK && i < G_N_ELEMENTS(belongings); i++) {
        error = berth_tx_run(tx, belongings[i], "s", request->id);
    }
    if (error == BERTH_OK) {
        error = berth_audit(tx, &cause, "group.removed", request->id, json_incref(request->reply));
    }
    if (error == BERTH_OK) {
        error = berth_membership_changed(tx, &cause, "");
    }
    json_decref(request->reply);
    request->reply = NULL;
    return error;
}

int
berth_handle_list_members(BerthTx *tx, BerthRequest *request)
{
    BerthPage page;
    int error = berth_request_find_owner(tx, request, BERTH_SQL_FIND_GROUP, "group");
    if (error == BERTH_OK) {
        error = berth_page_begin(request, "members", &page);
    }
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_GROUP_MEMBERS, "ssi", request->id,
                                    page.after, page.n_rows);
    return berth_page_reply(request, &page, error, rows, "name");
}

static int
finish_membership(BerthTx *tx, BerthRequest *request, const char *kind)
{
    BerthCause cause = berth_request_cause(request);
    int error =
        berth_audit(tx, &cause, kind, request->id, json_pack("{s:s}", "user", request->part));
    return error == BERTH_OK ? berth_membership_changed(tx, &cause, request->part) : error;
}

int
berth_handle_add_member(BerthTx *tx, BerthRequest *request)
{
    int error =
        berth_tx_run_one(tx, BERTH_SQL_MEMBER_ADD, "ssi", request->id, request->part, (int64_t)1);
    if (error == BERTH_ERR_NOT_FOUND) {
        return BERTH_OK; /* is one already */
    }
    if (error == BERTH_ERR_STATE) {
        return berth_request_explain(request, BERTH_ERR_NOT_FOUND,
                                     "there is no such group or no user \"%s\"", request->part);
    }
    return error == BERTH_OK ? finish_membership(tx, request, "group.joined") : error;
}

int
berth_handle_remove_member(BerthTx *tx, BerthRequest *request)
{
    int error = berth_tx_run_one(tx, BERTH_SQL_MEMBER_REMOVE, "ssi", request->id, request->part,
                                 (int64_t)1);
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, error,
                                     "\"%s\" is no local member; members of a directory's group "
                                     "change in the directory",
                                     request->part);
    }
    return error == BERTH_OK ? finish_membership(tx, request, "group.left") : error;
}
