/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/handlers.h"

#include "base/clock.h"
#include "base/error.h"
#include "broker/broker.h"
#include "broker/metrics.h"

#include <string.h>

#define SECOND_US (1000LL * 1000)

int
berth_handle_host_addresses(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_HOST_ADDRESSES, "");
    if (rows != NULL) {
        request->reply = json_pack("{s:o}", "hosts", rows);
    }
    return error;
}

void
berth_handle_alive(BerthRequest *request)
{
    int64_t uptime_s = (berth_monotonic_us() - request->broker->started_us) / SECOND_US;
    berth_request_reply(request, 200,
                        json_pack("{s:s, s:s, s:I}", "status", "ok", "version", BERTH_VERSION,
                                  "uptime_s", (json_int_t)uptime_s));
}

/*
 * The store's last word, without waiting for its next one: who balances load asks often, and most
 * of all while the store is stuck.
 */
void
berth_handle_ready(BerthRequest *request)
{
    BerthStoreHealth health;
    berth_store_get_health(request->broker->store, &health);
    if (!health.is_answering) {
        request->retry_after_s = 1;
        berth_request_fail(request, BERTH_ERR_STORE_DOWN, "the store does not answer");
        return;
    }
    berth_request_reply(request, 200, json_pack("{s:s}", "status", "ready"));
}

void
berth_handle_health(BerthRequest *request)
{
    const BerthBroker *broker = request->broker;
    int64_t uptime_s = (berth_monotonic_us() - broker->started_us) / SECOND_US;
    berth_request_reply(request, 200,
                        json_pack("{s:s, s:s, s:s, s:I, s:I}", "status", "ok", "version",
                                  BERTH_VERSION, "cluster", broker->cluster, "uptime_s",
                                  (json_int_t)uptime_s, "agents",
                                  (json_int_t)berth_agents_n_links(broker->agents)));
}

static int
add_states(BerthTx *tx, GString *text, BerthStatement statement, const char *noun)
{
    BerthRows rows;
    g_string_append_printf(text, "# TYPE berth_%s gauge\n", noun);
    berth_tx_query(tx, &rows, statement, "");
    while (berth_rows_next(&rows)) {
        g_string_append_printf(text, "berth_%s{state=\"%s\"} %" G_GINT64_FORMAT "\n", noun,
                               berth_rows_text(&rows, 0), berth_rows_int(&rows, 1));
    }
    return berth_rows_end(&rows);
}

int
berth_handle_metrics(BerthTx *tx, BerthRequest *request)
{
    g_autoptr(GString) text = g_string_new(NULL);
    int error = add_states(tx, text, BERTH_SQL_METRIC_MACHINES, "machines");
    if (error == BERTH_OK) {
        error = add_states(tx, text, BERTH_SQL_METRIC_SESSIONS, "sessions");
    }
    if (error == BERTH_OK) {
        error = add_states(tx, text, BERTH_SQL_METRIC_HOSTS, "hosts");
    }
    if (error == BERTH_OK) {
        error = add_states(tx, text, BERTH_SQL_METRIC_ROLLOUTS, "rollouts");
    }
    BerthStoreHealth health;
    berth_store_get_health(request->broker->store, &health);
    berth_metric_set(BERTH_METRIC_STORE_QUEUED, health.n_queued);
    berth_metric_set(BERTH_METRIC_AUDIT_UNSIGNED, health.n_unsigned);
    berth_metrics_format(text);
    berth_metrics_format_process(text);
    request->text = strdup(text->str);
    return error;
}
