/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two users who ask at once, also at two brokers: the rows that one looks at are locked, and the
 * other skips them instead of waiting.  What is picked is taken in the same statement or under its
 * lock; if that were ever wrong the unique indexes would refuse the second and undo it whole.
 */
#include "broker/claim-pick.h"

#include "base/error.h"
#include "broker/plan-step.h"
#include "broker/steps.h"

#include <string.h>

/* A running machine, the common case: found and taken in one statement. */
static int
take_ready(BerthTx *tx, const BerthCause *cause, const BerthPickAsk *ask, BerthPicked *ret)
{
    ret->rung = "ready";
    return berth_machine_claim_ready(tx, cause, ask->pool, ask->assignment, ask->host, ret->machine,
                                     ret->host, &ret->epoch);
}

static const char *
name_rung(const char *state, const char *power)
{
    if (strcmp(state, "stopped") == 0) {
        return strcmp(power, "frozen") == 0 ? "frozen" : "cold";
    }
    return strcmp(state, "starting") == 0 ? "starting" : "making";
}

static int
take_coming(BerthTx *tx, const BerthCause *cause, const BerthPickAsk *ask, BerthPicked *ret)
{
    BerthRows rows;
    if (ask->host[0] == '\0') {
        berth_tx_query(tx, &rows, BERTH_SQL_CLAIM_COMING, "s", ask->pool);
    } else {
        berth_tx_query(tx, &rows, BERTH_SQL_CLAIM_COMING_AT, "ss", ask->pool, ask->host);
    }
    bool is_found = berth_rows_next(&rows);
    if (is_found) {
        g_strlcpy(ret->machine, berth_rows_text(&rows, 0), sizeof ret->machine);
        g_strlcpy(ret->host, berth_rows_text(&rows, 1), sizeof ret->host);
        ret->epoch = berth_rows_int(&rows, 2);
        ret->rung = name_rung(berth_rows_text(&rows, 3), berth_rows_text(&rows, 4));
    }
    int error = berth_rows_end(&rows);
    if (error == BERTH_OK && !is_found) {
        error = BERTH_ERR_NOT_FOUND;
    }
    return error != BERTH_OK ? error
                             : berth_machine_step(tx, cause, ret->machine,
                                                  BERTH_MACHINE_EVENT_CLAIM, ask->assignment, "");
}

/* Whether all those who waited longer could have a machine each, and there would be one more. */
static int
check_turn(BerthTx *tx, const BerthPickAsk *ask, BerthTrace *trace, bool *ret_is_turn)
{
    int64_t n_free = 0;
    *ret_is_turn = true;
    if (ask->n_ahead == 0) {
        return BERTH_OK;
    }
    int error = berth_tx_get_int(tx, &n_free, BERTH_SQL_CLAIM_FREE, "s", ask->pool);
    *ret_is_turn = n_free > ask->n_ahead;
    berth_trace_step(
        trace, "turn", *ret_is_turn ? "enough for all" : "others waited longer",
        json_pack("{s:I, s:I}", "ahead", (json_int_t)ask->n_ahead, "free", (json_int_t)n_free));
    return error;
}

/*
 * The pool is full, and its spares are on other hosts than the user's disk: one of them goes, so
 * that one may be made where the disk is.  BERTH_ERR_NOT_FOUND in any case: not in this try.
 */
static int
make_room(BerthTx *tx, const BerthCause *cause, const BerthPickAsk *ask, BerthTrace *trace)
{
    g_autofree char *spare = NULL;
    int error =
        berth_tx_get_text(tx, &spare, BERTH_SQL_CLAIM_SPARE_ELSEWHERE, "ss", ask->pool, ask->host);
    if (error != BERTH_OK) {
        return error;
    }
    berth_trace_step(trace, "room", "a spare on another host goes",
                     json_pack("{s:s}", "machine", spare));
    error = berth_machine_step(tx, cause, spare, BERTH_MACHINE_EVENT_DELETE, NULL, "user-disk");
    return error == BERTH_OK || error == BERTH_ERR_STATE ? BERTH_ERR_NOT_FOUND : error;
}

/* A new one, for a user for whom no machine was found; planned, so it is taken at once. */
static int
make_new(BerthTx *tx, const BerthCause *cause, const BerthPickAsk *ask, BerthTrace *trace,
         BerthPicked *ret)
{
    ret->rung = "new";
    ret->epoch = 1;
    int error =
        berth_machine_create(tx, cause, ask->pool, "on", ask->host, ret->machine, ret->host);
    if (error != BERTH_OK) {
        berth_trace_step(trace, "new", "the pool is full or no host has room", NULL);
        return error == BERTH_ERR_NOT_FOUND && ask->host[0] != '\0'
                   ? make_room(tx, cause, ask, trace)
                   : error;
    }
    json_t *hosts = berth_plan_explain(tx, cause, ask->pool, &error);
    berth_trace_step(trace, "new", "placed",
                     json_pack("{s:s, s:o*}", "host", ret->host, "hosts_after", hosts));
    return error != BERTH_OK ? error
                             : berth_machine_step(tx, cause, ret->machine,
                                                  BERTH_MACHINE_EVENT_CLAIM, ask->assignment, "");
}

int
berth_pick_machine(BerthTx *tx, const BerthCause *cause, const BerthPickAsk *ask, BerthTrace *trace,
                   BerthPicked *ret)
{
    bool is_turn = false;
    int error = check_turn(tx, ask, trace, &is_turn);
    if (error != BERTH_OK || !is_turn) {
        return error != BERTH_OK ? error : BERTH_ERR_NOT_FOUND;
    }
    error = take_ready(tx, cause, ask, ret);
    berth_trace_step(trace, "ready", error == BERTH_OK ? "taken" : "none", NULL);
    if (error == BERTH_ERR_NOT_FOUND) {
        error = take_coming(tx, cause, ask, ret);
        berth_trace_step(trace, error == BERTH_OK ? ret->rung : "starting, frozen, cold, making",
                         error == BERTH_OK ? "taken" : "none", NULL);
    }
    if (error == BERTH_ERR_NOT_FOUND) {
        error = make_new(tx, cause, ask, trace, ret);
    }
    return error;
}
