/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two users who ask at once: the second one's pick no longer finds the first one's machine, and if
 * two writers ever worked at once the unique indexes would refuse the second and the transaction
 * would be rolled back whole.  Two requests of one user: the second finds the first one's
 * assignment on the first rung.
 */
#include "broker/claim.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"
#include "broker/steps.h"

#include <glib.h>
#include <string.h>

typedef struct {
    char assignment[BERTH_ID_HEX_CHARS + 1];
    char machine[BERTH_ID_HEX_CHARS + 1];
    char host[BERTH_ID_HEX_CHARS + 1];
    char session[BERTH_ID_HEX_CHARS + 1];
    char session_key[BERTH_CLAIM_HASH_CHARS + 1];
    int64_t epoch;
    int64_t started_us;
    bool is_new;
    bool is_lost;
    bool is_host_up;
} Own;

typedef struct {
    bool is_enabled;
    char *policy;
    int64_t memory_mib;
    int64_t n_machines;
    int64_t size;
} Pool;

static void
copy_text(char *to, size_t size, const BerthRows *rows, int column)
{
    g_strlcpy(to, berth_rows_text(rows, column), size);
}

static int
read_pool(BerthTx *tx, const BerthClaim *claim, Pool *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_CLAIM_POOL, "ss", claim->account, claim->pool);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        ret->is_enabled = berth_rows_int(&rows, 0) != 0;
        ret->policy = g_strdup(berth_rows_text(&rows, 1));
        ret->memory_mib = berth_rows_int(&rows, 2);
        ret->n_machines = berth_rows_int(&rows, 3);
        ret->size = berth_rows_int(&rows, 4);
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_NOT_FOUND : error;
}

static int
find_own(BerthTx *tx, const BerthClaim *claim, Own *ret, bool *ret_is_found)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_CLAIM_OWN, "ss", claim->account, claim->pool);
    *ret_is_found = berth_rows_next(&rows);
    if (*ret_is_found) {
        copy_text(ret->assignment, sizeof ret->assignment, &rows, 0);
        copy_text(ret->machine, sizeof ret->machine, &rows, 1);
        ret->epoch = berth_rows_int(&rows, 2);
        ret->is_lost = strcmp(berth_rows_text(&rows, 3), "lost") == 0;
        copy_text(ret->host, sizeof ret->host, &rows, 4);
        ret->is_host_up = strcmp(berth_rows_text(&rows, 5), "up") == 0;
        copy_text(ret->session, sizeof ret->session, &rows, 6);
        copy_text(ret->session_key, sizeof ret->session_key, &rows, 7);
        ret->started_us = berth_rows_int(&rows, 9);
    }
    return berth_rows_end(&rows);
}

static int
open_session(BerthTx *tx, const BerthCause *cause, const BerthClaim *claim, Own *own)
{
    berth_id_random_hex(own->session);
    own->session_key[0] = '\0';
    own->started_us = cause->now_us;
    own->is_new = true;
    int error = berth_tx_run(tx, BERTH_SQL_SESSION_INSERT, "ssssssissii", own->session,
                             own->assignment, own->machine, own->host, claim->pool, claim->account,
                             own->epoch, claim->client, claim->client_key, cause->now_us,
                             berth_session_deadline_us(BERTH_SESSION_ALLOCATING, cause->now_us));
    if (error == BERTH_OK) {
        json_t *data = json_pack("{s:s, s:s, s:s}", "machine", own->machine, "user", claim->account,
                                 "client", claim->client);
        error = berth_audit(tx, cause, "session.opened", own->session, data);
    }
    return error;
}

/* Takes the best free machine; BERTH_ERR_NOT_FOUND if there is none. */
static int
take_machine(BerthTx *tx, const BerthCause *cause, const BerthClaim *claim, Own *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_CLAIM_PICK, "s", claim->pool);
    bool is_found = berth_rows_next(&rows);
    if (is_found) {
        copy_text(ret->machine, sizeof ret->machine, &rows, 0);
        copy_text(ret->host, sizeof ret->host, &rows, 1);
        ret->epoch = berth_rows_int(&rows, 2);
        ret->is_host_up = true;
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK || !is_found) {
        return error != BERTH_OK ? error : BERTH_ERR_NOT_FOUND;
    }
    berth_id_random_hex(ret->assignment);
    error = berth_tx_run(tx, BERTH_SQL_ASSIGNMENT_INSERT, "ssssii", ret->assignment, claim->pool,
                         ret->machine, claim->account, ret->epoch, cause->now_us);
    if (error == BERTH_OK) {
        error = berth_machine_step(tx, cause, ret->machine, BERTH_MACHINE_EVENT_CLAIM,
                                   ret->assignment, "");
    }
    return error;
}

