/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/objects.h"

#include "base/error.h"
#include "broker/api/handlers.h"

#include <stdlib.h>

static json_t *
read_object(BerthTx *tx, BerthRequest *request, BerthStatement statement, const char *kind,
            const char *id, int *ret_error)
{
    json_auto_t *rows = berth_tx_to_json(tx, ret_error, statement, "s", id);
    if (rows == NULL) {
        return NULL;
    }
    if (json_array_size(rows) == 0) {
        *ret_error =
            berth_request_explain(request, BERTH_ERR_NOT_FOUND, "there is no %s \"%s\"", kind, id);
        return NULL;
    }
    return json_incref(json_array_get(rows, 0));
}

int
berth_object_reply(BerthTx *tx, BerthRequest *request, BerthStatement statement, const char *kind,
                   const char *id)
{
    int error = BERTH_OK;
    json_t *object = read_object(tx, request, statement, kind, id, &error);
    if (object != NULL) {
        request->reply = object;
    }
    return error;
}

json_t *
berth_object_merge(BerthTx *tx, BerthRequest *request, BerthStatement statement, const char *kind,
                   int *ret_error)
{
    json_t *object = read_object(tx, request, statement, kind, request->id, ret_error);
    if (object != NULL) {
        json_object_update(object, request->body);
    }
    return object;
}

char *
berth_object_dump(const json_t *json, const char *empty)
{
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    char *copy = g_strdup(text != NULL ? text : empty);
    free(text);
    return copy;
}

static int
explain_exists(BerthRequest *request, const char *kind)
{
    return berth_request_explain(request, BERTH_ERR_EXISTS, "there is a %s \"%s\" already", kind,
                                 berth_body_text(request->body, "name"));
}

int
berth_object_added(BerthTx *tx, BerthRequest *request, int error, const char *kind, const char *id)
{
    BerthCause cause = berth_request_cause(request);
    const char *name = berth_body_text(request->body, "name");
    if (error == BERTH_ERR_EXISTS) {
        return explain_exists(request, kind);
    }
    if (error != BERTH_OK) {
        return error;
    }
    g_autofree char *event = g_strdup_printf("%s.added", kind);
    request->reply = json_pack("{s:s, s:s}", "id", id, "name", name);
    return berth_audit(tx, &cause, event, id, json_deep_copy(request->body));
}

int
berth_object_changed(BerthTx *tx, BerthRequest *request, int error, BerthStatement statement,
                     const char *kind)
{
    BerthCause cause = berth_request_cause(request);
    if (error == BERTH_ERR_EXISTS) {
        return explain_exists(request, kind);
    }
    if (error != BERTH_OK) {
        return berth_request_match_error(request, error);
    }
    g_autofree char *event = g_strdup_printf("%s.changed", kind);
    error = berth_audit(tx, &cause, event, request->id, json_deep_copy(request->body));
    return error == BERTH_OK ? berth_object_reply(tx, request, statement, kind, request->id)
                             : error;
}

int
berth_object_started(BerthRequest *request, int error, const BerthStarted *started, const char *why)
{
    if (error != BERTH_OK) {
        return why != NULL ? berth_request_explain(request, error, "%s", why) : error;
    }
    request->location = g_strconcat("/v1/operations/", started->operation, NULL);
    request->reply = json_pack("{s:s, s:s}", "operation", started->operation, "id", started->id);
    return BERTH_OK;
}
