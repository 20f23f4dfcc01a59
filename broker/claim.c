/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two requests of one user: the second finds the first one's assignment on the first rung.  If both
 * ran at once at two brokers, the unique index refuses the slower one; it is undone whole, claims
 * again and finds what the other got.
 *
 * Everything that refuses a claim is found out before the first write, so that a refused claim may
 * be committed with its trace.
 */
#include "broker/claim.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"
#include "broker/claim-pick.h"
#include "broker/claim-queue.h"
#include "broker/claim-trace.h"
#include "broker/schedule.h"
#include "broker/session-policy.h"
#include "broker/steps.h"
#include "broker/user-disk.h"

#include <glib.h>
#include <string.h>

typedef struct {
    char assignment[BERTH_ID_HEX_CHARS + 1];
    char machine[BERTH_ID_HEX_CHARS + 1];
    char host[BERTH_ID_HEX_CHARS + 1];
    char session[BERTH_ID_HEX_CHARS + 1];
    char session_key[BERTH_CLAIM_HASH_CHARS + 1];
    char rung[16];
    int64_t epoch;
    int64_t started_us;
    int64_t clock_offset_us;
    bool is_new;
    bool is_lost;
    bool is_off;
    bool is_kept;
    bool is_host_up;
    bool is_granted; /* the session had a ticket before */
} Own;

typedef struct {
    bool is_enabled;
    bool is_account_enabled;
    bool is_keeping;   /* what a user does on a machine stays for the next time */
    bool is_dedicated; /* the machine stays the user's */
    bool is_open;      /* an entitlement counts now */
    int64_t max_per_user;
    int64_t size;
    int64_t n_ahead; /* users who wait and came before this one */
    BerthUserDiskRule disk;
} Pool;

/* One claim on its way. */
typedef struct {
    BerthTx *tx;
    const BerthCause *cause;
    const BerthClaim *claim;
    BerthTrace trace;
    Pool pool;
    Own own;
    BerthUserDisk disk; /* if the pool has such */
    BerthClaimResult result;
    bool is_refused;
    char *policy;
} Run;

static void
copy_text(char *to, size_t size, const BerthRows *rows, int column)
{
    g_strlcpy(to, berth_rows_text(rows, column), size);
}

static int
refuse(Run *run, int error, const char *why)
{
    run->is_refused = true;
    run->result.outcome = BERTH_CLAIM_REFUSED;
    run->result.error = error;
    run->result.why = why;
    berth_trace_step(&run->trace, "answer", berth_error_name(error),
                     json_pack("{s:s}", "why", why));
    return BERTH_OK;
}

static bool
is_entitlement_open(Run *run, const BerthRows *rows)
{
    bool is_open = berth_rows_is_null(rows, 7) ||
                   berth_schedule_is_open(berth_rows_text(rows, 7), berth_rows_text(rows, 8),
                                          run->cause->now_us, NULL);
    berth_trace_step(&run->trace, "entitlement", is_open ? "open" : "outside its hours",
                     json_pack("{s:s, s:s}", "id", berth_rows_text(rows, 6), "schedule",
                               berth_rows_text(rows, 9)));
    return is_open;
}

