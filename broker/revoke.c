/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/revoke.h"

#include "base/error.h"
#include "broker/steps.h"

#define REASON "revoked"

static int
take_ids(BerthRows *rows, GPtrArray *ids)
{
    while (berth_rows_next(rows)) {
        g_ptr_array_add(ids, g_strdup(berth_rows_text(rows, 0)));
    }
    return berth_rows_end(rows);
}

static int
end_logins(BerthTx *tx, const BerthCause *cause, const char *account, const GPtrArray *ids)
{
    int error = BERTH_OK;
    for (guint i = 0; error == BERTH_OK && i < ids->len; i++) {
        const char *id = g_ptr_array_index(ids, i);
        error = berth_tx_run(tx, BERTH_SQL_LOGIN_DELETE, "s", id);
        if (error == BERTH_OK) {
            error = berth_session_revoke_login(tx, cause, id, REASON);
        }
        if (error == BERTH_OK) {
            error =
                berth_audit(tx, cause, "login.revoked", account, json_pack("{s:s}", "login", id));
        }
    }
    return error;
}

int
berth_revoke_logins(BerthTx *tx, const BerthCause *cause, const char *account, const char *id,
                    const char *kind, const char *but, int *ret_n)
{
    BerthRows rows;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    berth_tx_query(tx, &rows, BERTH_SQL_LOGIN_IDS, "ssss", account, id, but, kind);
    int error = take_ids(&rows, ids);
    if (ret_n != NULL) {
        *ret_n = (int)ids->len;
    }
    return error == BERTH_OK ? end_logins(tx, cause, account, ids) : error;
}

int
berth_revoke_method(BerthTx *tx, const BerthCause *cause, const char *account, const char *method)
{
    BerthRows rows;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    berth_tx_query(tx, &rows, BERTH_SQL_LOGINS_OF_METHOD, "ss", account, method);
    int error = take_ids(&rows, ids);
    return error == BERTH_OK ? end_logins(tx, cause, account, ids) : error;
}

int
berth_revoke_account(BerthTx *tx, const BerthCause *cause, const char *account)
{
    int error = berth_revoke_logins(tx, cause, account, "", "", "", NULL);
    return error == BERTH_OK ? berth_session_revoke_account(tx, cause, account, REASON) : error;
}
