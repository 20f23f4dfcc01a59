/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Publishing versions, rollouts, and who is on which version.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "broker/api/objects.h"
#include "broker/api/page.h"
#include "broker/rollout-settings.h"
#include "broker/rollouts.h"

#include <string.h>

/* What of the body stands in the rollout as it is. */
static json_t *
make_settings(const json_t *body)
{
    static const char *const keys[] = { "gates", "on_failure", "message", "force_after_s",
                                        "schedule" };
    json_t *settings = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        json_t *value = berth_body_json(body, keys[i]);
        if (value != NULL) {
            json_object_set(settings, keys[i], value);
        }
    }
    return settings;
}

static int
check_settings(BerthTx *tx, BerthRequest *request, const json_t *settings, BerthStrategy strategy)
{
    g_autoptr(GError) why = NULL;
    g_autofree char *id = NULL;
    g_auto(BerthRolloutSettings) read = { 0 };
    if (!berth_rollout_settings_read(settings, 0, &read, &why)) {
        return berth_request_explain(request, why->code, "%s", why->message);
    }
    if (strategy != BERTH_STRATEGY_WINDOW) {
        return BERTH_OK;
    }
    if (read.schedule[0] == '\0') {
        return berth_request_explain(request, BERTH_ERR_INVALID,
                                     "\"strategy\" \"window\" needs a \"schedule\"");
    }
    int error = berth_tx_get_text(tx, &id, BERTH_SQL_FIND_SCHEDULE, "s", read.schedule);
    return error == BERTH_ERR_NOT_FOUND
               ? berth_request_explain(request, error, "there is no schedule \"%s\"", read.schedule)
               : error;
}

/* Names of pools, borrowed from the body; NULL without. */
static int
read_pools(BerthRequest *request, GPtrArray **ret_pools)
{
    size_t i = 0;
    json_t *item = NULL;
    json_t *names = berth_body_json(request->body, "pools");
    const char *one = berth_body_text(request->body, "pool");
    g_autoptr(GPtrArray) pools = names != NULL || one != NULL ? g_ptr_array_new() : NULL;
    if (one != NULL) {
        g_ptr_array_add(pools, (void *)one);
    }
    json_array_foreach (names, i, item) {
        if (!json_is_string(item)) {
            return berth_request_explain(request, BERTH_ERR_INVALID,
                                         "\"pools\" is a list of names of pools");
        }
        g_ptr_array_add(pools, (void *)json_string_value(item));
    }
    *ret_pools = g_steal_pointer(&pools);
    return BERTH_OK;
}

static int
reply_orders(BerthRequest *request, int error, json_t *rollouts, const char *why)
{
    if (error != BERTH_OK) {
        return why != NULL ? berth_request_explain(request, error, "%s", why) : error;
    }
    request->reply = json_pack("{s:o}", "rollouts", rollouts);
    return BERTH_OK;
}

int
berth_handle_publish(BerthTx *tx, BerthRequest *request)
{
    const json_t *body = request->body;
    const char *strategy = berth_body_text(body, "strategy");
    const char *tag = berth_body_text(body, "tag");
    BerthCause cause = berth_request_cause(request);
    json_auto_t *settings = make_settings(body);
    g_autoptr(GPtrArray) pools = NULL;
    g_autofree char *why = NULL;
    json_t *rollouts = NULL;
    BerthPublish publish = { .image = request->id,
                             .version = berth_body_text(body, "version"),
                             .tag = tag != NULL ? tag : "stable",
                             .n_canary = berth_body_int(body, "canary", 1),
                             .batch = berth_body_int(body, "batch", 0),
                             .max_unavailable = berth_body_int(body, "max_unavailable", 0),
                             .settings = settings };
    if (strategy != NULL) {
        (void)berth_strategy_from_name(strategy, &publish.strategy);
    }
    int error = check_settings(tx, request, settings, publish.strategy);
    if (error == BERTH_OK) {
        error = read_pools(request, &pools);
    }
    if (error != BERTH_OK) {
        return error;
    }
    publish.pools = pools;
    error = berth_rollouts_publish(tx, &cause, &publish, &rollouts, &why);
    return reply_orders(request, error, rollouts, why);
}

/* Refuses an image that there is not. */
static int
read_image_name(BerthTx *tx, BerthRequest *request, char **ret_name)
{
    int error = berth_tx_get_text(tx, ret_name, BERTH_SQL_STATUS_IMAGE, "s", request->id);
    return error == BERTH_ERR_NOT_FOUND
               ? berth_request_explain(request, error, "there is no image \"%s\"", request->id)
               : error;
}

