/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pools: made, changed, removed; why they do not grow.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"
#include "broker/api/objects.h"
#include "broker/breaker-step.h"
#include "broker/plan-step.h"
#include "broker/pool-settings.h"
#include "broker/session-policy.h"
#include "broker/steps-catalog.h"

#include <string.h>

static int64_t
choose_number(int64_t value, const json_t *manifest, const char *key, int64_t min, int64_t max,
              int64_t fallback)
{
    int64_t wanted = json_integer_value(json_object_get(manifest, key));
    if (value != 0) {
        return value;
    }
    return wanted >= min && wanted <= max ? wanted : fallback;
}

/* What the request leaves out is as the image's manifest says, or that of its version. */
static int
complete_size(BerthTx *tx, const char *image, json_t *pool)
{
    g_autofree char *text = NULL;
    int error = image[0] != '\0' ? berth_tx_get_text(tx, &text, BERTH_SQL_IMAGE_SETTINGS, "ss",
                                                     image, berth_body_text(pool, "tag"))
                                 : BERTH_OK;
    if (error == BERTH_OK) {
        json_auto_t *whole = text != NULL ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
        const json_t *machine = json_object_get(whole, "machine");
        const json_t *manifest = machine != NULL ? machine : whole;
        int64_t vcpus = choose_number(berth_body_int(pool, "vcpus", 0), manifest, "vcpus", 1,
                                      BERTH_LIMIT_GUEST_VCPUS, BERTH_DEFAULT_VCPUS);
        int64_t memory_mib =
            choose_number(berth_body_int(pool, "memory_mib", 0), manifest, "memory_mib",
                          BERTH_LIMIT_GUEST_MEMORY_MIN_MIB, BERTH_LIMIT_GUEST_MEMORY_MAX_MIB,
                          BERTH_DEFAULT_MEMORY_MIB);
        json_object_set_new(pool, "vcpus", json_integer(vcpus));
        json_object_set_new(pool, "memory_mib", json_integer(memory_mib));
    }
    return error;
}

/* The schedules that the power rules name. */
static int
check_schedules(BerthTx *tx, BerthRequest *request, const json_t *pool)
{
    size_t i = 0;
    json_t *rule = NULL;
    json_array_foreach (berth_body_json(pool, "power"), i, rule) {
        g_autofree char *id = NULL;
        const char *name = berth_body_text(rule, "schedule");
        int error = berth_tx_get_text(tx, &id, BERTH_SQL_FIND_SCHEDULE, "s", name);
        if (error == BERTH_ERR_NOT_FOUND) {
            return berth_request_explain(request, error,
                                         "in \"power\": there is no schedule \"%s\"", name);
        }
        if (error != BERTH_OK) {
            return error;
        }
    }
    return BERTH_OK;
}

/* Checks the whole and finds its image: "" without one. */
static int
check_pool(BerthTx *tx, BerthRequest *request, const json_t *pool,
           char ret_image[BERTH_ID_HEX_CHARS + 1])
{
    g_autoptr(GError) why = NULL;
    g_autofree char *image = NULL;
    const char *name = berth_body_text(pool, "image");
    ret_image[0] = '\0';
    if (!berth_pool_settings_check(pool, &why)) {
        return berth_request_explain(request, why->code, "%s", why->message);
    }
    int error =
        name != NULL ? berth_tx_get_text(tx, &image, BERTH_SQL_IMAGE_BY_NAME, "s", name) : BERTH_OK;
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, error, "there is no image \"%s\"", name);
    }
    if (image != NULL) {
        g_strlcpy(ret_image, image, BERTH_ID_HEX_CHARS + 1);
    }
    return error == BERTH_OK ? check_schedules(tx, request, pool) : error;
}

static int
write_pool(BerthTx *tx, const char *id, int64_t version, const json_t *pool, const char *image)
{
    g_autofree char *labels = berth_object_dump(berth_body_json(pool, "labels"), "{}");
    g_autofree char *policy = berth_object_dump(berth_body_json(pool, "policy"), "{}");
    g_autofree char *timers = berth_object_dump(berth_body_json(pool, "timers"), "[]");
    g_autofree char *power = berth_object_dump(berth_body_json(pool, "power"), "[]");
    g_autofree char *resources = berth_object_dump(berth_body_json(pool, "resources"), "{}");
    g_autofree char *network = berth_object_dump(berth_body_json(pool, "network"), "{}");
    g_autofree char *disk = berth_object_dump(berth_body_json(pool, "user_disk"), "{}");
    g_autofree char *app = berth_object_dump(berth_body_json(pool, "app"), "{}");
    return berth_tx_run_one(
        tx, BERTH_SQL_POOL_SET, "sissiiiiiibssiissssssssss", id, version,
        berth_body_text(pool, "name"), image[0] != '\0' ? image : NULL,
        berth_body_int(pool, "size", 0), berth_body_int(pool, "spares_hot", 0),
        berth_body_int(pool, "spares_frozen", 0), berth_body_int(pool, "spares_cold", 0),
        berth_body_int(pool, "vcpus", 1),
        berth_body_int(pool, "memory_mib", BERTH_DEFAULT_MEMORY_MIB),
        (int)berth_body_bool(pool, "template", false), berth_body_text(pool, "placement"),
        berth_body_text(pool, "on_logoff"), berth_body_int(pool, "max_per_user", 1),
        berth_body_int(pool, "logoff_after_s", 0), labels, policy, timers, power, resources,
        network, app, berth_body_text(pool, "tag"), disk, berth_body_text(pool, "icon"));
}

