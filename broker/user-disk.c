/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/user-disk.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/errors.h"
#include "berth/user-disk.h"

#include <glib.h>
#include <jansson.h>
#include <string.h>

void
berth_user_disk_rule_parse(const char *text, BerthUserDiskRule *ret)
{
    *ret = (BerthUserDiskRule){ 0 };
    if (strcmp(text, "{}") == 0) {
        return;
    }
    json_auto_t *rule = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *fs = json_string_value(json_object_get(rule, "fs"));
    const char *storage = json_string_value(json_object_get(rule, "storage"));
    const char *on_failure = json_string_value(json_object_get(rule, "on_failure"));
    ret->size_mib = json_integer_value(json_object_get(rule, "size_mib"));
    ret->is_wanted = ret->size_mib > 0;
    ret->is_needed = g_strcmp0(on_failure, "without") != 0;
    g_strlcpy(ret->fs, fs != NULL ? fs : "ext4", sizeof ret->fs);
    g_strlcpy(ret->storage, storage != NULL ? storage : "", sizeof ret->storage);
}

bool
berth_user_disk_labels_have(const char *labels, const char *storage)
{
    json_auto_t *json = json_loads(labels, JSON_REJECT_DUPLICATES, NULL);
    const char *has = json_string_value(json_object_get(json, BERTH_DISK_STORAGE_LABEL));
    return g_strcmp0(has, storage) == 0;
}

static bool
is_up(const char *state)
{
    return strcmp(state, "up") == 0 || strcmp(state, "degraded") == 0;
}

/* Of "corrupt: the file ..." */
static int
read_code(const char *detail)
{
    g_autofree char *name = g_strndup(detail, strcspn(detail, ":"));
    return berth_error_from_name(name);
}

int
berth_user_disk_read(BerthTx *tx, const char *account, const char *pool, BerthUserDisk *ret)
{
    BerthRows rows;
    *ret = (BerthUserDisk){ 0 };
    berth_tx_query(tx, &rows, BERTH_SQL_DISK_OF_USER, "ss", account, pool);
    if (berth_rows_next(&rows)) {
        g_strlcpy(ret->id, berth_rows_text(&rows, 0), sizeof ret->id);
        g_strlcpy(ret->state, berth_rows_text(&rows, 1), sizeof ret->state);
        g_strlcpy(ret->host, berth_rows_text(&rows, 2), sizeof ret->host);
        ret->epoch = berth_rows_int(&rows, 4);
        ret->code = read_code(berth_rows_text(&rows, 5));
        g_strlcpy(ret->machine, berth_rows_text(&rows, 6), sizeof ret->machine);
        ret->machine_epoch = berth_rows_int(&rows, 7);
        ret->is_held = strcmp(berth_rows_text(&rows, 8), "held") == 0;
        ret->lease_epoch = berth_rows_int(&rows, 9);
        ret->is_host_up = is_up(berth_rows_text(&rows, 10));
        ret->is_lease_host_up = is_up(berth_rows_text(&rows, 11));
    }
    return berth_rows_end(&rows);
}

static BerthDiskClaim
refuse(int error, const char *why, int *ret_error, const char **ret_why)
{
    *ret_error = error;
    *ret_why = why;
    return BERTH_DISK_REFUSE;
}

static const char *
explain_failure(int code)
{
    switch (code) {
    case BERTH_ERR_NOT_FOUND:
        return "the file of your disk is missing; ask your administrator to bring it back";
    case BERTH_ERR_CORRUPT:
    case BERTH_ERR_UNTRUSTED:
        return "your disk is damaged; ask your administrator to restore it";
    case BERTH_ERR_DISK_FULL:
        return "the storage that your disk is on is full; ask your administrator";
    case BERTH_ERR_BUSY:
        return "something else has your disk open; ask your administrator";
    default:
        return "your disk cannot be attached; ask your administrator";
    }
}

/* It has a lease. */
static BerthDiskClaim
plan_leased(const BerthUserDisk *disk, const char *machine, int64_t epoch, int *ret_error,
            const char **ret_why)
{
    bool is_ours = strcmp(disk->machine, machine) == 0 && disk->machine_epoch == epoch;
    if (!disk->is_held) {
        return disk->is_lease_host_up
                   ? BERTH_DISK_WAIT
                   : refuse(BERTH_ERR_HOST_DOWN,
                            "your disk is still with a host that does not answer; an "
                            "administrator can fence that host",
                            ret_error, ret_why);
    }
    if (!is_ours) {
        return refuse(BERTH_ERR_NO_DESKTOP, "your disk is in use on another desktop of yours",
                      ret_error, ret_why);
    }
    if (strcmp(disk->state, "failed") == 0) {
        return refuse(BERTH_ERR_NO_DESKTOP, explain_failure(disk->code), ret_error, ret_why);
    }
    return strcmp(disk->state, "attached") == 0 ? BERTH_DISK_READY : BERTH_DISK_WAIT;
}

