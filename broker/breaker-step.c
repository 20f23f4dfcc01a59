/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/breaker-step.h"

#include "base/error.h"

#include <glib.h>

/* Failures that are older say nothing about today, unless the breaker is open. */
#define KEEP_US (24LL * 3600 * 1000 * 1000)

static int
read_breaker(BerthTx *tx, const char *pool, const char *host, const char *image, BerthBreaker *ret)
{
    BerthRows rows;
    *ret = (BerthBreaker){ 0 };
    berth_tx_query(tx, &rows, BERTH_SQL_BREAKER_GET, "sss", pool, host, image);
    if (berth_rows_next(&rows)) {
        ret->n_failures = berth_rows_int(&rows, 0);
        ret->first_us = berth_rows_int(&rows, 1);
        ret->open_until_us = berth_rows_int(&rows, 2);
    }
    return berth_rows_end(&rows);
}

static int
audit_opened(BerthTx *tx, const BerthCause *cause, const BerthBreaker *breaker, const char *pool,
             const char *host)
{
    g_autofree char *words = berth_breaker_explain(breaker, host, cause->now_us);
    return berth_audit(tx, cause, "breaker.opened", pool,
                       json_pack("{s:s, s:s, s:I}", "host", host, "reason", words, "failures",
                                 (json_int_t)breaker->n_failures));
}

int
berth_breaker_note_failure(BerthTx *tx, const BerthCause *cause, const char *pool, const char *host,
                           const char *image, const char *code)
{
    BerthBreaker breaker;
    const char *of_image = image != NULL ? image : "";
    int error = read_breaker(tx, pool, host, of_image, &breaker);
    if (error != BERTH_OK) {
        return error;
    }
    bool is_opened = berth_breaker_fail(&breaker, cause->now_us);
    breaker.reason = code;
    error = berth_tx_run(tx, BERTH_SQL_BREAKER_SET, "sssiiis", pool, host, of_image,
                         breaker.n_failures, breaker.first_us, breaker.open_until_us, code);
    if (error == BERTH_OK && is_opened) {
        error = audit_opened(tx, cause, &breaker, pool, host);
    }
    return error;
}

int
berth_breaker_note_success(BerthTx *tx, const BerthCause *cause, const char *pool, const char *host,
                           const char *image)
{
    BerthBreaker breaker;
    const char *of_image = image != NULL ? image : "";
    int error = read_breaker(tx, pool, host, of_image, &breaker);
    if (error != BERTH_OK || breaker.n_failures == 0) {
        return error;
    }
    if (berth_breaker_succeed(&breaker, cause->now_us)) {
        error = berth_tx_run(tx, BERTH_SQL_BREAKER_DELETE, "sss", pool, host, of_image);
        return error != BERTH_OK ? error
                                 : berth_audit(tx, cause, "breaker.closed", pool,
                                               json_pack("{s:s}", "host", host));
    }
    return berth_tx_run(tx, BERTH_SQL_BREAKER_PURGE, "i", cause->now_us - KEEP_US);
}

int
berth_breaker_reset(BerthTx *tx, const BerthCause *cause, const char *pool, const char *host)
{
    int64_t n = 0;
    int error = berth_tx_get_int(tx, &n, BERTH_SQL_BREAKER_COUNT, "ss", pool, host);
    if (error == BERTH_OK && n == 0) {
        error = BERTH_ERR_NOT_FOUND;
    }
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_BREAKER_RESET, "ss", pool, host);
    }
    return error != BERTH_OK ? error
                             : berth_audit(tx, cause, "breaker.reset", pool,
                                           json_pack("{s:s}", "host", host != NULL ? host : ""));
}
