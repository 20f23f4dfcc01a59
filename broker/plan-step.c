/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/plan-step.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/limits.h"
#include "broker/plan-hosts.h"
#include "broker/pool-planner.h"
#include "broker/schedule.h"
#include "broker/steps.h"
#include "broker/version-choice.h"

#include <string.h>

/* Who waits asks again within this; a row that is older was left behind by a broker that died. */
#define WAITING_US (60LL * 1000 * 1000)

typedef struct {
    char *id, *name, *kind, *image;
    char *version; /* of new machines; NULL: the image has none */
    bool has_versions;
    bool is_canary;
    char *power;
    json_t *labels;
    int64_t vcpus, memory_mib;
    bool is_template, is_packed;
    BerthPlanPool plan;
} Pool;

typedef struct {
    BerthTx *tx;
    const BerthCause *cause;
    BerthPlanHosts *hosts;
    const char *at; /* the only host that will do; NULL: any */
    int n_changes;
    int n_created;
} Planner;

static void
pool_clear(gpointer data)
{
    Pool *pool = data;
    g_free(pool->id);
    g_free(pool->name);
    g_free(pool->kind);
    g_free(pool->image);
    g_free(pool->version);
    g_free(pool->power);
    json_decref(pool->labels);
}

static Pool
pool_from_row(const BerthRows *rows, int64_t now_us)
{
    return (Pool){
        .id = g_strdup(berth_rows_text(rows, 0)),
        .name = g_strdup(berth_rows_text(rows, 1)),
        .kind = g_strdup(berth_rows_text(rows, 2)),
        .image = berth_rows_is_null(rows, 3) ? NULL : g_strdup(berth_rows_text(rows, 3)),
        .vcpus = berth_rows_int(rows, 8),
        .memory_mib = berth_rows_int(rows, 9),
        .is_template = berth_rows_int(rows, 10) != 0,
        .is_packed = strcmp(berth_rows_text(rows, 12), "pack") == 0,
        .labels = json_loads(berth_rows_text(rows, 13), JSON_REJECT_DUPLICATES, NULL),
        .power = g_strdup(berth_rows_text(rows, 14)),
        .has_versions = berth_rows_int(rows, 16) != 0,
        .plan = { .is_enabled = berth_rows_int(rows, 11) != 0,
                  .is_physical = strcmp(berth_rows_text(rows, 2), "physical") == 0,
                  .size = berth_rows_int(rows, 4),
                  .spares = { [BERTH_POWER_ON] = berth_rows_int(rows, 5),
                              [BERTH_POWER_FROZEN] = berth_rows_int(rows, 6),
                              [BERTH_POWER_OFF] = berth_rows_int(rows, 7) },
                  .n_queued = berth_rows_int(rows, 15),
                  .now_us = now_us },
    };
}

static bool
is_schedule_open(Planner *planner, const char *id)
{
    BerthRows rows;
    bool is_open = false;
    g_autoptr(GError) why = NULL;
    berth_tx_query(planner->tx, &rows, BERTH_SQL_SCHEDULE_RULES, "s", id);
    if (berth_rows_next(&rows)) {
        is_open = berth_schedule_is_open(berth_rows_text(&rows, 0), berth_rows_text(&rows, 1),
                                         planner->cause->now_us, &why);
        if (why != NULL) {
            berth_log_error("planner", "schedule \"%s\": %s", id, why->message);
        }
    }
    (void)berth_rows_end(&rows);
    return is_open;
}

/* The first rule of pool.power whose schedule is open says how many spares there are now. */
static void
apply_power(Planner *planner, Pool *pool)
{
    static const char *const keys[] = { [BERTH_POWER_ON] = "spares_hot",
                                        [BERTH_POWER_FROZEN] = "spares_frozen",
                                        [BERTH_POWER_OFF] = "spares_cold" };
    json_auto_t *rules = json_loads(pool->power, JSON_REJECT_DUPLICATES, NULL);
    size_t i = 0;
    json_t *rule = NULL;
    json_array_foreach (rules, i, rule) {
        const char *schedule = json_string_value(json_object_get(rule, "schedule"));
        if (schedule == NULL || !is_schedule_open(planner, schedule)) {
            continue;
        }
        for (int power = 0; power < BERTH_N_POWERS; power++) {
            const json_t *n = json_object_get(rule, keys[power]);
            if (json_is_integer(n)) {
                pool->plan.spares[power] = json_integer_value(n);
            }
        }
        return;
    }
}

