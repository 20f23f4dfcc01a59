/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "broker/api/page.h"
#include "broker/broker.h"
#include "broker/fsck.h"

int
berth_handle_status(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_STATUS, "");
    if (rows != NULL) {
        json_t *status = json_incref(json_array_get(rows, 0));
        json_object_set_new(status, "version", json_string(BERTH_VERSION));
        error = berth_status_add_alarms(tx, request->live, status);
        request->reply = json_pack("{s:o}", "status", status);
    }
    return error;
}

/* A list without filters. */
static int
reply_page(BerthTx *tx, BerthRequest *request, BerthStatement statement, const char *name,
           const char *key)
{
    BerthPage page;
    int error = berth_page_begin(request, name, &page);
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows =
        berth_tx_to_json(tx, &error, statement, BERTH_PAGE_TYPES, BERTH_PAGE_VALUES(page));
    return berth_page_reply(request, &page, error, rows, key);
}

/* A list of what lives in pools and on hosts. */
static int
reply_filtered(BerthTx *tx, BerthRequest *request, BerthStatement statement, const char *name)
{
    BerthPage page;
    int error = berth_page_begin(request, name, &page);
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows =
        berth_tx_to_json(tx, &error, statement, BERTH_PAGE_TYPES "ssss", BERTH_PAGE_VALUES(page),
                         berth_page_filter(request, "pool"), berth_page_filter(request, "state"),
                         berth_page_filter(request, "host"), berth_page_filter(request, "user"));
    return berth_page_reply(request, &page, error, rows, "id");
}

int
berth_handle_list_pools(BerthTx *tx, BerthRequest *request)
{
    return reply_page(tx, request, BERTH_SQL_LIST_POOLS, "pools", "name");
}

int
berth_handle_list_users(BerthTx *tx, BerthRequest *request)
{
    return reply_page(tx, request, BERTH_SQL_LIST_USERS, "users", "name");
}

int
berth_handle_list_images(BerthTx *tx, BerthRequest *request)
{
    return reply_page(tx, request, BERTH_SQL_LIST_IMAGES, "images", "name");
}

int
berth_handle_list_hosts(BerthTx *tx, BerthRequest *request)
{
    BerthPage page;
    int error = berth_page_begin(request, "hosts", &page);
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_LIST_HOSTS, BERTH_PAGE_TYPES "s",
                                    BERTH_PAGE_VALUES(page), berth_page_filter(request, "state"));
    return berth_page_reply(request, &page, error, rows, "name");
}

int
berth_handle_list_machines(BerthTx *tx, BerthRequest *request)
{
    return reply_filtered(tx, request, BERTH_SQL_LIST_MACHINES, "machines");
}

int
berth_handle_list_sessions(BerthTx *tx, BerthRequest *request)
{
    return reply_filtered(tx, request, BERTH_SQL_LIST_SESSIONS, "sessions");
}

int
berth_handle_list_audit(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_EVENT_LIST, "i",
                                    berth_body_int(request->query, "limit", 100));
    if (rows != NULL) {
        request->reply = json_pack("{s:o}", "audit", rows);
    }
    return error;
}

int
berth_handle_verify_audit(BerthTx *tx, BerthRequest *request)
{
    BerthAuditReport report;
    int error = berth_audit_verify(tx, &request->broker->ticket_key, &report);
    if (error != BERTH_OK) {
        return error;
    }
    json_t *breach = report.bad_seq == 0
                         ? json_null()
                         : json_pack("{s:s, s:I, s:s}", "chain", report.bad_chain, "seq",
                                     (json_int_t)report.bad_seq, "problem", report.problem);
    request->reply =
        json_pack("{s:b, s:I, s:I, s:I, s:o}", "is_whole", report.bad_seq == 0, "n_events",
                  (json_int_t)report.n_records, "n_chains", (json_int_t)report.n_chains, "n_heads",
                  (json_int_t)report.n_heads, "breach", breach);
    return BERTH_OK;
}

int
berth_handle_fsck(BerthTx *tx, BerthRequest *request)
{
    json_t *checks = NULL;
    int64_t n_breaches = 0;
    int error = berth_fsck(tx, &checks, &n_breaches);
    if (error == BERTH_OK) {
        request->reply =
            json_pack("{s:I, s:o}", "breaches", (json_int_t)n_breaches, "fsck", checks);
    }
    return error;
}
