/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/version-choice.h"

#include "base/error.h"

#include <glib.h>

const char *
berth_version_wanted(const BerthVersionFacts *facts)
{
    if (!facts->has_rollout) {
        return facts->pool_version;
    }
    switch (facts->state) {
    case BERTH_ROLLOUT_CANARY:
        return facts->is_canary ? facts->to : facts->from;
    case BERTH_ROLLOUT_ROLLING:
    case BERTH_ROLLOUT_DONE:
        return facts->to;
    case BERTH_ROLLOUT_PAUSED:
        return facts->own[0] != '\0' ? facts->own : facts->from;
    case BERTH_ROLLOUT_PLANNED:
    case BERTH_ROLLOUT_ROLLING_BACK:
    case BERTH_ROLLOUT_ROLLED_BACK:
    case BERTH_N_ROLLOUT_STATES:
        break;
    }
    return facts->from;
}

/* What the machine has now. */
static int
read_own(BerthTx *tx, const char *machine, char **ret_version, bool *ret_is_canary)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_VERSION_OF_MACHINE, "s", machine);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        *ret_version = g_strdup(berth_rows_text(&rows, 0));
        *ret_is_canary = berth_rows_int(&rows, 1) != 0;
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_NOT_FOUND : error;
}

int
berth_version_choose(BerthTx *tx, const char *pool, const char *machine, BerthVersionChoice *ret)
{
    BerthRows rows;
    g_autofree char *own = NULL;
    BerthVersionFacts facts = { .own = "" };
    int error = BERTH_OK;
    if (machine != NULL) {
        error = read_own(tx, machine, &own, &facts.is_canary);
        facts.own = own;
    }
    if (error != BERTH_OK) {
        return error;
    }
    berth_tx_query(tx, &rows, BERTH_SQL_VERSION_FACTS, "s", pool);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        const char *state = berth_rows_text(&rows, 1);
        facts.pool_version = berth_rows_text(&rows, 0);
        facts.has_rollout = state[0] != '\0';
        facts.state = (BerthRolloutState)berth_fsm_state_from_name(&berth_rollout_fsm, state);
        facts.from = berth_rows_text(&rows, 2);
        facts.to = berth_rows_text(&rows, 3);
        *ret = (BerthVersionChoice){ .is_canary = facts.is_canary };
        g_strlcpy(ret->version, berth_version_wanted(&facts), sizeof ret->version);
    }
    error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_NOT_FOUND : error;
}
