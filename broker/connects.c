/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Trying again is the whole claim once more: it is safe to repeat, so there is one path for the
 * first try, a later one and a client that asks twice.  Who is tried again is read from the store
 * first: with many waiting, most have nothing to hope for from one change.
 */
#include "broker/connects.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "broker/api/http-server.h"
#include "broker/broker.h"
#include "broker/claim.h"
#include "broker/launch.h"
#include "broker/metrics.h"
#include "broker/site-clock.h"
#include "policies/policy-decision.h"

#include <string.h>

/* A session that its host did not open for so long will not be opened. */
#define GIVE_UP_US (300LL * 1000 * 1000)
#define RETRY_MS 500
/* How often everybody who waits is tried again: also the sign of life of a place in the queue. */
#define POLL_US (2LL * 1000 * 1000)
#define TIMER_MS 250
/* Of one user's claims at the same moment, each finds the winner at its second try. */
#define MAX_RACES 5

typedef struct {
    BerthConnects *connects; /* NULL: answered, the running try frees it */
    BerthStore *store;
    BerthRequest *request;
    int64_t since_us;
    int64_t deadline_us;
    int64_t tried_us;
    int64_t claimed_us; /* when the desktop was the user's; 0 before */
    int n_races;
    bool is_running;
    bool is_retry_wanted;
    BerthCause cause;
    BerthClaim claim;
    BerthClaimResult result;
    char *policy;
} Wait;

typedef struct Hope Hope;

struct BerthConnects {
    BerthBroker *broker;
    Hope *hope;   /* a question that is under way, NULL without */
    GQueue waits; /* Wait *, oldest first */
    guint timer;
};

static void start_try(Wait *wait);

static void
wait_free(Wait *wait)
{
    free(wait->policy);
    g_free(wait);
}

static void
forget(BerthConnects *connects, Wait *wait)
{
    g_queue_remove(&connects->waits, wait);
    wait->connects = NULL;
}

/* Lets one go whose client has gone: a desktop that it got now would be nobody's for long. */
static bool
maybe_abandon(BerthConnects *connects, Wait *wait)
{
    if (wait->is_running || !berth_http_is_abandoned(wait->request)) {
        return false;
    }
    berth_request_fail(wait->request, BERTH_ERR_NO_DESKTOP, "the client has gone");
    forget(connects, wait);
    wait_free(wait);
    return true;
}

static void
answer_granted(BerthBroker *broker, Wait *wait)
{
    const BerthClaimResult *result = &wait->result;
    BerthPolicy policy = berth_policy_of_pool(wait->policy);
    const BerthLaunch launch = {
        .ticket = result->ticket,
        .account = wait->request->account,
        .machine = result->machine,
        .session = result->session,
        .host = result->host,
        .client_key = wait->claim.client_key,
        .session_key = result->session_key,
        .rights = berth_policy_rights(&policy),
        .machine_epoch = result->machine_epoch,
        .connection_epoch = result->connection_epoch,
        .not_before_us = result->not_before_us,
        .expires_us = result->expires_us,
    };
    json_t *reply = berth_launch_reply(&launch, &policy, broker->signing_key);
    if (reply == NULL) {
        berth_request_fail(wait->request, BERTH_ERR_INTERNAL, "the ticket cannot be signed");
        return;
    }
    int64_t now_us = berth_monotonic_us();
    berth_metric_add(BERTH_METRIC_CONNECTS_OK, 1);
    berth_metric_observe_us(BERTH_METRIC_CONNECT_TOTAL, now_us - wait->since_us);
    if (wait->claimed_us != 0) {
        berth_metric_observe_us(BERTH_METRIC_CONNECT_WAIT_HOST, now_us - wait->claimed_us);
    }
    berth_request_reply(wait->request, 200, reply);
}

static void
answer_failed(Wait *wait, int error, const char *why)
{
    berth_metric_add(BERTH_METRIC_CONNECTS_FAILED, 1);
    berth_request_fail(wait->request, error, "%s", why);
}

static void
answer_waiting(Wait *wait)
{
    const BerthClaimResult *result = &wait->result;
    bool is_starting = result->outcome == BERTH_CLAIM_STARTING;
    if (is_starting && wait->cause.now_us - result->started_us > GIVE_UP_US) {
        answer_failed(wait, BERTH_ERR_TIMEOUT, "the host did not open the session");
        return;
    }
    json_t *session = is_starting ? json_string(result->session) : json_null();
    json_t *reply =
        json_pack("{s:s, s:o, s:I, s:i}", "state", is_starting ? "starting" : "queued", "session",
                  session, "position", (json_int_t)result->position, "retry_ms", RETRY_MS);
    if (result->estimate_us >= 0) {
        json_object_set_new(reply, "estimate_s",
                            json_integer((result->estimate_us + 999999) / (1000 * 1000)));
    }
    berth_request_reply(wait->request, 202, reply);
}

