/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/router.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "broker/api/authorise.h"
#include "broker/api/handlers.h"
#include "broker/api/idempotency.h"
#include "broker/api/slow-read.h"
#include "broker/broker.h"
#include "broker/metrics.h"
#include "broker/site-clock.h"

#include <stdarg.h>
#include <string.h>

#define SECOND_US (1000LL * 1000)

static bool
is_word(const char *text, size_t len)
{
    if (len == 0 || len >= BERTH_REQUEST_PART_CHARS) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isalnum(text[i]) && strchr("-_.", text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* Takes one piece of a path, between slashes, for a hole of the pattern. */
static bool
fill_hole(const char *hole, const char *text, size_t len, BerthRouteHit *hit)
{
    BerthId id;
    if (strncmp(hole, "{id}", 4) == 0) {
        if (len != BERTH_ID_HEX_CHARS) {
            return false;
        }
        g_strlcpy(hit->id, text, sizeof hit->id);
        return berth_id_parse(hit->id, &id) == BERTH_OK;
    }
    if (!is_word(text, len)) {
        return false;
    }
    g_strlcpy(hit->part, text, len + 1);
    return true;
}

static bool
match_path(const char *pattern, const char *path, BerthRouteHit *hit)
{
    hit->id[0] = '\0';
    hit->part[0] = '\0';
    while (*pattern != '\0') {
        if (*pattern == '{') {
            size_t len = strcspn(path, "/");
            if (!fill_hole(pattern, path, len, hit)) {
                return false;
            }
            pattern += strcspn(pattern, "}") + 1;
            path += len;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

int
berth_router_find(const char *method, const char *path, bool is_internal, BerthRouteHit *ret_hit)
{
    int error = BERTH_ERR_NOT_FOUND;
    const BerthRoute *route = NULL;
    BerthRouteHit hit;
    ret_hit->allow = NULL;
    for (size_t i = 0; (route = berth_route_get(i)) != NULL; i++) {
        if ((route->permission == BERTH_PERMIT_INTERNAL && !is_internal) ||
            !match_path(route->path, path, &hit)) {
            continue;
        }
        if (strcmp(route->method, method) == 0) {
            *ret_hit = hit;
            ret_hit->route = route;
            ret_hit->allow = method;
            return BERTH_OK;
        }
        error = BERTH_ERR_UNSUPPORTED;
        ret_hit->allow = route->method;
    }
    return error;
}

int
berth_request_explain(BerthRequest *request, int error, const char *detail, ...)
{
    va_list args;
    va_start(args, detail);
    g_free(request->detail);
    request->detail = g_strdup_vprintf(detail, args);
    va_end(args);
    return error;
}

BerthCause
berth_request_cause(const BerthRequest *request)
{
    return (BerthCause){ .now_us = request->now_us, .actor = request->actor };
}

int
berth_request_find(BerthTx *tx, BerthRequest *request, BerthStatement statement, const char *key,
                   char ret_id[BERTH_ID_HEX_CHARS + 1])
{
    const char *name = berth_body_text(request->body, key);
    g_autofree char *id = NULL;
    if (name == NULL) {
        ret_id[0] = '\0';
        return BERTH_OK;
    }
    int error = berth_tx_get_text(tx, &id, statement, "s", name);
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, error, "there is no %s \"%s\"", key, name);
    }
    if (error == BERTH_OK) {
        g_strlcpy(ret_id, id, BERTH_ID_HEX_CHARS + 1);
    }
    return error;
}

static int
run_tx_handler(BerthTx *tx, void *data)
{
    BerthRequest *request = data;
    return request->route->func.tx(tx, request);
}

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
        return request->input->len == 0
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

void
berth_router_dispatch(BerthRequest *request, const char *authorization)
{
    BerthStore *store = request->broker->store;
    const BerthRoute *route = request->route;
    bool is_local = strcmp(request->source, "local") == 0;
    request->now_us = berth_site_clock_now_us();
    int error =
        is_local ? BERTH_OK
                 : berth_router_check_rate(request, request->broker->source_rate, request->source);
    if (error == BERTH_OK) {
        error = berth_authorise(request, authorization);
    }
    if (error == BERTH_OK) {
        error = decode(request);
    }
    if (error != BERTH_OK) {
        berth_router_answer(request, error);
        return;
    }
    switch (route->handling) {
    case BERTH_HANDLE_READ:
        berth_router_answer(request, berth_store_read(store, run_tx_handler, request));
        break;
    case BERTH_HANDLE_READ_SLOW:
        berth_slow_read_start(request);
        break;
    case BERTH_HANDLE_WRITE:
        error = berth_store_submit(store, run_write_handler, write_done, request);
        if (error != BERTH_OK) {
            berth_router_answer(request, error);
        }
        break;
    case BERTH_HANDLE_ASYNC:
        route->func.async(request);
        break;
    }
}
