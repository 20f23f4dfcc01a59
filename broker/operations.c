/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/operations.h"

#include "base/error.h"
#include "base/id.h"

#include <stdlib.h>

int
berth_operation_start(BerthTx *tx, const BerthCause *cause, const char *kind, const char *object,
                      const char *account, char ret_id[BERTH_ID_HEX_CHARS + 1])
{
    berth_id_random_hex(ret_id);
    return berth_tx_run(tx, BERTH_SQL_OPERATION_INSERT, "ssssi", ret_id, kind, object, account,
                        cause->now_us);
}

int
berth_operation_progress(BerthTx *tx, const BerthCause *cause, const char *id, int pct,
                         const char *detail)
{
    return berth_tx_run(tx, BERTH_SQL_OPERATION_PROGRESS, "sisi", id, (int64_t)CLAMP(pct, 0, 100),
                        detail, cause->now_us);
}

int
berth_operation_finish(BerthTx *tx, const BerthCause *cause, const char *id, int error,
                       const char *detail, json_t *result)
{
    json_auto_t *owned = result;
    char *text = owned != NULL ? json_dumps(owned, JSON_COMPACT) : NULL;
    const char *sentence = error == BERTH_OK ? "" : berth_error_sentence(error);
    int code = berth_tx_run(
        tx, BERTH_SQL_OPERATION_FINISH, "ssssi", id, error == BERTH_OK ? "done" : "failed",
        detail != NULL ? detail : sentence, text != NULL ? text : "{}", cause->now_us);
    free(text);
    return code;
}

int
berth_operations_tidy(BerthTx *tx, int64_t now_us)
{
    int error = berth_tx_run(tx, BERTH_SQL_OPERATION_ABANDON, "ii",
                             now_us - BERTH_OPERATION_SILENCE_US, now_us);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_OPERATION_PURGE, "i", now_us - BERTH_OPERATION_KEEP_US);
    }
    return error == BERTH_OK ? berth_tx_run(tx, BERTH_SQL_IDEMPOTENCY_PURGE, "i", now_us) : error;
}
