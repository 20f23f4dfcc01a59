/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/restore-points.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/operations.h"
#include "broker/pool-planner.h"
#include "broker/steps.h"

#include <string.h>

#define SECOND_US (1000LL * 1000)
#define DAY_US (24LL * 3600 * SECOND_US)
#define SCAN_LIMIT_US (120 * SECOND_US)
#define REMOVE_LIMIT_US (3600 * SECOND_US)
/* A removal that failed is asked for again. */
#define REMOVE_AGAIN_US (600 * SECOND_US)

typedef struct {
    const char *id;
    BerthMachineState state;
    char host[BERTH_ID_HEX_CHARS + 1];
    char version[BERTH_ID_HEX_CHARS + 1];
    bool is_dedicated;
    char *name;
} Desk;

static void
desk_clear(Desk *desk)
{
    g_free(desk->name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Desk, desk_clear)

typedef struct {
    char state[16];
    char machine[BERTH_ID_HEX_CHARS + 1];
    char host[BERTH_ID_HEX_CHARS + 1];
    bool is_on_host; /* else it is a backup */
} Point;

static int G_GNUC_PRINTF(3, 4) refuse(char **ret_why, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *ret_why = g_strdup_vprintf(format, args);
    va_end(args);
    return error;
}

/* ---- reading ---- */

static int
read_desk(BerthTx *tx, const char *id, Desk *ret, char **ret_why)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_POINT_MACHINE, "s", id);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        ret->id = id;
        ret->state = (BerthMachineState)berth_fsm_state_from_name(&berth_machine_fsm,
                                                                  berth_rows_text(&rows, 0));
        g_strlcpy(ret->host, berth_rows_text(&rows, 1), sizeof ret->host);
        g_strlcpy(ret->version, berth_rows_text(&rows, 2), sizeof ret->version);
        ret->is_dedicated = strcmp(berth_rows_text(&rows, 4), "dedicated") == 0;
        ret->name = g_strdup(berth_rows_text(&rows, 5));
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there
               ? refuse(ret_why, BERTH_ERR_NOT_FOUND, "there is no machine \"%s\"", id)
               : error;
}

static int
read_point(BerthTx *tx, const char *id, Point *ret, char **ret_why)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_POINT_GET, "s", id);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        g_strlcpy(ret->state, berth_rows_text(&rows, 0), sizeof ret->state);
        g_strlcpy(ret->machine, berth_rows_text(&rows, 1), sizeof ret->machine);
        g_strlcpy(ret->host, berth_rows_text(&rows, 2), sizeof ret->host);
        ret->is_on_host = strcmp(berth_rows_text(&rows, 3), "host") == 0;
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there
               ? refuse(ret_why, BERTH_ERR_NOT_FOUND, "there is no restore point \"%s\"", id)
               : error;
}

/* Two tasks about one thing would meet on its files. */
static int
check_free(BerthTx *tx, const char *object, char **ret_why)
{
    g_autofree char *kind = NULL;
    int error = berth_tx_get_text(tx, &kind, BERTH_SQL_POINT_BUSY, "s", object);
    if (error == BERTH_ERR_NOT_FOUND) {
        return BERTH_OK;
    }
    return error == BERTH_OK ? refuse(ret_why, BERTH_ERR_STATE,
                                      "a task \"%s\" works on it already; wait for its end", kind)
                             : error;
}

/* Whether its disk can be copied: it is somebody's own machine, and it is there. */
static int
check_desk(BerthTx *tx, const Desk *desk, char **ret_why)
{
    if (!desk->is_dedicated) {
        return refuse(ret_why, BERTH_ERR_STATE,
                      "\"%s\" is of a pool that gives each user a fresh desktop; only dedicated "
                      "desktops have data of their own",
                      desk->name);
    }
    if (desk->state != BERTH_MACHINE_ASSIGNED && desk->state != BERTH_MACHINE_READY &&
        desk->state != BERTH_MACHINE_STOPPED) {
        return refuse(ret_why, BERTH_ERR_STATE, "\"%s\" is %s; wait until it is up or off",
                      desk->name, berth_fsm_state_name(&berth_machine_fsm, (int)desk->state));
    }
    return check_free(tx, desk->id, ret_why);
}

/* Whether its disk can be changed: besides, nobody is at it. */
static int
check_unused(BerthTx *tx, const Desk *desk, char **ret_why)
{
    int64_t n_live = 0;
    int error = check_desk(tx, desk, ret_why);
    if (error == BERTH_OK) {
        error = berth_tx_get_int(tx, &n_live, BERTH_SQL_POINT_LIVE, "s", desk->id);
    }
    return error == BERTH_OK && n_live > 0
               ? refuse(ret_why, BERTH_ERR_STATE,
                        "somebody has a session on \"%s\"; log it off first", desk->name)
               : error;
}

