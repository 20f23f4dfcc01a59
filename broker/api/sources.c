/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where people are known besides the local accounts.  Settings are checked before they are kept;
 * secrets stand in files that they name.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/auth/directory.h"
#include "broker/auth/provider.h"
#include "broker/broker.h"
#include "broker/revoke.h"

#include <string.h>

static int
check_settings(BerthRequest *request, const char *kind, const json_t *settings)
{
    g_autoptr(GError) why = NULL;
    if (strcmp(kind, "ldap") == 0) {
        g_autoptr(BerthDirectory) directory = berth_directory_new(settings, &why);
    } else if (strcmp(kind, "oidc") == 0) {
        g_autoptr(BerthProvider) provider = berth_provider_new(settings, &why);
    } else if (json_object_size(settings) > 0) {
        berth_set_error(&why, BERTH_ERR_INVALID, "a source of the kind pam has no settings");
    }
    return why == NULL ? BERTH_OK : berth_request_explain(request, why->code, "%s", why->message);
}

static int
reply_source(BerthTx *tx, BerthRequest *request, const char *id)
{
    int error = BERTH_OK;
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_SOURCE_GET, "s", id);
    if (error == BERTH_OK && json_array_size(rows) == 0) {
        return berth_request_explain(request, BERTH_ERR_NOT_FOUND, "there is no source \"%s\"", id);
    }
    json_decref(request->reply);
    request->reply = json_incref(json_array_get(rows, 0));
    return error;
}

static int
reply_list(BerthTx *tx, BerthRequest *request, BerthStatement statement)
{
    int error = BERTH_OK;
    json_t *rows = berth_tx_to_json(tx, &error, statement, "");
    json_decref(request->reply);
    request->reply = json_pack("{s:o*}", "sources", rows);
    return error;
}

/* For the login page: names and kinds, without a login. */
int
berth_handle_open_sources(BerthTx *tx, BerthRequest *request)
{
    return reply_list(tx, request, BERTH_SQL_SOURCE_LIST_OPEN);
}

int
berth_handle_list_sources(BerthTx *tx, BerthRequest *request)
{
    return reply_list(tx, request, BERTH_SQL_SOURCE_LIST);
}

int
berth_handle_get_source(BerthTx *tx, BerthRequest *request)
{
    return reply_source(tx, request, request->id);
}

int
berth_handle_add_source(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    const char *name = berth_body_text(request->body, "name");
    const char *kind = berth_body_text(request->body, "kind");
    const json_t *settings = berth_body_json(request->body, "settings");
    char id[BERTH_ID_HEX_CHARS + 1];
    int error = check_settings(request, kind, settings);
    if (error != BERTH_OK) {
        return error;
    }
    char *text = settings != NULL ? json_dumps(settings, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    berth_id_random_hex(id);
    error = berth_tx_run(tx, BERTH_SQL_SOURCE_INSERT, "ssssii", id, name, kind,
                         text != NULL ? text : "{}", berth_body_int(request->body, "priority", 100),
                         request->now_us);
    free(text);
    if (error == BERTH_ERR_EXISTS) {
        return berth_request_explain(request, error, "there is a source \"%s\" already", name);
    }
    if (error == BERTH_OK) {
        error = berth_audit(
            tx, &cause, "source.added", id,
            json_pack("{s:s, s:s, s:O*}", "name", name, "kind", kind, "settings", settings));
    }
    return error == BERTH_OK ? reply_source(tx, request, id) : error;
}

/* Users of a source that may log in no longer lose what they have open. */
static int
revoke_all(BerthTx *tx, const BerthCause *cause, const char *source, int64_t *ret_n)
{
    BerthRows rows;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    berth_tx_query(tx, &rows, BERTH_SQL_SOURCE_ACCOUNTS, "s", source);
    while (berth_rows_next(&rows)) {
        g_ptr_array_add(ids, g_strdup(berth_rows_text(&rows, 0)));
    }
    int error = berth_rows_end(&rows);
    *ret_n = ids->len;
    for (guint i = 0; error == BERTH_OK && i < ids->len; i++) {
        error = berth_revoke_account(tx, cause, g_ptr_array_index(ids, i));
    }
    return error;
}

typedef struct {
    char *kind;
    char *settings;
    int64_t priority;
    bool is_enabled;
    int64_t version;
} Source;

static int
lock_source(BerthTx *tx, BerthRequest *request, Source *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_SOURCE_LOCK, "s", request->id);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        *ret = (Source){ .kind = g_strdup(berth_rows_text(&rows, 1)),
                         .settings = g_strdup(berth_rows_text(&rows, 2)),
                         .priority = berth_rows_int(&rows, 3),
                         .is_enabled = berth_rows_int(&rows, 4) != 0,
                         .version = berth_rows_int(&rows, 5) };
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there
               ? berth_request_explain(request, BERTH_ERR_NOT_FOUND, "there is no source \"%s\"",
                                       request->id)
               : error;
}

static int
write_source(BerthTx *tx, BerthRequest *request, const Source *old)
{
    BerthCause cause = berth_request_cause(request);
    const json_t *settings = berth_body_json(request->body, "settings");
    bool is_enabled = berth_body_bool(request->body, "enabled", old->is_enabled);
    int64_t n = 0;
    int error = settings != NULL ? check_settings(request, old->kind, settings) : BERTH_OK;
    if (error != BERTH_OK) {
        return error;
    }
    char *text = settings != NULL ? json_dumps(settings, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    error = berth_tx_run_one(
        tx, BERTH_SQL_SOURCE_UPDATE, "ssibi", request->id, text != NULL ? text : old->settings,
        berth_body_int(request->body, "priority", old->priority), (int)is_enabled,
        request->match_version > 0 ? request->match_version : old->version);
    error = berth_request_match_error(request, error);
    free(text);
    if (error == BERTH_OK && old->is_enabled && !is_enabled) {
        error = revoke_all(tx, &cause, request->id, &n);
    }
    return error == BERTH_OK ? berth_audit(tx, &cause, "source.changed", request->id,
                                           json_pack("{s:b, s:O*}", "enabled", (int)is_enabled,
                                                     "settings", settings))
                             : error;
}

int
berth_handle_change_source(BerthTx *tx, BerthRequest *request)
{
    Source old = { 0 };
    int error = lock_source(tx, request, &old);
    if (error == BERTH_OK) {
        error = write_source(tx, request, &old);
    }
    g_free(old.kind);
    g_free(old.settings);
    return error == BERTH_OK ? reply_source(tx, request, request->id) : error;
}

int
berth_handle_remove_source(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    int error = berth_tx_run_one(tx, BERTH_SQL_SOURCE_DELETE, "s", request->id);
    if (error == BERTH_ERR_STATE) {
        return berth_request_explain(request, error,
                                     "there are users and groups of this source; disable it "
                                     "instead");
    }
    return error == BERTH_OK ? berth_audit(tx, &cause, "source.removed", request->id, NULL) : error;
}
