/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/idempotency.h"

#include "base/error.h"
#include "broker/api/handlers.h"

#include <stdlib.h>

static char *
hash_request(const BerthRequest *request)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree char *line = g_strdup_printf("%s %s\n%s %s\n", request->route->method,
                                            request->route->path, request->id, request->part);
    g_checksum_update(sum, (const guchar *)line, -1);
    g_checksum_update(sum, request->input->data, (gssize)request->input->len);
    return g_strdup(g_checksum_get_string(sum));
}

/* ret_is_replay: the key has an answer, which is in the request now */
static int
find_answer(BerthTx *tx, BerthRequest *request, const char *hash, bool *ret_is_replay)
{
    BerthRows rows;
    bool is_other = false;
    *ret_is_replay = false;
    berth_tx_query(tx, &rows, BERTH_SQL_IDEMPOTENCY_GET, "ssi", request->account,
                   request->idempotency_key, request->now_us);
    if (berth_rows_next(&rows)) {
        const char *reply = berth_rows_text(&rows, 2);
        *ret_is_replay = true;
        is_other = g_strcmp0(berth_rows_text(&rows, 0), hash) != 0;
        request->status = (int)berth_rows_int(&rows, 1);
        request->is_replay = true;
        json_decref(request->reply);
        request->reply = reply[0] != '\0'
                             ? json_loads(reply, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL)
                             : NULL;
    }
    int error = berth_rows_end(&rows);
    if (error == BERTH_OK && is_other) {
        json_decref(request->reply);
        request->reply = NULL;
        return berth_request_explain(request, BERTH_ERR_KEY_REUSED,
                                     "the key \"%s\" was used for another request; use a new one",
                                     request->idempotency_key);
    }
    return error;
}

static int
keep_answer(BerthTx *tx, BerthRequest *request, const char *hash)
{
    char *reply = request->reply != NULL ? json_dumps(request->reply, JSON_COMPACT) : NULL;
    int error = berth_tx_run(tx, BERTH_SQL_IDEMPOTENCY_PURGE, "i", request->now_us);
    if (error == BERTH_OK) {
        error = berth_tx_run(
            tx, BERTH_SQL_IDEMPOTENCY_INSERT, "sssisi", request->account, request->idempotency_key,
            hash, (int64_t)(request->status != 0 ? request->status : request->route->status),
            reply != NULL ? reply : "", request->now_us + BERTH_IDEMPOTENCY_LIFE_US);
    }
    free(reply);
    if (error == BERTH_ERR_EXISTS) {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "the same request runs just now; send it again in a second");
    }
    return error;
}

int
berth_idempotency_run(BerthTx *tx, BerthRequest *request, BerthTxHandler handler)
{
    bool is_replay = false;
    if (request->idempotency_key == NULL) {
        return handler(tx, request);
    }
    g_autofree char *hash = hash_request(request);
    int error = find_answer(tx, request, hash, &is_replay);
    if (error != BERTH_OK || is_replay) {
        return error;
    }
    error = handler(tx, request);
    return error == BERTH_OK ? keep_answer(tx, request, hash) : error;
}
