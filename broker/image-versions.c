/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/image-versions.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/steps-catalog.h"

#include <string.h>

int
berth_version_create(BerthTx *tx, const BerthCause *cause, const BerthVersionNew *wanted,
                     char ret_id[BERTH_ID_HEX_CHARS + 1], int64_t *ret_number)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    int64_t number = 0;
    g_autofree char *name = NULL;
    int error = berth_tx_get_text(tx, &name, BERTH_SQL_IMAGE_LOCK, "s", wanted->image);
    if (error == BERTH_OK) {
        error = berth_tx_get_int(tx, &number, BERTH_SQL_VERSION_NEXT_NUMBER, "s", wanted->image);
    }
    berth_id_random_hex(id);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_VERSION_INSERT, "ssisssssi", id, wanted->image, number,
                             wanted->parent, wanted->changelog, wanted->machine, wanted->pool,
                             wanted->operation != NULL ? wanted->operation : "", cause->now_us);
    }
    if (error != BERTH_OK) {
        return error;
    }
    g_strlcpy(ret_id, id, BERTH_ID_HEX_CHARS + 1);
    if (ret_number != NULL) {
        *ret_number = number;
    }
    return berth_audit(tx, cause, "image-version.created", id,
                       json_pack("{s:s, s:I, s:s}", "image", wanted->image, "number",
                                 (json_int_t)number, "parent",
                                 wanted->parent != NULL ? wanted->parent : ""));
}

/* Whether it is an available version of the image. */
static int
check_tag(BerthTx *tx, const char *image, const char *version)
{
    g_autofree char *state = NULL;
    g_autofree char *its_image = NULL;
    int error = berth_tx_get_text(tx, &its_image, BERTH_SQL_VERSION_IMAGE, "s", version);
    if (error == BERTH_OK) {
        error = berth_tx_get_text(tx, &state, BERTH_SQL_IMAGE_VERSION_LOCK, "s", version);
    }
    if (error == BERTH_OK && strcmp(image, its_image) != 0) {
        error = BERTH_ERR_NOT_FOUND;
    }
    return error == BERTH_OK && strcmp(state, "available") != 0 ? BERTH_ERR_STATE : error;
}

int
berth_image_tag_set(BerthTx *tx, const BerthCause *cause, const char *image, const char *tag,
                    const char *version)
{
    int error = check_tag(tx, image, version);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_TAG_SET, "sssis", image, tag, version, cause->now_us,
                             cause->actor);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_POOLS_ADOPT_VERSION, "sss", image, tag, version);
    }
    return error == BERTH_OK ? berth_audit(tx, cause, "image.tagged", image,
                                           json_pack("{s:s, s:s}", "tag", tag, "version", version))
                             : error;
}

int
berth_version_release(BerthTx *tx, const BerthCause *cause, const char *version)
{
    g_autofree char *image = NULL;
    g_autofree char *tagged = NULL;
    int error = berth_image_version_step(tx, cause, version, BERTH_IMAGE_VERSION_EVENT_RELEASE, "");
    if (error == BERTH_OK) {
        error = berth_tx_get_text(tx, &image, BERTH_SQL_VERSION_IMAGE, "s", version);
    }
    if (error != BERTH_OK) {
        return error;
    }
    error = berth_tx_get_text(tx, &tagged, BERTH_SQL_TAG_GET, "ss", image, BERTH_TAG_DEFAULT);
    return error == BERTH_ERR_NOT_FOUND
               ? berth_image_tag_set(tx, cause, image, BERTH_TAG_DEFAULT, version)
               : error;
}