static int
check_point(const Point *point, const char *machine, char **ret_why)
{
    if (!point->is_on_host || strcmp(point->state, "ready") != 0) {
        return refuse(ret_why, BERTH_ERR_STATE, "the restore point is %s, not ready on its host",
                      point->is_on_host ? point->state : "a backup");
    }
    if (machine != NULL && strcmp(point->machine, machine) != 0) {
        return refuse(ret_why, BERTH_ERR_STATE,
                      "the restore point is of another machine; restore it to a new one");
    }
    return BERTH_OK;
}

/* ---- tasks ---- */

/* An operation and the task that it waits for; args are taken. */
static int
begin(BerthTx *tx, const BerthCause *cause, const char *host, const char *kind, const char *object,
      json_t *args, const char *account, int64_t limit_us, BerthStarted *ret)
{
    char task[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *name = g_strconcat("machine.", kind, NULL);
    int error = berth_operation_start(tx, cause, name, object, account, ret->operation);
    if (error != BERTH_OK) {
        json_decref(args);
        return error;
    }
    return berth_host_task_add(tx, cause, host, kind, object, args, ret->operation,
                               cause->now_us + limit_us, task);
}

int
berth_restore_point_take(BerthTx *tx, const BerthCause *cause, const char *machine,
                         const char *freeze, int64_t keep_days, const char *note,
                         const char *account, BerthStarted *ret, char **ret_why)
{
    g_auto(Desk) desk = { 0 };
    int64_t keep_until_us = keep_days > 0 ? cause->now_us + keep_days * DAY_US : 0;
    int error = read_desk(tx, machine, &desk, ret_why);
    if (error == BERTH_OK) {
        error = check_desk(tx, &desk, ret_why);
    }
    if (error != BERTH_OK) {
        return error;
    }
    berth_id_random_hex(ret->id);
    error = berth_tx_run(tx, BERTH_SQL_POINT_INSERT, "sssssii", ret->id, machine, desk.host,
                         desk.version, note, cause->now_us, keep_until_us);
    if (error == BERTH_OK) {
        error = berth_audit(tx, cause, "restore-point.begun", ret->id,
                            json_pack("{s:s, s:s}", "machine", machine, "note", note));
    }
    return error == BERTH_OK ? begin(tx, cause, desk.host, "snapshot", machine,
                                     json_pack("{s:s, s:s, s:s, s:s}", "machine", machine, "point",
                                               ret->id, "freeze", freeze, "version", desk.version),
                                     account, BERTH_BACKUP_LIMIT_US, ret)
                             : error;
}

int
berth_restore_point_restore(BerthTx *tx, const BerthCause *cause, const char *machine,
                            const char *point_id, const char *account, BerthStarted *ret,
                            char **ret_why)
{
    g_auto(Desk) desk = { 0 };
    Point point = { 0 };
    int error = read_desk(tx, machine, &desk, ret_why);
    if (error == BERTH_OK) {
        error = check_unused(tx, &desk, ret_why);
    }
    if (error == BERTH_OK) {
        error = read_point(tx, point_id, &point, ret_why);
    }
    if (error == BERTH_OK) {
        error = check_point(&point, machine, ret_why);
    }
    if (error == BERTH_OK && strcmp(point.host, desk.host) != 0) {
        error = refuse(ret_why, BERTH_ERR_STATE,
                       "the restore point is on another host than \"%s\"; export it and import "
                       "the backup",
                       desk.name);
    }
    if (error == BERTH_OK) {
        error = berth_audit(tx, cause, "machine.restore", machine,
                            json_pack("{s:s}", "restore_point", point_id));
    }
    return error == BERTH_OK ? begin(tx, cause, desk.host, "restore", machine,
                                     json_pack("{s:s, s:s}", "machine", machine, "point", point_id),
                                     account, BERTH_BACKUP_LIMIT_US, ret)
                             : error;
}

int
berth_machine_rebase(BerthTx *tx, const BerthCause *cause, const char *machine, const char *version,
                     const char *account, BerthStarted *ret, char **ret_why)
{
    g_auto(Desk) desk = { 0 };
    int error = read_desk(tx, machine, &desk, ret_why);
    if (error == BERTH_OK) {
        error = check_unused(tx, &desk, ret_why);
    }
    if (error != BERTH_OK) {
        return error;
    }
    const char *chosen = version[0] != '\0' ? version : desk.version;
    error = berth_audit(
        tx, cause, "machine.rebase", machine,
        json_pack("{s:s, s:s, s:b}", "from", desk.version, "to", chosen, "data_given_up", 1));
    return error == BERTH_OK ? begin(tx, cause, desk.host, "rebase", machine,
                                     json_pack("{s:s, s:s}", "machine", machine, "version", chosen),
                                     account, BERTH_BACKUP_LIMIT_US, ret)
                             : error;
}

int
berth_restore_point_remove(BerthTx *tx, const BerthCause *cause, const char *id, char **ret_why)
{
    Point point = { 0 };
    char task[BERTH_ID_HEX_CHARS + 1];
    int error = read_point(tx, id, &point, ret_why);
    if (error == BERTH_OK && strcmp(point.state, "making") == 0) {
        return refuse(ret_why, BERTH_ERR_STATE,
                      "the restore point is being made; wait for its end");
    }
    if (error == BERTH_OK) {
        error = check_free(tx, id, ret_why);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_POINT_SET_STATE, "sssi", id,
                                 point.is_on_host ? "deleting" : "deleted", "", cause->now_us);
    }
    if (error == BERTH_OK) {
        error = berth_audit(tx, cause, "restore-point.removed", id, NULL);
    }
    return error == BERTH_OK && point.is_on_host
               ? berth_host_task_add(tx, cause, point.host, "remove-point", id,
                                     json_pack("{s:s}", "point", id), "",
                                     cause->now_us + REMOVE_LIMIT_US, task)
               : error;
}

