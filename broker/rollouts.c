/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/rollouts.h"

#include "base/error.h"
#include "base/id.h"
#include "base/kill-point.h"
#include "berth/ids.h"
#include "broker/image-versions.h"
#include "broker/steps-catalog.h"

#include <string.h>

static const char *const order_names[] = {
    [BERTH_ROLLOUT_ORDER_PAUSE] = "paused",
    [BERTH_ROLLOUT_ORDER_RESUME] = "resumed",
    [BERTH_ROLLOUT_ORDER_PROMOTE] = "promoted",
    [BERTH_ROLLOUT_ORDER_ROLL_BACK] = "rolled back",
};

typedef struct {
    char *id, *name;
    char *version; /* that its machines are to have; "": none yet */
    int64_t size;
    int64_t n_machines;
} Pool;

static void
pool_clear(gpointer data)
{
    Pool *self = data;
    g_free(self->id);
    g_free(self->name);
    g_free(self->version);
}

typedef struct {
    char *id, *state;
    int64_t number;
} Version;

static void
version_clear(Version *self)
{
    g_free(self->id);
    g_free(self->state);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Version, version_clear)

static int
explain(char **ret_why, int error, char *why)
{
    g_free(*ret_why);
    *ret_why = why;
    return error;
}

static int
find_version(BerthTx *tx, const BerthPublish *publish, Version *ret, char **ret_why)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_PUBLISH_VERSION, "ss", publish->image, publish->version);
    if (berth_rows_next(&rows)) {
        *ret = (Version){ .id = g_strdup(berth_rows_text(&rows, 0)),
                          .state = g_strdup(berth_rows_text(&rows, 1)),
                          .number = berth_rows_int(&rows, 2) };
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK) {
        return error;
    }
    if (ret->id == NULL) {
        return explain(ret_why, BERTH_ERR_NOT_FOUND,
                       g_strdup_printf("the image has no version \"%s\"", publish->version));
    }
    return strcmp(ret->state, "available") == 0
               ? BERTH_OK
               : explain(ret_why, BERTH_ERR_STATE,
                         g_strdup_printf("version %" G_GINT64_FORMAT
                                         " is %s; only an available version can be published",
                                         ret->number, ret->state));
}

static bool
names_pool(const GPtrArray *names, const Pool *pool)
{
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        if (strcmp(name, pool->name) == 0 || strcmp(name, pool->id) == 0) {
            return true;
        }
    }
    return false;
}

/* Every name is one of the image's pools. */
static int
check_names(const GPtrArray *names, const GArray *pools, char **ret_why)
{
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        bool is_found = false;
        for (guint j = 0; j < pools->len && !is_found; j++) {
            const Pool *pool = &g_array_index(pools, Pool, j);
            is_found = strcmp(name, pool->name) == 0 || strcmp(name, pool->id) == 0;
        }
        if (!is_found) {
            return explain(ret_why, BERTH_ERR_NOT_FOUND,
                           g_strdup_printf("no pool \"%s\" has this image", name));
        }
    }
    return BERTH_OK;
}

/* Pools of the image: those that are named, or that follow the tag. */
static GArray *
read_pools(BerthTx *tx, const BerthPublish *publish, int *ret_error, char **ret_why)
{
    BerthRows rows;
    GArray *pools = g_array_new(FALSE, FALSE, sizeof(Pool));
    g_array_set_clear_func(pools, pool_clear);
    berth_tx_query(tx, &rows, BERTH_SQL_PUBLISH_POOLS, "ss", publish->image,
                   publish->pools != NULL ? "" : publish->tag);
    while (berth_rows_next(&rows)) {
        Pool pool = { .id = g_strdup(berth_rows_text(&rows, 0)),
                      .name = g_strdup(berth_rows_text(&rows, 1)),
                      .version = g_strdup(berth_rows_text(&rows, 2)),
                      .size = berth_rows_int(&rows, 3),
                      .n_machines = berth_rows_int(&rows, 4) };
        g_array_append_val(pools, pool);
    }
    *ret_error = berth_rows_end(&rows);
    if (*ret_error == BERTH_OK && publish->pools != NULL) {
        *ret_error = check_names(publish->pools, pools, ret_why);
    }
    return pools;
}