static int
order_image(BerthTx *tx, BerthRequest *request, BerthRolloutOrder order)
{
    BerthCause cause = berth_request_cause(request);
    g_autofree char *why = NULL;
    json_t *rollouts = NULL;
    g_autofree char *name = NULL;
    int error = read_image_name(tx, request, &name);
    if (error != BERTH_OK) {
        return error;
    }
    error = berth_rollouts_order_image(tx, &cause, request->id, order, &rollouts, &why);
    return reply_orders(request, error, rollouts, why);
}

int
berth_handle_promote_image(BerthTx *tx, BerthRequest *request)
{
    return order_image(tx, request, BERTH_ROLLOUT_ORDER_PROMOTE);
}

int
berth_handle_roll_back_image(BerthTx *tx, BerthRequest *request)
{
    return order_image(tx, request, BERTH_ROLLOUT_ORDER_ROLL_BACK);
}

int
berth_handle_get_rollout(BerthTx *tx, BerthRequest *request)
{
    return berth_object_reply(tx, request, BERTH_SQL_ROLLOUT_JSON, "rollout", request->id);
}

static int
order_rollout(BerthTx *tx, BerthRequest *request, BerthRolloutOrder order)
{
    BerthCause cause = berth_request_cause(request);
    g_autofree char *why = NULL;
    int error = berth_rollouts_order(tx, &cause, request->id, order, &why);
    if (error != BERTH_OK) {
        return why != NULL ? berth_request_explain(request, error, "%s", why) : error;
    }
    return berth_handle_get_rollout(tx, request);
}

int
berth_handle_pause_rollout(BerthTx *tx, BerthRequest *request)
{
    return order_rollout(tx, request, BERTH_ROLLOUT_ORDER_PAUSE);
}

int
berth_handle_resume_rollout(BerthTx *tx, BerthRequest *request)
{
    return order_rollout(tx, request, BERTH_ROLLOUT_ORDER_RESUME);
}

int
berth_handle_promote_rollout(BerthTx *tx, BerthRequest *request)
{
    return order_rollout(tx, request, BERTH_ROLLOUT_ORDER_PROMOTE);
}

int
berth_handle_roll_back_rollout(BerthTx *tx, BerthRequest *request)
{
    return order_rollout(tx, request, BERTH_ROLLOUT_ORDER_ROLL_BACK);
}

int
berth_handle_list_rollouts(BerthTx *tx, BerthRequest *request)
{
    BerthPage page;
    int error = berth_page_begin(request, "rollouts", &page);
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows = berth_tx_to_json(
        tx, &error, BERTH_SQL_LIST_ROLLOUTS, BERTH_PAGE_TYPES "sssb", BERTH_PAGE_VALUES(page),
        berth_page_filter(request, "state"), berth_page_filter(request, "pool"),
        berth_page_filter(request, "image"), (int)berth_body_bool(request->query, "active", false));
    return berth_page_reply(request, &page, error, rows, "id");
}

/* A pool with its desktops by host and version, and its rollout: the active one, or the last. */
static int
complete_pool(BerthTx *tx, json_t *pool)
{
    int error = BERTH_OK;
    const char *id = json_string_value(json_object_get(pool, "id"));
    json_t *desktops = berth_tx_to_json(tx, &error, BERTH_SQL_STATUS_DESKTOPS, "s", id);
    if (error != BERTH_OK) {
        return error;
    }
    json_object_set_new(pool, "desktops", desktops);
    json_auto_t *rollouts = berth_tx_to_json(tx, &error, BERTH_SQL_STATUS_ROLLOUT, "s", id);
    if (error == BERTH_OK) {
        json_t *rollout = json_array_get(rollouts, 0);
        json_object_set(pool, "rollout", rollout != NULL ? rollout : json_null());
    }
    return error;
}

int
berth_handle_image_status(BerthTx *tx, BerthRequest *request)
{
    size_t i = 0;
    json_t *pool = NULL;
    g_autofree char *name = NULL;
    int error = read_image_name(tx, request, &name);
    if (error != BERTH_OK) {
        return error;
    }
    json_auto_t *tags = berth_tx_to_json(tx, &error, BERTH_SQL_STATUS_TAGS, "s", request->id);
    json_auto_t *replicas =
        tags != NULL ? berth_tx_to_json(tx, &error, BERTH_SQL_STATUS_REPLICAS, "s", request->id)
                     : NULL;
    json_auto_t *pools =
        replicas != NULL ? berth_tx_to_json(tx, &error, BERTH_SQL_STATUS_POOLS, "s", request->id)
                         : NULL;
    if (pools == NULL) {
        return error;
    }
    json_array_foreach (pools, i, pool) {
        error = complete_pool(tx, pool);
        if (error != BERTH_OK) {
            return error;
        }
    }
    request->reply = json_pack("{s:s, s:O, s:O, s:O}", "image", name, "tags", tags, "replicas",
                               replicas, "pools", pools);
    return BERTH_OK;
}