/* ---- backups ---- */

char *
berth_backup_location(const char *name)
{
    return g_strconcat("backup:", name, NULL);
}

int
berth_backup_check_name(BerthTx *tx, const char *host, const char *name)
{
    int64_t n_same = 0;
    g_autofree char *location = berth_backup_location(name);
    int error = berth_tx_get_int(tx, &n_same, BERTH_SQL_BACKUP_NAMED, "ss", host, location);
    return error == BERTH_OK && n_same > 0 ? BERTH_ERR_EXISTS : error;
}

int
berth_backup_export(BerthTx *tx, const BerthCause *cause, const char *id, const char *name,
                    const char *account, BerthStarted *ret, char **ret_why)
{
    Point point = { 0 };
    int error = read_point(tx, id, &point, ret_why);
    if (error == BERTH_OK) {
        error = check_point(&point, NULL, ret_why);
    }
    if (error == BERTH_OK) {
        error = check_free(tx, id, ret_why);
    }
    if (error == BERTH_OK) {
        error = berth_backup_check_name(tx, point.host, name);
    }
    if (error == BERTH_ERR_EXISTS) {
        return refuse(ret_why, BERTH_ERR_EXISTS, "there is a backup \"%s\" on that host", name);
    }
    if (error == BERTH_OK) {
        error = berth_audit(tx, cause, "backup.begun", id, json_pack("{s:s}", "name", name));
    }
    return error == BERTH_OK ? begin(tx, cause, point.host, "export", id,
                                     json_pack("{s:s, s:s}", "point", id, "name", name), account,
                                     BERTH_BACKUP_LIMIT_US, ret)
                             : error;
}

int
berth_backup_scan(BerthTx *tx, const BerthCause *cause, const char *host, const char *account,
                  BerthStarted *ret)
{
    return begin(tx, cause, host, "list-backups", host, json_object(), account, SCAN_LIMIT_US, ret);
}

/* ---- a new desktop ---- */

typedef struct {
    char id[BERTH_ID_HEX_CHARS + 1];
    char *name, *image, *version;
    int64_t vcpus, memory_mib;
} Pool;

static void
pool_clear(Pool *pool)
{
    g_free(pool->name);
    g_free(pool->image);
    g_free(pool->version);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pool, pool_clear)

static int
read_pool(BerthTx *tx, const char *name, Pool *ret, char **ret_why)
{
    BerthRows rows;
    bool is_dedicated = false;
    berth_tx_query(tx, &rows, BERTH_SQL_BACKUP_POOL, "s", name);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        g_strlcpy(ret->id, berth_rows_text(&rows, 0), sizeof ret->id);
        ret->name = g_strdup(berth_rows_text(&rows, 1));
        is_dedicated = strcmp(berth_rows_text(&rows, 2), "dedicated") == 0;
        ret->image = berth_rows_is_null(&rows, 3) ? NULL : g_strdup(berth_rows_text(&rows, 3));
        ret->vcpus = berth_rows_int(&rows, 4);
        ret->memory_mib = berth_rows_int(&rows, 5);
        ret->version = berth_rows_is_null(&rows, 6) ? NULL : g_strdup(berth_rows_text(&rows, 6));
    }
    int error = berth_rows_end(&rows);
    if (error == BERTH_OK && !is_there) {
        return refuse(ret_why, BERTH_ERR_NOT_FOUND, "there is no pool \"%s\"", name);
    }
    return error == BERTH_OK && !is_dedicated
               ? refuse(ret_why, BERTH_ERR_STATE, "the pool \"%s\" is not a dedicated one", name)
               : error;
}