/* One rollout at a time: says whose it is that stands in the way. */
static int
check_free(BerthTx *tx, const Pool *pool, char **ret_why)
{
    BerthRows rows;
    bool is_free = true;
    berth_tx_query(tx, &rows, BERTH_SQL_PUBLISH_OTHER, "s", pool->id);
    if (berth_rows_next(&rows)) {
        json_auto_t *settings = json_loads(berth_rows_text(&rows, 3), JSON_REJECT_DUPLICATES, NULL);
        const char *by = json_string_value(json_object_get(settings, "by"));
        is_free = false;
        (void)explain(ret_why, BERTH_ERR_EXISTS,
                      g_strdup_printf("pool \"%s\" is being rolled out to version %" G_GINT64_FORMAT
                                      " by %s (rollout %s, %s); wait for its end or roll it back",
                                      pool->name, berth_rows_int(&rows, 1),
                                      by != NULL ? by : "somebody", berth_rows_text(&rows, 0),
                                      berth_rows_text(&rows, 2)));
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_free ? BERTH_ERR_EXISTS : error;
}

static int
insert_rollout(BerthTx *tx, const BerthCause *cause, const BerthPublish *publish, const Pool *pool,
               const Version *version, char id[BERTH_ID_HEX_CHARS + 1])
{
    json_auto_t *settings = json_deep_copy(publish->settings);
    json_object_set_new(settings, "by", json_string(cause->actor));
    char *text = json_dumps(settings, JSON_COMPACT | JSON_SORT_KEYS);
    int64_t most = publish->max_unavailable > 0 ? publish->max_unavailable : MAX(pool->size / 4, 1);
    int64_t batch = publish->batch > 0 ? publish->batch : most;
    berth_id_random_hex(id);
    int error = berth_tx_run(tx, BERTH_SQL_ROLLOUT_INSERT, "sssssiiisi", id, pool->id,
                             pool->version, version->id, berth_strategy_name(publish->strategy),
                             publish->n_canary, batch, most, text, cause->now_us);
    free(text);
    return error != BERTH_OK
               ? error
               : berth_audit(tx, cause, "rollout.added", id,
                             json_pack("{s:s, s:s, s:s, s:s}", "pool", pool->id, "from",
                                       pool->version, "to", version->id, "strategy",
                                       berth_strategy_name(publish->strategy)));
}

static int
publish_to(BerthTx *tx, const BerthCause *cause, const BerthPublish *publish, const Pool *pool,
           const Version *version, json_t *rollouts, char **ret_why)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    int error = check_free(tx, pool, ret_why);
    if (error != BERTH_OK || strcmp(pool->version, version->id) == 0) {
        return error;
    }
    if (pool->version[0] == '\0' && pool->n_machines > 0) {
        return explain(ret_why, BERTH_ERR_STATE,
                       g_strdup_printf("pool \"%s\" has desktops that have no version; set its "
                                       "\"size\" to 0 and wait until they are gone",
                                       pool->name));
    }
    if (pool->version[0] == '\0') {
        error = berth_tx_run_one(tx, BERTH_SQL_ROLLOUT_SET_POOL, "ss", pool->id, version->id);
        return error != BERTH_OK ? error
                                 : berth_audit(tx, cause, "pool.version", pool->id,
                                               json_pack("{s:s}", "version", version->id));
    }
    error = insert_rollout(tx, cause, publish, pool, version, id);
    if (error == BERTH_ERR_EXISTS) {
        return explain(
            ret_why, error,
            g_strdup_printf("another rollout of pool \"%s\" was begun at this moment", pool->name));
    }
    if (error == BERTH_OK) {
        json_array_append_new(rollouts, json_pack("{s:s, s:s}", "rollout", id, "pool", pool->name));
        berth_kill_point(BERTH_KILL_ROLLOUT_PUBLISHED);
    }
    return error;
}

