/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What administrators do to sessions of others.
 */
#include "broker/api/handlers.h"

#include "broker/steps.h"

int
berth_handle_disconnect(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    return berth_session_disconnect(tx, &cause, request->id);
}

int
berth_handle_logoff(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    return berth_session_logoff(tx, &cause, request->id, "logged-off");
}
