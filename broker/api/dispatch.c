/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way of a request: its rate, then who asks and whether they may (in a reader thread, a short
 * read runs there at once), then its body and its handler.
 *
 * The main thread never waits for the store: a store that does not answer holds reader threads and
 * the writer, and requests that wait for them are told so at their deadline.  What they asked for
 * may still happen; the request that the handler works on lives on without its client until then.
 */
#include "broker/api/router.h"

#include "base/clock.h"
#include "base/error.h"
#include "broker/api/authorise.h"
#include "broker/api/handlers.h"
#include "broker/api/http-server.h"
#include "broker/api/idempotency.h"
#include "broker/api/slow-read.h"
#include "broker/broker.h"
#include "broker/metrics.h"
#include "broker/site-clock.h"

#include <string.h>

#define SECOND_US (1000LL * 1000)

static int
run_write_handler(BerthTx *tx, void *data)
{
    BerthRequest *request = data;
    /* The store may run it again: nothing of the first time may stay. */
    json_decref(request->reply);
    request->reply = NULL;
    return berth_idempotency_run(tx, request, request->route->func.tx);
}

void
berth_router_answer(BerthRequest *request, int error)
{
    if (error != BERTH_OK) {
        g_autofree char *detail = g_steal_pointer(&request->detail);
        berth_request_fail(request, error, "%s", detail != NULL ? detail : "");
        return;
    }
    berth_request_reply(request, request->status != 0 ? request->status : request->route->status,
                        g_steal_pointer(&request->reply));
}

static void
write_done(int error, void *data)
{
    BerthRequest *request = data;
    BerthBroker *broker = request->broker;
    berth_router_answer(request, error);
    if (error == BERTH_OK) {
        berth_broker_changed(broker);
    }
}

static int
decode(BerthRequest *request)
{
    g_autoptr(GError) error = NULL;
    const BerthRoute *route = request->route;
    if (route->needs_match && !request->has_match) {
        return berth_request_explain(request, BERTH_ERR_PRECONDITION_REQUIRED,
                                     "send If-Match with the ETag of what you read, or \"*\"");
    }
    if (route->has_secret && request->idempotency_key != NULL) {
        return berth_request_explain(
            request, BERTH_ERR_INVALID,
            "Idempotency-Key is not taken here: an answer with a secret is not kept");
    }
    if (route->fields == NULL) {
        return request->input->len == 0 || route->raw_bytes > 0
                   ? BERTH_OK
                   : berth_request_explain(request, BERTH_ERR_INVALID, "no body is taken here");
    }
    request->body = berth_body_decode((const char *)request->input->data, request->input->len,
                                      route->fields, route->n_fields, &error);
    if (request->body == NULL) {
        return berth_request_explain(request, error->code, "%s", error->message);
    }
    return BERTH_OK;
}

int
berth_router_check_rate(BerthRequest *request, BerthRateLimit *limit, const char *key)
{
    int64_t wait_us = berth_rate_limit_take(limit, key, berth_monotonic_us());
    if (wait_us == 0) {
        return BERTH_OK;
    }
    request->retry_after_s = (wait_us + SECOND_US - 1) / SECOND_US;
    berth_metric_add(BERTH_METRIC_HTTP_THROTTLED, 1);
    return berth_request_explain(request, BERTH_ERR_THROTTLED,
                                 "too many requests; ask again in %" G_GINT64_FORMAT " s",
                                 request->retry_after_s);
}

static void
set_write_deadline(BerthRequest *request)
{
    berth_request_set_deadline(request, BERTH_LIMIT_HTTP_WRITE_US,
                               "the store does not answer; the change may still be made, so look "
                               "before you send it again, or send it with the same "
                               "Idempotency-Key");
}

static void
start_write(BerthRequest *request)
{
    int error = berth_store_submit(request->broker->store, run_write_handler, write_done, request);
    if (error != BERTH_OK) {
        berth_router_answer(request, error);
    }
}

/* Who asks is known and may. */
static void
handle(BerthRequest *request)
{
    int error = decode(request);
    if (error != BERTH_OK) {
        berth_router_answer(request, error);
        return;
    }
    switch (request->route->handling) {
    case BERTH_HANDLE_READ: /* has run */
        break;
    case BERTH_HANDLE_READ_SLOW:
        berth_slow_read_start(request);
        break;
    case BERTH_HANDLE_WRITE:
        set_write_deadline(request);
        start_write(request);
        break;
    case BERTH_HANDLE_ASYNC:
        set_write_deadline(request); /* what has one of its own clears it */
        request->route->func.async(request);
        break;
    }
}

static int
run_first(BerthTx *tx, void *data)
{
    BerthRequest *request = data;
    int error = berth_authorise(tx, request);
    if (error == BERTH_OK && request->route->handling == BERTH_HANDLE_READ) {
        json_decref(request->reply);
        request->reply = NULL;
        error = request->route->func.tx(tx, request);
    }
    return error;
}

static void
run_read(void *data)
{
    BerthRequest *request = data;
    int64_t since_us = berth_monotonic_us();
    request->result = berth_store_read(request->broker->store, run_first, request);
    if (request->result == BERTH_OK && request->route->handling == BERTH_HANDLE_READ) {
        berth_request_prepare(request);
    }
    berth_metric_observe_us(BERTH_METRIC_STORE_READ, berth_monotonic_us() - since_us);
}

static void
read_done(void *data)
{
    BerthRequest *request = data;
    if (request->exchange == NULL) {
        berth_request_free(request);
        return;
    }
    if (request->result == BERTH_OK) {
        berth_authorise_touch(request);
    }
    if (request->result != BERTH_OK || request->route->handling == BERTH_HANDLE_READ) {
        berth_router_answer(request, request->result);
        return;
    }
    if (request->is_admitting) {
        /* Now the body, which belongs to no handler yet. */
        berth_request_clear_deadline(request);
        request->is_admitted = true;
        request->is_dispatched = false;
        berth_http_wake(request);
        return;
    }
    handle(request);
}

void
berth_router_go_on(BerthRequest *request)
{
    handle(request);
}

static int
check_before_store(BerthRequest *request, const char *authorization)
{
    bool is_local = strcmp(request->source, "local") == 0;
    int error =
        is_local ? BERTH_OK
                 : berth_router_check_rate(request, request->broker->source_rate, request->source);
    if (error == BERTH_OK) {
        error = berth_authorise_begin(request, authorization);
    }
    if (error == BERTH_OK && request->route->handling == BERTH_HANDLE_READ) {
        error = decode(request);
    }
    return error;
}

void
berth_router_dispatch(BerthRequest *request, const char *authorization)
{
    const BerthRoute *route = request->route;
    request->now_us = berth_site_clock_now_us();
    int error = check_before_store(request, authorization);
    if (error != BERTH_OK) {
        berth_router_answer(request, error);
        return;
    }
    if (route->permission <= BERTH_PERMIT_INTERNAL && route->handling != BERTH_HANDLE_READ) {
        handle(request);
        return;
    }
    if (route->needs_live) {
        request->live = berth_live_new(request->broker, request->id);
    }
    berth_request_set_deadline(request, BERTH_LIMIT_HTTP_READ_US,
                               "the store does not answer; ask again in a few seconds");
    error = request->broker->readers != NULL
                ? berth_worker_pool_submit(request->broker->readers, run_read, read_done, request)
                : BERTH_ERR_BUSY; /* the broker stops */
    if (error != BERTH_OK) {
        request->retry_after_s = 1;
        berth_request_explain(request, error, "too many requests wait for the store");
        berth_router_answer(request, error);
    }
}
