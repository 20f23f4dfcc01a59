/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A user's desktops: the list, with what the policy lets the user do, restarts, and reports of
 * problems.
 *
 * A restart ends what runs: a desktop that is thrown away after use comes back fresh, one that is
 * kept is switched off and started again by the next connect.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "broker/broker.h"
#include "broker/session-policy.h"
#include "broker/steps.h"

#include <stdlib.h>
#include <string.h>

#define REASON "restarted"

static int
read_policy(BerthTx *tx, const char *account, const char *pool, BerthPolicy *ret_policy)
{
    char *text = NULL;
    int error = berth_session_policy(tx, account, pool, "", &text);
    if (error == BERTH_OK) {
        *ret_policy = berth_policy_of_pool(text);
    }
    free(text);
    return error;
}

static int
add_rights(BerthTx *tx, const BerthRequest *request, json_t *row)
{
    BerthPolicy policy;
    const char *state = json_string_value(json_object_get(row, "state"));
    int error =
        read_policy(tx, request->account, json_string_value(json_object_get(row, "pool")), &policy);
    if (error == BERTH_OK) {
        bool is_own = strcmp(state, "in-use") == 0;
        json_object_set_new(
            row, "may_restart",
            json_boolean(is_own && berth_policy_allows(&policy, BERTH_POLICY_RESTART)));
        json_object_set_new(row, "may_report",
                            json_boolean(berth_policy_allows(&policy, BERTH_POLICY_REPORT)));
    }
    return error;
}

/* Whose login came by a link sees its desktop alone. */
int
berth_handle_my_desktops(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_MY_DESKTOPS, "ss", request->account,
                                    request->link_pool);
    for (size_t i = 0; error == BERTH_OK && i < json_array_size(rows); i++) {
        error = add_rights(tx, request, json_array_get(rows, i));
    }
    if (rows != NULL) {
        request->reply = json_pack("{s:o}", "desktops", rows);
    }
    return error;
}

/* Whether the user has the pool and the policy allows it.  A pool of others does not exist. */
static int
check(BerthTx *tx, BerthRequest *request, BerthPolicyKey key, const char *what)
{
    int64_t n = 0;
    BerthPolicy policy;
    int error =
        berth_tx_get_int(tx, &n, BERTH_SQL_LINK_ENTITLED, "ss", request->account, request->id);
    if (error == BERTH_OK && n == 0) {
        return berth_request_explain(request, BERTH_ERR_NOT_FOUND, "you have no such desktop");
    }
    if (error == BERTH_OK) {
        error = read_policy(tx, request->account, request->id, &policy);
    }
    return error == BERTH_OK && !berth_policy_allows(&policy, key)
               ? berth_request_explain(request, BERTH_ERR_FORBIDDEN,
                                       "the policy of your site does not let you %s", what)
               : error;
}

/* The desktop that is assigned to the user. */
typedef struct {
    char assignment[BERTH_ID_HEX_CHARS + 1]; /* "" if there is none */
    char machine[BERTH_ID_HEX_CHARS + 1];
    char session[BERTH_ID_HEX_CHARS + 1]; /* "" if none is live */
    bool is_kept;
} Own;

static int
read_own(BerthTx *tx, const BerthRequest *request, Own *ret)
{
    BerthRows rows;
    *ret = (Own){ 0 };
    berth_tx_query(tx, &rows, BERTH_SQL_MY_DESKTOP, "ss", request->account, request->id);
    if (berth_rows_next(&rows)) {
        g_strlcpy(ret->assignment, berth_rows_text(&rows, 0), sizeof ret->assignment);
        g_strlcpy(ret->machine, berth_rows_text(&rows, 1), sizeof ret->machine);
        ret->is_kept = berth_rows_int(&rows, 2) != 0;
        g_strlcpy(ret->session, berth_rows_text(&rows, 3), sizeof ret->session);
    }
    return berth_rows_end(&rows);
}

static int
restart_kept(BerthTx *tx, const BerthCause *cause, const Own *own)
{
    int error = berth_machine_set_power(tx, cause, own->machine, "off", REASON);
    return error == BERTH_OK && own->session[0] != '\0'
               ? berth_session_step(tx, cause, own->session, BERTH_SESSION_EVENT_END, REASON)
               : error;
}

int
berth_handle_my_restart(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    Own own;
    int error = check(tx, request, BERTH_POLICY_RESTART, "restart this desktop");
    if (error == BERTH_OK) {
        error = read_own(tx, request, &own);
    }
    if (error != BERTH_OK) {
        return error;
    }
    if (own.assignment[0] == '\0') {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "you have no desktop there that could be restarted");
    }
    error = own.is_kept ? restart_kept(tx, &cause, &own)
                        : berth_assignment_release(tx, &cause, own.assignment, REASON);
    return error == BERTH_ERR_STATE
               ? berth_request_explain(request, error,
                                       "the desktop cannot be restarted now; try again in a moment")
               : error;
}

int
berth_handle_my_report(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    Own own;
    int error = check(tx, request, BERTH_POLICY_REPORT, "report problems");
    if (error == BERTH_OK) {
        error = read_own(tx, request, &own);
    }
    return error == BERTH_OK
               ? berth_audit(tx, &cause, "desktop.reported", request->id,
                             json_pack("{s:s, s:s, s:s}", "machine", own.machine, "session",
                                       own.session, "text", berth_body_text(request->body, "text")))
               : error;
}