/* The oldest first; the store would need longer for it. */
static int
compare_ages(gconstpointer a, gconstpointer b)
{
    const BerthPlanMachine *left = a;
    const BerthPlanMachine *right = b;
    if (left->since_us != right->since_us) {
        return left->since_us < right->since_us ? -1 : 1;
    }
    return strcmp(left->id, right->id);
}

static GArray *
read_machines(Planner *planner, const Pool *pool, GStringChunk *texts, int *ret_error)
{
    GArray *machines = g_array_new(FALSE, FALSE, sizeof(BerthPlanMachine));
    BerthRows rows;
    berth_tx_query(planner->tx, &rows, BERTH_SQL_PLAN_MACHINES, "s", pool->id);
    while (berth_rows_next(&rows)) {
        BerthPlanMachine machine = {
            .id = g_string_chunk_insert(texts, berth_rows_text(&rows, 0)),
            .state = (BerthMachineState)berth_fsm_state_from_name(&berth_machine_fsm,
                                                                  berth_rows_text(&rows, 1)),
            .is_dirty = berth_rows_int(&rows, 2) != 0,
            .is_owned = !berth_rows_is_null(&rows, 3),
            .power = berth_power_from_name(berth_rows_text(&rows, 4)),
            .is_kept = berth_rows_int(&rows, 5) != 0,
            .is_held = berth_rows_int(&rows, 6) != 0,
            .since_us = berth_rows_int(&rows, 8),
        };
        machine.is_stranded =
            berth_plan_hosts_is_unfit(planner->hosts, berth_rows_text(&rows, 7), machine.state);
        g_array_append_val(machines, machine);
    }
    *ret_error = berth_rows_end(&rows);
    g_array_sort(machines, compare_ages);
    return machines;
}

static int
insert_machine(Planner *planner, const Pool *pool, BerthPower power, const char *id,
               const char *host, int64_t number, int64_t score)
{
    const BerthCause *cause = planner->cause;
    g_autofree char *name = g_strdup_printf("%s-%" G_GINT64_FORMAT, pool->name, number);
    int error = berth_tx_run(planner->tx, BERTH_SQL_MACHINE_INSERT, "sssssiibissisi", id, pool->id,
                             host, pool->image, name, pool->memory_mib, pool->vcpus,
                             (int)pool->is_template, cause->now_us, berth_power_name(power), "",
                             berth_machine_deadline_us(BERTH_MACHINE_PLANNED, 0, cause->now_us),
                             pool->version, (int64_t)pool->is_canary);
    return error != BERTH_OK ? error
                             : berth_audit(planner->tx, cause, "machine.planned", id,
                                           json_pack("{s:s, s:s, s:s, s:I}", "pool", pool->id,
                                                     "host", host, "power", berth_power_name(power),
                                                     "score", (json_int_t)score));
}

/*
 * BERTH_ERR_NOT_FOUND if no host has room or the pool is full: not an error of the plan.
 *
 * ret_host:  borrowed from the planner's hosts
 */
static int
create_machine(Planner *planner, const Pool *pool, BerthPower power,
               char ret_id[BERTH_ID_HEX_CHARS + 1], const char **ret_host)
{
    int64_t number = 0;
    int64_t score = 0;
    int error = berth_tx_get_int(planner->tx, &number, BERTH_SQL_POOL_TAKE_PLACE, "s", pool->id);
    if (error != BERTH_OK) {
        return error;
    }
    error = berth_plan_hosts_reserve(planner->hosts, planner->tx, ret_host, &score);
    if (error == BERTH_ERR_NOT_FOUND) {
        /* With its number: the next one that is tried has it, however often this happens. */
        int undone = berth_tx_run_one(planner->tx, BERTH_SQL_POOL_TAKE_PLACE_BACK, "s", pool->id);
        return undone != BERTH_OK ? BERTH_ERR_STATE : error;
    }
    berth_id_random_hex(ret_id);
    return error != BERTH_OK
               ? error
               : insert_machine(planner, pool, power, ret_id, *ret_host, number, score);
}

