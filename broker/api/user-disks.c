/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disks of users: what administrators see and do.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/api/objects.h"
#include "broker/api/page.h"
#include "broker/disk-backups.h"
#include "broker/disk-points.h"
#include "broker/user-disk.h"

#include <string.h>

/* A disk as it is before something is done to it. */
typedef struct {
    char *state, *host, *storage, *lease, *lease_host, *lease_host_state, *lease_host_name;
    int64_t size_mib;
} Disk;

static void
disk_clear(Disk *disk)
{
    g_free(disk->state);
    g_free(disk->host);
    g_free(disk->storage);
    g_free(disk->lease);
    g_free(disk->lease_host);
    g_free(disk->lease_host_state);
    g_free(disk->lease_host_name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Disk, disk_clear)

static int
lock_disk(BerthTx *tx, BerthRequest *request, Disk *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_DISK_LOCK, "s", request->id);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        *ret = (Disk){ .state = g_strdup(berth_rows_text(&rows, 0)),
                       .host = g_strdup(berth_rows_text(&rows, 1)),
                       .storage = g_strdup(berth_rows_text(&rows, 2)),
                       .size_mib = berth_rows_int(&rows, 3),
                       .lease = g_strdup(berth_rows_text(&rows, 4)),
                       .lease_host = g_strdup(berth_rows_text(&rows, 8)),
                       .lease_host_state = g_strdup(berth_rows_text(&rows, 5)),
                       .lease_host_name = g_strdup(berth_rows_text(&rows, 6)) };
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there
               ? berth_request_explain(request, BERTH_ERR_NOT_FOUND, "there is no user disk \"%s\"",
                                       request->id)
               : error;
}

int
berth_handle_list_user_disks(BerthTx *tx, BerthRequest *request)
{
    BerthPage page;
    int error = berth_page_begin(request, "user-disks", &page);
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows =
        berth_tx_to_json(tx, &error, BERTH_SQL_LIST_USER_DISKS, BERTH_PAGE_TYPES "sss",
                         BERTH_PAGE_VALUES(page), berth_page_filter(request, "pool"),
                         berth_page_filter(request, "user"), berth_page_filter(request, "state"));
    return berth_page_reply(request, &page, error, rows, "id");
}

int
berth_handle_get_user_disk(BerthTx *tx, BerthRequest *request)
{
    return berth_object_reply(tx, request, BERTH_SQL_USER_DISK_JSON, "user disk", request->id);
}

/* What the body names, and whether the caller may. */
static int
find_owner(BerthTx *tx, BerthRequest *request, char pool[BERTH_ID_HEX_CHARS + 1],
           char user[BERTH_ID_HEX_CHARS + 1], char host[BERTH_ID_HEX_CHARS + 1])
{
    int error = berth_request_find(tx, request, BERTH_SQL_FIND_POOL, "pool", pool);
    if (error == BERTH_OK) {
        error = berth_request_find(tx, request, BERTH_SQL_FIND_ACCOUNT, "user", user);
    }
    if (error == BERTH_OK) {
        error = berth_request_find(tx, request, BERTH_SQL_FIND_HOST, "host", host);
    }
    if (error != BERTH_OK) {
        return error;
    }
    g_autofree char *path = g_strconcat("/pools/", pool, NULL);
    error = berth_rights_check(tx, request->account, BERTH_PERMIT_POOL_WRITE, path);
    return error == BERTH_ERR_FORBIDDEN
               ? berth_request_explain(request, error,
                                       "this needs the permission \"pool-write\" on \"%s\"", path)
               : error;
}

static int
read_rule(BerthTx *tx, BerthRequest *request, const char *pool, BerthUserDiskRule *ret)
{
    g_autofree char *text = NULL;
    int error = berth_tx_get_text(tx, &text, BERTH_SQL_POOL_USER_DISK, "s", pool);
    if (error != BERTH_OK) {
        return error;
    }
    berth_user_disk_rule_parse(text, ret);
    return ret->is_wanted ? BERTH_OK
                          : berth_request_explain(request, BERTH_ERR_STATE,
                                                  "the pool gives its users no disks; set its "
                                                  "\"user_disk\"");
}

