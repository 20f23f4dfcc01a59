/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/request.h"

#include "base/error.h"
#include "base/secret.h"
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
    { BERTH_ERR_DISK_FULL, 507 },
    { BERTH_ERR_UNSUPPORTED, 405 },
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

static void
finish(BerthRequest *request)
{
    g_assert(!request->is_done);
    request->is_done = true;
    if (request->is_suspended) {
        berth_http_resume(request);
    }
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

char *
berth_request_format_answer(const BerthRequest *request)
{
    if (request->error == BERTH_OK) {
        return request->reply != NULL ? json_dumps(request->reply, JSON_COMPACT) : NULL;
    }
    json_auto_t *problem =
        json_pack("{s:i, s:s, s:s, s:s}", "status", request->status, "code",
                  berth_error_name(request->error), "title", berth_error_sentence(request->error),
                  "detail", request->detail != NULL ? request->detail : "");
    if (request->retry_after_s > 0) {
        json_object_set_new(problem, "retry_after_s", json_integer(request->retry_after_s));
    }
    return json_dumps(problem, JSON_COMPACT);
}

void
berth_request_free(BerthRequest *request)
{
    if (request == NULL) {
        return;
    }
    if (request->input != NULL) {
        if (request->input->len > 0) {
            berth_wipe(request->input->data, request->input->len);
        }
        g_byte_array_unref(request->input);
    }
    json_decref(request->reply);
    free(request->text);
    g_free(request->detail);
    json_decref(request->query);
    berth_body_free(request->body);
    g_free(request);
}