static int
run_try(BerthTx *tx, void *data)
{
    Wait *wait = data;
    free(wait->policy);
    wait->policy = NULL;
    return berth_claim(tx, &wait->cause, &wait->claim, &wait->result, &wait->policy);
}

/* What a good try means; returns whether the request was answered. */
static bool
take_result(BerthConnects *connects, Wait *wait)
{
    int64_t now_us = berth_monotonic_us();
    const BerthClaimResult *result = &wait->result;
    if (result->is_new || result->outcome == BERTH_CLAIM_GRANTED) {
        berth_broker_changed(connects->broker);
    }
    switch (result->outcome) {
    case BERTH_CLAIM_GRANTED:
        answer_granted(connects->broker, wait);
        return true;
    case BERTH_CLAIM_REFUSED:
        answer_failed(wait, result->error, result->why);
        return true;
    case BERTH_CLAIM_STARTING:
        wait->claimed_us = wait->claimed_us != 0 ? wait->claimed_us : now_us;
        break;
    case BERTH_CLAIM_QUEUED:
        if (result->is_new) {
            wait->deadline_us = MIN(wait->deadline_us, now_us + BERTH_CONNECT_NEWS_US);
        }
        break;
    }
    if (now_us < wait->deadline_us) {
        return false;
    }
    answer_waiting(wait);
    return true;
}

static bool
is_race(Wait *wait, int error)
{
    return (error == BERTH_ERR_EXISTS || error == BERTH_ERR_AGAIN) && wait->n_races++ < MAX_RACES;
}

static void
try_done(int error, void *data)
{
    Wait *wait = data;
    BerthConnects *connects = wait->connects;
    wait->is_running = false;
    if (connects == NULL) {
        wait_free(wait);
        return;
    }
    berth_metric_observe_us(BERTH_METRIC_CONNECT_CLAIM, berth_monotonic_us() - wait->tried_us);
    if (is_race(wait, error)) {
        start_try(wait);
        return;
    }
    if (error != BERTH_OK) {
        answer_failed(wait, error, "");
    } else if (!take_result(connects, wait)) {
        if (wait->is_retry_wanted && !maybe_abandon(connects, wait)) {
            start_try(wait);
        }
        return;
    }
    forget(connects, wait);
    wait_free(wait);
}

static void
start_try(Wait *wait)
{
    wait->is_retry_wanted = false;
    wait->is_running = true;
    wait->tried_us = berth_monotonic_us();
    wait->cause.now_us = berth_site_clock_now_us();
    int error = berth_store_submit(wait->store, run_try, try_done, wait);
    if (error != BERTH_OK) {
        try_done(error, wait);
    }
}

static void
try_again(Wait *wait)
{
    if (wait->is_running) {
        wait->is_retry_wanted = true;
    } else {
        start_try(wait);
    }
}

/* What the store says about those who wait. */
struct Hope {
    BerthConnects *connects; /* NULL: freed */
    bool is_stale;           /* something changed since it was asked */
    GHashTable *keyed;       /* ids of sessions whose hosts have told their keys */
    GHashTable *free;        /* pool id -> GINT_TO_POINTER(machines that are nobody's) */
};

static int
read_hope(BerthTx *tx, void *data)
{
    Hope *hope = data;
    BerthRows rows;
    g_hash_table_remove_all(hope->keyed);
    g_hash_table_remove_all(hope->free);
    berth_tx_query(tx, &rows, BERTH_SQL_SESSIONS_KEYED, "");
    while (berth_rows_next(&rows)) {
        g_hash_table_add(hope->keyed, g_strdup(berth_rows_text(&rows, 0)));
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK) {
        return error;
    }
    berth_tx_query(tx, &rows, BERTH_SQL_QUEUE_FREE, "");
    while (berth_rows_next(&rows)) {
        g_hash_table_insert(hope->free, g_strdup(berth_rows_text(&rows, 0)),
                            GINT_TO_POINTER((int)berth_rows_int(&rows, 1)));
    }
    return berth_rows_end(&rows);
}

/* Whether a try may bring more than the last one; takes one free machine if it may. */
static bool
has_hope(const Hope *hope, const Wait *wait)
{
    switch (wait->result.outcome) {
    case BERTH_CLAIM_STARTING:
        return g_hash_table_contains(hope->keyed, wait->result.session);
    case BERTH_CLAIM_QUEUED: {
        int n = GPOINTER_TO_INT(g_hash_table_lookup(hope->free, wait->claim.pool));
        if (n > 0) {
            g_hash_table_insert(hope->free, g_strdup(wait->claim.pool), GINT_TO_POINTER(n - 1));
        }
        return n > 0;
    }
    default:
        return wait->is_running;
    }
}

