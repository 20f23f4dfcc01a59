/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/router.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "broker/api/handlers.h"
#include "broker/broker.h"

#include <stdarg.h>
#include <string.h>

#define BEARER "Bearer "
/* How stale the time of last use may be: one write a minute for a busy login. */
#define TOKEN_TOUCH_US (60LL * 1000 * 1000)

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
    for (size_t i = 0; (route = berth_route_get(i)) != NULL; i++) {
        if ((route->permission == BERTH_PERMIT_INTERNAL && !is_internal) ||
            !match_path(route->path, path, &hit)) {
            continue;
        }
        if (strcmp(route->method, method) == 0) {
            *ret_hit = hit;
            ret_hit->route = route;
            return BERTH_OK;
        }
        error = BERTH_ERR_UNSUPPORTED;
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

static int
read_token(BerthTx *tx, void *data)
{
    BerthRequest *request = data;
    BerthRows rows;
    bool is_there = false;
    berth_tx_query(tx, &rows, BERTH_SQL_TOKEN_GET, "sii", request->token_hash, request->now_us,
                   request->now_us - BERTH_LIMIT_LOGIN_IDLE_US);
    if (berth_rows_next(&rows)) {
        is_there = true;
        g_strlcpy(request->account, berth_rows_text(&rows, 0), sizeof request->account);
        g_snprintf(request->actor, sizeof request->actor, "user:%s", berth_rows_text(&rows, 1));
        request->is_admin = berth_rows_int(&rows, 2) != 0;
        request->token_used_us = berth_rows_int(&rows, 3);
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_EXPIRED : error;
}

typedef struct {
    char hash[BERTH_TOKEN_CHARS + 1];
    int64_t now_us;
} Touch;

static int
run_touch(BerthTx *tx, void *data)
{
    const Touch *touch = data;
    return berth_tx_run(tx, BERTH_SQL_TOKEN_USED, "si", touch->hash, touch->now_us);
}

static void
touch_done(int error, void *data)
{
    g_free(data);
}

static void
maybe_touch_token(BerthRequest *request)
{
    if (request->now_us - request->token_used_us < TOKEN_TOUCH_US) {
        return;
    }
    Touch *touch = g_new0(Touch, 1);
    g_strlcpy(touch->hash, request->token_hash, sizeof touch->hash);
    touch->now_us = request->now_us;
    if (berth_store_submit(request->broker->store, run_touch, touch_done, touch) != BERTH_OK) {
        g_free(touch);
    }
}

/* Finds out who asks; the error is EXPIRED for no, a bad or an old token. */
static int
authenticate(BerthRequest *request, const char *authorization)
{
    BerthPermission permission = request->route->permission;
    if (permission == BERTH_PERMIT_NOBODY || permission == BERTH_PERMIT_INTERNAL) {
        return BERTH_OK;
    }
    if (authorization == NULL || strncmp(authorization, BEARER, strlen(BEARER)) != 0 ||
        berth_token_hash(authorization + strlen(BEARER), request->token_hash) != BERTH_OK) {
        return berth_request_explain(request, BERTH_ERR_EXPIRED, "log in first");
    }
    int error = berth_store_read(request->broker->store, read_token, request);
    if (error != BERTH_OK) {
        return berth_request_explain(request, error, "log in again");
    }
    maybe_touch_token(request);
    if (permission != BERTH_PERMIT_SELF && !request->is_admin) {
        return berth_request_explain(request, BERTH_ERR_FORBIDDEN, "this is for administrators");
    }
    return BERTH_OK;
}

static int
run_tx_handler(BerthTx *tx, void *data)
{
    BerthRequest *request = data;
    return request->route->func.tx(tx, request);
}

static void
answer_tx(int error, void *data)
{
    BerthRequest *request = data;
    if (error != BERTH_OK) {
        g_autofree char *detail = g_steal_pointer(&request->detail);
        berth_request_fail(request, error, "%s", detail != NULL ? detail : "");
        return;
    }
    berth_request_reply(request, request->route->status, g_steal_pointer(&request->reply));
}

static void
write_done(int error, void *data)
{
    BerthRequest *request = data;
    BerthBroker *broker = request->broker;
    answer_tx(error, request);
    if (error == BERTH_OK) {
        berth_broker_changed(broker);
    }
}

static int
decode(BerthRequest *request)
{
    g_autoptr(GError) error = NULL;
    const BerthRoute *route = request->route;
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

void
berth_router_dispatch(BerthRequest *request, const char *authorization)
{
    BerthStore *store = request->broker->store;
    const BerthRoute *route = request->route;
    request->now_us = berth_wall_us();
    int error = authenticate(request, authorization);
    if (error == BERTH_OK) {
        error = decode(request);
    }
    if (error != BERTH_OK) {
        answer_tx(error, request);
        return;
    }
    switch (route->handling) {
    case BERTH_HANDLE_READ:
        answer_tx(berth_store_read(store, run_tx_handler, request), request);
        break;
    case BERTH_HANDLE_WRITE:
        error = berth_store_submit(store, run_tx_handler, write_done, request);
        if (error != BERTH_OK) {
            answer_tx(error, request);
        }
        break;
    case BERTH_HANDLE_ASYNC:
        route->func.async(request);
        break;
    }
}