int
berth_rollouts_publish(BerthTx *tx, const BerthCause *cause, const BerthPublish *publish,
                       json_t **ret_rollouts, char **ret_why)
{
    g_auto(Version) version = { 0 };
    json_auto_t *rollouts = json_array();
    int error = find_version(tx, publish, &version, ret_why);
    if (error != BERTH_OK) {
        return error;
    }
    /* First of all: who publishes at the same moment waits here and then sees this rollout. */
    if (publish->pools == NULL) {
        error = berth_image_tag_set(tx, cause, publish->image, publish->tag, version.id);
    }
    if (error != BERTH_OK) {
        return error;
    }
    g_autoptr(GArray) pools = read_pools(tx, publish, &error, ret_why);
    for (guint i = 0; i < pools->len && error == BERTH_OK; i++) {
        const Pool *pool = &g_array_index(pools, Pool, i);
        if (publish->pools == NULL || names_pool(publish->pools, pool)) {
            error = publish_to(tx, cause, publish, pool, &version, rollouts, ret_why);
        }
    }
    if (error == BERTH_OK) {
        *ret_rollouts = g_steal_pointer(&rollouts);
    }
    return error;
}

/* What an order looks at. */
typedef struct {
    BerthRolloutState state;
    bool was_canary;  /* before it was paused */
    bool is_latest;   /* nothing came after it, if it is done */
    bool is_old_gone; /* the version to go back to cannot be run any more */
} Present;

static int
read_present(BerthTx *tx, const char *rollout, Present *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_ROLLOUT_PRESENT, "s", rollout);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        *ret = (Present){
            .state = (BerthRolloutState)berth_fsm_state_from_name(&berth_rollout_fsm,
                                                                  berth_rows_text(&rows, 0)),
            .was_canary = strcmp(berth_rows_text(&rows, 1), "canary") == 0,
            .is_latest = berth_rows_int(&rows, 2) != 0,
            .is_old_gone = berth_rows_int(&rows, 3) != 0,
        };
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_NOT_FOUND : error;
}

static bool
can_go_back(const Present *present)
{
    switch (present->state) {
    case BERTH_ROLLOUT_PLANNED:
    case BERTH_ROLLOUT_CANARY:
    case BERTH_ROLLOUT_ROLLING:
    case BERTH_ROLLOUT_PAUSED:
        return true;
    case BERTH_ROLLOUT_DONE:
        return present->is_latest;
    default:
        return false;
    }
}

/* The steps of an order, at most two.  Returns how many; 0 if it makes no sense. */
static size_t
plan_order(const Present *present, BerthRolloutOrder order, BerthRolloutEvent events[2])
{
    bool is_paused = present->state == BERTH_ROLLOUT_PAUSED;
    events[0] = present->was_canary ? BERTH_ROLLOUT_EVENT_RESUME_CANARY
                                    : BERTH_ROLLOUT_EVENT_RESUME_ROLLING;
    events[1] = BERTH_ROLLOUT_EVENT_PASSED;
    switch (order) {
    case BERTH_ROLLOUT_ORDER_PAUSE:
        events[0] = BERTH_ROLLOUT_EVENT_PAUSE;
        return present->state == BERTH_ROLLOUT_CANARY || present->state == BERTH_ROLLOUT_ROLLING;
    case BERTH_ROLLOUT_ORDER_RESUME:
        return is_paused ? 1 : 0;
    case BERTH_ROLLOUT_ORDER_PROMOTE:
        if (present->state == BERTH_ROLLOUT_PLANNED) {
            events[0] = BERTH_ROLLOUT_EVENT_START;
            return 2;
        }
        if (present->state == BERTH_ROLLOUT_CANARY) {
            events[0] = BERTH_ROLLOUT_EVENT_PASSED;
            return 1;
        }
        return is_paused && present->was_canary ? 2 : 0;
    case BERTH_ROLLOUT_ORDER_ROLL_BACK:
        events[0] = BERTH_ROLLOUT_EVENT_ROLL_BACK;
        return can_go_back(present) ? 1 : 0;
    }
    return 0;
}

