/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/slow-read.h"

#include "base/error.h"
#include "base/log.h"
#include "broker/api/router.h"
#include "broker/broker.h"
#include "broker/metrics.h"
#include "broker/operations.h"
#include "broker/site-clock.h"

typedef struct {
    BerthBroker *broker;
    BerthRequest *request; /* the worker's, then the main thread's again */
    int error;
    guint timer;
    bool is_read;       /* the worker is through */
    bool is_asking;     /* the store makes the operation now */
    bool has_operation; /* it is made */
    char operation[BERTH_ID_HEX_CHARS + 1];
} SlowRead;

static void
slow_read_free(SlowRead *read)
{
    berth_metric_add(BERTH_METRIC_SLOW_READS, -1);
    g_free(read);
}

static int
run_finish(BerthTx *tx, void *data)
{
    const SlowRead *read = data;
    const BerthRequest *request = read->request;
    BerthCause cause = { .now_us = berth_site_clock_now_us(), .actor = request->actor };
    json_t *result = request->text != NULL
                         ? json_loads(request->text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL)
                         : NULL;
    if (result == NULL && request->text != NULL) {
        result = json_pack("{s:s, s:s}", "type", request->text_type, "text", request->text);
    }
    return berth_operation_finish(tx, &cause, read->operation, read->error, request->detail,
                                  result);
}

static void
finish_done(int error, void *data)
{
    SlowRead *read = data;
    if (error != BERTH_OK) {
        berth_log_warning("http", "the result of a long read was not written: %s",
                          berth_error_sentence(error));
    }
    berth_request_free(read->request);
    slow_read_free(read);
}

/* The reading is over, and so is the asking for an operation. */
static void
conclude(SlowRead *read)
{
    if (read->request->exchange != NULL || !read->has_operation) {
        /* An operation that nobody heard of is given up as silent, later. */
        berth_router_answer(read->request, read->error);
        slow_read_free(read);
        return;
    }
    int error = berth_store_submit(read->broker->store, run_finish, finish_done, read);
    if (error != BERTH_OK) {
        finish_done(error, read);
    }
}

static int
run_start(BerthTx *tx, void *data)
{
    SlowRead *read = data;
    BerthCause cause = { .now_us = berth_site_clock_now_us(), .actor = read->request->actor };
    return berth_operation_start(tx, &cause, "read", "", read->request->account, read->operation);
}

static void
start_done(int error, void *data)
{
    SlowRead *read = data;
    read->is_asking = false;
    read->has_operation = error == BERTH_OK && read->request->exchange != NULL && !read->is_read;
    if (read->is_read) {
        conclude(read);
        return;
    }
    if (read->has_operation) {
        BerthRequest *other = berth_request_detach(read->request);
        other->location = g_strconcat("/v1/operations/", read->operation, NULL);
        berth_request_reply(other, 202, json_pack("{s:s}", "operation", read->operation));
    }
}

static gboolean
on_timeout(gpointer data)
{
    SlowRead *read = data;
    read->timer = 0;
    /* Without an account there is nobody who could ask for the operation. */
    if (read->request->exchange != NULL && read->request->account[0] != '\0') {
        read->is_asking =
            berth_store_submit(read->broker->store, run_start, start_done, read) == BERTH_OK;
    }
    return G_SOURCE_REMOVE;
}

static int
run_handler(BerthTx *tx, void *data)
{
    BerthRequest *request = data;
    json_decref(request->reply);
    request->reply = NULL;
    return request->route->func.tx(tx, request);
}

static void
run_read(void *data)
{
    SlowRead *read = data;
    read->error = berth_store_read(read->broker->store, run_handler, read->request);
    if (read->error == BERTH_OK) {
        berth_request_prepare(read->request);
    }
}

static void
read_done(void *data)
{
    SlowRead *read = data;
    read->is_read = true;
    if (read->timer != 0) {
        g_source_remove(read->timer);
        read->timer = 0;
    }
    if (!read->is_asking) {
        conclude(read);
    }
}

void
berth_slow_read_start(BerthRequest *request)
{
    SlowRead *read = g_new0(SlowRead, 1);
    read->broker = request->broker;
    read->request = request;
    berth_metric_add(BERTH_METRIC_SLOW_READS, 1);
    berth_request_set_deadline(request, BERTH_LIMIT_HTTP_WRITE_US,
                               "the store does not answer; ask again in a few seconds");
    int error = berth_worker_pool_submit(request->broker->slow_readers, run_read, read_done, read);
    if (error != BERTH_OK) {
        request->retry_after_s = 1;
        berth_request_fail(request, error, "too many long reads run now; ask again in a second");
        slow_read_free(read);
        return;
    }
    read->timer = g_timeout_add(BERTH_LIMIT_SLOW_READ_US / 1000, on_timeout, read);
}
