/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/maintenance.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"
#include "broker/api/body.h"
#include "broker/host-tasks.h"
#include "broker/image-versions.h"
#include "broker/operations.h"
#include "broker/steps-catalog.h"
#include "broker/steps.h"

#include <string.h>

/* Name of a pool: what comes before and after the name of its image. */
#define NAME_BYTES (BERTH_LIMIT_NAME_BYTES - 24)

/* ---- pools ---- */

typedef struct {
    const char *name, *image, *version, *purpose, *kind, *on_logoff, *account;
    int64_t size;
    bool uses_template;
    const char *manifest; /* of the version: how large its machines are */
} PoolNew;

static int64_t
machine_number(const json_t *manifest, const char *key, int64_t min, int64_t max, int64_t fallback)
{
    const json_t *machine = json_object_get(manifest, "machine");
    int64_t value = json_integer_value(json_object_get(machine, key));
    return value >= min && value <= max ? value : fallback;
}

static int
add_pool(BerthTx *tx, const BerthCause *cause, const PoolNew *wanted, char *ret_pool)
{
    char entitlement[BERTH_ID_HEX_CHARS + 1];
    json_auto_t *manifest = json_loads(wanted->manifest, JSON_REJECT_DUPLICATES, NULL);
    berth_id_random_hex(ret_pool);
    berth_id_random_hex(entitlement);
    int error = berth_tx_run(
        tx, BERTH_SQL_POOL_INSERT, "ssssiiiii", ret_pool, wanted->name, wanted->kind, wanted->image,
        wanted->size, wanted->size,
        machine_number(manifest, "vcpus", 1, BERTH_LIMIT_GUEST_VCPUS, BERTH_DEFAULT_VCPUS),
        machine_number(manifest, "memory_mib", BERTH_LIMIT_GUEST_MEMORY_MIN_MIB,
                       BERTH_LIMIT_GUEST_MEMORY_MAX_MIB, BERTH_DEFAULT_MEMORY_MIB),
        cause->now_us);
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_EDIT_POOL_SET, "ssssib", ret_pool, wanted->purpose,
                                 wanted->version, wanted->on_logoff, wanted->size,
                                 (int)wanted->uses_template);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_ENTITLEMENT_INSERT, "sssssi", entitlement,
                                 wanted->account, NULL, ret_pool, NULL, cause->now_us);
    }
    return error == BERTH_OK
               ? berth_audit(tx, cause, "pool.entitled", ret_pool,
                             json_pack("{s:s, s:s, s:s}", "entitlement", entitlement, "user",
                                       wanted->account, "purpose", wanted->purpose))
               : error;
}

int
berth_edit_close_pool(BerthTx *tx, const BerthCause *cause, const char *pool)
{
    int error = berth_pool_step(tx, cause, pool, BERTH_POOL_EVENT_DISABLE);
    return error == BERTH_OK || error == BERTH_ERR_STATE
               ? berth_tx_run(tx, BERTH_SQL_POOL_CLOSE, "s", pool)
               : error;
}

/* ---- begin ---- */

static int
find_parent(BerthTx *tx, const BerthEdit *edit, char ret_id[BERTH_ID_HEX_CHARS + 1],
            char **ret_manifest)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_EDIT_PARENT, "ss", edit->image, edit->version);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        g_strlcpy(ret_id, berth_rows_text(&rows, 0), BERTH_ID_HEX_CHARS + 1);
        *ret_manifest = g_strdup(berth_rows_text(&rows, 1));
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_NOT_FOUND : error;
}

/* Two administrators at once: the second is told of the first. */
static int
check_free(BerthTx *tx, const char *image, char **ret_busy)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_EDIT_OPEN, "s", image);
    bool is_busy = berth_rows_next(&rows);
    char *name = is_busy ? g_strdup(berth_rows_text(&rows, 2)) : NULL;
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK) {
        g_free(name);
        return error;
    }
    *ret_busy = name;
    return is_busy ? BERTH_ERR_BUSY : BERTH_OK;
}