/* A machine waits until its host has a slot; the next plan asks again. */
static int
start_machine(Planner *planner, const BerthPlanAction *action)
{
    g_autofree char *host = NULL;
    int error = berth_tx_get_text(planner->tx, &host, BERTH_SQL_MACHINE_HOST, "s", action->id);
    if (error != BERTH_OK || !berth_plan_hosts_take_slot(planner->hosts, host)) {
        return error == BERTH_OK ? BERTH_ERR_AGAIN : error;
    }
    return berth_machine_set_power(planner->tx, planner->cause, action->id, "on", action->reason);
}

static int
carry_out(Planner *planner, const Pool *pool, const BerthPlanAction *action)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    const char *host = NULL;
    switch (action->kind) {
    case BERTH_PLAN_CREATE:
        return create_machine(planner, pool, action->power, id, &host);
    case BERTH_PLAN_START:
        return start_machine(planner, action);
    case BERTH_PLAN_STOP:
        return berth_machine_set_power(planner->tx, planner->cause, action->id,
                                       berth_power_name(action->power), action->reason);
    case BERTH_PLAN_RECYCLE:
        return berth_machine_step(planner->tx, planner->cause, action->id,
                                  BERTH_MACHINE_EVENT_RECYCLE, NULL, action->reason);
    case BERTH_PLAN_DELETE:
        return berth_machine_step(planner->tx, planner->cause, action->id,
                                  BERTH_MACHINE_EVENT_DELETE, NULL, action->reason);
    }
    return BERTH_ERR_INTERNAL;
}

/* What the next machine of a pool is made of. */
static int
choose_version(Planner *planner, Pool *pool)
{
    BerthVersionChoice choice = { 0 };
    if (!pool->has_versions) {
        return BERTH_OK;
    }
    int error = berth_version_choose(planner->tx, pool->id, NULL, &choice);
    g_free(pool->version);
    pool->version =
        error == BERTH_OK && choice.version[0] != '\0' ? g_strdup(choice.version) : NULL;
    pool->is_canary = choice.is_canary;
    return error;
}

/* Turns the hosts to a pool; need must live as long as it is asked about. */
static int
turn_to(Planner *planner, Pool *pool, BerthPlanNeed *need)
{
    int error = choose_version(planner, pool);
    if (error != BERTH_OK) {
        return error;
    }
    *need = (BerthPlanNeed){
        .pool = pool->id,
        .image = pool->image,
        .version = pool->version,
        .lacks_version = pool->has_versions && pool->version == NULL,
        .memory_mib = pool->memory_mib,
        .vcpus = pool->vcpus,
        .is_template = pool->is_template,
        .is_packed = pool->is_packed,
        .labels = pool->labels,
        .host = planner->at,
    };
    return berth_plan_hosts_turn(planner->hosts, planner->tx, planner->cause, need);
}

static int
plan_pool(Planner *planner, Pool *pool)
{
    BerthPlanNeed need;
    int error = turn_to(planner, pool, &need);
    if (error != BERTH_OK) {
        return error;
    }
    g_autoptr(GStringChunk) texts = g_string_chunk_new(4096);
    g_autoptr(GArray) machines = read_machines(planner, pool, texts, &error);
    if (error != BERTH_OK) {
        return error;
    }
    apply_power(planner, pool);
    g_autoptr(GArray) actions = berth_plan_pool(
        &pool->plan, (const BerthPlanMachine *)(void *)machines->data, machines->len);
    for (guint i = 0; i < actions->len; i++) {
        const BerthPlanAction *action = &g_array_index(actions, BerthPlanAction, i);
        if (action->kind == BERTH_PLAN_CREATE && planner->n_created >= BERTH_LIMIT_PLAN_MACHINES) {
            break;
        }
        error = carry_out(planner, pool, action);
        bool is_new = action->kind == BERTH_PLAN_CREATE;
        if (error == BERTH_ERR_NOT_FOUND && is_new) {
            break; /* no room for one is no room for the next */
        }
        if (error != BERTH_OK && error != BERTH_ERR_AGAIN) {
            return error;
        }
        planner->n_changes += error == BERTH_OK ? 1 : 0;
        planner->n_created += is_new ? 1 : 0;
    }
    return BERTH_OK;
}

