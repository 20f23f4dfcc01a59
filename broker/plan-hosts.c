/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/plan-hosts.h"

#include "base/error.h"

struct BerthPlanHosts {
    GStringChunk *texts;
    GPtrArray *labels;  /* json_t *, owned; places borrow them */
    GArray *places;     /* BerthPlaceHost */
    GArray *slots_used; /* int64_t, one a place */
    GHashTable *by_id;  /* borrowed id -> index + 1 */
    BerthPlaceNeed need;
    bool has_flags; /* a host is drained or in maintenance */
};

static void
unref_json(gpointer json)
{
    json_decref(json);
}

static BerthPlanHosts *
hosts_new(void)
{
    BerthPlanHosts *hosts = g_new0(BerthPlanHosts, 1);
    hosts->texts = g_string_chunk_new(4096);
    hosts->labels = g_ptr_array_new_with_free_func(unref_json);
    hosts->places = g_array_new(FALSE, FALSE, sizeof(BerthPlaceHost));
    hosts->slots_used = g_array_new(FALSE, FALSE, sizeof(int64_t));
    hosts->by_id = g_hash_table_new(g_str_hash, g_str_equal);
    return hosts;
}

void
berth_plan_hosts_free(BerthPlanHosts *hosts)
{
    if (hosts == NULL) {
        return;
    }
    g_hash_table_unref(hosts->by_id);
    g_array_unref(hosts->slots_used);
    g_array_unref(hosts->places);
    g_ptr_array_unref(hosts->labels);
    g_string_chunk_free(hosts->texts);
    g_free(hosts);
}

static const json_t *
read_labels(BerthPlanHosts *hosts, const char *text)
{
    json_t *labels = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (labels != NULL) {
        g_ptr_array_add(hosts->labels, labels);
    }
    return labels;
}

static void
add_host(BerthPlanHosts *hosts, const BerthRows *rows)
{
    BerthPlaceHost place = {
        .id = g_string_chunk_insert(hosts->texts, berth_rows_text(rows, 0)),
        .name = g_string_chunk_insert(hosts->texts, berth_rows_text(rows, 1)),
        .state =
            (BerthHostState)berth_fsm_state_from_name(&berth_host_fsm, berth_rows_text(rows, 2)),
        .memory_limit_mib = berth_rows_int(rows, 3),
        .memory_reserved_mib = berth_rows_int(rows, 4),
        .memory_overcommit_pct = berth_rows_int(rows, 5),
        .vcpu_limit = berth_rows_int(rows, 6),
        .vcpu_reserved = berth_rows_int(rows, 7),
        .vcpu_overcommit_pct = berth_rows_int(rows, 8),
        .start_slots = berth_rows_int(rows, 9),
        .labels = read_labels(hosts, berth_rows_text(rows, 10)),
        .is_draining = berth_rows_int(rows, 11) != 0,
        .is_in_maintenance = berth_rows_int(rows, 12) != 0,
        .detail = g_string_chunk_insert(hosts->texts, berth_rows_text(rows, 13)),
    };
    int64_t n_used = 0;
    hosts->has_flags = hosts->has_flags || place.is_draining || place.is_in_maintenance;
    g_array_append_val(hosts->places, place);
    g_array_append_val(hosts->slots_used, n_used);
    g_hash_table_insert(hosts->by_id, (gpointer)place.id, GUINT_TO_POINTER(hosts->places->len));
}

static BerthPlaceHost *
find_place(const BerthPlanHosts *hosts, const char *id, guint *ret_index)
{
    guint index = GPOINTER_TO_UINT(g_hash_table_lookup(hosts->by_id, id));
    if (index == 0) {
        return NULL;
    }
    if (ret_index != NULL) {
        *ret_index = index - 1;
    }
    return &g_array_index(hosts->places, BerthPlaceHost, index - 1);
}

/* Machines that wait for a slot or hold one. */
static int
count_starting(BerthPlanHosts *hosts, BerthTx *tx)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_PLAN_STARTING, "");
    while (berth_rows_next(&rows)) {
        guint index = 0;
        BerthPlaceHost *place = find_place(hosts, berth_rows_text(&rows, 0), &index);
        if (place != NULL) {
            int64_t n_planned = berth_rows_int(&rows, 2);
            place->n_starting = berth_rows_int(&rows, 1);
            g_array_index(hosts->slots_used, int64_t, index) = place->n_starting - n_planned;
        }
    }
    return berth_rows_end(&rows);
}

