/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/api/objects.h"

#include <string.h>

/* Youngest versions that are kept if nobody says how many. */
#define KEEP_VERSIONS 3

static int
check_manifest(BerthRequest *request, const char *manifest)
{
    return strlen(manifest) <= BERTH_LIMIT_MANIFEST_BYTES
               ? BERTH_OK
               : berth_request_explain(request, BERTH_ERR_TOO_LARGE,
                                       "\"manifest\" has %zu bytes, at most %u are allowed",
                                       strlen(manifest), BERTH_LIMIT_MANIFEST_BYTES);
}

static int
write_image(BerthTx *tx, const char *id, int64_t version, const json_t *image, const char *manifest)
{
    const char *description = berth_body_text(image, "description");
    return berth_tx_run_one(tx, BERTH_SQL_IMAGE_SET, "sisssi", id, version,
                            berth_body_text(image, "name"), manifest,
                            description != NULL ? description : "",
                            berth_body_int(image, "keep_versions", KEEP_VERSIONS));
}

int
berth_handle_add_image(BerthTx *tx, BerthRequest *request)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *manifest = berth_object_dump(berth_body_json(request->body, "manifest"), "{}");
    int error = check_manifest(request, manifest);
    if (error != BERTH_OK) {
        return error;
    }
    berth_id_random_hex(id);
    error = berth_tx_run(tx, BERTH_SQL_IMAGE_INSERT, "sssi", id,
                         berth_body_text(request->body, "name"), manifest, request->now_us);
    if (error == BERTH_OK) {
        error = write_image(tx, id, 0, request->body, manifest);
    }
    return berth_object_added(tx, request, error, "image", id);
}

int
berth_handle_get_image(BerthTx *tx, BerthRequest *request)
{
    return berth_object_reply(tx, request, BERTH_SQL_IMAGE_JSON, "image", request->id);
}

/* Machines run what the manifest said when they were made: it does not change under them. */
static int
check_unused(BerthTx *tx, BerthRequest *request, const char *what)
{
    int64_t n_machines = 0;
    int error = berth_tx_get_int(tx, &n_machines, BERTH_SQL_IMAGE_MACHINES, "s", request->id);
    if (error == BERTH_OK && n_machines > 0) {
        return berth_request_explain(request, BERTH_ERR_STATE, "%d machines run this image; %s",
                                     (int)n_machines, what);
    }
    return error;
}

int
berth_handle_change_image(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    json_auto_t *image = berth_object_merge(tx, request, BERTH_SQL_IMAGE_JSON, "image", &error);
    if (image == NULL) {
        return error;
    }
    g_autofree char *manifest = berth_object_dump(berth_body_json(image, "manifest"), "{}");
    error = check_manifest(request, manifest);
    if (error == BERTH_OK && berth_body_json(request->body, "manifest") != NULL) {
        error = check_unused(tx, request, "add another image for a new manifest");
    }
    if (error != BERTH_OK) {
        return error;
    }
    error = write_image(tx, request->id, request->match_version, image, manifest);
    return berth_object_changed(tx, request, error, BERTH_SQL_IMAGE_JSON, "image");
}

static int
check_versions_gone(BerthTx *tx, BerthRequest *request)
{
    int64_t n = 0;
    int error = berth_tx_get_int(tx, &n, BERTH_SQL_IMAGE_LIVE_VERSIONS, "s", request->id);
    return error == BERTH_OK && n > 0
               ? berth_request_explain(request, BERTH_ERR_STATE,
                                       "the image has %d versions: delete them first, and wait "
                                       "until their files have left the hosts",
                                       (int)n)
               : error;
}

/* What happened with the image before names it no more. */
static int
let_go(BerthTx *tx, const char *image)
{
    static const BerthStatement statements[] = {
        BERTH_SQL_IMAGE_LET_GO,        BERTH_SQL_IMAGE_LET_GO_POOLS, BERTH_SQL_IMAGE_DROP_SAMPLES,
        BERTH_SQL_IMAGE_DROP_ROLLOUTS, BERTH_SQL_IMAGE_DROP_POINTS,  BERTH_SQL_IMAGE_DROP_PARENTS,
        BERTH_SQL_IMAGE_DROP_VERSIONS,
    };
    int error = BERTH_OK;
    for (size_t i = 0; i < G_N_ELEMENTS(statements) && error == BERTH_OK; i++) {
        error = berth_tx_run(tx, statements[i], "s", image);
    }
    return error;
}

int
berth_handle_remove_image(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    g_autofree char *pool = NULL;
    int error = berth_tx_get_text(tx, &pool, BERTH_SQL_IMAGE_USERS, "s", request->id);
    if (error == BERTH_OK) {
        return berth_request_explain(request, BERTH_ERR_STATE, "pool \"%s\" uses this image", pool);
    }
    error = error == BERTH_ERR_NOT_FOUND ? check_unused(tx, request, "wait until they are gone")
                                         : error;
    if (error == BERTH_OK) {
        error = check_versions_gone(tx, request);
    }
    if (error == BERTH_OK) {
        error = let_go(tx, request->id);
    }
    if (error == BERTH_OK) {
        error =
            berth_tx_run_one(tx, BERTH_SQL_IMAGE_DELETE, "si", request->id, request->match_version);
    }
    error = berth_request_match_error(request, error);
    return error == BERTH_OK ? berth_audit(tx, &cause, "image.removed", request->id, NULL) : error;
}
