/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/store/connection.h"

#include "base/error.h"

#include <string.h>

#define SQLITE_SCHEME "sqlite:"

BerthTx *
berth_connection_open(const char *url, bool is_writer, GError **error)
{
    if (g_str_has_prefix(url, SQLITE_SCHEME)) {
        return berth_connection_open_sqlite(url + strlen(SQLITE_SCHEME), is_writer, error);
    }
    if (g_str_has_prefix(url, "postgresql:") || g_str_has_prefix(url, "postgres:")) {
        return berth_connection_open_postgresql(url, is_writer, error);
    }
    berth_set_error(error, BERTH_ERR_CONFIG,
                    "the url of the store begins with neither \"sqlite:\" nor \"postgresql:\"");
    return NULL;
}

void
berth_connection_free(BerthTx *tx)
{
    if (tx != NULL) {
        tx->class->free(tx);
    }
}

int
berth_connection_exec(BerthTx *tx, const char *sql)
{
    return tx->class->exec(tx, sql);
}

int
berth_connection_job_begin(BerthTx *tx)
{
    tx->saved_chain = tx->chain;
    tx->failure = BERTH_OK;
    return tx->class->job_begin(tx);
}

int
berth_connection_job_end(BerthTx *tx, bool is_kept)
{
    if (!is_kept) {
        tx->chain = tx->saved_chain;
    }
    return tx->class->job_end(tx, is_kept);
}