/* The oldest planned machines get what slots are free. */
static int
let_go(Planner *planner)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    BerthRows rows;
    berth_tx_query(planner->tx, &rows, BERTH_SQL_PLAN_PLANNED, "");
    while (berth_rows_next(&rows)) {
        if (berth_plan_hosts_take_slot(planner->hosts, berth_rows_text(&rows, 1))) {
            g_ptr_array_add(ids, g_strdup(berth_rows_text(&rows, 0)));
        }
    }
    int error = berth_rows_end(&rows);
    for (guint i = 0; i < ids->len && error == BERTH_OK; i++) {
        error = berth_machine_step(planner->tx, planner->cause, g_ptr_array_index(ids, i),
                                   BERTH_MACHINE_EVENT_PLACED, NULL, "");
        planner->n_changes++;
    }
    return error;
}

static GArray *
read_pools(Planner *planner, const char *only, int *ret_error)
{
    GArray *pools = g_array_new(FALSE, FALSE, sizeof(Pool));
    g_array_set_clear_func(pools, pool_clear);
    BerthRows rows;
    berth_tx_query(planner->tx, &rows, BERTH_SQL_PLAN_POOLS, "is",
                   planner->cause->now_us - WAITING_US, only);
    while (berth_rows_next(&rows)) {
        Pool pool = pool_from_row(&rows, planner->cause->now_us);
        g_array_append_val(pools, pool);
    }
    *ret_error = berth_rows_end(&rows);
    return pools;
}

int
berth_plan_step(BerthTx *tx, const BerthCause *cause, int *n_changes)
{
    int error = BERTH_OK;
    Planner planner = { .tx = tx, .cause = cause };
    g_autoptr(BerthPlanHosts) hosts = berth_plan_hosts_load(tx, &error);
    if (error != BERTH_OK) {
        return error;
    }
    planner.hosts = hosts;
    g_autoptr(GArray) pools = read_pools(&planner, "", &error);
    for (guint i = 0; i < pools->len && error == BERTH_OK; i++) {
        error = plan_pool(&planner, &g_array_index(pools, Pool, i));
    }
    if (error == BERTH_OK) {
        error = let_go(&planner);
    }
    *n_changes += planner.n_changes;
    return error;
}

int
berth_machine_create(BerthTx *tx, const BerthCause *cause, const char *pool, const char *power,
                     const char *at, char ret_id[BERTH_ID_HEX_CHARS + 1],
                     char ret_host[BERTH_ID_HEX_CHARS + 1])
{
    int error = BERTH_OK;
    const char *host = NULL;
    BerthPlanNeed need;
    Planner planner = { .tx = tx, .cause = cause };
    g_autoptr(BerthPlanHosts) hosts = berth_plan_hosts_load(tx, &error);
    if (error != BERTH_OK) {
        return error;
    }
    planner.hosts = hosts;
    g_autoptr(GArray) pools = read_pools(&planner, pool, &error);
    if (error != BERTH_OK || pools->len == 0) {
        return error != BERTH_OK ? error : BERTH_ERR_NOT_FOUND;
    }
    Pool *row = &g_array_index(pools, Pool, 0);
    if (row->plan.is_physical) {
        return BERTH_ERR_NOT_FOUND;
    }
    planner.at = at[0] != '\0' ? at : NULL;
    error = turn_to(&planner, row, &need);
    if (error == BERTH_OK) {
        error = create_machine(&planner, row, berth_power_from_name(power), ret_id, &host);
    }
    if (error != BERTH_OK) {
        return error;
    }
    g_strlcpy(ret_host, host, BERTH_ID_HEX_CHARS + 1);
    return berth_plan_hosts_take_slot(hosts, host)
               ? berth_machine_step(tx, cause, ret_id, BERTH_MACHINE_EVENT_PLACED, NULL, "")
               : BERTH_OK;
}

json_t *
berth_plan_explain(BerthTx *tx, const BerthCause *cause, const char *pool, int *ret_error)
{
    BerthPlanNeed need;
    Planner planner = { .tx = tx, .cause = cause };
    g_autoptr(BerthPlanHosts) hosts = berth_plan_hosts_load(tx, ret_error);
    if (*ret_error != BERTH_OK) {
        return NULL;
    }
    planner.hosts = hosts;
    g_autoptr(GArray) pools = read_pools(&planner, pool, ret_error);
    if (*ret_error == BERTH_OK && pools->len == 0) {
        *ret_error = BERTH_ERR_NOT_FOUND;
    }
    if (*ret_error == BERTH_OK) {
        *ret_error = turn_to(&planner, &g_array_index(pools, Pool, 0), &need);
    }
    return *ret_error == BERTH_OK ? berth_plan_hosts_explain(hosts) : NULL;
}
