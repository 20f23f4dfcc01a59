/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Schedules: windows of a week, for entitlements and for the spares of pools.
 */
#include "broker/schedule.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/api/handlers.h"
#include "broker/api/objects.h"
#include "broker/api/page.h"

/* What it means now: what people check first. */
static void
add_present(json_t *row, int64_t now_us)
{
    g_autofree char *rules = berth_object_dump(berth_body_json(row, "rules"), "[]");
    g_autoptr(BerthSchedule) schedule =
        berth_schedule_parse(berth_body_text(row, "timezone"), rules, NULL);
    if (schedule != NULL) {
        int64_t next_us = berth_schedule_next_change_us(schedule, now_us);
        json_object_set_new(row, "open", json_boolean(berth_schedule_contains(schedule, now_us)));
        json_object_set_new(row, "next_change_us",
                            next_us != 0 ? json_integer(next_us) : json_null());
    }
}

int
berth_handle_list_schedules(BerthTx *tx, BerthRequest *request)
{
    BerthPage page;
    size_t i = 0;
    json_t *row = NULL;
    int error = berth_page_begin(request, "schedules", &page);
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_LIST_SCHEDULES, BERTH_PAGE_TYPES,
                                    BERTH_PAGE_VALUES(page));
    json_array_foreach (rows, i, row) {
        add_present(row, request->now_us);
    }
    return berth_page_reply(request, &page, error, rows, "name");
}

int
berth_handle_get_schedule(BerthTx *tx, BerthRequest *request)
{
    int error = berth_object_reply(tx, request, BERTH_SQL_SCHEDULE_JSON, "schedule", request->id);
    if (error == BERTH_OK) {
        add_present(request->reply, request->now_us);
    }
    return error;
}

static int
check(BerthRequest *request, const json_t *schedule, const char *rules)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(BerthSchedule) parsed =
        berth_schedule_parse(berth_body_text(schedule, "timezone"), rules, &why);
    return parsed != NULL ? BERTH_OK
                          : berth_request_explain(request, why->code, "%s", why->message);
}

int
berth_handle_add_schedule(BerthTx *tx, BerthRequest *request)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *rules = berth_object_dump(berth_body_json(request->body, "rules"), "[]");
    int error = check(request, request->body, rules);
    if (error != BERTH_OK) {
        return error;
    }
    berth_id_random_hex(id);
    error = berth_tx_run(tx, BERTH_SQL_SCHEDULE_INSERT, "ssssi", id,
                         berth_body_text(request->body, "name"),
                         berth_body_text(request->body, "timezone"), rules, request->now_us);
    return berth_object_added(tx, request, error, "schedule", id);
}

/* Pools name their schedules; a name that goes away would switch their spares off silently. */
static int
check_unused(BerthTx *tx, BerthRequest *request, const char *name)
{
    g_autofree char *pool = NULL;
    int error = berth_tx_get_text(tx, &pool, BERTH_SQL_SCHEDULE_POWERS, "ss", request->id, name);
    if (error == BERTH_OK) {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "\"power\" of pool \"%s\" names this schedule", pool);
    }
    return error == BERTH_ERR_NOT_FOUND ? BERTH_OK : error;
}

static char *
read_name(BerthTx *tx, BerthRequest *request, int *ret_error)
{
    json_auto_t *rows = berth_tx_to_json(tx, ret_error, BERTH_SQL_SCHEDULE_JSON, "s", request->id);
    const char *name = berth_body_text(json_array_get(rows, 0), "name");
    if (*ret_error == BERTH_OK && name == NULL) {
        *ret_error = berth_request_explain(request, BERTH_ERR_NOT_FOUND,
                                           "there is no schedule \"%s\"", request->id);
    }
    return g_strdup(name);
}

int
berth_handle_change_schedule(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    g_autofree char *old_name = read_name(tx, request, &error);
    if (error != BERTH_OK) {
        return error;
    }
    json_auto_t *schedule =
        berth_object_merge(tx, request, BERTH_SQL_SCHEDULE_JSON, "schedule", &error);
    if (schedule == NULL) {
        return error;
    }
    g_autofree char *rules = berth_object_dump(berth_body_json(schedule, "rules"), "[]");
    error = check(request, schedule, rules);
    if (error == BERTH_OK && g_strcmp0(old_name, berth_body_text(schedule, "name")) != 0) {
        error = check_unused(tx, request, old_name);
    }
    if (error != BERTH_OK) {
        return error;
    }
    error = berth_tx_run_one(tx, BERTH_SQL_SCHEDULE_SET, "sisss", request->id,
                             request->match_version, berth_body_text(schedule, "name"),
                             berth_body_text(schedule, "timezone"), rules);
    error = berth_object_changed(tx, request, error, BERTH_SQL_SCHEDULE_JSON, "schedule");
    if (error == BERTH_OK) {
        add_present(request->reply, request->now_us);
    }
    return error;
}

int
berth_handle_remove_schedule(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    int64_t n_entitlements = 0;
    BerthCause cause = berth_request_cause(request);
    g_autofree char *name = read_name(tx, request, &error);
    if (error == BERTH_OK) {
        error = check_unused(tx, request, name);
    }
    if (error == BERTH_OK) {
        error = berth_tx_get_int(tx, &n_entitlements, BERTH_SQL_SCHEDULE_ENTITLEMENTS, "s",
                                 request->id);
    }
    if (error == BERTH_OK && n_entitlements > 0) {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "%d entitlements have this schedule; remove them first",
                                     (int)n_entitlements);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_SCHEDULE_DELETE, "si", request->id,
                                 request->match_version);
    }
    error = berth_request_match_error(request, error);
    return error == BERTH_OK ? berth_audit(tx, &cause, "schedule.removed", request->id,
                                           json_pack("{s:s}", "name", name))
                             : error;
}
