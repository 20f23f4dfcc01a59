/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/version-gc.h"

#include "base/error.h"
#include "base/log.h"
#include "broker/steps-catalog.h"

#include <string.h>

/* A version that failed stays so long for people to see why. */
#define FAILED_KEEP_US (24LL * 3600 * 1000 * 1000)

char *
berth_version_use(BerthTx *tx, const char *version, int *ret_error)
{
    char *what = NULL;
    *ret_error = berth_tx_get_text(tx, &what, BERTH_SQL_VERSION_USE, "s", version);
    if (*ret_error == BERTH_ERR_NOT_FOUND) {
        *ret_error = BERTH_OK;
    }
    return what;
}

int
berth_version_delete(BerthTx *tx, const BerthCause *cause, const char *version)
{
    int error = BERTH_OK;
    g_autofree char *state = NULL;
    g_autofree char *use = berth_version_use(tx, version, &error);
    if (error != BERTH_OK || use != NULL) {
        return error != BERTH_OK ? error : BERTH_ERR_BUSY;
    }
    error = berth_tx_get_text(tx, &state, BERTH_SQL_IMAGE_VERSION_LOCK, "s", version);
    if (error == BERTH_OK && (strcmp(state, "available") == 0 || strcmp(state, "sealed") == 0)) {
        error = berth_image_version_step(tx, cause, version, BERTH_IMAGE_VERSION_EVENT_RETIRE, "");
    }
    return error == BERTH_OK
               ? berth_image_version_step(tx, cause, version, BERTH_IMAGE_VERSION_EVENT_DELETE, "")
               : error;
}

/* ---- what goes, and what is free then ---- */

/* Splits what is too much into what goes and what something still uses. */
static int
sort_out(BerthTx *tx, const json_t *rows, json_t *versions, json_t *kept)
{
    size_t i = 0;
    json_t *row = NULL;
    int error = BERTH_OK;
    json_array_foreach (rows, i, row) {
        const char *id = json_string_value(json_object_get(row, "id"));
        g_autofree char *use = berth_version_use(tx, id, &error);
        if (error != BERTH_OK) {
            return error;
        }
        if (use != NULL) {
            json_object_set_new(row, "why", json_string(use));
        }
        json_array_append(use != NULL ? kept : versions, row);
    }
    return BERTH_OK;
}

static json_t *
read_old(BerthTx *tx, const char *image, int64_t now_us, int *ret_error)
{
    BerthRows rows;
    json_t *old = json_array();
    berth_tx_query(tx, &rows, BERTH_SQL_VERSIONS_OLD, "si", image, now_us - FAILED_KEEP_US);
    while (berth_rows_next(&rows)) {
        json_array_append_new(old,
                              json_pack("{s:s, s:s, s:I, s:s}", "id", berth_rows_text(&rows, 0),
                                        "image", berth_rows_text(&rows, 1), "number",
                                        (json_int_t)berth_rows_int(&rows, 2), "state",
                                        berth_rows_text(&rows, 3)));
    }
    *ret_error = berth_rows_end(&rows);
    return old;
}

static const json_t *
find_version(const json_t *versions, const char *id)
{
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach (versions, i, row) {
        if (strcmp(json_string_value(json_object_get(row, "id")), id) == 0) {
            return row;
        }
    }
    return NULL;
}

/* Files at a place: "<place> <root>" of everything that stays. */
static void
note_needed(GHashTable *needed, const char *place, const json_t *manifest)
{
    size_t i = 0;
    json_t *file = NULL;
    json_array_foreach (json_object_get(manifest, "files"), i, file) {
        const char *root = json_string_value(json_object_get(file, "root"));
        if (root != NULL) {
            g_hash_table_add(needed, g_strconcat(place, " ", root, NULL));
        }
    }
}

/* What leaves one place with one version; its files are sorted out later. */
static json_t *
freed_of(const json_t *version, const BerthRows *rows, const json_t *manifest)
{
    return json_pack("{s:s, s:s, s:O, s:O, s:s, s:I, s:O*}", "place", berth_rows_text(rows, 0),
                     "host", berth_rows_text(rows, 1), "image", json_object_get(version, "image"),
                     "number", json_object_get(version, "number"), "version",
                     berth_rows_text(rows, 2), "bytes", (json_int_t)berth_rows_int(rows, 4),
                     "files", json_object_get(manifest, "files"));
}

/* Which files of it nobody else needs there. */
static void
split_files(json_t *freed, GHashTable *needed)
{
    size_t i = 0;
    json_t *file = NULL;
    json_t *roots = json_array();
    json_t *shared = json_array();
    const char *place = json_string_value(json_object_get(freed, "place"));
    json_array_foreach (json_object_get(freed, "files"), i, file) {
        json_t *root = json_object_get(file, "root");
        if (json_is_string(root)) {
            g_autofree char *key = g_strconcat(place, " ", json_string_value(root), NULL);
            json_array_append(g_hash_table_contains(needed, key) ? shared : roots, root);
        }
    }
    json_object_set_new(freed, "roots", roots);
    json_object_set_new(freed, "shared", shared);
    json_object_del(freed, "files");
}

