/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/explain.h"

#include "base/error.h"
#include "broker/schedule.h"

#include <glib.h>
#include <string.h>

static void say(json_t *pool, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
say(json_t *pool, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    json_array_append_new(json_object_get(pool, "why_not"), json_string(text));
}

static json_t *
new_pool(const BerthRows *rows)
{
    json_t *pool = json_pack("{s:s, s:s, s:s, s:[], s:[], s:b}", "pool", berth_rows_text(rows, 0),
                             "name", berth_rows_text(rows, 1), "kind", berth_rows_text(rows, 2),
                             "entitlements", "why_not", "is_open", 0);
    if (berth_rows_int(rows, 3) == 0) {
        say(pool, "the pool \"%s\" is disabled", berth_rows_text(rows, 1));
    }
    return pool;
}

static void
add_entitlement(json_t *pool, const BerthRows *rows, int64_t now_us)
{
    bool is_always = berth_rows_is_null(rows, 6);
    bool is_open = is_always || berth_schedule_is_open(berth_rows_text(rows, 6),
                                                       berth_rows_text(rows, 7), now_us, NULL);
    json_array_append_new(json_object_get(pool, "entitlements"),
                          json_pack("{s:s, s:s, s:b}", "id", berth_rows_text(rows, 4), "schedule",
                                    is_always ? "always" : berth_rows_text(rows, 5), "open",
                                    is_open));
    if (is_open) {
        json_object_set_new(pool, "is_open", json_true());
    }
}

/* The pools that the account is entitled to, one object each. */
static int
read_pools(BerthTx *tx, const BerthCause *cause, const char *account, json_t *pools)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_EXPLAIN_POOLS, "s", account);
    while (berth_rows_next(&rows)) {
        json_t *last = json_array_get(pools, json_array_size(pools) - 1);
        const char *id = json_string_value(json_object_get(last, "pool"));
        if (id == NULL || strcmp(id, berth_rows_text(&rows, 0)) != 0) {
            last = new_pool(&rows);
            json_array_append_new(pools, last);
        }
        add_entitlement(last, &rows, cause->now_us);
    }
    return berth_rows_end(&rows);
}

static bool
is_up(const char *host_state)
{
    return strcmp(host_state, "up") == 0 || strcmp(host_state, "degraded") == 0;
}

static int
read_desktop(BerthTx *tx, const char *account, const char *id, json_t *pool)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_EXPLAIN_DESKTOP, "ss", account, id);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        json_object_set_new(pool, "desktop", berth_rows_to_json(&rows));
        if (!is_up(berth_rows_text(&rows, 3))) {
            say(pool, "the user's desktop \"%s\" is on host \"%s\", which is %s",
                berth_rows_text(&rows, 0), berth_rows_text(&rows, 2), berth_rows_text(&rows, 3));
        }
    }
    return berth_rows_end(&rows);
}

static void
judge_machines(json_t *pool, const BerthRows *rows)
{
    int64_t n_ready = berth_rows_int(rows, 0);
    int64_t n_coming = berth_rows_int(rows, 1);
    int64_t n_in_use = berth_rows_int(rows, 2);
    int64_t n_failed = berth_rows_int(rows, 3);
    int64_t n_all = berth_rows_int(rows, 4);
    int64_t size = berth_rows_int(rows, 5);
    int64_t n_hosts_up = berth_rows_int(rows, 6);
    if (n_hosts_up == 0) {
        say(pool, "no host is up");
    }
    if (n_ready + n_coming > 0) {
        return;
    }
    if (n_all >= size) {
        say(pool, "all %d machines that the pool may have are taken: %d in use, %d failed",
            (int)size, (int)n_in_use, (int)n_failed);
    } else {
        say(pool, "no machine is free; the pool may make %d more if a host has room",
            (int)(size - n_all));
    }
}

/* What the pool has for somebody without a desktop. */
static int
read_machines(BerthTx *tx, const char *id, json_t *pool)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_EXPLAIN_MACHINES, "s", id);
    if (berth_rows_next(&rows)) {
        json_object_set_new(pool, "machines", berth_rows_to_json(&rows));
        if (json_object_get(pool, "desktop") == NULL) {
            judge_machines(pool, &rows);
        }
    }
    return berth_rows_end(&rows);
}

static int
read_wait_and_trace(BerthTx *tx, const char *account, const char *id, json_t *pool)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_EXPLAIN_WAITING, "ss", account, id);
    if (berth_rows_next(&rows)) {
        json_object_set_new(pool, "waiting", berth_rows_to_json(&rows));
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK) {
        return error;
    }
    berth_tx_query(tx, &rows, BERTH_SQL_EXPLAIN_TRACE, "ss", account, id);
    if (berth_rows_next(&rows)) {
        json_object_set_new(pool, "last_connect", berth_rows_to_json(&rows));
    }
    return berth_rows_end(&rows);
}

static int
explain_pool(BerthTx *tx, const char *account, json_t *pool)
{
    const char *id = json_string_value(json_object_get(pool, "pool"));
    if (json_is_false(json_object_get(pool, "is_open"))) {
        say(pool, "it is outside the hours of every entitlement of the user to this pool");
    }
    int error = read_desktop(tx, account, id, pool);
    if (error == BERTH_OK) {
        error = read_machines(tx, id, pool);
    }
    return error == BERTH_OK ? read_wait_and_trace(tx, account, id, pool) : error;
}

int
berth_explain(BerthTx *tx, const BerthCause *cause, const char *account, json_t **ret)
{
    size_t i = 0;
    json_t *pool = NULL;
    int error = BERTH_OK;
    json_auto_t *pools = json_array();
    json_auto_t *users = berth_tx_to_json(tx, &error, BERTH_SQL_EXPLAIN_USER, "s", account);
    if (users == NULL || json_array_size(users) == 0) {
        return error != BERTH_OK ? error : BERTH_ERR_NOT_FOUND;
    }
    json_t *user = json_array_get(users, 0);
    error = read_pools(tx, cause, account, pools);
    json_array_foreach (pools, i, pool) {
        if (json_is_false(json_object_get(user, "enabled"))) {
            say(pool, "the account is disabled");
        }
        error = error == BERTH_OK ? explain_pool(tx, account, pool) : error;
    }
    if (error == BERTH_OK) {
        json_object_set(user, "pools", pools);
        if (json_array_size(pools) == 0) {
            json_object_set_new(user, "why_not",
                                json_string("the user is entitled to no pool, neither by name nor "
                                            "by a group"));
        }
        *ret = json_incref(user);
    }
    return error;
}