BerthDiskClaim
berth_user_disk_plan(const BerthUserDisk *disk, const char *machine, int64_t epoch,
                     const char *host, int *ret_error, const char **ret_why)
{
    if (disk->id[0] == '\0') {
        return BERTH_DISK_TAKE;
    }
    if (strcmp(disk->state, "deleting") == 0) {
        return refuse(BERTH_ERR_NO_DESKTOP, "your disk is being deleted; try again in a moment",
                      ret_error, ret_why);
    }
    if (disk->machine[0] != '\0') {
        return plan_leased(disk, machine, epoch, ret_error, ret_why);
    }
    if (strcmp(disk->state, "checking") == 0) {
        return BERTH_DISK_WAIT;
    }
    if (disk->host[0] != '\0' && strcmp(disk->host, host) != 0) {
        return refuse(BERTH_ERR_NO_DESKTOP,
                      "your disk is on another host than your desktop; ask your administrator",
                      ret_error, ret_why);
    }
    return BERTH_DISK_TAKE;
}

int
berth_user_disk_add(BerthTx *tx, const BerthCause *cause, const BerthUserDiskRule *rule,
                    const char *account, const char *pool, const char *host,
                    char ret_id[BERTH_ID_HEX_CHARS + 1])
{
    const char *place = rule->storage[0] == '\0' ? host : "";
    berth_id_random_hex(ret_id);
    int error = berth_tx_run(tx, BERTH_SQL_DISK_INSERT, "sssssisi", ret_id, account, pool, place,
                             rule->storage, rule->size_mib, rule->fs, cause->now_us);
    return error == BERTH_OK
               ? berth_audit(tx, cause, "user-disk.added", ret_id,
                             json_pack("{s:s, s:s, s:s, s:s, s:I}", "user", account, "pool", pool,
                                       "host", place, "storage", rule->storage, "size_mib",
                                       (json_int_t)rule->size_mib))
               : error;
}

int
berth_user_disk_lease(BerthTx *tx, const BerthCause *cause, const BerthUserDiskRule *rule,
                      const char *account, const char *pool, const char *machine,
                      int64_t machine_epoch, const char *host, BerthUserDisk *disk)
{
    int error = BERTH_OK;
    if (disk->id[0] == '\0') {
        error = berth_user_disk_add(tx, cause, rule, account, pool, host, disk->id);
    }
    if (error == BERTH_OK) {
        error = berth_tx_get_int(tx, &disk->lease_epoch, BERTH_SQL_DISK_NEXT_EPOCH, "ss", disk->id,
                                 host);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_DISK_LEASE_INSERT, "ssisii", disk->id, machine,
                             machine_epoch, host, disk->lease_epoch, cause->now_us);
    }
    return error == BERTH_OK
               ? berth_audit(tx, cause, "user-disk.leased", disk->id,
                             json_pack("{s:s, s:I, s:s, s:I}", "machine", machine, "machine_epoch",
                                       (json_int_t)machine_epoch, "host", host, "epoch",
                                       (json_int_t)disk->lease_epoch))
               : error;
}

int
berth_user_disk_let_go(BerthTx *tx, const BerthCause *cause, const char *assignment)
{
    return berth_tx_post(tx, BERTH_SQL_DISK_LEASE_END, "si", assignment, cause->now_us);
}

int
berth_user_disk_drop_lease(BerthTx *tx, const BerthCause *cause, const char *disk,
                           const char *state, const char *why)
{
    /* The note comes first: the lease tells which host should hear of it. */
    int error = berth_audit(tx, cause, "user-disk.detached", disk,
                            json_pack("{s:s, s:s}", "state", state, "why", why));
    return error == BERTH_OK ? berth_tx_run(tx, BERTH_SQL_DISK_LEASE_DELETE, "s", disk) : error;
}

int
berth_user_disk_fence(BerthTx *tx, const BerthCause *cause, const char *host)
{
    BerthRows rows;
    g_autoptr(GPtrArray) disks = g_ptr_array_new_with_free_func(g_free);
    berth_tx_query(tx, &rows, BERTH_SQL_DISK_LEASES_OF_HOST, "s", host);
    while (berth_rows_next(&rows)) {
        g_ptr_array_add(disks, g_strdup(berth_rows_text(&rows, 0)));
    }
    int error = berth_rows_end(&rows);
    for (guint i = 0; i < disks->len && error == BERTH_OK; i++) {
        const char *disk = g_ptr_array_index(disks, i);
        error = berth_user_disk_drop_lease(tx, cause, disk, "detached", "host-fenced");
        if (error == BERTH_OK) {
            error = berth_tx_run(tx, BERTH_SQL_DISK_SET_STATE, "sssi", disk, "detached", "",
                                 cause->now_us);
        }
    }
    return error;
}