int
berth_handle_add_user_disk(BerthTx *tx, BerthRequest *request)
{
    char pool[BERTH_ID_HEX_CHARS + 1];
    char user[BERTH_ID_HEX_CHARS + 1];
    char host[BERTH_ID_HEX_CHARS + 1];
    char id[BERTH_ID_HEX_CHARS + 1];
    BerthUserDiskRule rule;
    BerthCause cause = berth_request_cause(request);
    int error = find_owner(tx, request, pool, user, host);
    if (error == BERTH_OK) {
        error = read_rule(tx, request, pool, &rule);
    }
    if (error != BERTH_OK) {
        return error;
    }
    rule.size_mib = berth_body_int(request->body, "size_mib", rule.size_mib);
    error = berth_user_disk_add(tx, &cause, &rule, user, pool, host, id);
    if (error == BERTH_ERR_EXISTS) {
        return berth_request_explain(request, error, "the user has a disk in this pool");
    }
    if (error == BERTH_OK) {
        error = berth_object_reply(tx, request, BERTH_SQL_USER_DISK_JSON, "user disk", id);
    }
    return error;
}

int
berth_handle_grow_user_disk(BerthTx *tx, BerthRequest *request)
{
    g_auto(Disk) disk = { 0 };
    BerthCause cause = berth_request_cause(request);
    int64_t size_mib = berth_body_int(request->body, "size_mib", 0);
    int error = lock_disk(tx, request, &disk);
    if (error != BERTH_OK) {
        return error;
    }
    if (size_mib <= disk.size_mib) {
        return berth_request_explain(request, BERTH_ERR_INVALID,
                                     "the disk has %" G_GINT64_FORMAT
                                     " MiB; a disk only grows, and \"size_mib\" must be more",
                                     disk.size_mib);
    }
    error = berth_tx_run_one(tx, BERTH_SQL_DISK_SET_SIZE, "sii", request->id, (int64_t)0, size_mib);
    if (error == BERTH_OK) {
        error = berth_audit(tx, &cause, "user-disk.grown", request->id,
                            json_pack("{s:I, s:I}", "from_mib", (json_int_t)disk.size_mib,
                                      "size_mib", (json_int_t)size_mib));
    }
    return error == BERTH_OK ? berth_handle_get_user_disk(tx, request) : error;
}

static bool
is_up(const Disk *disk)
{
    return strcmp(disk->lease_host_state, "up") == 0 ||
           strcmp(disk->lease_host_state, "degraded") == 0;
}

/* With force from a host that does not answer: whoever says so knows that it is off. */
static int
force_detach(BerthTx *tx, BerthRequest *request, const Disk *disk)
{
    BerthCause cause = berth_request_cause(request);
    if (is_up(disk)) {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "host \"%s\" answers: detach the disk without force",
                                     disk->lease_host_name);
    }
    int error = berth_user_disk_drop_lease(tx, &cause, request->id, "detached", "forced");
    return error == BERTH_OK ? berth_tx_run(tx, BERTH_SQL_DISK_SET_STATE, "sssi", request->id,
                                            "detached", "", cause.now_us)
                             : error;
}

int
berth_handle_detach_user_disk(BerthTx *tx, BerthRequest *request)
{
    g_auto(Disk) disk = { 0 };
    BerthCause cause = berth_request_cause(request);
    int error = lock_disk(tx, request, &disk);
    if (error != BERTH_OK) {
        return error;
    }
    if (disk.lease[0] == '\0') {
        return berth_request_explain(request, BERTH_ERR_STATE, "no machine has the disk");
    }
    if (berth_body_bool(request->body, "force", false)) {
        error = force_detach(tx, request, &disk);
    } else if (!is_up(&disk)) {
        return berth_request_explain(request, BERTH_ERR_HOST_DOWN,
                                     "host \"%s\" does not answer, and a machine there may still "
                                     "write to the disk; fence the host, or detach with force if "
                                     "you know that it is off",
                                     disk.lease_host_name);
    } else {
        error = berth_tx_run(tx, BERTH_SQL_DISK_LEASE_END_ONE, "si", request->id, cause.now_us);
        error = error == BERTH_OK
                    ? berth_audit(tx, &cause, "user-disk.detaching", request->id, json_object())
                    : error;
    }
    return error == BERTH_OK ? berth_handle_get_user_disk(tx, request) : error;
}

