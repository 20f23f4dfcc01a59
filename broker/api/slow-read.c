/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/slow-read.h"

#include "base/error.h"
#include "base/log.h"
#include "broker/api/router.h"
#include "broker/broker.h"
#include "broker/metrics.h"
#include "broker/operations.h"
#include "broker/site-clock.h"

#include <string.h>

typedef struct {
    BerthBroker *broker;
    BerthRequest *request; /* waits for the answer; NULL once it has one */
    BerthRequest *copy;    /* the worker's, then the main thread's again */
    int error;
    guint timer;
    bool is_read;       /* the worker is through */
    bool is_asking;     /* the store makes the operation now */
    bool has_operation; /* it is made */
    char operation[BERTH_ID_HEX_CHARS + 1];
} SlowRead;

static BerthRequest *
copy_request(const BerthRequest *request)
{
    BerthRequest *copy = g_new0(BerthRequest, 1);
    copy->broker = request->broker;
    copy->route = request->route;
    copy->now_us = request->now_us;
    copy->sight = request->sight;
    copy->query = json_deep_copy(request->query);
    copy->accept = g_strdup(request->accept);
    memcpy(copy->account, request->account, sizeof copy->account);
    memcpy(copy->actor, request->actor, sizeof copy->actor);
    memcpy(copy->id, request->id, sizeof copy->id);
    memcpy(copy->part, request->part, sizeof copy->part);
    return copy;
}

static void
slow_read_free(SlowRead *read)
{
    if (read->timer != 0) {
        g_source_remove(read->timer);
    }
    berth_metric_add(BERTH_METRIC_SLOW_READS, -1);
    berth_request_free(read->copy);
    g_free(read);
}

static void
answer(SlowRead *read)
{
    BerthRequest *request = g_steal_pointer(&read->request);
    request->reply = g_steal_pointer(&read->copy->reply);
    request->text = g_steal_pointer(&read->copy->text);
    request->text_type = read->copy->text_type;
    request->version = read->copy->version;
    request->status = read->copy->status;
    g_free(request->detail);
    request->detail = g_steal_pointer(&read->copy->detail);
    berth_router_answer(request, read->error);
}

static int
run_finish(BerthTx *tx, void *data)
{
    const SlowRead *read = data;
    BerthCause cause = { .now_us = berth_site_clock_now_us(), .actor = read->copy->actor };
    json_t *result =
        read->copy->text != NULL
            ? json_loads(read->copy->text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL)
            : NULL;
    if (result == NULL && read->copy->text != NULL) {
        result = json_pack("{s:s, s:s}", "type", read->copy->text_type, "text", read->copy->text);
    }
    return berth_operation_finish(tx, &cause, read->operation, read->error, read->copy->detail,
                                  result);
}

static void
finish_done(int error, void *data)
{
    if (error != BERTH_OK) {
        berth_log_warning("http", "the result of a long read was not written: %s",
                          berth_error_sentence(error));
    }
    slow_read_free(data);
}

/* The reading is over, and so is the asking for an operation. */
static void
conclude(SlowRead *read)
{
    if (read->request != NULL) {
        answer(read);
    }
    if (!read->has_operation) {
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
    read->has_operation = error == BERTH_OK;
    if (read->is_read) {
        conclude(read);
        return;
    }
    if (read->has_operation) {
        BerthRequest *request = g_steal_pointer(&read->request);
        request->location = g_strconcat("/v1/operations/", read->operation, NULL);
        berth_request_reply(request, 202, json_pack("{s:s}", "operation", read->operation));
    }
}

static gboolean
on_timeout(gpointer data)
{
    SlowRead *read = data;
    read->timer = 0;
    /* Without an account there is nobody who could ask for the operation. */
    if (read->request->account[0] != '\0') {
        read->is_asking =
            berth_store_submit(read->broker->store, run_start, start_done, read) == BERTH_OK;
    }
    return G_SOURCE_REMOVE;
}

static int
run_handler(BerthTx *tx, void *data)
{
    BerthRequest *copy = data;
    return copy->route->func.tx(tx, copy);
}

static void
run_read(void *data)
{
    SlowRead *read = data;
    read->error = berth_store_read(read->broker->store, run_handler, read->copy);
    if (read->error == BERTH_OK) {
        berth_request_prepare(read->copy);
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
    read->copy = copy_request(request);
    berth_metric_add(BERTH_METRIC_SLOW_READS, 1);
    int error = berth_worker_pool_submit(request->broker->read_workers, run_read, read_done, read);
    if (error != BERTH_OK) {
        request->retry_after_s = 1;
        berth_request_fail(request, error, "too many long reads run now; ask again in a second");
        slow_read_free(read);
        return;
    }
    read->timer = g_timeout_add(BERTH_LIMIT_SLOW_READ_US / 1000, on_timeout, read);
}
