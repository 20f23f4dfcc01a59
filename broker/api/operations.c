/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "broker/api/page.h"

/* One's own, and everybody's for who may do everything. */
static int
sees_all(BerthTx *tx, const BerthRequest *request, bool *ret_sees_all)
{
    int error = berth_rights_check(tx, request->account, BERTH_PERMIT_SITE_ADMIN, "/");
    *ret_sees_all = error == BERTH_OK;
    return error == BERTH_ERR_FORBIDDEN ? BERTH_OK : error;
}

int
berth_handle_list_operations(BerthTx *tx, BerthRequest *request)
{
    BerthPage page;
    int error = sees_all(tx, request, &request->sight.sees_all);
    if (error == BERTH_OK) {
        error = berth_page_begin(request, "operations", &page);
    }
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_LIST_OPERATIONS, BERTH_PAGE_TYPES "s",
                                    BERTH_PAGE_VALUES(page), berth_page_filter(request, "state"));
    return berth_page_reply(request, &page, error, rows, "id");
}

int
berth_handle_operation(BerthTx *tx, BerthRequest *request)
{
    bool is_all = false;
    int error = sees_all(tx, request, &is_all);
    if (error != BERTH_OK) {
        return error;
    }
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_OPERATION_JSON, "ssi", request->id,
                                         request->account, (int64_t)is_all);
    request->reply = json_incref(json_array_get(rows, 0));
    return error == BERTH_OK && request->reply == NULL ? BERTH_ERR_NOT_FOUND : error;
}