static void
hope_free(Hope *hope)
{
    g_hash_table_unref(hope->keyed);
    g_hash_table_unref(hope->free);
    g_free(hope);
}

static void
hope_done(int error, void *data)
{
    Hope *hope = data;
    BerthConnects *connects = hope->connects;
    GList *next = NULL;
    if (connects == NULL) {
        hope_free(hope);
        return;
    }
    connects->hope = NULL;
    for (GList *link = connects->waits.head; error == BERTH_OK && link != NULL; link = next) {
        Wait *wait = link->data;
        next = link->next;
        if (!maybe_abandon(connects, wait) && has_hope(hope, wait)) {
            try_again(wait);
        }
    }
    bool is_stale = hope->is_stale;
    hope_free(hope);
    if (is_stale) {
        berth_connects_retry(connects);
    }
}

/*
 * Whether the store has to be asked for anybody: who waits for a host of ours is told by its link,
 * and the results of tries come in the order of the writes, so one that runs has seen all of them.
 */
static bool
needs_hope(const BerthConnects *connects)
{
    for (const GList *link = connects->waits.head; link != NULL; link = link->next) {
        const Wait *wait = link->data;
        bool is_told = wait->result.outcome == BERTH_CLAIM_STARTING &&
                       berth_agents_is_linked(connects->broker->agents, wait->result.host);
        if (!wait->is_running && !is_told) {
            return true;
        }
    }
    return false;
}

/* Asked in the writer: a store that answers slowly must not hold the main loop up. */
void
berth_connects_retry(BerthConnects *connects)
{
    if (connects->hope != NULL) {
        connects->hope->is_stale = true;
        return;
    }
    if (!needs_hope(connects)) {
        return;
    }
    Hope *hope = g_new0(Hope, 1);
    hope->connects = connects;
    hope->keyed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    hope->free = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    connects->hope = hope;
    int error = berth_store_submit(connects->broker->store, read_hope, hope_done, hope);
    if (error != BERTH_OK) {
        connects->hope = NULL;
        hope_free(hope);
    }
}

void
berth_connects_session_ready(BerthConnects *connects, const char *session)
{
    GList *next = NULL;
    for (GList *link = connects->waits.head; link != NULL; link = next) {
        Wait *wait = link->data;
        next = link->next;
        if (wait->result.outcome == BERTH_CLAIM_STARTING &&
            strcmp(wait->result.session, session) == 0 && !maybe_abandon(connects, wait)) {
            try_again(wait);
        }
    }
}

static gboolean
on_timer(gpointer data)
{
    BerthConnects *connects = data;
    int64_t now_us = berth_monotonic_us();
    GList *next = NULL;
    for (GList *link = connects->waits.head; link != NULL; link = next) {
        Wait *wait = link->data;
        next = link->next;
        if (wait->is_running || maybe_abandon(connects, wait)) {
            continue;
        }
        if (now_us >= wait->deadline_us) {
            answer_waiting(wait);
            forget(connects, wait);
            wait_free(wait);
        } else if (now_us - wait->tried_us >= POLL_US) {
            start_try(wait);
        }
    }
    return G_SOURCE_CONTINUE;
}

BerthConnects *
berth_connects_new(BerthBroker *broker)
{
    BerthConnects *connects = g_new0(BerthConnects, 1);
    connects->broker = broker;
    g_queue_init(&connects->waits);
    connects->timer = g_timeout_add(TIMER_MS, on_timer, connects);
    return connects;
}

void
berth_connects_free(BerthConnects *connects)
{
    Wait *wait = NULL;
    if (connects == NULL) {
        return;
    }
    while ((wait = g_queue_pop_head(&connects->waits)) != NULL) {
        berth_request_fail(wait->request, BERTH_ERR_BUSY, "the broker stops");
        wait->connects = NULL;
        if (!wait->is_running) {
            wait_free(wait);
        }
    }
    if (connects->hope != NULL) {
        connects->hope->connects = NULL;
    }
    g_source_remove(connects->timer);
    g_free(connects);
}

void
berth_connects_add(BerthConnects *connects, BerthRequest *request)
{
    Wait *wait = g_new0(Wait, 1);
    wait->connects = connects;
    wait->store = connects->broker->store;
    wait->request = request;
    wait->since_us = berth_monotonic_us();
    wait->deadline_us = wait->since_us + BERTH_CONNECT_WAIT_US;
    wait->cause.actor = request->actor;
    const char *client = berth_body_text(request->body, "client");
    wait->claim = (BerthClaim){ .account = request->account,
                                .pool = request->id,
                                .client = client != NULL ? client : "",
                                .client_key = berth_body_text(request->body, "client_key"),
                                .login = request->token_hash,
                                .slot = berth_body_int(request->body, "slot", 0) };
    g_queue_push_tail(&connects->waits, wait);
    start_try(wait);
}
