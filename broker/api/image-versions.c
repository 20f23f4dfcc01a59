/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Versions of images: listed, shown, drafted, retired, let go.
 */
#include "broker/image-versions.h"

#include "base/error.h"
#include "broker/api/handlers.h"
#include "broker/api/objects.h"
#include "broker/steps-catalog.h"
#include "broker/version-gc.h"

#include <string.h>

/* Versions of one image in one answer, the youngest first. */
#define MAX_ROWS 1000

int
berth_request_find_version(BerthTx *tx, BerthRequest *request, const char *image,
                           const char *wanted, char ret_id[BERTH_ID_HEX_CHARS + 1])
{
    g_autofree char *id = NULL;
    int error = berth_tx_get_text(tx, &id, BERTH_SQL_FIND_VERSION, "ss", image, wanted);
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, error, "this image has no version \"%s\"", wanted);
    }
    if (error == BERTH_OK) {
        g_strlcpy(ret_id, id, BERTH_ID_HEX_CHARS + 1);
    }
    return error;
}

int
berth_handle_list_versions(BerthTx *tx, BerthRequest *request)
{
    int error = berth_request_find_owner(tx, request, BERTH_SQL_IMAGE_JSON, "image");
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows =
        berth_tx_to_json(tx, &error, BERTH_SQL_LIST_VERSIONS, "si", request->id, (int64_t)MAX_ROWS);
    if (rows != NULL) {
        request->reply = json_pack("{s:o}", "versions", rows);
    }
    return error;
}

int
berth_handle_add_version(BerthTx *tx, BerthRequest *request)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    char parent[BERTH_ID_HEX_CHARS + 1];
    BerthCause cause = berth_request_cause(request);
    const char *changelog = berth_body_text(request->body, "changelog");
    const char *wanted = berth_body_text(request->body, "parent");
    BerthVersionNew version = { .image = request->id,
                                .changelog = changelog != NULL ? changelog : "" };
    if (wanted != NULL) {
        int error = berth_request_find_version(tx, request, request->id, wanted, parent);
        if (error != BERTH_OK) {
            return error;
        }
        version.parent = parent;
    }
    int64_t number = 0;
    int error = berth_version_create(tx, &cause, &version, id, &number);
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, error, "there is no such image");
    }
    if (error == BERTH_OK) {
        request->reply = json_pack("{s:s, s:I}", "id", id, "number", (json_int_t)number);
    }
    return error;
}

static int
add_rows(BerthTx *tx, BerthRequest *request, const char *key, BerthStatement statement)
{
    int error = BERTH_OK;
    json_t *rows = berth_tx_to_json(tx, &error, statement, "s", request->id);
    if (rows != NULL) {
        json_object_set_new(request->reply, key, rows);
    }
    return error;
}

int
berth_handle_get_version(BerthTx *tx, BerthRequest *request)
{
    int error = berth_object_reply(tx, request, BERTH_SQL_VERSION_JSON, "version", request->id);
    if (error == BERTH_OK) {
        error = add_rows(tx, request, "replicas", BERTH_SQL_VERSION_REPLICAS);
    }
    if (error == BERTH_OK) {
        error = add_rows(tx, request, "templates", BERTH_SQL_VERSION_TEMPLATES);
    }
    return error == BERTH_OK ? add_rows(tx, request, "tags", BERTH_SQL_VERSION_TAGS) : error;
}

int
berth_handle_change_version(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    int error = berth_tx_run_one(tx, BERTH_SQL_VERSION_SET_CHANGELOG, "ss", request->id,
                                 berth_body_text(request->body, "changelog"));
    if (error == BERTH_OK) {
        error = berth_audit(tx, &cause, "image-version.changed", request->id,
                            json_incref(request->body));
    }
    return error == BERTH_OK ? berth_handle_get_version(tx, request) : error;
}