/* The host that removes the file: its own, or the first that has the storage. */
static int
choose_host(BerthTx *tx, const Disk *disk, char ret[BERTH_ID_HEX_CHARS + 1])
{
    BerthRows rows;
    g_strlcpy(ret, disk->host, BERTH_ID_HEX_CHARS + 1);
    if (disk->storage[0] == '\0') {
        return BERTH_OK;
    }
    berth_tx_query(tx, &rows, BERTH_SQL_DISK_STORAGE_HOST, "");
    while (berth_rows_next(&rows)) {
        if (ret[0] == '\0' &&
            berth_user_disk_labels_have(berth_rows_text(&rows, 1), disk->storage)) {
            g_strlcpy(ret, berth_rows_text(&rows, 0), BERTH_ID_HEX_CHARS + 1);
        }
    }
    return berth_rows_end(&rows);
}

static int
set_deleting(BerthTx *tx, BerthRequest *request, const Disk *disk)
{
    char host[BERTH_ID_HEX_CHARS + 1];
    BerthCause cause = berth_request_cause(request);
    int error = choose_host(tx, disk, host);
    if (error != BERTH_OK) {
        return error;
    }
    /* What no host has, or only one that will never come back, is gone at once. */
    bool is_nowhere = disk->host[0] == '\0' && strcmp(disk->state, "new") == 0;
    bool is_gone = is_nowhere || strcmp(disk->lease_host_state, "removed") == 0;
    if (!is_gone && host[0] == '\0') {
        return berth_request_explain(request, BERTH_ERR_HOST_DOWN,
                                     "no host that is up has the storage \"%s\"", disk->storage);
    }
    error = is_gone ? berth_tx_run(tx, BERTH_SQL_DISK_SET_STATE, "sssi", request->id, "deleted", "",
                                   cause.now_us)
                    : berth_tx_run(tx, BERTH_SQL_DISK_SET_DELETING, "ssi", request->id, host,
                                   cause.now_us);
    return error == BERTH_OK ? berth_audit(tx, &cause, "user-disk.deleting", request->id,
                                           json_pack("{s:s}", "host", host))
                             : error;
}

int
berth_handle_remove_user_disk(BerthTx *tx, BerthRequest *request)
{
    g_auto(Disk) disk = { 0 };
    int error = lock_disk(tx, request, &disk);
    if (error != BERTH_OK) {
        return error;
    }
    if (disk.lease[0] != '\0') {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "a machine has the disk; its user logs off first");
    }
    if (strcmp(disk.state, "deleting") == 0) {
        return BERTH_OK;
    }
    if (strcmp(disk.state, "new") != 0 && !berth_body_bool(request->query, "force", false)) {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "the disk holds data of its user; it is deleted only with "
                                     "force, and the data is gone then");
    }
    return set_deleting(tx, request, &disk);
}

/* ---- restore points ---- */

int
berth_handle_list_disk_points(BerthTx *tx, BerthRequest *request)
{
    int error = berth_handle_get_user_disk(tx, request);
    if (error != BERTH_OK) {
        return error;
    }
    g_clear_pointer(&request->reply, json_decref);
    json_t *points = berth_tx_to_json(tx, &error, BERTH_SQL_DISK_POINTS, "s", request->id);
    if (points != NULL) {
        request->reply = json_pack("{s:o}", "points", points);
    }
    return error;
}

/* Whether anything speaks against work on the disk. */
static int
check_at_rest(BerthTx *tx, BerthRequest *request, const Disk *disk)
{
    int64_t n_tasks = 0;
    int error = berth_tx_get_int(tx, &n_tasks, BERTH_SQL_DISK_TASKS, "s", request->id);
    if (error != BERTH_OK) {
        return error;
    }
    if (n_tasks > 0 || strcmp(disk->state, "checking") == 0) {
        return berth_request_explain(
            request, BERTH_ERR_BUSY,
            "the disk is being copied, or a restore point of it is made or used");
    }
    if (strcmp(disk->state, "new") == 0 || strcmp(disk->state, "deleting") == 0) {
        return berth_request_explain(request, BERTH_ERR_STATE, "the disk is %s", disk->state);
    }
    return strcmp(disk->lease, "releasing") == 0
               ? berth_request_explain(request, BERTH_ERR_STATE,
                                       "the disk is on its way back; try again in a moment")
               : BERTH_OK;
}

