/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/host-parts.h"

#include "base/error.h"
#include "broker/desired-disks.h"
#include "broker/host-tasks.h"

#include <string.h>

typedef struct {
    BerthTx *tx;
    const BerthCause *cause;
    const char *host;
    int *n_changes;
} Work;

/* What the rows of the host say: name -> state. */
static GHashTable *
read_known(Work *work, BerthStatement statement, bool has_state, int *ret_error)
{
    BerthRows rows;
    GHashTable *known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    berth_tx_query(work->tx, &rows, statement, "s", work->host);
    while (berth_rows_next(&rows)) {
        g_hash_table_insert(known, g_strdup(berth_rows_text(&rows, 0)),
                            g_strdup(has_state ? berth_rows_text(&rows, 1) : ""));
    }
    *ret_error = berth_rows_end(&rows);
    return known;
}

/* That a version came or went, or cannot come, matters to those who wait for it. */
static int
tell_replica(Work *work, const char *version, const char *before, const char *state,
             const char *detail)
{
    bool is_news = strcmp(state, "present") == 0 || strcmp(state, "failed") == 0 ||
                   strcmp(before, "present") == 0;
    if (!is_news || strcmp(before, state) == 0) {
        return BERTH_OK;
    }
    *work->n_changes += 1;
    return berth_audit(
        work->tx, work->cause, "image-version.replica", version,
        json_pack("{s:s, s:s, s:s}", "host", work->host, "state", state, "detail", detail));
}

static int
write_image(Work *work, const BerthImageReport *image, const char *before)
{
    int64_t is_known = 0;
    g_autofree char *place = g_strconcat("host:", work->host, NULL);
    int error = berth_tx_get_int(work->tx, &is_known, BERTH_SQL_VERSION_KNOWN, "s", image->version);
    if (error != BERTH_OK || is_known == 0) {
        return error;
    }
    error = berth_tx_run(work->tx, BERTH_SQL_REPLICA_SET, "ssssiissi", image->version, place,
                         work->host, image->state, image->bytes, image->total_bytes, image->code,
                         image->detail, work->cause->now_us);
    return error == BERTH_OK ? tell_replica(work, image->version, before != NULL ? before : "",
                                            image->state, image->detail)
                             : error;
}

static int
drop_images(Work *work, GHashTable *gone)
{
    GHashTableIter iter;
    gpointer version = NULL;
    gpointer before = NULL;
    int error = BERTH_OK;
    g_autofree char *place = g_strconcat("host:", work->host, NULL);
    g_hash_table_iter_init(&iter, gone);
    while (error == BERTH_OK && g_hash_table_iter_next(&iter, &version, &before)) {
        error = berth_tx_run(work->tx, BERTH_SQL_REPLICA_DELETE, "ss", version, place);
        error = error == BERTH_OK ? tell_replica(work, version, before, "gone", "") : error;
    }
    return error;
}

static int
apply_images(Work *work, const GArray *images)
{
    int error = BERTH_OK;
    g_autoptr(GHashTable) known = read_known(work, BERTH_SQL_REPLICAS_OF_HOST, true, &error);
    for (guint i = 0; i < images->len && error == BERTH_OK; i++) {
        const BerthImageReport *image = &g_array_index(images, BerthImageReport, i);
        error = write_image(work, image, g_hash_table_lookup(known, image->version));
        g_hash_table_remove(known, image->version);
    }
    return error == BERTH_OK ? drop_images(work, known) : error;
}

static int
apply_templates(Work *work, const GArray *templates)
{
    int error = BERTH_OK;
    GHashTableIter iter;
    gpointer key = NULL;
    g_autoptr(GHashTable) known = read_known(work, BERTH_SQL_TEMPLATES_OF_HOST, false, &error);
    for (guint i = 0; i < templates->len && error == BERTH_OK; i++) {
        const BerthTemplateReport *item = &g_array_index(templates, BerthTemplateReport, i);
        error = berth_tx_run(work->tx, BERTH_SQL_TEMPLATE_SET, "sssiisisi", work->host, item->key,
                             item->version, item->vcpus, item->memory_mib, item->state,
                             item->n_forks, item->detail, work->cause->now_us);
        g_hash_table_remove(known, item->key);
    }
    g_hash_table_iter_init(&iter, known);
    while (error == BERTH_OK && g_hash_table_iter_next(&iter, &key, NULL)) {
        error = berth_tx_run(work->tx, BERTH_SQL_TEMPLATE_DELETE, "ss", work->host, key);
    }
    return error;
}

int
berth_host_apply_parts(BerthTx *tx, const BerthCause *cause, const char *host,
                       const BerthInventoryParts *parts, const BerthSigningKey *key, int *n_changes)
{
    Work work = { .tx = tx, .cause = cause, .host = host, .n_changes = n_changes };
    int error = apply_images(&work, parts->images);
    if (error == BERTH_OK) {
        error = apply_templates(&work, parts->templates);
    }
    if (error == BERTH_OK) {
        error = berth_host_tasks_apply(tx, cause, host, parts->tasks, key, n_changes);
    }
    if (error == BERTH_OK) {
        error = berth_host_apply_disks(tx, cause, host, parts->disks);
    }
    return error == BERTH_OK
               ? berth_tx_run(tx, BERTH_SQL_HOST_SET_MEMORY_REPORT, "ss", host, parts->memory)
               : error;
}