/* Its place in the pool and on the host, and its row: off, and held back from everybody. */
static int
insert_machine(BerthTx *tx, const BerthCause *cause, const Pool *pool, const char *host,
               const char *id, char **ret_why)
{
    int64_t number = 0;
    int error = berth_tx_get_int(tx, &number, BERTH_SQL_POOL_TAKE_PLACE, "s", pool->id);
    if (error == BERTH_ERR_NOT_FOUND) {
        return refuse(ret_why, BERTH_ERR_STATE,
                      "the pool has as many machines as its \"size\" says");
    }
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_HOST_RESERVE, "sii", host, pool->memory_mib,
                                 pool->vcpus);
    }
    if (error == BERTH_ERR_NOT_FOUND) {
        return refuse(ret_why, BERTH_ERR_STATE,
                      "the host is not up, or has no room for one more machine of \"%s\"",
                      pool->name);
    }
    g_autofree char *name = g_strdup_printf("%s-%" G_GINT64_FORMAT, pool->name, number);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_MACHINE_INSERT, "sssssiibissisi", id, pool->id, host,
                             pool->image, name, pool->memory_mib, pool->vcpus, 0, cause->now_us,
                             berth_power_name(BERTH_POWER_OFF), "",
                             berth_machine_deadline_us(BERTH_MACHINE_PLANNED, 0, cause->now_us),
                             pool->version, (int64_t)0);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_HOLD, "sb", id, 1);
    }
    return error == BERTH_OK
               ? berth_machine_step(tx, cause, id, BERTH_MACHINE_EVENT_PLACED, NULL, "restore")
               : error;
}

static int
check_user(BerthTx *tx, const Pool *pool, const char *user, char **ret_why)
{
    int64_t n_open = 0;
    int error = berth_tx_get_int(tx, &n_open, BERTH_SQL_BACKUP_OWNED, "ss", pool->id, user);
    return error == BERTH_OK && n_open > 0
               ? refuse(ret_why, BERTH_ERR_EXISTS,
                        "the user has a desktop of \"%s\" already; restore to that one, or take "
                        "it away first",
                        pool->name)
               : error;
}

int
berth_restore_to_new(BerthTx *tx, const BerthCause *cause, const BerthNewDesktop *wanted,
                     const char *account, BerthStarted *ret, char **ret_why)
{
    g_auto(Pool) pool = { 0 };
    Point point = { 0 };
    const char *host = wanted->host;
    int error = read_pool(tx, wanted->pool, &pool, ret_why);
    if (error == BERTH_OK && wanted->point != NULL) {
        error = read_point(tx, wanted->point, &point, ret_why);
        error = error == BERTH_OK ? check_point(&point, NULL, ret_why) : error;
        host = point.host;
    }
    if (error == BERTH_OK) {
        error = check_user(tx, &pool, wanted->user, ret_why);
    }
    if (error == BERTH_OK) {
        berth_id_random_hex(ret->id);
        error = insert_machine(tx, cause, &pool, host, ret->id, ret_why);
    }
    if (error == BERTH_OK) {
        error = berth_audit(tx, cause, "machine.restored-as-new", ret->id,
                            json_pack("{s:s, s:s, s:s, s:s}", "host", host, "user", wanted->user,
                                      "backup", wanted->name != NULL ? wanted->name : "",
                                      "restore_point", wanted->point != NULL ? wanted->point : ""));
    }
    if (error != BERTH_OK) {
        return error;
    }
    json_t *args = json_pack("{s:s, s:s}", "machine", ret->id, "user", wanted->user);
    if (wanted->name != NULL) {
        json_object_set_new(args, "name", json_string(wanted->name));
        return begin(tx, cause, host, "import-backup", ret->id, args, account,
                     BERTH_BACKUP_LIMIT_US, ret);
    }
    json_object_set_new(args, "point", json_string(wanted->point));
    json_object_set_new(args, "other", json_true());
    return begin(tx, cause, host, "restore", ret->id, args, account, BERTH_BACKUP_LIMIT_US, ret);
}

/* ---- retention ---- */

int
berth_restore_points_tidy(BerthTx *tx, const BerthCause *cause)
{
    BerthRows rows;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    berth_tx_query(tx, &rows, BERTH_SQL_POINT_DUE, "ii", cause->now_us,
                   cause->now_us - REMOVE_AGAIN_US);
    while (berth_rows_next(&rows)) {
        g_ptr_array_add(ids, g_strdup(berth_rows_text(&rows, 0)));
    }
    int error = berth_rows_end(&rows);
    for (guint i = 0; i < ids->len && error == BERTH_OK; i++) {
        g_autofree char *why = NULL;
        error = berth_restore_point_remove(tx, cause, ids->pdata[i], &why);
        error = error == BERTH_ERR_STATE ? BERTH_OK : error;
    }
    return error;
}
