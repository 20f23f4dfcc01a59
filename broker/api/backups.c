/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Restore points and backups of dedicated desktops, and other disks for them.
 */
#include "broker/restore-points.h"

#include "base/error.h"
#include "broker/api/handlers.h"
#include "broker/api/objects.h"
#include "broker/api/page.h"

#include <string.h>

static const char *
text_or(const BerthRequest *request, const char *key, const char *otherwise)
{
    const char *text = berth_body_text(request->body, key);
    return text != NULL ? text : otherwise;
}

/* ---- machines ---- */

int
berth_handle_snapshot_machine(BerthTx *tx, BerthRequest *request)
{
    BerthStarted started = { 0 };
    BerthCause cause = berth_request_cause(request);
    g_autofree char *why = NULL;
    int error =
        berth_restore_point_take(tx, &cause, request->id, text_or(request, "freeze", "auto"),
                                 berth_body_int(request->body, "keep_days", BERTH_POINT_KEEP_DAYS),
                                 text_or(request, "note", ""), request->account, &started, &why);
    return berth_object_started(request, error, &started, why);
}

int
berth_handle_restore_machine(BerthTx *tx, BerthRequest *request)
{
    BerthStarted started = { 0 };
    BerthCause cause = berth_request_cause(request);
    g_autofree char *why = NULL;
    int error = berth_restore_point_restore(tx, &cause, request->id,
                                            berth_body_text(request->body, "restore_point"),
                                            request->account, &started, &why);
    return berth_object_started(request, error, &started, why);
}

static int
rebase(BerthTx *tx, BerthRequest *request, const char *version)
{
    BerthStarted started = { 0 };
    BerthCause cause = berth_request_cause(request);
    g_autofree char *why = NULL;
    if (!berth_body_bool(request->body, "force", false)) {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "what its user wrote to the desktop is gone then; take a "
                                     "snapshot first, and say \"force\"");
    }
    int error =
        berth_machine_rebase(tx, &cause, request->id, version, request->account, &started, &why);
    return berth_object_started(request, error, &started, why);
}

int
berth_handle_refresh_machine(BerthTx *tx, BerthRequest *request)
{
    return rebase(tx, request, "");
}

/* The version that the body names, or the one that the machine's pool has now. */
static int
find_version(BerthTx *tx, BerthRequest *request, char **ret_version)
{
    const char *wanted = text_or(request, "version", "");
    int error =
        berth_tx_get_text(tx, ret_version, BERTH_SQL_REBASE_VERSION, "ss", request->id, wanted);
    if (error == BERTH_ERR_NOT_FOUND && wanted[0] != '\0') {
        return berth_request_explain(request, error,
                                     "the image of the machine's pool has no available version "
                                     "\"%s\"",
                                     wanted);
    }
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "the image of the machine's pool has no versions; refresh "
                                     "the machine instead");
    }
    return error;
}

int
berth_handle_rebase_machine(BerthTx *tx, BerthRequest *request)
{
    g_autofree char *version = NULL;
    int error = find_version(tx, request, &version);
    return error == BERTH_OK ? rebase(tx, request, version) : error;
}

/* ---- restore points ---- */

static int
list_points(BerthTx *tx, BerthRequest *request, const char *name, bool is_backup)
{
    BerthPage page;
    int error = berth_page_begin(request, name, &page);
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_LIST_POINTS, BERTH_PAGE_TYPES "ssb",
                                    BERTH_PAGE_VALUES(page), berth_page_filter(request, "machine"),
                                    berth_page_filter(request, "pool"), (int)is_backup);
    return berth_page_reply(request, &page, error, rows, "id");
}

int
berth_handle_list_restore_points(BerthTx *tx, BerthRequest *request)
{
    return list_points(tx, request, "restore_points", false);
}

int
berth_handle_list_backups(BerthTx *tx, BerthRequest *request)
{
    return list_points(tx, request, "backups", true);
}

