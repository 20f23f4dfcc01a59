/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tags of images: names that pools go by.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "broker/image-versions.h"

#include <string.h>

int
berth_handle_list_tags(BerthTx *tx, BerthRequest *request)
{
    int error = berth_request_find_owner(tx, request, BERTH_SQL_IMAGE_JSON, "image");
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_LIST_TAGS, "s", request->id);
    if (rows != NULL) {
        request->reply = json_pack("{s:o}", "tags", rows);
    }
    return error;
}

int
berth_handle_set_tag(BerthTx *tx, BerthRequest *request)
{
    char version[BERTH_ID_HEX_CHARS + 1];
    BerthCause cause = berth_request_cause(request);
    if (strlen(request->part) > BERTH_LIMIT_TAG_CHARS) {
        return berth_request_explain(request, BERTH_ERR_TOO_LARGE,
                                     "a tag has at most %d characters", BERTH_LIMIT_TAG_CHARS);
    }
    int error = berth_request_find_version(tx, request, request->id,
                                           berth_body_text(request->body, "version"), version);
    if (error == BERTH_OK) {
        error = berth_image_tag_set(tx, &cause, request->id, request->part, version);
    }
    return error == BERTH_ERR_STATE
               ? berth_request_explain(request, error,
                                       "only a version that is available can have a tag")
               : error;
}

int
berth_handle_remove_tag(BerthTx *tx, BerthRequest *request)
{
    g_autofree char *pool = NULL;
    BerthCause cause = berth_request_cause(request);
    int error = berth_tx_get_text(tx, &pool, BERTH_SQL_TAG_POOLS, "ss", request->id, request->part);
    if (error == BERTH_OK) {
        return berth_request_explain(request, BERTH_ERR_STATE, "pool \"%s\" goes by this tag",
                                     pool);
    }
    if (error == BERTH_ERR_NOT_FOUND) {
        error = berth_tx_run_one(tx, BERTH_SQL_TAG_DELETE, "ss", request->id, request->part);
    }
    return error == BERTH_OK ? berth_audit(tx, &cause, "image.untagged", request->id,
                                           json_pack("{s:s}", "tag", request->part))
                             : error;
}
