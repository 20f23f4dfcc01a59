/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the ends of tasks in maintenance machines mean: "facts" tells what the parent has, "seal"
 * makes a version or says why not.
 */
#include "broker/task-edit.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/maintenance.h"
#include "broker/steps-catalog.h"
#include "broker/version-seal.h"

#include <stdlib.h>
#include <string.h>

/* Columns of BERTH_SQL_VERSION_REPORT, parsed. */
typedef struct {
    json_t *report, *manifest;
    char parent[BERTH_ID_HEX_CHARS + 1];
    char state[32];
} Version;

static void
version_clear(Version *version)
{
    json_decref(version->report);
    json_decref(version->manifest);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Version, version_clear)

static json_t *
parse_object(const char *text)
{
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(value)) {
        return value;
    }
    json_decref(value);
    return json_object();
}

static int
read_version(BerthTx *tx, const char *id, Version *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_VERSION_REPORT, "s", id);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        ret->report = parse_object(berth_rows_text(&rows, 1));
        g_strlcpy(ret->parent, berth_rows_text(&rows, 2), sizeof ret->parent);
        ret->manifest = parse_object(berth_rows_text(&rows, 3));
        g_strlcpy(ret->state, berth_rows_text(&rows, 4), sizeof ret->state);
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_NOT_FOUND : error;
}

static int
write_report(BerthTx *tx, const char *id, const json_t *report)
{
    char *text = json_dumps(report, JSON_COMPACT);
    int error = text != NULL ? berth_tx_run_one(tx, BERTH_SQL_EDIT_SET_REPORT, "ss", id, text)
                             : BERTH_ERR_NO_MEMORY;
    free(text);
    return error;
}

/* An imported version learns from its first clone what is installed in it. */
int
berth_task_facts_finish(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task, int code,
                        const json_t *result)
{
    g_auto(Version) draft = { 0 };
    g_auto(Version) parent = { 0 };
    json_t *packages = json_object_get(result, "packages");
    if (code != BERTH_OK || !json_is_array(packages)) {
        return BERTH_OK;
    }
    int error = read_version(tx, task->object, &draft);
    if (error == BERTH_OK && draft.parent[0] != '\0') {
        error = read_version(tx, draft.parent, &parent);
    }
    if (error != BERTH_OK || parent.report == NULL ||
        json_object_get(parent.report, "packages") != NULL) {
        return error == BERTH_ERR_NOT_FOUND ? BERTH_OK : error;
    }
    json_object_set(parent.report, "packages", packages);
    return write_report(tx, draft.parent, parent.report);
}

/* The new disk, and what else the parent boots from; NULL if the host told none. */
static json_t *
make_files(const json_t *result, const json_t *parent)
{
    size_t i = 0;
    json_t *file = NULL;
    json_t *disk = json_array_get(json_object_get(result, "files"), 0);
    if (g_strcmp0(json_string_value(json_object_get(disk, "role")), "disk") != 0) {
        return NULL;
    }
    json_t *files = json_pack("[O]", disk);
    json_array_foreach (json_object_get(parent, "files"), i, file) {
        if (g_strcmp0(json_string_value(json_object_get(file, "role")), "disk") != 0) {
            json_array_append(files, file);
        }
    }
    return files;
}

static int
seal(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task, const json_t *result)
{
    g_auto(Version) draft = { 0 };
    g_auto(Version) parent = { 0 };
    g_autofree char *actor = NULL;
    g_autofree char *place = g_strconcat("host:", task->host, NULL);
    int error = read_version(tx, task->object, &draft);
    if (error == BERTH_OK) {
        error = read_version(tx, draft.parent, &parent);
    }
    if (error == BERTH_OK) {
        error = berth_tx_get_text(tx, &actor, BERTH_SQL_EDIT_ACTOR, "s", task->operation);
    }
    if (error != BERTH_OK) {
        return error;
    }
    json_auto_t *files = make_files(result, parent.manifest);
    json_t *machine = json_object_get(parent.manifest, "machine");
    if (files == NULL || machine == NULL || task->signing_key == NULL) {
        return BERTH_ERR_INVALID;
    }
    BerthVersionSeal wanted = { .version = task->object,
                                .files = files,
                                .machine = machine,
                                .report = json_object_get(result, "report"),
                                .sealed_by = actor,
                                .place = place };
    return berth_version_seal(tx, cause, task->signing_key, &wanted);
}

static int
fail(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task)
{
    json_auto_t *report = json_pack("{s:s}", "failure", task->detail);
    int error = berth_image_version_step(tx, cause, task->object,
                                         BERTH_IMAGE_VERSION_EVENT_SEAL_FAILED, task->detail);
    if (error == BERTH_ERR_STATE) {
        return BERTH_OK; /* it was thrown away, or its time was over */
    }
    return error == BERTH_OK && report != NULL ? write_report(tx, task->object, report) : error;
}

int
berth_task_seal_finish(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task, int code,
                       const json_t *result)
{
    g_autofree char *pool = NULL;
    if (code != BERTH_OK) {
        return fail(tx, cause, task);
    }
    int error = seal(tx, cause, task, result);
    if (error == BERTH_OK) {
        error = berth_tx_get_text(tx, &pool, BERTH_SQL_EDIT_POOL_OF, "s", task->object);
    }
    return error == BERTH_OK ? berth_edit_close_pool(tx, cause, pool) : error;
}