static int
begin_draft(BerthTx *tx, const BerthCause *cause, const BerthEdit *edit, const char *image_name,
            char *ret_version)
{
    char parent[BERTH_ID_HEX_CHARS + 1];
    char pool[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *manifest = NULL;
    int error = find_parent(tx, edit, parent, &manifest);
    if (error != BERTH_OK) {
        return error;
    }
    g_autofree char *name = g_strdup_printf("edit-%.*s", (int)NAME_BYTES, image_name);
    PoolNew wanted = { .name = name,
                       .image = edit->image,
                       .version = parent,
                       .purpose = "maintenance",
                       .kind = "dedicated",
                       .on_logoff = "keep",
                       .account = edit->account,
                       .size = 1,
                       .manifest = manifest };
    error = add_pool(tx, cause, &wanted, pool);
    if (error != BERTH_OK) {
        return error;
    }
    BerthVersionNew draft = {
        .image = edit->image, .parent = parent, .changelog = edit->changelog, .pool = pool
    };
    error = berth_version_create(tx, cause, &draft, ret_version, NULL);
    return error == BERTH_OK ? berth_audit(tx, cause, "image.edited", edit->image,
                                           json_pack("{s:s, s:s, s:s}", "version", ret_version,
                                                     "parent", parent, "pool", pool))
                             : error;
}

int
berth_edit_begin(BerthTx *tx, const BerthCause *cause, const BerthEdit *edit,
                 char ret_version[BERTH_ID_HEX_CHARS + 1], char **ret_busy)
{
    g_autofree char *name = NULL;
    int error = berth_tx_get_text(tx, &name, BERTH_SQL_IMAGE_LOCK, "s", edit->image);
    if (error == BERTH_OK) {
        error = check_free(tx, edit->image, ret_busy);
    }
    return error == BERTH_OK ? begin_draft(tx, cause, edit, name, ret_version) : error;
}

/* ---- acts ---- */

typedef struct {
    char state[32], pool[BERTH_ID_HEX_CHARS + 1], machine[BERTH_ID_HEX_CHARS + 1];
    char host[BERTH_ID_HEX_CHARS + 1], machine_state[32];
} Draft;

static int
read_draft(BerthTx *tx, const char *version, Draft *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_EDIT_GET, "s", version);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        g_strlcpy(ret->state, berth_rows_text(&rows, 0), sizeof ret->state);
        g_strlcpy(ret->pool, berth_rows_text(&rows, 1), sizeof ret->pool);
        g_strlcpy(ret->machine, berth_rows_text(&rows, 2), sizeof ret->machine);
        g_strlcpy(ret->host, berth_rows_text(&rows, 3), sizeof ret->host);
        g_strlcpy(ret->machine_state, berth_rows_text(&rows, 4), sizeof ret->machine_state);
    }
    int error = berth_rows_end(&rows);
    if (error == BERTH_OK && !is_there) {
        return BERTH_ERR_NOT_FOUND;
    }
    return error == BERTH_OK && ret->pool[0] == '\0' ? BERTH_ERR_STATE : error;
}

/* The tasks of a version that have not ended. */
static GPtrArray *
read_ids(BerthTx *tx, BerthStatement statement, const char *key, int *ret_error)
{
    BerthRows rows;
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    berth_tx_query(tx, &rows, statement, "s", key);
    while (berth_rows_next(&rows)) {
        g_ptr_array_add(ids, g_strdup(berth_rows_text(&rows, 0)));
    }
    *ret_error = berth_rows_end(&rows);
    return ids;
}

static int
check_workable(BerthTx *tx, const char *version, const Draft *draft)
{
    int error = BERTH_OK;
    if (strcmp(draft->state, "draft") != 0 && strcmp(draft->state, "failed") != 0) {
        return BERTH_ERR_STATE;
    }
    if (strcmp(draft->machine_state, "assigned") != 0) {
        return BERTH_ERR_AGAIN;
    }
    g_autoptr(GPtrArray) tasks = read_ids(tx, BERTH_SQL_EDIT_TASKS, version, &error);
    return error == BERTH_OK && tasks->len > 0 ? BERTH_ERR_BUSY : error;
}

static int
add_task(BerthTx *tx, const BerthCause *cause, const char *version, const Draft *draft,
         const char *kind, json_t *args, const char *operation, int64_t limit_us)
{
    char task[BERTH_ID_HEX_CHARS + 1];
    json_object_set_new(args, "machine", json_string(draft->machine));
    return berth_host_task_add(tx, cause, draft->host, kind, version, args, operation,
                               cause->now_us + limit_us, task);
}

/* A draft that failed is a draft again; one that is sealed from now on says so. */
static int
step_for(BerthTx *tx, const BerthCause *cause, const char *version, const Draft *draft,
         bool is_seal)
{
    int error = BERTH_OK;
    if (strcmp(draft->state, "failed") == 0) {
        error = berth_image_version_step(tx, cause, version, BERTH_IMAGE_VERSION_EVENT_RETRY, "");
    }
    return error == BERTH_OK && is_seal
               ? berth_image_version_step(tx, cause, version, BERTH_IMAGE_VERSION_EVENT_SEAL, "")
               : error;
}