/* What uses it, or its state, is what an administrator must know. */
static int
explain_refusal(BerthTx *tx, BerthRequest *request, int error, const char *what)
{
    int ignored = BERTH_OK;
    g_autofree char *state = NULL;
    if (error == BERTH_ERR_BUSY) {
        g_autofree char *use = berth_version_use(tx, request->id, &ignored);
        return berth_request_explain(request, BERTH_ERR_STATE, "the version stays: %s",
                                     use != NULL ? use : "it is used");
    }
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, error, "there is no such version");
    }
    if (error == BERTH_ERR_STATE &&
        berth_tx_get_text(tx, &state, BERTH_SQL_IMAGE_VERSION_LOCK, "s", request->id) == BERTH_OK) {
        return berth_request_explain(request, error, "the version is %s and cannot be %s", state,
                                     what);
    }
    return error;
}

int
berth_handle_remove_version(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    return explain_refusal(tx, request, berth_version_delete(tx, &cause, request->id), "deleted");
}

/* Machines may still run a retired version, but nothing new is to be made of it. */
static int
check_retire(BerthTx *tx, BerthRequest *request)
{
    BerthRows rows;
    g_autofree char *tag = NULL;
    berth_tx_query(tx, &rows, BERTH_SQL_VERSION_TAGS, "s", request->id);
    if (berth_rows_next(&rows)) {
        tag = g_strdup(berth_rows_text(&rows, 0));
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && tag != NULL
               ? berth_request_explain(request, BERTH_ERR_STATE,
                                       "the version has the tag \"%s\": publish another one first",
                                       tag)
               : error;
}

int
berth_handle_retire_version(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    int error = check_retire(tx, request);
    if (error != BERTH_OK) {
        return error;
    }
    error = berth_image_version_step(tx, &cause, request->id, BERTH_IMAGE_VERSION_EVENT_RETIRE, "");
    return explain_refusal(tx, request, error, "retired");
}

int
berth_handle_revive_version(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    int error =
        berth_image_version_step(tx, &cause, request->id, BERTH_IMAGE_VERSION_EVENT_REVIVE, "");
    return explain_refusal(tx, request, error, "revived");
}

/* The same by image and number: what people type. */
static int
by_number(BerthTx *tx, BerthRequest *request, int (*handle)(BerthTx *tx, BerthRequest *request))
{
    char id[BERTH_ID_HEX_CHARS + 1];
    int error = berth_request_find_version(tx, request, request->id, request->part, id);
    if (error != BERTH_OK) {
        return error;
    }
    g_strlcpy(request->id, id, sizeof request->id);
    return handle(tx, request);
}

int
berth_handle_get_version_of_image(BerthTx *tx, BerthRequest *request)
{
    return by_number(tx, request, berth_handle_get_version);
}

int
berth_handle_remove_version_of_image(BerthTx *tx, BerthRequest *request)
{
    return by_number(tx, request, berth_handle_remove_version);
}

int
berth_handle_retire_version_of_image(BerthTx *tx, BerthRequest *request)
{
    return by_number(tx, request, berth_handle_retire_version);
}

int
berth_handle_revive_version_of_image(BerthTx *tx, BerthRequest *request)
{
    return by_number(tx, request, berth_handle_revive_version);
}

int
berth_handle_image_gc(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    char image[BERTH_ID_HEX_CHARS + 1] = "";
    BerthCause cause = berth_request_cause(request);
    bool is_dry = berth_body_bool(request->body, "dry_run", false);
    if (berth_body_text(request->body, "image") != NULL) {
        error = berth_request_find(tx, request, BERTH_SQL_IMAGE_BY_NAME, "image", image);
    }
    if (error != BERTH_OK) {
        return error;
    }
    json_t *plan = berth_versions_plan_gc(tx, image, request->now_us, &error);
    if (plan == NULL) {
        return error;
    }
    json_object_set_new(plan, "dry_run", json_boolean(is_dry));
    request->reply = plan;
    return is_dry ? BERTH_OK : berth_versions_gc(tx, &cause, plan);
}