int
berth_handle_get_restore_point(BerthTx *tx, BerthRequest *request)
{
    return berth_object_reply(tx, request, BERTH_SQL_POINT_JSON, "restore point", request->id);
}

int
berth_handle_remove_restore_point(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    g_autofree char *why = NULL;
    int error = berth_restore_point_remove(tx, &cause, request->id, &why);
    return error != BERTH_OK && why != NULL ? berth_request_explain(request, error, "%s", why)
                                            : error;
}

int
berth_handle_export_restore_point(BerthTx *tx, BerthRequest *request)
{
    BerthStarted started = { 0 };
    BerthCause cause = berth_request_cause(request);
    g_autofree char *why = NULL;
    int error = berth_backup_export(tx, &cause, request->id, berth_body_text(request->body, "name"),
                                    request->account, &started, &why);
    return berth_object_started(request, error, &started, why);
}

/* ---- new machines ---- */

/* Giving somebody a desktop with another one's data is for who may change the pool. */
static int
find_new(BerthTx *tx, BerthRequest *request, char pool[BERTH_ID_HEX_CHARS + 1],
         char user[BERTH_ID_HEX_CHARS + 1])
{
    int error = berth_request_find(tx, request, BERTH_SQL_FIND_POOL, "pool", pool);
    if (error == BERTH_OK) {
        error = berth_request_find(tx, request, BERTH_SQL_FIND_ACCOUNT, "user", user);
    }
    if (error != BERTH_OK) {
        return error;
    }
    g_autofree char *path = g_strconcat("/pools/", pool, NULL);
    error = berth_rights_check(tx, request->account, BERTH_PERMIT_POOL_WRITE, path);
    return error == BERTH_ERR_FORBIDDEN
               ? berth_request_explain(request, error,
                                       "this needs the permission \"pool-write\" on \"%s\"", path)
               : error;
}

int
berth_handle_restore_as_new(BerthTx *tx, BerthRequest *request)
{
    char pool[BERTH_ID_HEX_CHARS + 1];
    char user[BERTH_ID_HEX_CHARS + 1];
    BerthStarted started = { 0 };
    BerthCause cause = berth_request_cause(request);
    g_autofree char *why = NULL;
    int error = find_new(tx, request, pool, user);
    if (error != BERTH_OK) {
        return error;
    }
    BerthNewDesktop wanted = { .pool = pool, .user = user, .point = request->id };
    error = berth_restore_to_new(tx, &cause, &wanted, request->account, &started, &why);
    return berth_object_started(request, error, &started, why);
}

int
berth_handle_import_backup(BerthTx *tx, BerthRequest *request)
{
    char pool[BERTH_ID_HEX_CHARS + 1];
    char user[BERTH_ID_HEX_CHARS + 1];
    char host[BERTH_ID_HEX_CHARS + 1];
    BerthStarted started = { 0 };
    BerthCause cause = berth_request_cause(request);
    g_autofree char *why = NULL;
    int error = find_new(tx, request, pool, user);
    if (error == BERTH_OK) {
        error = berth_request_find(tx, request, BERTH_SQL_FIND_HOST, "host", host);
    }
    if (error != BERTH_OK) {
        return error;
    }
    BerthNewDesktop wanted = {
        .pool = pool, .user = user, .host = host, .name = berth_body_text(request->body, "name")
    };
    error = berth_restore_to_new(tx, &cause, &wanted, request->account, &started, &why);
    return berth_object_started(request, error, &started, why);
}

int
berth_handle_scan_backups(BerthTx *tx, BerthRequest *request)
{
    BerthStarted started = { 0 };
    BerthCause cause = berth_request_cause(request);
    int error = berth_request_find_owner(tx, request, BERTH_SQL_HOST_JSON, "host");
    if (error == BERTH_OK) {
        error = berth_backup_scan(tx, &cause, request->id, request->account, &started);
    }
    return berth_object_started(request, error, &started, NULL);
}
