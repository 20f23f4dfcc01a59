/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/request.h"

#include "base/error.h"
#include "base/secret.h"
#include "broker/api/handlers.h"
#include "broker/api/http-server.h"

#include <stdarg.h>
#include <string.h>

static const struct {
    int error;
    int status;
} error_statuses[] = {
    { BERTH_ERR_INVALID, 400 },
    { BERTH_ERR_PROTOCOL, 400 },
    { BERTH_ERR_TOO_LARGE, 413 },
    { BERTH_ERR_STATE, 409 },
    { BERTH_ERR_NOT_FOUND, 404 },
    { BERTH_ERR_EXISTS, 409 },
    { BERTH_ERR_TIMEOUT, 504 },
    { BERTH_ERR_EXPIRED, 401 },
    { BERTH_ERR_BAD_CREDENTIALS, 401 },
    { BERTH_ERR_FORBIDDEN, 403 },
    { BERTH_ERR_BUSY, 503 },
    { BERTH_ERR_THROTTLED, 429 },
    { BERTH_ERR_NO_DESKTOP, 409 },
    { BERTH_ERR_HOST_DOWN, 503 },
    { BERTH_ERR_SOURCE_DOWN, 503 },
    { BERTH_ERR_DISK_FULL, 507 },
    { BERTH_ERR_UNSUPPORTED, 405 },
    { BERTH_ERR_PRECONDITION, 412 },
    { BERTH_ERR_PRECONDITION_REQUIRED, 428 },
    { BERTH_ERR_KEY_REUSED, 422 },
    { BERTH_ERR_STORE_DOWN, 503 },
};

int
berth_request_status_of_error(int error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(error_statuses); i++) {
        if (error_statuses[i].error == error) {
            return error_statuses[i].status;
        }
    }
    return 500;
}

static gboolean
free_later(gpointer data)
{
    berth_request_free(data);
    return G_SOURCE_REMOVE;
}

void
berth_request_clear_deadline(BerthRequest *request)
{
    if (request->deadline_source != 0) {
        g_source_remove(request->deadline_source);
        request->deadline_source = 0;
    }
}

static void
finish(BerthRequest *request)
{
    g_assert(!request->is_done);
    request->is_done = true;
    berth_request_clear_deadline(request);
    if (request->exchange == NULL) {
        /* Its caller may still look at it. */
        g_idle_add(free_later, request);
    } else if (request->is_suspended) {
        berth_http_resume(request);
    }
}

BerthRequest *
berth_request_detach(BerthRequest *request)
{
    BerthRequest *other = g_new0(BerthRequest, 1);
    berth_request_clear_deadline(request);
    other->broker = request->broker;
    other->route = request->route;
    other->server = request->server;
    other->connection = request->connection;
    other->exchange = request->exchange;
    other->is_dispatched = true;
    other->is_suspended = request->is_suspended;
    other->began_us = request->began_us;
    memcpy(other->number, request->number, sizeof other->number);
    other->exchange->request = other;
    request->exchange = NULL;
    request->connection = NULL;
    request->is_suspended = false;
    return other;
}

static gboolean
on_deadline(gpointer data)
{
    BerthRequest *request = data;
    request->deadline_source = 0;
    const char *detail = request->deadline_detail;
    BerthRequest *other = berth_request_detach(request);
    other->retry_after_s = 2;
    berth_request_fail(other, BERTH_ERR_STORE_DOWN, "%s", detail);
    return G_SOURCE_REMOVE;
}

void
berth_request_set_deadline(BerthRequest *request, int64_t us, const char *detail)
{
    berth_request_clear_deadline(request);
    request->deadline_detail = detail;
    request->deadline_source = g_timeout_add((guint)(us / 1000), on_deadline, request);
}

void
berth_request_reply(BerthRequest *request, int status, json_t *json)
{
    request->status = status;
    request->error = BERTH_OK;
    json_decref(request->reply);
    request->reply = json;
    finish(request);
}

void
berth_request_fail(BerthRequest *request, int error, const char *detail, ...)
{
    va_list args;
    va_start(args, detail);
    g_free(request->detail);
    request->detail = g_strdup_vprintf(detail, args);
    va_end(args);
    request->error = error;
    request->status = berth_request_status_of_error(error);
    finish(request);
}

int
berth_request_match_error(BerthRequest *request, int error)
{
    if (error == BERTH_ERR_NOT_FOUND && request->match_version != 0) {
        return berth_request_explain(request, BERTH_ERR_PRECONDITION,
                                     "version %" G_GINT64_FORMAT
                                     " is not the present one; read it again",
                                     request->match_version);
    }
    return error;
}

void
berth_request_prepare(BerthRequest *request)
{
    const json_t *version = json_object_get(request->reply, "version");
    if (request->version == 0 && json_is_integer(version)) {
        request->version = json_integer_value(version);
    }
    if (request->text == NULL && request->reply != NULL) {
        request->text = json_dumps(request->reply, JSON_COMPACT);
        request->text_type = "application/json";
        json_decref(request->reply);
        request->reply = NULL;
    }
}

char *
berth_request_format_problem(const BerthRequest *request)
{
    const char *code = berth_error_name(request->error);
    g_autofree char *type = g_strconcat("urn:berth:problem:", code, NULL);
    bool has_detail = request->detail != NULL && request->detail[0] != '\0';
    json_auto_t *problem =
        json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "type", type, "title",
                  berth_error_sentence(request->error), "status", request->status, "detail",
                  has_detail ? request->detail : berth_error_sentence(request->error), "code", code,
                  "request", request->number);
    if (request->retry_after_s > 0) {
        json_object_set_new(problem, "retry_after_s", json_integer(request->retry_after_s));
    }
    return problem != NULL ? json_dumps(problem, JSON_COMPACT) : NULL;
}

void
berth_request_free(BerthRequest *request)
{
    if (request == NULL) {
        return;
    }
    berth_request_clear_deadline(request);
    if (request->input != NULL) {
        if (request->input->len > 0) {
            berth_wipe(request->input->data, request->input->len);
        }
        g_byte_array_unref(request->input);
    }
    berth_live_free(request->live);
    json_decref(request->reply);
    free(request->text);
    g_free(request->detail);
    g_free(request->idempotency_key);
    g_free(request->accept);
    g_free(request->last_event_id);
    g_free(request->location);
    json_decref(request->query);
    berth_body_free(request->body);
    g_free(request);
}