/* Nothing can be handed out now: BERTH_OK if one is coming or can be made, else the honest error.
 */
static int
judge_prospects(BerthTx *tx, const BerthClaim *claim, const Pool *pool)
{
    BerthRows rows;
    int64_t n_hosts_up = 0;
    int64_t n_hosts_with_room = 0;
    int64_t n_coming = 0;
    berth_tx_query(tx, &rows, BERTH_SQL_CLAIM_PROSPECTS, "si", claim->pool, pool->memory_mib);
    if (berth_rows_next(&rows)) {
        n_hosts_up = berth_rows_int(&rows, 0);
        n_hosts_with_room = berth_rows_int(&rows, 1);
        n_coming = berth_rows_int(&rows, 2);
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK) {
        return error;
    }
    if (n_hosts_up == 0) {
        return BERTH_ERR_HOST_DOWN;
    }
    if (n_coming > 0 || (pool->n_machines < pool->size && n_hosts_with_room > 0)) {
        return BERTH_OK;
    }
    return BERTH_ERR_NO_DESKTOP;
}

static int
grant(BerthTx *tx, const BerthCause *cause, const BerthClaim *claim, const Own *own,
      BerthClaimResult *result)
{
    int error = berth_tx_get_int(tx, &result->connection_epoch, BERTH_SQL_SESSION_GRANT, "sss",
                                 own->session, claim->client, claim->client_key);
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_DIRTY, "si", own->machine, own->epoch);
    }
    if (error == BERTH_OK) {
        error = berth_session_step(tx, cause, own->session, BERTH_SESSION_EVENT_GRANTED, "");
    }
    if (error != BERTH_OK) {
        return error;
    }
    berth_id_random_hex(result->ticket);
    g_strlcpy(result->session_key, own->session_key, sizeof result->session_key);
    result->outcome = BERTH_CLAIM_GRANTED;
    result->not_before_us = cause->now_us;
    result->expires_us = cause->now_us + BERTH_LIMIT_TICKET_LIFE_US;
    return berth_tx_run(tx, BERTH_SQL_TICKET_INSERT, "ssisii", result->ticket, own->session,
                        result->connection_epoch, claim->client_key, cause->now_us,
                        result->expires_us);
}

static int
ensure_own(BerthTx *tx, const BerthCause *cause, const BerthClaim *claim, Own *own)
{
    bool is_found = false;
    int error = find_own(tx, claim, own, &is_found);
    if (error == BERTH_OK && is_found && own->is_lost) {
        /* The host's lease is over: nobody waits for it.  The desktop is scrubbed if it returns. */
        error = berth_assignment_release(tx, cause, own->assignment, "host-lost");
        *own = (Own){ 0 };
        is_found = false;
    }
    if (error == BERTH_OK && !is_found) {
        error = take_machine(tx, cause, claim, own);
    }
    if (error == BERTH_OK && own->session[0] == '\0') {
        error = open_session(tx, cause, claim, own);
    }
    return error;
}

static int
claim_in_pool(BerthTx *tx, const BerthCause *cause, const BerthClaim *claim, const Pool *pool,
              BerthClaimResult *result)
{
    Own own = { 0 };
    if (!pool->is_enabled) {
        return BERTH_ERR_FORBIDDEN;
    }
    int error = ensure_own(tx, cause, claim, &own);
    if (error == BERTH_ERR_NOT_FOUND) {
        result->outcome = BERTH_CLAIM_QUEUED;
        return judge_prospects(tx, claim, pool);
    }
    if (error != BERTH_OK) {
        return error;
    }
    if (!own.is_host_up) {
        return BERTH_ERR_HOST_DOWN;
    }
    result->outcome = BERTH_CLAIM_STARTING;
    g_strlcpy(result->session, own.session, sizeof result->session);
    g_strlcpy(result->machine, own.machine, sizeof result->machine);
    g_strlcpy(result->host, own.host, sizeof result->host);
    result->machine_epoch = own.epoch;
    result->started_us = own.started_us;
    result->is_new = own.is_new;
    return own.session_key[0] != '\0' ? grant(tx, cause, claim, &own, result) : BERTH_OK;
}

int
berth_claim(BerthTx *tx, const BerthCause *cause, const BerthClaim *claim, BerthClaimResult *ret,
            char **ret_policy)
{
    Pool pool = { 0 };
    BerthClaimResult result = { 0 };
    int error = read_pool(tx, claim, &pool);
    if (error == BERTH_OK) {
        error = claim_in_pool(tx, cause, claim, &pool, &result);
    }
    if (error == BERTH_OK) {
        *ret = result;
        *ret_policy = g_steal_pointer(&pool.policy);
    }
    g_free(pool.policy);
    return error;
}
