/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A ticket to watch somebody's session.  It takes nobody's place, so it opens no connection epoch
 * and has no row; the audit log has the administrator, the session and its user.  Whether pixels
 * come is for the session to say, which asks its user.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"
#include "berth/protocol.h"
#include "broker/broker.h"
#include "broker/launch.h"
#include "policies/policy-decision.h"

#include <string.h>

typedef struct {
    char machine[BERTH_ID_HEX_CHARS + 1];
    char host[BERTH_ID_HEX_CHARS + 1];
    char account[BERTH_ID_HEX_CHARS + 1];
    char session_key[2 * BERTH_KEY_HASH_BYTES + 1];
    int64_t machine_epoch;
    int64_t connection_epoch;
    int64_t clock_offset_us; /* of the host, which is the one that looks at the ticket's times */
    BerthPolicy policy;
} Watched;

/* Errors: BERTH_ERR_NOT_FOUND if there is no such session, or nobody can be in it now. */
static int
find_watched(BerthTx *tx, const char *id, Watched *ret)
{
    BerthRows rows;
    bool is_found = false;
    berth_tx_query(tx, &rows, BERTH_SQL_SESSION_WATCH, "s", id);
    if (berth_rows_next(&rows)) {
        is_found = true;
        g_strlcpy(ret->machine, berth_rows_text(&rows, 0), sizeof ret->machine);
        g_strlcpy(ret->host, berth_rows_text(&rows, 1), sizeof ret->host);
        g_strlcpy(ret->account, berth_rows_text(&rows, 2), sizeof ret->account);
        g_strlcpy(ret->session_key, berth_rows_text(&rows, 3), sizeof ret->session_key);
        ret->machine_epoch = berth_rows_int(&rows, 4);
        ret->connection_epoch = berth_rows_int(&rows, 5);
        ret->policy = berth_policy_of_pool(berth_rows_text(&rows, 6));
        ret->clock_offset_us = berth_rows_int(&rows, 7);
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_found ? BERTH_ERR_NOT_FOUND : error;
}

int
berth_handle_shadow(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = { .now_us = request->now_us, .actor = request->actor };
    bool wants_control = berth_body_bool(request->body, "control", false);
    char ticket[BERTH_ID_HEX_CHARS + 1];
    Watched watched;
    int error = find_watched(tx, request->id, &watched);
    if (error != BERTH_OK) {
        return error;
    }
    berth_id_random_hex(ticket);
    const BerthLaunch launch = {
        .ticket = ticket,
        .account = request->account,
        .machine = watched.machine,
        .session = request->id,
        .host = watched.host,
        .client_key = berth_body_text(request->body, "client_key"),
        .session_key = watched.session_key,
        .rights =
            BERTH_RIGHT_OBSERVE | BERTH_RIGHT_SCREENSHOT | (wants_control ? BERTH_RIGHT_INPUT : 0u),
        .machine_epoch = watched.machine_epoch,
        .connection_epoch = watched.connection_epoch,
        .not_before_us = request->now_us + watched.clock_offset_us,
        .expires_us = request->now_us + watched.clock_offset_us + BERTH_LIMIT_TICKET_LIFE_US,
    };
    request->reply = berth_launch_reply(&launch, &watched.policy, request->broker->signing_key);
    if (request->reply == NULL) {
        return BERTH_ERR_INTERNAL;
    }
    return berth_audit(tx, &cause, "session.shadow", request->id,
                       json_pack("{s:s, s:b}", "user", watched.account, "control", wants_control));
}