/* The pool and whether an entitlement counts now; BERTH_ERR_NOT_FOUND without any. */
static int
read_pool(Run *run)
{
    BerthRows rows;
    Pool *pool = &run->pool;
    int n_rows = 0;
    berth_tx_query(run->tx, &rows, BERTH_SQL_CLAIM_POOL, "ssi", run->claim->account,
                   run->claim->pool, run->cause->now_us - BERTH_QUEUE_FRESH_US);
    for (; !pool->is_open && berth_rows_next(&rows); n_rows++) {
        const char *on_logoff = berth_rows_text(&rows, 2);
        pool->is_dedicated = strcmp(berth_rows_text(&rows, 1), "dedicated") == 0;
        pool->is_keeping = pool->is_dedicated || strcmp(on_logoff, "recycle") != 0;
        pool->is_enabled = berth_rows_int(&rows, 0) != 0;
        pool->max_per_user = berth_rows_int(&rows, 3);
        pool->size = berth_rows_int(&rows, 4);
        pool->is_account_enabled = berth_rows_int(&rows, 5) != 0;
        pool->n_ahead = berth_rows_int(&rows, 10);
        berth_user_disk_rule_parse(berth_rows_text(&rows, 11), &pool->disk);
        pool->is_open = is_entitlement_open(run, &rows);
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && n_rows == 0 ? BERTH_ERR_NOT_FOUND : error;
}

static int
find_own(Run *run, bool *ret_is_found)
{
    BerthRows rows;
    Own *own = &run->own;
    berth_tx_query(run->tx, &rows, BERTH_SQL_CLAIM_OWN, "ssi", run->claim->account,
                   run->claim->pool, run->claim->slot);
    *ret_is_found = berth_rows_next(&rows);
    if (*ret_is_found) {
        const char *host_state = berth_rows_text(&rows, 5);
        copy_text(own->assignment, sizeof own->assignment, &rows, 0);
        copy_text(own->machine, sizeof own->machine, &rows, 1);
        own->epoch = berth_rows_int(&rows, 2);
        own->is_lost = strcmp(berth_rows_text(&rows, 3), "lost") == 0;
        copy_text(own->host, sizeof own->host, &rows, 4);
        own->is_host_up = strcmp(host_state, "up") == 0 || strcmp(host_state, "degraded") == 0;
        copy_text(own->session, sizeof own->session, &rows, 6);
        copy_text(own->session_key, sizeof own->session_key, &rows, 7);
        own->started_us = berth_rows_int(&rows, 8);
        own->is_off = strcmp(berth_rows_text(&rows, 9), "on") != 0;
        own->is_kept = berth_rows_int(&rows, 10) != 0;
        own->clock_offset_us = berth_rows_int(&rows, 11);
        copy_text(own->rung, sizeof own->rung, &rows, 12);
        own->is_granted = !berth_rows_is_null(&rows, 13);
    }
    int error = berth_rows_end(&rows);
    berth_trace_step(&run->trace, "own desktop", *ret_is_found ? "found" : "none",
                     *ret_is_found ? json_pack("{s:s, s:b, s:b}", "machine", own->machine, "lost",
                                               own->is_lost, "host_up", own->is_host_up)
                                   : NULL);
    return error;
}

static int
open_session(Run *run)
{
    Own *own = &run->own;
    const BerthCause *cause = run->cause;
    const BerthClaim *claim = run->claim;
    berth_id_random_hex(own->session);
    own->session_key[0] = '\0';
    own->started_us = cause->now_us;
    own->is_new = true;
    int error = berth_session_policy(run->tx, claim->account, claim->pool, "", &run->policy);
    if (error == BERTH_OK) {
        error = berth_tx_post(run->tx, BERTH_SQL_SESSION_INSERT, "ssssssissiiss", own->session,
                              own->assignment, own->machine, own->host, claim->pool, claim->account,
                              own->epoch, claim->client, claim->client_key, cause->now_us,
                              berth_session_deadline_us(BERTH_SESSION_ALLOCATING, cause->now_us),
                              own->rung, run->policy);
    }
    if (error == BERTH_OK) {
        json_t *data = json_pack("{s:s, s:s, s:s}", "machine", own->machine, "user", claim->account,
                                 "client", claim->client);
        error = berth_audit(run->tx, cause, "session.opened", own->session, data);
    }
    return error;
}

/* Takes a machine; BERTH_ERR_NOT_FOUND if there is none for this user now. */
static int
take_machine(Run *run)
{
    Own *own = &run->own;
    const BerthClaim *claim = run->claim;
    BerthPicked picked = { .rung = "" };
    BerthPickAsk ask = { .pool = claim->pool,
                         .assignment = own->assignment,
                         .host = run->disk.host,
                         .n_ahead = run->pool.n_ahead };
    berth_id_random_hex(own->assignment);
    int error = berth_pick_machine(run->tx, run->cause, &ask, &run->trace, &picked);
    run->result.position = ask.n_ahead + 1;
    if (error != BERTH_OK) {
        return error;
    }
    g_strlcpy(own->machine, picked.machine, sizeof own->machine);
    g_strlcpy(own->host, picked.host, sizeof own->host);
    g_strlcpy(own->rung, picked.rung, sizeof own->rung);
    own->epoch = picked.epoch;
    own->is_host_up = true;
    error = berth_tx_post(run->tx, BERTH_SQL_ASSIGNMENT_INSERT, "sssssiii", own->assignment,
                          claim->pool, own->machine, claim->account,
                          run->pool.is_dedicated ? "dedicated" : "floating", claim->slot,
                          own->epoch, run->cause->now_us);
    return error == BERTH_OK ? berth_queue_leave(run->tx, claim->account, claim->pool) : error;
}

typedef struct {
    int64_t n_hosts_up, n_coming, n_in_use, n_machines, n_with_room;
} Prospects;

static int
read_prospects(Run *run, Prospects *ret)
{
    BerthRows rows;
    berth_tx_query(run->tx, &rows, BERTH_SQL_CLAIM_PROSPECTS, "s", run->claim->pool);
    if (berth_rows_next(&rows)) {
        *ret = (Prospects){ berth_rows_int(&rows, 0), berth_rows_int(&rows, 1),
                            berth_rows_int(&rows, 2), berth_rows_int(&rows, 3),
                            berth_rows_int(&rows, 4) };
    }
    return berth_rows_end(&rows);
}

/* Average that a machine of this rung took until its user had a ticket; 0 if never measured. */
static int
read_coming_time(Run *run, const char *rung, int64_t *ret_us)
{
    BerthRows rows;
    *ret_us = 0;
    if (strcmp(rung, "ready") == 0) {
        return BERTH_OK; /* it only had to open a session */
    }
    berth_tx_query(run->tx, &rows, BERTH_SQL_CLAIM_COMING_TIME, "ss", run->claim->pool, rung);
    if (berth_rows_next(&rows) && berth_rows_int(&rows, 0) > 0) {
        *ret_us = berth_rows_int(&rows, 1) / berth_rows_int(&rows, 0);
    }
    return berth_rows_end(&rows);
}

static int
estimate_queue(Run *run, const Prospects *prospects)
{
    BerthRows rows;
    bool can_make = prospects->n_with_room > 0 && prospects->n_machines < run->pool.size;
    BerthQueueFacts facts = { .position = run->result.position,
                              .n_coming = prospects->n_coming + (can_make ? 1 : 0),
                              .n_in_use = prospects->n_in_use };
    int error = read_coming_time(run, "", &facts.coming_us);
    berth_tx_query(run->tx, &rows, BERTH_SQL_CLAIM_GIVE_BACK_TIME, "s", run->claim->pool);
    if (berth_rows_next(&rows) && berth_rows_int(&rows, 0) > 0) {
        facts.give_back_us =
            (run->cause->now_us - berth_rows_int(&rows, 1)) / berth_rows_int(&rows, 0);
    }
    int ended = berth_rows_end(&rows);
    run->result.estimate_us = berth_queue_estimate_us(&facts);
    return error != BERTH_OK ? error : ended;
}

/* Nothing can be handed out now: a place in the queue, unless nothing will ever come. */
static int
wait_in_queue(Run *run)
{
    Prospects prospects = { 0 };
    int error = read_prospects(run, &prospects);
    if (error != BERTH_OK) {
        return error;
    }
    bool can_make = prospects.n_machines < run->pool.size && prospects.n_with_room > 0;
    if (prospects.n_hosts_up == 0) {
        return refuse(run, BERTH_ERR_HOST_DOWN, "no host is up");
    }
    if (prospects.n_coming == 0 && prospects.n_in_use == 0 && !can_make) {
        return refuse(run, BERTH_ERR_NO_DESKTOP,
                      prospects.n_machines < run->pool.size
                          ? "no host has room for another machine"
                          : "all desktops of the pool belong to others for good");
    }
    run->result.outcome = BERTH_CLAIM_QUEUED;
    error = berth_queue_wait(run->tx, run->cause, run->claim->account, run->claim->pool,
                             &run->result.is_new);
    if (error == BERTH_OK) {
        error = estimate_queue(run, &prospects);
    }
    berth_trace_step(&run->trace, "queue", "waits",
                     json_pack("{s:I, s:I, s:I, s:I}", "position", (json_int_t)run->result.position,
                               "estimate_us", (json_int_t)run->result.estimate_us, "coming",
                               (json_int_t)prospects.n_coming, "in_use",
                               (json_int_t)prospects.n_in_use));
    return error;
}

static int
grant(Run *run)
{
    const Own *own = &run->own;
    const BerthClaim *claim = run->claim;
    BerthClaimResult *result = &run->result;
    int64_t now_us = run->cause->now_us;
    int error = berth_tx_run_one(run->tx, BERTH_SQL_MACHINE_SET_DIRTY, "sib", own->machine,
                                 own->epoch, (int)run->pool.is_keeping);
    if (error == BERTH_OK && run->policy == NULL) {
        error = berth_session_policy(run->tx, claim->account, claim->pool, "", &run->policy);
    }
    if (error == BERTH_OK) {
        error = berth_tx_get_int(run->tx, &result->connection_epoch, BERTH_SQL_SESSION_GRANT,
                                 "sssssi", own->session, claim->client, claim->client_key,
                                 run->policy, claim->login, now_us);
    }
    if (error == BERTH_OK) {
        error =
            berth_session_step(run->tx, run->cause, own->session, BERTH_SESSION_EVENT_GRANTED, "");
    }
    if (error != BERTH_OK) {
        /* Released or lost since this transaction began: look again. */
        return error == BERTH_ERR_NOT_FOUND || error == BERTH_ERR_STATE ? BERTH_ERR_AGAIN : error;
    }
    berth_id_random_hex(result->ticket);
    g_strlcpy(result->session_key, own->session_key, sizeof result->session_key);
    result->outcome = BERTH_CLAIM_GRANTED;
    result->not_before_us = now_us + own->clock_offset_us;
    result->expires_us = result->not_before_us + BERTH_LIMIT_TICKET_LIFE_US;
    berth_trace_step(&run->trace, "ticket", "granted", NULL);
    return berth_tx_post(run->tx, BERTH_SQL_TICKET_INSERT, "ssisii", result->ticket, own->session,
                         result->connection_epoch, claim->client_key, now_us,
                         now_us + BERTH_LIMIT_TICKET_LIFE_US);
}

/* The host's lease is over: nobody waits for a desktop there that holds nothing. */
static int
leave_lost(Run *run)
{
    int error = berth_assignment_release(run->tx, run->cause, run->own.assignment, "host-lost");
    run->own = (Own){ 0 };
    berth_trace_step(&run->trace, "own desktop", "given up: its host is lost", NULL);
    return error == BERTH_ERR_STATE ? BERTH_ERR_AGAIN : error;
}

static int
estimate_start(Run *run)
{
    int64_t average_us = 0;
    int error = read_coming_time(run, run->own.rung, &average_us);
    int64_t passed_us = run->cause->now_us - run->own.started_us;
    run->result.estimate_us = average_us == 0 ? -1 : MAX(average_us - passed_us, 0);
    return error;
}

/*
 * Finds out where the user's disk is; a desktop elsewhere is of no use.  One whose host is down is
 * done without if the pool says so.
 */
static int
find_disk(Run *run, bool has_desktop)
{
    if (!run->pool.disk.is_wanted) {
        return BERTH_OK;
    }
    BerthUserDisk *disk = &run->disk;
    int error = berth_user_disk_read(run->tx, run->claim->account, run->claim->pool, disk);
    if (error != BERTH_OK || disk->host[0] == '\0' || disk->is_host_up || has_desktop) {
        return error;
    }
    if (run->pool.disk.is_needed) {
        return refuse(run, BERTH_ERR_HOST_DOWN, "the host that your disk is on does not answer");
    }
    berth_trace_step(&run->trace, "disk", "its host is down: goes without", NULL);
    disk->host[0] = '\0';
    run->pool.disk.is_wanted = false;
    return BERTH_OK;
}

/* Without the disk there is no desktop: it is given back, the disk too, and both are tried anew. */
static int
give_up(Run *run, int code, const char *why)
{
    const char *assignment = run->own.assignment;
    int error = berth_assignment_release(run->tx, run->cause, assignment, "user-disk");
    if (error == BERTH_ERR_STATE) {
        error = berth_user_disk_let_go(run->tx, run->cause, assignment);
    }
    run->result.is_new = true;
    return error == BERTH_OK ? refuse(run, code, why) : error;
}

/* Leases the user's disk to the desktop and waits until its guest has it. */
static int
take_disk(Run *run, bool *ret_is_ready)
{
    const Own *own = &run->own;
    const BerthClaim *claim = run->claim;
    int code = BERTH_OK;
    const char *why = "";
    BerthDiskClaim step =
        berth_user_disk_plan(&run->disk, own->machine, own->epoch, own->host, &code, &why);
    static const char *const names[] = { "leased", "waits", "attached", "refused" };
    berth_trace_step(&run->trace, "disk", names[step], json_pack("{s:s}", "why", why));
    *ret_is_ready = step == BERTH_DISK_READY || step == BERTH_DISK_REFUSE;
    switch (step) {
    case BERTH_DISK_TAKE:
        run->result.is_new = true;
        return berth_user_disk_lease(run->tx, run->cause, &run->pool.disk, claim->account,
                                     claim->pool, own->machine, own->epoch, own->host, &run->disk);
    case BERTH_DISK_REFUSE:
        return run->pool.disk.is_needed ? give_up(run, code, why) : BERTH_OK;
    case BERTH_DISK_WAIT:
    case BERTH_DISK_READY:
        break;
    }
    return BERTH_OK;
}

/* The session is open: grants the ticket once the host has told its key and the disk is there. */
static int
grant_if_ready(Run *run)
{
    const Own *own = &run->own;
    bool is_ready = true;
    int error = BERTH_OK;
    /* Who had a ticket before comes back to the desktop as it is. */
    if (run->pool.disk.is_wanted && !own->is_granted) {
        error = take_disk(run, &is_ready);
    }
    if (error != BERTH_OK || run->is_refused) {
        return error;
    }
    return is_ready && own->session_key[0] != '\0' ? grant(run) : estimate_start(run);
}

/* The desktop is the user's: opens its session, switches it on, grants the ticket. */
static int
serve_own(Run *run)
{
    Own *own = &run->own;
    BerthClaimResult *result = &run->result;
    int error = BERTH_OK;
    if (!own->is_host_up) {
        return refuse(run, BERTH_ERR_HOST_DOWN, "the host of your desktop does not answer");
    }
    if (own->is_off) {
        error = berth_machine_set_power(run->tx, run->cause, own->machine, "on", "connect");
        berth_trace_step(&run->trace, "power", "on", NULL);
        g_strlcpy(own->rung, "cold", sizeof own->rung);
    }
    if (error == BERTH_OK && own->session[0] == '\0') {
        error = open_session(run);
    }
    if (error != BERTH_OK) {
        return error;
    }
    result->outcome = BERTH_CLAIM_STARTING;
    result->position = 0;
    g_strlcpy(result->session, own->session, sizeof result->session);
    g_strlcpy(result->machine, own->machine, sizeof result->machine);
    g_strlcpy(result->host, own->host, sizeof result->host);
    result->machine_epoch = own->epoch;
    result->started_us = own->started_us;
    result->is_new = own->is_new;
    return grant_if_ready(run);
}

/* What speaks against any desktop; NULL if nothing does. */
static const char *
find_obstacle(const Run *run)
{
    if (!run->pool.is_account_enabled) {
        return "the account is disabled";
    }
    if (!run->pool.is_enabled) {
        return "the pool is disabled";
    }
    if (!run->pool.is_open) {
        return "outside the hours in which you may use it";
    }
    bool is_slot = run->claim->slot >= 0 && run->claim->slot < run->pool.max_per_user;
    return is_slot ? NULL : "the pool gives a user fewer desktops";
}

static int
climb(Run *run)
{
    bool is_found = false;
    const char *obstacle = find_obstacle(run);
    if (obstacle != NULL) {
        return refuse(run, BERTH_ERR_FORBIDDEN, obstacle);
    }
    int error = find_own(run, &is_found);
    if (error == BERTH_OK && is_found && run->own.is_lost && !run->own.is_kept) {
        error = leave_lost(run);
        is_found = false;
    }
    if (error == BERTH_OK) {
        error = find_disk(run, is_found);
    }
    if (run->is_refused) {
        return error;
    }
    if (error == BERTH_OK && !is_found) {
        error = take_machine(run);
    }
    if (error == BERTH_ERR_NOT_FOUND) {
        return wait_in_queue(run);
    }
    return error == BERTH_OK ? serve_own(run) : error;
}

static const char *
outcome_name(const BerthClaimResult *result)
{
    switch (result->outcome) {
    case BERTH_CLAIM_REFUSED:
        return berth_error_name(result->error);
    case BERTH_CLAIM_GRANTED:
        return "granted";
    case BERTH_CLAIM_STARTING:
        return "starting";
    case BERTH_CLAIM_QUEUED:
        return "queued";
    }
    return "?";
}

int
berth_claim(BerthTx *tx, const BerthCause *cause, const BerthClaim *claim, BerthClaimResult *ret,
            char **ret_policy)
{
    Run run = { .tx = tx, .cause = cause, .claim = claim, .result = { .estimate_us = -1 } };
    berth_trace_init(&run.trace);
    int error = read_pool(&run);
    if (error == BERTH_OK) {
        error = climb(&run);
    }
    if (error == BERTH_OK) {
        error = berth_trace_write(&run.trace, tx, cause, claim->account, claim->pool,
                                  outcome_name(&run.result));
    }
    if (error == BERTH_OK) {
        bool is_granted = run.result.outcome == BERTH_CLAIM_GRANTED;
        *ret = run.result;
        *ret_policy = is_granted ? g_steal_pointer(&run.policy) : NULL;
    }
    free(run.policy);
    berth_trace_clear(&run.trace);
    return error;
}