BerthPlanHosts *
berth_plan_hosts_load(BerthTx *tx, int *ret_error)
{
    g_autoptr(BerthPlanHosts) hosts = hosts_new();
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_PLAN_HOSTS, "");
    while (berth_rows_next(&rows)) {
        add_host(hosts, &rows);
    }
    *ret_error = berth_rows_end(&rows);
    if (*ret_error == BERTH_OK) {
        *ret_error = count_starting(hosts, tx);
    }
    return *ret_error == BERTH_OK ? g_steal_pointer(&hosts) : NULL;
}

static int
read_breakers(BerthPlanHosts *hosts, BerthTx *tx, const BerthPlanNeed *need)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_PLAN_BREAKERS, "ss", need->pool,
                   need->image != NULL ? need->image : "");
    while (berth_rows_next(&rows)) {
        BerthPlaceHost *place = find_place(hosts, berth_rows_text(&rows, 0), NULL);
        if (place != NULL) {
            place->breaker = (BerthBreaker){
                .n_failures = berth_rows_int(&rows, 1),
                .first_us = berth_rows_int(&rows, 2),
                .open_until_us = berth_rows_int(&rows, 3),
                .reason = g_string_chunk_insert_const(hosts->texts, berth_rows_text(&rows, 4)),
            };
        }
    }
    return berth_rows_end(&rows);
}

static int
read_tries(BerthPlanHosts *hosts, BerthTx *tx, const BerthPlanNeed *need)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_PLAN_TRIES, "s", need->pool);
    while (berth_rows_next(&rows)) {
        BerthPlaceHost *place = find_place(hosts, berth_rows_text(&rows, 0), NULL);
        if (place != NULL) {
            place->n_tries = berth_rows_int(&rows, 1);
        }
    }
    return berth_rows_end(&rows);
}

static int
read_templates(BerthPlanHosts *hosts, BerthTx *tx, const BerthPlanNeed *need)
{
    BerthRows rows;
    if (need->version != NULL) {
        berth_tx_query(tx, &rows, BERTH_SQL_PLAN_RAM_TEMPLATES, "sii", need->version, need->vcpus,
                       need->memory_mib);
    } else {
        berth_tx_query(tx, &rows, BERTH_SQL_PLAN_TEMPLATES, "s", need->image);
    }
    while (berth_rows_next(&rows)) {
        BerthPlaceHost *place = find_place(hosts, berth_rows_text(&rows, 0), NULL);
        if (place != NULL) {
            place->has_template = true;
        }
    }
    return berth_rows_end(&rows);
}

/* The name of the version for sentences, and how far the hosts have it. */
static int
read_version(BerthPlanHosts *hosts, BerthTx *tx, const BerthPlanNeed *need)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_PLAN_VERSION, "s", need->version);
    if (berth_rows_next(&rows)) {
        g_autofree char *name =
            g_strdup_printf("version %" G_GINT64_FORMAT " of image \"%s\"",
                            berth_rows_int(&rows, 0), berth_rows_text(&rows, 1));
        hosts->need.version = g_string_chunk_insert_const(hosts->texts, name);
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK) {
        return error;
    }
    berth_tx_query(tx, &rows, BERTH_SQL_PLAN_REPLICAS, "s", need->version);
    while (berth_rows_next(&rows)) {
        BerthPlaceHost *place = find_place(hosts, berth_rows_text(&rows, 0), NULL);
        if (place != NULL) {
            place->image = (BerthPlaceImage){
                .state = g_string_chunk_insert_const(hosts->texts, berth_rows_text(&rows, 1)),
                .bytes = berth_rows_int(&rows, 2),
                .total_bytes = berth_rows_int(&rows, 3),
                .detail = g_string_chunk_insert_const(hosts->texts, berth_rows_text(&rows, 4)),
            };
        }
    }
    return berth_rows_end(&rows);
}

int
berth_plan_hosts_turn(BerthPlanHosts *hosts, BerthTx *tx, const BerthCause *cause,
                      const BerthPlanNeed *need)
{
    for (guint i = 0; i < hosts->places->len; i++) {
        BerthPlaceHost *place = &g_array_index(hosts->places, BerthPlaceHost, i);
        place->breaker = (BerthBreaker){ 0 };
        place->n_tries = 0;
        place->has_template = false;
        place->image = (BerthPlaceImage){ 0 };
    }
    hosts->need = (BerthPlaceNeed){
        .memory_mib = need->memory_mib,
        .vcpus = need->vcpus,
        .labels = need->labels,
        .is_packed = need->is_packed,
        .host = need->host,
        .lacks_version = need->lacks_version,
        .now_us = cause->now_us,
    };
    int error = read_breakers(hosts, tx, need);
    if (error == BERTH_OK) {
        error = read_tries(hosts, tx, need);
    }
    if (error == BERTH_OK && need->version != NULL) {
        error = read_version(hosts, tx, need);
    }
    if (error == BERTH_OK && need->is_template && need->image != NULL) {
        error = read_templates(hosts, tx, need);
    }
    return error;
}