/* Which host can do something to the disk. */
static int
find_worker(BerthTx *tx, BerthRequest *request, const Disk *disk,
            char ret_host[BERTH_ID_HEX_CHARS + 1])
{
    int error = check_at_rest(tx, request, disk);
    if (error == BERTH_OK) {
        error = choose_host(tx, disk, ret_host);
    }
    if (error != BERTH_OK) {
        return error;
    }
    bool is_leased = disk->lease[0] != '\0';
    if (is_leased) {
        g_strlcpy(ret_host, disk->lease_host, BERTH_ID_HEX_CHARS + 1);
    }
    bool needs_its_host = is_leased || disk->storage[0] == '\0';
    bool is_there = ret_host[0] != '\0' && (!needs_its_host || is_up(disk));
    return is_there ? BERTH_OK
                    : berth_request_explain(request, BERTH_ERR_HOST_DOWN,
                                            "no host that has the disk answers");
}

static int
begin(BerthTx *tx, BerthRequest *request, BerthDiskPointWork work, const char *host,
      const char *point)
{
    char operation[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *machine = NULL;
    BerthCause cause = berth_request_cause(request);
    int error = berth_tx_get_text(tx, &machine, BERTH_SQL_DISK_LEASE_MACHINE, "s", request->id);
    if (error != BERTH_OK && error != BERTH_ERR_NOT_FOUND) {
        return error;
    }
    const BerthDiskPointAsk ask = { .disk = request->id,
                                    .point = point,
                                    .host = host,
                                    .machine = machine != NULL ? machine : "",
                                    .account = request->account };
    error = berth_disk_point_begin(tx, &cause, work, &ask, operation);
    if (error == BERTH_OK) {
        request->reply = json_pack("{s:s, s:s}", "operation", operation, "point", point);
    }
    return error;
}

int
berth_handle_snapshot_user_disk(BerthTx *tx, BerthRequest *request)
{
    char host[BERTH_ID_HEX_CHARS + 1] = "";
    char point[BERTH_ID_HEX_CHARS + 1];
    g_auto(Disk) disk = { 0 };
    const char *note = berth_body_text(request->body, "note");
    int error = lock_disk(tx, request, &disk);
    if (error == BERTH_OK) {
        error = find_worker(tx, request, &disk, host);
    }
    if (error != BERTH_OK) {
        return error;
    }
    berth_id_random_hex(point);
    error = berth_tx_run(tx, BERTH_SQL_DISK_POINT_INSERT, "sssssi", point, request->id, host,
                         disk.lease[0] != '\0' ? "frozen" : "clean", note != NULL ? note : "",
                         request->now_us);
    return error == BERTH_OK ? begin(tx, request, BERTH_DISK_POINT_SNAPSHOT, host, point) : error;
}

static int
find_point(BerthTx *tx, BerthRequest *request, const char *point)
{
    g_autofree char *state = NULL;
    int error = berth_tx_get_text(tx, &state, BERTH_SQL_DISK_POINT_STATE, "ss", point, request->id);
    if (error == BERTH_ERR_NOT_FOUND || (error == BERTH_OK && strcmp(state, "deleted") == 0)) {
        return berth_request_explain(request, BERTH_ERR_NOT_FOUND,
                                     "the disk has no restore point \"%s\"", point);
    }
    if (error == BERTH_OK && strcmp(state, "ready") != 0) {
        return berth_request_explain(request, BERTH_ERR_STATE, "the restore point is %s", state);
    }
    return error;
}

int
berth_handle_restore_user_disk(BerthTx *tx, BerthRequest *request)
{
    char host[BERTH_ID_HEX_CHARS + 1] = "";
    g_auto(Disk) disk = { 0 };
    const char *point = berth_body_text(request->body, "point");
    int error = lock_disk(tx, request, &disk);
    if (error == BERTH_OK && disk.lease[0] != '\0') {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "a machine has the disk; its user logs off first");
    }
    if (error == BERTH_OK) {
        error = find_worker(tx, request, &disk, host);
    }
    if (error == BERTH_OK) {
        error = find_point(tx, request, point);
    }
    return error == BERTH_OK ? begin(tx, request, BERTH_DISK_POINT_RESTORE, host, point) : error;
}

