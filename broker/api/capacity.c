/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /v1/reports/capacity: what there is, what is used, when it will be full.
 */
#include "broker/capacity.h"

#include "base/error.h"
#include "broker/api/handlers.h"

#define DAY_US (24LL * 3600 * 1000 * 1000)

typedef struct {
    GStringChunk *texts;
    GPtrArray *labels; /* json_t *, owned; the rows borrow them */
    GArray *hosts;     /* BerthCapacityHost */
    json_t *host_rows; /* array for the answer */
} Site;

static void
unref_json(gpointer json)
{
    json_decref(json);
}

static const json_t *
read_labels(Site *site, const char *text)
{
    json_t *labels = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (labels != NULL) {
        g_ptr_array_add(site->labels, labels);
    }
    return labels;
}

static json_t *
host_to_json(const BerthCapacityHost *host, const BerthRows *rows)
{
    int64_t free_mib = MAX(host->memory_mib - host->memory_reserved_mib, 0);
    g_autofree char *words =
        g_strdup_printf("host \"%s\" %s; %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                        " MiB are reserved (%d %% of its memory may be)",
                        host->name, host->is_usable ? "takes machines" : "takes no machines now",
                        host->memory_reserved_mib, host->memory_mib, (int)berth_rows_int(rows, 5));
    return json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "id", host->id,
                     "name", host->name, "state", berth_rows_text(rows, 2), "usable",
                     (int)host->is_usable, "memory_mib", (json_int_t)host->memory_mib,
                     "memory_reserved_mib", (json_int_t)host->memory_reserved_mib,
                     "memory_free_mib", (json_int_t)free_mib, "vcpus", (json_int_t)host->vcpus,
                     "vcpus_reserved", (json_int_t)host->vcpus_reserved, "n_machines",
                     (json_int_t)berth_rows_int(rows, 14), "detail", words);
}

static int
read_hosts(BerthTx *tx, Site *site)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_CAPACITY_HOSTS, "");
    while (berth_rows_next(&rows)) {
        bool is_up = g_str_equal(berth_rows_text(&rows, 2), "up");
        BerthCapacityHost host = {
            .id = g_string_chunk_insert(site->texts, berth_rows_text(&rows, 0)),
            .name = g_string_chunk_insert(site->texts, berth_rows_text(&rows, 1)),
            .memory_mib = berth_rows_int(&rows, 3) * berth_rows_int(&rows, 5) / 100,
            .memory_reserved_mib = berth_rows_int(&rows, 4),
            .vcpus = berth_rows_int(&rows, 6) * berth_rows_int(&rows, 8) / 100,
            .vcpus_reserved = berth_rows_int(&rows, 7),
            .labels = read_labels(site, berth_rows_text(&rows, 10)),
            .is_usable = is_up && berth_rows_int(&rows, 11) == 0 && berth_rows_int(&rows, 12) == 0,
        };
        g_array_append_val(site->hosts, host);
        json_array_append_new(site->host_rows, host_to_json(&host, &rows));
    }
    return berth_rows_end(&rows);
}

static GArray *
read_uses(BerthTx *tx, const char *pool, int64_t now_us, int *ret_error)
{
    GArray *uses = g_array_new(FALSE, FALSE, sizeof(BerthCapacityUse));
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_CAPACITY_USES, "si", pool,
                   now_us - BERTH_CAPACITY_DAYS * DAY_US);
    while (berth_rows_next(&rows)) {
        BerthCapacityUse use = { .begin_us = berth_rows_int(&rows, 0),
                                 .end_us = berth_rows_is_null(&rows, 1)
                                               ? now_us + 1
                                               : berth_rows_int(&rows, 1) };
        g_array_append_val(uses, use);
    }
    *ret_error = berth_rows_end(&rows);
    return uses;
}

static json_t *
pool_to_json(const BerthCapacityPool *pool, const BerthCapacity *capacity)
{
    g_autofree char *words = berth_capacity_explain(pool, capacity);
    json_t *json = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:I, s:f, s:s}", "id", pool->id, "name", pool->name,
        "size", (json_int_t)pool->size, "n_machines", (json_int_t)pool->n_machines, "n_assigned",
        (json_int_t)pool->n_assigned, "room", (json_int_t)capacity->room, "limited_by",
        berth_capacity_limit_name(capacity->limit), "peak", (json_int_t)capacity->peak,
        "growth_per_day", capacity->growth, "detail", words);
    json_object_set_new(json, "peak_us",
                        capacity->peak > 0 ? json_integer(capacity->peak_us) : json_null());
    json_object_set_new(json, "full_in_days",
                        capacity->full_in_days >= 0 ? json_integer(capacity->full_in_days)
                                                    : json_null());
    return json;
}

static int
add_pool(BerthTx *tx, BerthRequest *request, const Site *site, const BerthCapacityPool *pool,
         json_t *pools)
{
    int error = BERTH_OK;
    g_autoptr(GArray) uses = read_uses(tx, pool->id, request->now_us, &error);
    if (error == BERTH_OK) {
        BerthCapacity capacity = berth_capacity_of_pool(
            pool, (const BerthCapacityHost *)(void *)site->hosts->data, site->hosts->len,
            (const BerthCapacityUse *)(void *)uses->data, uses->len, request->now_us);
        json_array_append_new(pools, pool_to_json(pool, &capacity));
    }
    return error;
}

static int
add_pools(BerthTx *tx, BerthRequest *request, Site *site, json_t *pools)
{
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(BerthCapacityPool));
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_CAPACITY_POOLS, "");
    while (berth_rows_next(&rows)) {
        BerthCapacityPool pool = {
            .id = g_string_chunk_insert(site->texts, berth_rows_text(&rows, 0)),
            .name = g_string_chunk_insert(site->texts, berth_rows_text(&rows, 1)),
            .size = berth_rows_int(&rows, 2),
            .n_machines = berth_rows_int(&rows, 3),
            .n_assigned = berth_rows_int(&rows, 4),
            .memory_mib = berth_rows_int(&rows, 5),
            .vcpus = berth_rows_int(&rows, 6),
            .labels = read_labels(site, berth_rows_text(&rows, 7)),
        };
        g_array_append_val(list, pool);
    }
    int error = berth_rows_end(&rows);
    for (guint i = 0; i < list->len && error == BERTH_OK; i++) {
        error = add_pool(tx, request, site, &g_array_index(list, BerthCapacityPool, i), pools);
    }
    return error;
}

int
berth_handle_report_capacity(BerthTx *tx, BerthRequest *request)
{
    Site site = { .texts = g_string_chunk_new(4096),
                  .labels = g_ptr_array_new_with_free_func(unref_json),
                  .hosts = g_array_new(FALSE, FALSE, sizeof(BerthCapacityHost)),
                  .host_rows = json_array() };
    json_t *pools = json_array();
    int error = read_hosts(tx, &site);
    if (error == BERTH_OK) {
        error = add_pools(tx, request, &site, pools);
    }
    request->reply = json_pack("{s:o, s:o}", "pools", pools, "hosts", site.host_rows);
    g_array_unref(site.hosts);
    g_ptr_array_unref(site.labels);
    g_string_chunk_free(site.texts);
    return error;
}
