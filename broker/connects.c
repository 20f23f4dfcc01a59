/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Trying again is the whole claim once more: it is safe to repeat, so there is one path for the
 * first try, a later one and a client that asks twice.
 */
#include "broker/connects.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "broker/broker.h"
#include "broker/claim.h"
#include "broker/launch.h"
#include "broker/site-clock.h"
#include "policies/policy-decision.h"

#include <string.h>

/* A session that its host did not open for so long will not be opened. */
#define GIVE_UP_US (300LL * 1000 * 1000)
#define FIRST_ESTIMATE_US (30LL * 1000 * 1000)
#define RETRY_MS 500

typedef struct {
    BerthConnects *connects; /* NULL: answered, the running try frees it */
    BerthStore *store;
    BerthRequest *request;
    int64_t since_us;
    int64_t deadline_us;
    bool is_running;
    bool is_retry_wanted;
    bool is_queued;
    BerthCause cause;
    BerthClaim claim;
    BerthClaimResult result;
    char *policy;
} Wait;

struct BerthConnects {
    BerthBroker *broker;
    GQueue waits; /* Wait *, oldest first */
    guint timer;
    int64_t estimate_us; /* moving average of how long those took who had to wait */
    bool is_closing;
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
    berth_request_reply(wait->request, 200, reply);
}

static int
position_of(const BerthConnects *connects, const Wait *wait)
{
    int position = 1;
    for (const GList *link = connects->waits.head; link != NULL && link->data != wait;
         link = link->next) {
        const Wait *other = link->data;
        if (other->is_queued && strcmp(other->claim.pool, wait->claim.pool) == 0) {
            position++;
        }
    }
    return position;
}

static void
answer_waiting(BerthConnects *connects, Wait *wait)
{
    BerthClaimResult *result = &wait->result;
    bool is_starting = result->outcome == BERTH_CLAIM_STARTING;
    int position = is_starting ? 0 : position_of(connects, wait);
    if (is_starting && !berth_agents_is_linked(connects->broker->agents, result->host)) {
        berth_request_fail(wait->request, BERTH_ERR_HOST_DOWN, "host %s has no link", result->host);
        return;
    }
    if (is_starting && wait->cause.now_us - result->started_us > GIVE_UP_US) {
        berth_request_fail(wait->request, BERTH_ERR_TIMEOUT, "the host did not open the session");
        return;
    }
    int64_t estimate_us = connects->estimate_us * MAX(position, 1);
    json_t *session = is_starting ? json_string(result->session) : json_null();
    berth_request_reply(wait->request, 202,
                        json_pack("{s:s, s:o, s:i, s:I, s:i}", "state",
                                  is_starting ? "starting" : "queued", "session", session,
                                  "position", position, "estimate_s",
                                  (json_int_t)(estimate_us / (1000 * 1000)), "retry_ms", RETRY_MS));
}

static int
run_try(BerthTx *tx, void *data)
{
    Wait *wait = data;
    return berth_claim(tx, &wait->cause, &wait->claim, &wait->result, &wait->policy);
}

/* What a good try means; returns whether the request was answered. */
static bool
take_result(BerthConnects *connects, Wait *wait)
{
    int64_t now_us = berth_monotonic_us();
    bool was_queued = wait->is_queued;
    wait->is_queued = wait->result.outcome == BERTH_CLAIM_QUEUED;
    bool is_news = wait->result.is_new || (wait->is_queued && !was_queued);
    if (wait->result.outcome == BERTH_CLAIM_GRANTED) {
        connects->estimate_us = (3 * connects->estimate_us + (now_us - wait->since_us)) / 4;
        answer_granted(connects->broker, wait);
        berth_broker_changed(connects->broker);
        return true;
    }
    if (is_news) {
        berth_broker_changed(connects->broker);
    }
    if (connects->is_closing || now_us >= wait->deadline_us) {
        answer_waiting(connects, wait);
        return true;
    }
    return false;
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
    if (error != BERTH_OK) {
        berth_request_fail(wait->request, error, "%s", "");
    } else if (!take_result(connects, wait)) {
        if (wait->is_retry_wanted) {
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
    wait->cause.now_us = berth_site_clock_now_us();
    free(wait->policy);
    wait->policy = NULL;
    int error = berth_store_submit(wait->store, run_try, try_done, wait);
    if (error != BERTH_OK) {
        try_done(error, wait);
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
        if (!wait->is_running && now_us >= wait->deadline_us) {
            answer_waiting(connects, wait);
            forget(connects, wait);
            wait_free(wait);
        }
    }
    return G_SOURCE_CONTINUE;
}

BerthConnects *
berth_connects_new(BerthBroker *broker)
{
    BerthConnects *connects = g_new0(BerthConnects, 1);
    connects->broker = broker;
    connects->estimate_us = FIRST_ESTIMATE_US;
    g_queue_init(&connects->waits);
    connects->timer = g_timeout_add(250, on_timer, connects);
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
                                .client_key = berth_body_text(request->body, "client_key") };
    g_queue_push_tail(&connects->waits, wait);
    start_try(wait);
}

void
berth_connects_retry(BerthConnects *connects)
{
    GList *next = NULL;
    for (GList *link = connects->waits.head; link != NULL; link = next) {
        Wait *wait = link->data;
        next = link->next;
        if (wait->is_running) {
            wait->is_retry_wanted = true;
        } else {
            start_try(wait);
        }
    }
}

GHashTable *
berth_connects_count_queued(const BerthConnects *connects)
{
    GHashTable *counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (const GList *link = connects->waits.head; link != NULL; link = link->next) {
        const Wait *wait = link->data;
        char *key = g_strconcat(wait->claim.account, wait->claim.pool, NULL);
        if (!wait->is_queued) {
            g_free(key);
        } else if (g_hash_table_add(seen, key)) {
            int n = GPOINTER_TO_INT(g_hash_table_lookup(counts, wait->claim.pool));
            g_hash_table_insert(counts, g_strdup(wait->claim.pool), GINT_TO_POINTER(n + 1));
        }
    }
    return counts;
}