int
berth_handle_drop_disk_point(BerthTx *tx, BerthRequest *request)
{
    char host[BERTH_ID_HEX_CHARS + 1] = "";
    g_auto(Disk) disk = { 0 };
    BerthCause cause = berth_request_cause(request);
    int error = lock_disk(tx, request, &disk);
    if (error == BERTH_OK) {
        error = find_worker(tx, request, &disk, host);
    }
    if (error == BERTH_OK) {
        error = find_point(tx, request, request->part);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_DISK_POINT_SET, "sssi", request->part, "deleting", "",
                             cause.now_us);
    }
    return error == BERTH_OK ? begin(tx, request, BERTH_DISK_POINT_DROP, host, request->part)
                             : error;
}

/* ---- backups ---- */

/* Who can export: a host that has the disk, while no machine does. */
static int
find_exporter(BerthTx *tx, BerthRequest *request, const char *point,
              char ret_host[BERTH_ID_HEX_CHARS + 1])
{
    g_auto(Disk) disk = { 0 };
    int error = lock_disk(tx, request, &disk);
    if (error == BERTH_OK && disk.lease[0] != '\0') {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "a machine has the disk; its user logs off first");
    }
    if (error == BERTH_OK) {
        error = find_worker(tx, request, &disk, ret_host);
    }
    return error == BERTH_OK && point[0] != '\0' ? find_point(tx, request, point) : error;
}

int
berth_handle_export_user_disk(BerthTx *tx, BerthRequest *request)
{
    char host[BERTH_ID_HEX_CHARS + 1] = "";
    BerthStarted started = { 0 };
    BerthCause cause = berth_request_cause(request);
    const char *wanted = berth_body_text(request->body, "point");
    const char *point = wanted != NULL ? wanted : "";
    BerthDiskBackup backup = { .host = host,
                               .name = berth_body_text(request->body, "name"),
                               .account = request->account };
    int error = find_exporter(tx, request, point, host);
    if (error == BERTH_OK) {
        error = berth_disk_backup_export(tx, &cause, &backup, request->id, point, &started);
    }
    if (error == BERTH_ERR_EXISTS) {
        return berth_request_explain(request, error, "there is a backup \"%s\" on that host",
                                     backup.name);
    }
    return berth_object_started(request, error, &started, NULL);
}

int
berth_handle_import_user_disk(BerthTx *tx, BerthRequest *request)
{
    char pool[BERTH_ID_HEX_CHARS + 1];
    char user[BERTH_ID_HEX_CHARS + 1];
    char host[BERTH_ID_HEX_CHARS + 1];
    BerthUserDiskRule rule;
    BerthStarted started = { 0 };
    BerthCause cause = berth_request_cause(request);
    BerthDiskBackup backup = { .host = host,
                               .name = berth_body_text(request->body, "name"),
                               .account = request->account };
    int error = find_owner(tx, request, pool, user, host);
    if (error == BERTH_OK) {
        error = read_rule(tx, request, pool, &rule);
    }
    if (error != BERTH_OK) {
        return error;
    }
    error = berth_disk_backup_import(tx, &cause, &backup, &rule, user, pool, &started);
    if (error == BERTH_ERR_EXISTS) {
        return berth_request_explain(request, error,
                                     "the user has a disk in this pool; delete it first");
    }
    if (error == BERTH_ERR_STATE) {
        return rule.storage[0] == '\0'
                   ? berth_request_explain(request, error, "the host is not up")
                   : berth_request_explain(request, error,
                                           "the host is not up, or does not have the storage "
                                           "\"%s\"",
                                           rule.storage);
    }
    return berth_object_started(request, error, &started, NULL);
}
