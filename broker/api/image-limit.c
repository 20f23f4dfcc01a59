/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How fast hosts fetch images.
 */
#include "broker/api/handlers.h"

#include "base/error.h"

#include <string.h>

#define META_KEY "image_kbps"

int
berth_handle_get_image_limit(BerthTx *tx, BerthRequest *request)
{
    g_autofree char *text = NULL;
    int error = berth_tx_get_text(tx, &text, BERTH_SQL_META_GET, "s", META_KEY);
    if (error != BERTH_OK && error != BERTH_ERR_NOT_FOUND) {
        return error;
    }
    gint64 kbps = text != NULL ? g_ascii_strtoll(text, NULL, 10) : 0;
    request->reply = json_pack("{s:I}", "kbps", (json_int_t)kbps);
    return BERTH_OK;
}

int
berth_handle_set_image_limit(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    g_autofree char *text =
        g_strdup_printf("%" G_GINT64_FORMAT, berth_body_int(request->body, "kbps", 0));
    int error = berth_tx_run(tx, BERTH_SQL_META_SET, "ss", META_KEY, text);
    return error == BERTH_OK
               ? berth_audit(tx, &cause, "image.limit", "site", json_incref(request->body))
               : error;
}