/* A pool without machines goes by its tag at once; others are moved by rollouts. */
static int
find_version(BerthTx *tx, const char *pool)
{
    return berth_tx_run(tx, BERTH_SQL_POOL_FIND_VERSION, "s", pool);
}

static int
step_enabled(BerthTx *tx, BerthRequest *request, const char *id, const json_t *pool)
{
    BerthCause cause = berth_request_cause(request);
    return berth_pool_step(tx, &cause, id,
                           berth_body_bool(pool, "enabled", true) ? BERTH_POOL_EVENT_ENABLE
                                                                  : BERTH_POOL_EVENT_DISABLE);
}

int
berth_handle_add_pool(BerthTx *tx, BerthRequest *request)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    char image[BERTH_ID_HEX_CHARS + 1];
    json_auto_t *pool = json_deep_copy(request->body);
    berth_pool_settings_complete(pool);
    int error = check_pool(tx, request, pool, image);
    if (error == BERTH_OK) {
        error = complete_size(tx, image, pool);
    }
    berth_id_random_hex(id);
    if (error == BERTH_OK) {
        error = berth_tx_run(
            tx, BERTH_SQL_POOL_INSERT, "ssssiiiii", id, berth_body_text(pool, "name"),
            berth_body_text(pool, "kind"), image[0] != '\0' ? image : NULL,
            berth_body_int(pool, "size", 0), berth_body_int(pool, "spares_hot", 0),
            berth_body_int(pool, "vcpus", 1),
            berth_body_int(pool, "memory_mib", BERTH_DEFAULT_MEMORY_MIB), request->now_us);
        error = error == BERTH_OK ? write_pool(tx, id, 0, pool, image) : error;
        error = error == BERTH_OK ? find_version(tx, id) : error;
        error = error == BERTH_OK ? step_enabled(tx, request, id, pool) : error;
        return berth_object_added(tx, request, error, "pool", id);
    }
    return error;
}

int
berth_handle_get_pool(BerthTx *tx, BerthRequest *request)
{
    int error = berth_object_reply(tx, request, BERTH_SQL_POOL_JSON, "pool", request->id);
    if (error != BERTH_OK) {
        return error;
    }
    BerthRows rows;
    json_t *breakers = json_array();
    berth_tx_query(tx, &rows, BERTH_SQL_POOL_BREAKERS, "s", request->id);
    while (berth_rows_next(&rows)) {
        BerthBreaker breaker = { .n_failures = berth_rows_int(&rows, 1),
                                 .first_us = berth_rows_int(&rows, 2),
                                 .open_until_us = berth_rows_int(&rows, 3),
                                 .reason = berth_rows_text(&rows, 4) };
        BerthBreakerState state = berth_breaker_state(&breaker, request->now_us);
        g_autofree char *words =
            berth_breaker_explain(&breaker, berth_rows_text(&rows, 0), request->now_us);
        json_array_append_new(breakers,
                              json_pack("{s:s, s:s, s:s}", "host", berth_rows_text(&rows, 0),
                                        "state", berth_breaker_state_name(state), "detail", words));
    }
    json_object_set_new(request->reply, "breakers", breakers);
    return berth_rows_end(&rows);
}

/* An image is changed desktop by desktop: that is a rollout, not a new name in a row. */
static int
check_image_kept(BerthRequest *request, const json_t *pool)
{
    if (berth_body_text(request->body, "image") == NULL ||
        berth_body_int(pool, "n_machines", 0) == 0) {
        return BERTH_OK;
    }
    return berth_request_explain(
        request, BERTH_ERR_BUSY,
        "the pool has %d machines of its image; set \"size\" to 0 and wait "
        "until they are gone, or make another pool",
        (int)berth_body_int(pool, "n_machines", 0));
}

int
berth_handle_change_pool(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    char image[BERTH_ID_HEX_CHARS + 1];
    json_auto_t *pool = berth_object_merge(tx, request, BERTH_SQL_POOL_JSON, "pool", &error);
    if (pool == NULL) {
        return error;
    }
    error = check_image_kept(request, pool);
    if (error == BERTH_OK) {
        error = check_pool(tx, request, pool, image);
    }
    if (error == BERTH_OK) {
        error = write_pool(tx, request->id, request->match_version, pool, image);
        error = error == BERTH_OK ? find_version(tx, request->id) : error;
        error = error == BERTH_OK ? step_enabled(tx, request, request->id, pool) : error;
        error = berth_object_changed(tx, request, error, BERTH_SQL_POOL_JSON, "pool");
    }
    BerthCause cause = berth_request_cause(request);
    return error == BERTH_OK && berth_body_json(request->body, "policy") != NULL
               ? berth_session_policies_refresh(tx, &cause, request->id, "")
               : error;
}

int
berth_handle_remove_pool(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    int error = berth_pool_step(tx, &cause, request->id, BERTH_POOL_EVENT_DELETE);
    if (error == BERTH_ERR_BUSY) {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "the pool has machines; set \"size\" to 0 and wait until they "
                                     "are gone; users log off first");
    }
    return error == BERTH_OK ? berth_tx_run(tx, BERTH_SQL_POOL_DISENTITLE, "s", request->id)
                             : error;
}

int
berth_handle_explain_pool(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    BerthCause cause = berth_request_cause(request);
    json_t *hosts = berth_plan_explain(tx, &cause, request->id, &error);
    if (hosts != NULL) {
        request->reply = json_pack("{s:o}", "hosts", hosts);
    }
    return error;
}

int
berth_handle_reset_breakers(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    int error = berth_breaker_reset(tx, &cause, request->id, NULL);
    return error == BERTH_ERR_NOT_FOUND
               ? berth_request_explain(request, error, "no machine of this pool failed of late")
               : error;
}
