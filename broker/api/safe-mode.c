/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What needs a person: alarms, the end of safe mode, machines that no row knows.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "broker/broker.h"

#include <string.h>

static void
add_alarm(json_t *alarms, const char *kind, const char *text)
{
    json_array_append_new(alarms, json_pack("{s:s, s:s}", "kind", kind, "text", text));
}

static void
add_silence(json_t *alarms, const BerthStampede *stampede)
{
    if (stampede->since_us != 0) {
        g_autofree char *text = g_strdup_printf(
            "%zu of %zu hosts fell silent at once: look at this broker's network first; %s",
            stampede->n_silent, stampede->n_hosts,
            stampede->is_overruled ? "they are called lost, as was asked for"
                                   : "none is called lost until somebody says so");
        add_alarm(alarms, "hosts-silent", text);
    }
}

int
berth_status_add_alarms(BerthTx *tx, const BerthLive *live, json_t *status)
{
    int64_t n_missing = 0;
    json_t *alarms = json_array();
    int n_strangers = live->n_strangers;
    int error = berth_tx_get_int(tx, &n_missing, BERTH_SQL_MACHINES_MISSING, "");
    add_silence(alarms, &live->stampede);
    if (live->is_safe_mode) {
        add_alarm(
            alarms, "safe-mode",
            "the store was restored: nothing is recycled or removed until safe mode is ended");
    }
    if (n_missing > 0) {
        g_autofree char *text = g_strdup_printf(
            "%" G_GINT64_FORMAT " machines hold data and their disk is missing", n_missing);
        add_alarm(alarms, "machines-missing", text);
    }
    if (n_strangers > 0) {
        g_autofree char *text =
            g_strdup_printf("%d machines on hosts are in no row: see their strangers", n_strangers);
        add_alarm(alarms, "machines-found", text);
    }
    json_object_set_new(status, "safe_mode", json_boolean(live->is_safe_mode));
    json_object_set_new(status, "cluster_epoch", json_integer(live->cluster_epoch));
    json_object_set_new(status, "strangers", json_integer(n_strangers));
    json_object_set_new(status, "alarms", alarms);
    return error;
}

/* Higher than any that a host was welcomed with: from now on this store is the new truth. */
static int
raise_cluster_epoch(BerthTx *tx)
{
    int64_t known = 0;
    int64_t seen = 0;
    g_autofree char *text = NULL;
    int error = berth_tx_get_text(tx, &text, BERTH_SQL_META_GET, "s", "cluster_epoch");
    if (error == BERTH_OK) {
        known = g_ascii_strtoll(text, NULL, 10);
        error = berth_tx_get_int(tx, &seen, BERTH_SQL_HOSTS_MAX_EPOCH, "");
    }
    if (error != BERTH_OK || seen <= known) {
        return error;
    }
    g_autofree char *next = g_strdup_printf("%" G_GINT64_FORMAT, seen + 1);
    return berth_tx_run(tx, BERTH_SQL_META_SET, "ss", "cluster_epoch", next);
}

int
berth_handle_set_safe_mode(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    bool is_on = berth_body_bool(request->body, "enabled", false);
    int error = is_on ? BERTH_OK : raise_cluster_epoch(tx);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_META_SET, "ss", "safe_mode", is_on ? "1" : "0");
    }
    return error == BERTH_OK ? berth_audit(tx, &cause, "site.safe-mode", "site",
                                           json_pack("{s:b}", "enabled", (int)is_on))
                             : error;
}

int
berth_handle_hosts_gone(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    g_autofree char *now = g_strdup_printf("%" G_GINT64_FORMAT, request->now_us);
    int error = berth_tx_run(tx, BERTH_SQL_META_SET, "ss", "hosts_gone_us", now);
    return error == BERTH_OK ? berth_audit(tx, &cause, "site.hosts-gone", "site", json_object())
                             : error;
}

static GHashTable *
read_known(BerthTx *tx, const char *host, int *ret_error)
{
    BerthRows rows;
    GHashTable *known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    berth_tx_query(tx, &rows, BERTH_SQL_HOST_MACHINE_IDS, "s", host);
    while (berth_rows_next(&rows)) {
        g_hash_table_add(known, g_strdup(berth_rows_text(&rows, 0)));
    }
    *ret_error = berth_rows_end(&rows);
    return known;
}

int
berth_handle_strangers(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    const BerthInventory *inventory = request->live->inventory;
    if (inventory == NULL) {
        return berth_request_explain(request, BERTH_ERR_HOST_DOWN,
                                     "this broker has no link to host \"%s\"", request->id);
    }
    g_autoptr(GHashTable) known = read_known(tx, request->id, &error);
    json_t *strangers = json_array();
    for (guint i = 0; i < inventory->machines->len; i++) {
        const BerthMachineReport *report =
            &g_array_index(inventory->machines, BerthMachineReport, i);
        if (report->state != BERTH_REPORT_ABSENT && !g_hash_table_contains(known, report->id)) {
            json_array_append_new(strangers,
                                  json_pack("{s:s, s:I, s:s, s:s, s:I}", "id", report->id, "epoch",
                                            (json_int_t)report->epoch, "state",
                                            berth_machine_report_name(report->state), "overlay",
                                            report->overlay, "disk_mib",
                                            (json_int_t)report->usage.disk_mib));
        }
    }
    request->reply = json_pack("{s:o}", "strangers", strangers);
    return error;
}