int
berth_edit_do(BerthTx *tx, const BerthCause *cause, const char *version, const char *kind,
              json_t *args, const char *account, int64_t limit_us,
              char ret_operation[BERTH_ID_HEX_CHARS + 1])
{
    Draft draft = { 0 };
    json_auto_t *owned = args;
    bool is_seal = strcmp(kind, "seal") == 0;
    int error = read_draft(tx, version, &draft);
    if (error == BERTH_OK) {
        error = check_workable(tx, version, &draft);
    }
    if (error == BERTH_OK) {
        error = step_for(tx, cause, version, &draft, is_seal);
    }
    if (error == BERTH_OK) {
        error =
            berth_operation_start(tx, cause, is_seal ? "image-version.seal" : "image-version.run",
                                  version, account, ret_operation);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_EDIT_SET_OPERATION, "ss", version, ret_operation);
    }
    return error == BERTH_OK ? add_task(tx, cause, version, &draft, kind, json_incref(owned),
                                        ret_operation, limit_us)
                             : error;
}

int
berth_edit_discard(BerthTx *tx, const BerthCause *cause, const char *version)
{
    Draft draft = { 0 };
    int error = read_draft(tx, version, &draft);
    if (error != BERTH_OK) {
        return error;
    }
    g_autoptr(GPtrArray) tasks = read_ids(tx, BERTH_SQL_EDIT_TASKS, version, &error);
    for (guint i = 0; i < tasks->len && error == BERTH_OK; i++) {
        error = berth_host_task_cancel(tx, cause, g_ptr_array_index(tasks, i));
    }
    if (error == BERTH_OK) {
        error = berth_image_version_step(tx, cause, version, BERTH_IMAGE_VERSION_EVENT_DELETE,
                                         "thrown away");
    }
    return error == BERTH_OK ? berth_edit_close_pool(tx, cause, draft.pool) : error;
}

/* ---- trials ---- */

int
berth_trial_begin(BerthTx *tx, const BerthCause *cause, const BerthTrial *trial,
                  char ret_pool[BERTH_ID_HEX_CHARS + 1])
{
    BerthRows rows;
    g_autofree char *manifest = NULL;
    g_autofree char *image = NULL;
    g_autofree char *image_name = NULL;
    char tail[BERTH_ID_HEX_CHARS + 1];
    int64_t number = 0;
    bool is_usable = false;
    berth_tx_query(tx, &rows, BERTH_SQL_VERSION_REPORT, "s", trial->version);
    if (berth_rows_next(&rows)) {
        const char *state = berth_rows_text(&rows, 4);
        number = berth_rows_int(&rows, 0);
        manifest = g_strdup(berth_rows_text(&rows, 3));
        image = g_strdup(berth_rows_text(&rows, 5));
        is_usable = strcmp(state, "sealed") == 0 || strcmp(state, "available") == 0;
    }
    int error = berth_rows_end(&rows);
    if (error == BERTH_OK && !is_usable) {
        error = image != NULL ? BERTH_ERR_STATE : BERTH_ERR_NOT_FOUND;
    }
    if (error == BERTH_OK) {
        error = berth_tx_get_text(tx, &image_name, BERTH_SQL_IMAGE_NAME_OF, "s", image);
    }
    if (error != BERTH_OK) {
        return error;
    }
    berth_id_random_hex(tail);
    g_autofree char *name = g_strdup_printf("test-%.*s-%" G_GINT64_FORMAT "-%.4s", (int)NAME_BYTES,
                                            image_name, number, tail);
    PoolNew wanted = { .name = name,
                       .image = image,
                       .version = trial->version,
                       .purpose = "test",
                       .kind = "floating",
                       .on_logoff = "recycle",
                       .account = trial->account,
                       .size = trial->n_machines,
                       .uses_template = trial->uses_template,
                       .manifest = manifest };
    error = add_pool(tx, cause, &wanted, ret_pool);
    return error == BERTH_OK ? berth_audit(tx, cause, "image-version.tried", trial->version,
                                           json_pack("{s:s, s:I}", "pool", ret_pool, "machines",
                                                     (json_int_t)trial->n_machines))
                             : error;
}

int
berth_trial_end(BerthTx *tx, const BerthCause *cause, const char *version, const char *pool)
{
    g_autofree char *id = NULL;
    int error = berth_tx_get_text(tx, &id, BERTH_SQL_TEST_POOL_OF, "ss", version, pool);
    return error == BERTH_OK ? berth_edit_close_pool(tx, cause, id) : error;
}
