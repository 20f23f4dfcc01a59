/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "broker/explain.h"
#include "broker/steps.h"

int
berth_handle_explain_user(BerthTx *tx, BerthRequest *request)
{
    const BerthCause cause = { .now_us = request->now_us, .actor = request->actor };
    return berth_explain(tx, &cause, request->id, &request->reply);
}

int
berth_handle_message(BerthTx *tx, BerthRequest *request)
{
    const BerthCause cause = { .now_us = request->now_us, .actor = request->actor };
    int error =
        berth_session_notify(tx, &cause, request->id, berth_body_text(request->body, "text"));
    return error == BERTH_ERR_NOT_FOUND ? BERTH_ERR_STATE : error;
}
