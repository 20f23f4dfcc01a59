/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What this broker writes into its log, until it is started again.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/log.h"
#include "broker/broker.h"

static int
run_note(BerthTx *tx, void *data)
{
    BerthRequest *request = data;
    BerthCause cause = berth_request_cause(request);
    return berth_audit(tx, &cause, "site.log-levels", "site",
                       json_pack("{s:s}", "scopes", berth_body_text(request->body, "scopes")));
}

static void
note_done(int error, void *data)
{
    BerthRequest *request = data;
    if (error != BERTH_OK) {
        berth_request_fail(request, error, "the levels are set, but the audit log has no note");
        return;
    }
    berth_request_reply(request, 204, NULL);
}

void
berth_handle_set_log(BerthRequest *request)
{
    const char *scopes = berth_body_text(request->body, "scopes");
    if (!berth_log_set_levels(scopes)) {
        berth_request_fail(request, BERTH_ERR_INVALID,
                           "\"%s\" are no levels; send error, warning, info or debug, or one for a "
                           "scope: \"info,agent=debug\"",
                           scopes);
        return;
    }
    int error = berth_store_submit(request->broker->store, run_note, note_done, request);
    if (error != BERTH_OK) {
        note_done(error, request);
    }
}