static int
read_freed(BerthTx *tx, const json_t *versions, json_t *frees)
{
    BerthRows rows;
    size_t i = 0;
    json_t *freed = NULL;
    g_autoptr(GHashTable) needed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    berth_tx_query(tx, &rows, BERTH_SQL_REPLICA_MANIFESTS, "");
    while (berth_rows_next(&rows)) {
        json_auto_t *manifest = json_loads(berth_rows_text(&rows, 3), JSON_REJECT_DUPLICATES, NULL);
        const json_t *version = find_version(versions, berth_rows_text(&rows, 2));
        if (version == NULL) {
            note_needed(needed, berth_rows_text(&rows, 0), manifest);
        } else {
            json_array_append_new(frees, freed_of(version, &rows, manifest));
        }
    }
    int error = berth_rows_end(&rows);
    json_array_foreach (frees, i, freed) {
        split_files(freed, needed);
    }
    return error;
}

json_t *
berth_versions_plan_gc(BerthTx *tx, const char *image, int64_t now_us, int *ret_error)
{
    json_auto_t *versions = json_array();
    json_auto_t *kept = json_array();
    json_auto_t *frees = json_array();
    json_auto_t *old = read_old(tx, image, now_us, ret_error);
    if (*ret_error == BERTH_OK) {
        *ret_error = sort_out(tx, old, versions, kept);
    }
    if (*ret_error == BERTH_OK && json_array_size(versions) > 0) {
        *ret_error = read_freed(tx, versions, frees);
    }
    return *ret_error == BERTH_OK
               ? json_pack("{s:O, s:O, s:O}", "versions", versions, "kept", kept, "frees", frees)
               : NULL;
}

int
berth_versions_gc(BerthTx *tx, const BerthCause *cause, const json_t *plan)
{
    size_t i = 0;
    json_t *row = NULL;
    int error = BERTH_OK;
    json_array_foreach (json_object_get(plan, "versions"), i, row) {
        error = berth_version_delete(tx, cause, json_string_value(json_object_get(row, "id")));
        if (error != BERTH_OK) {
            return error;
        }
    }
    return BERTH_OK;
}

/* ---- the tick ---- */

static int
step_all(BerthTx *tx, const BerthCause *cause, const GPtrArray *ids, BerthImageVersionEvent event,
         const char *reason, int *n_changes)
{
    int error = BERTH_OK;
    for (guint i = 0; i < ids->len && error == BERTH_OK; i++) {
        const char *id = g_ptr_array_index(ids, i);
        error = berth_image_version_step(tx, cause, id, event, reason);
        *n_changes += error == BERTH_OK ? 1 : 0;
    }
    return error;
}

static int
end_overdue(BerthTx *tx, const BerthCause *cause, int *n_changes)
{
    BerthRows rows;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    berth_tx_query(tx, &rows, BERTH_SQL_VERSIONS_OVERDUE, "i", cause->now_us);
    while (berth_rows_next(&rows)) {
        g_ptr_array_add(ids, g_strdup(berth_rows_text(&rows, 0)));
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK
               ? step_all(tx, cause, ids, BERTH_IMAGE_VERSION_EVENT_TIMEOUT, "timeout", n_changes)
               : error;
}

static int
end_gone(BerthTx *tx, const BerthCause *cause, int *n_changes)
{
    BerthRows rows;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    int error = berth_tx_run(tx, BERTH_SQL_REPLICAS_DROP_REMOVED, "");
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_TEMPLATES_DROP_REMOVED, "");
    }
    if (error != BERTH_OK) {
        return error;
    }
    berth_tx_query(tx, &rows, BERTH_SQL_VERSIONS_GONE, "");
    while (berth_rows_next(&rows)) {
        g_ptr_array_add(ids, g_strdup(berth_rows_text(&rows, 0)));
    }
    error = berth_rows_end(&rows);
    return error == BERTH_OK
               ? step_all(tx, cause, ids, BERTH_IMAGE_VERSION_EVENT_GONE, "", n_changes)
               : error;
}

int
berth_versions_tidy(BerthTx *tx, const BerthCause *cause, int *n_changes)
{
    int error = end_overdue(tx, cause, n_changes);
    if (error == BERTH_OK) {
        error = end_gone(tx, cause, n_changes);
    }
    if (error != BERTH_OK) {
        return error;
    }
    json_auto_t *plan = berth_versions_plan_gc(tx, "", cause->now_us, &error);
    size_t n = json_array_size(json_object_get(plan, "versions"));
    if (error != BERTH_OK || n == 0) {
        return error;
    }
    berth_log_info("tick", "%zu versions of images that nobody uses are let go", n);
    *n_changes += (int)n;
    return berth_versions_gc(tx, cause, plan);
}