static const BerthPlaceHost *
places(const BerthPlanHosts *hosts)
{
    return (const BerthPlaceHost *)(void *)hosts->places->data;
}

int
berth_plan_hosts_reserve(BerthPlanHosts *hosts, BerthTx *tx, const char **ret_host,
                         int64_t *ret_score)
{
    g_autofree BerthPlaceVerdict *verdicts = g_new0(BerthPlaceVerdict, hosts->places->len + 1);
    for (;;) {
        int best = berth_place(&hosts->need, places(hosts), hosts->places->len, verdicts);
        if (best < 0) {
            return BERTH_ERR_NOT_FOUND;
        }
        BerthPlaceHost *place = &g_array_index(hosts->places, BerthPlaceHost, best);
        int error = berth_tx_run_one(tx, BERTH_SQL_HOST_RESERVE, "sii", place->id,
                                     hosts->need.memory_mib, hosts->need.vcpus);
        if (error == BERTH_ERR_NOT_FOUND) {
            /* Somebody else was faster: it is not what this picture shows. */
            place->state = BERTH_HOST_SUSPECT;
            continue;
        }
        if (error != BERTH_OK) {
            return error;
        }
        place->memory_reserved_mib += hosts->need.memory_mib;
        place->vcpu_reserved += hosts->need.vcpus;
        place->n_starting++;
        place->n_tries++;
        *ret_host = place->id;
        *ret_score = verdicts[best].score;
        return BERTH_OK;
    }
}

bool
berth_plan_hosts_take_slot(BerthPlanHosts *hosts, const char *host)
{
    guint index = 0;
    const BerthPlaceHost *place = find_place(hosts, host, &index);
    if (place == NULL || (place->state != BERTH_HOST_UP && place->state != BERTH_HOST_DEGRADED)) {
        return false;
    }
    int64_t *n_used = &g_array_index(hosts->slots_used, int64_t, index);
    if (*n_used >= place->start_slots) {
        return false;
    }
    *n_used += 1;
    return true;
}

bool
berth_plan_hosts_is_unfit(const BerthPlanHosts *hosts, const char *host, BerthMachineState state)
{
    bool may_be =
        hosts->has_flags || state == BERTH_MACHINE_PLANNED || state == BERTH_MACHINE_FAILED;
    const BerthPlaceHost *place = may_be ? find_place(hosts, host, NULL) : NULL;
    if (place == NULL) {
        return false;
    }
    if (place->is_draining || place->is_in_maintenance) {
        return true;
    }
    if (state == BERTH_MACHINE_PLANNED) {
        return place->state != BERTH_HOST_UP;
    }
    return state == BERTH_MACHINE_FAILED &&
           berth_breaker_state(&place->breaker, hosts->need.now_us) == BERTH_BREAKER_OPEN;
}

static int
compare_scores(gconstpointer a, gconstpointer b)
{
    json_int_t left = json_integer_value(json_object_get(*(json_t *const *)a, "score"));
    json_int_t right = json_integer_value(json_object_get(*(json_t *const *)b, "score"));
    return left < right ? 1 : left > right ? -1 : 0;
}

json_t *
berth_plan_hosts_explain(const BerthPlanHosts *hosts)
{
    guint n = hosts->places->len;
    g_autofree BerthPlaceVerdict *verdicts = g_new0(BerthPlaceVerdict, n + 1);
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();
    json_t *array = json_array();
    (void)berth_place(&hosts->need, places(hosts), n, verdicts);
    for (guint i = 0; i < n; i++) {
        const BerthPlaceHost *place = &g_array_index(hosts->places, BerthPlaceHost, i);
        g_autofree char *words = berth_place_explain(&hosts->need, place, &verdicts[i]);
        g_ptr_array_add(sorted, json_pack("{s:s, s:s, s:s, s:s, s:I}", "host", place->id, "name",
                                          place->name, "reason",
                                          berth_place_reason_code(verdicts[i].reason), "detail",
                                          words, "score", (json_int_t)verdicts[i].score));
    }
    g_ptr_array_sort(sorted, compare_scores);
    for (guint i = 0; i < n; i++) {
        json_array_append_new(array, g_ptr_array_index(sorted, i));
    }
    return array;
}