static int
carry_out(BerthTx *tx, const BerthCause *cause, const char *rollout,
          const BerthRolloutEvent events[2], size_t n_events, const char *words)
{
    g_autofree char *reason = g_strdup_printf("%s by %s", words, cause->actor);
    int error = BERTH_OK;
    for (size_t i = 0; i < n_events && error == BERTH_OK; i++) {
        error = events[i] == BERTH_ROLLOUT_EVENT_ROLL_BACK
                    ? berth_rollouts_turn_back(tx, cause, rollout, events[i], reason)
                    : berth_rollout_step(tx, cause, rollout, events[i], reason);
    }
    return error;
}

int
berth_rollouts_order(BerthTx *tx, const BerthCause *cause, const char *rollout,
                     BerthRolloutOrder order, char **ret_why)
{
    Present present;
    BerthRolloutEvent events[2];
    int error = read_present(tx, rollout, &present);
    if (error != BERTH_OK) {
        return error;
    }
    size_t n_events = plan_order(&present, order, events);
    const char *state = berth_fsm_state_name(&berth_rollout_fsm, (int)present.state);
    if (n_events == 0) {
        return explain(ret_why, BERTH_ERR_STATE,
                       g_strdup_printf("a rollout that is %s cannot be %s%s", state,
                                       order_names[order],
                                       present.state == BERTH_ROLLOUT_DONE && !present.is_latest
                                           ? ": a later one came after it"
                                           : ""));
    }
    if (order == BERTH_ROLLOUT_ORDER_ROLL_BACK && present.is_old_gone) {
        return explain(ret_why, BERTH_ERR_STATE,
                       g_strdup("the old version is not kept any more: publish another one"));
    }
    error = carry_out(tx, cause, rollout, events, n_events, order_names[order]);
    return error == BERTH_ERR_EXISTS
               ? explain(ret_why, error, g_strdup("the pool has another rollout by now"))
               : error;
}

int
berth_rollouts_order_image(BerthTx *tx, const BerthCause *cause, const char *image,
                           BerthRolloutOrder order, json_t **ret_rollouts, char **ret_why)
{
    BerthRows rows;
    json_auto_t *rollouts = json_array();
    size_t i = 0;
    json_t *row = NULL;
    berth_tx_query(tx, &rows, BERTH_SQL_ROLLOUTS_OF_IMAGE, "s", image);
    while (berth_rows_next(&rows)) {
        json_array_append_new(rollouts, berth_rows_to_json(&rows));
    }
    int error = berth_rows_end(&rows);
    for (i = 0; i < json_array_size(rollouts) && error == BERTH_OK;) {
        g_autofree char *why = NULL;
        row = json_array_get(rollouts, i);
        const char *id = json_string_value(json_object_get(row, "rollout"));
        error = berth_rollouts_order(tx, cause, id, order, &why);
        if (error == BERTH_ERR_STATE) {
            (void)explain(ret_why, error, g_steal_pointer(&why));
            json_array_remove(rollouts, i);
            error = BERTH_OK;
        } else {
            i++;
        }
    }
    if (error == BERTH_OK && json_array_size(rollouts) == 0) {
        if (*ret_why == NULL) {
            *ret_why =
                g_strdup_printf("the image has no rollout that could be %s", order_names[order]);
        }
        return BERTH_ERR_STATE;
    }
    if (error == BERTH_OK) {
        g_clear_pointer(ret_why, g_free);
        *ret_rollouts = g_steal_pointer(&rollouts);
    }
    return error;
}

int
berth_rollouts_turn_back(BerthTx *tx, const BerthCause *cause, const char *rollout,
                         BerthRolloutEvent event, const char *reason)
{
    int error = berth_rollout_step(tx, cause, rollout, event, reason);
    return error != BERTH_OK ? error
                             : berth_tx_run(tx, BERTH_SQL_ROLLOUT_TAG_BACK, "sis", rollout,
                                            cause->now_us, cause->actor);
}
