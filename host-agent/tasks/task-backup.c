/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is done with restore points and backups that no machine waits for.
 *
 *   export        arguments point, name: the whole disk of a restore point as a folder that stands
 *                 alone, <backup folder>/<name>/
 *   disk-export   arguments disk, name, owner, point ("": as it is now): the same of a user disk
 *                 that no machine has
 *   list-backups  what is in the backup folder
 *   remove-point  arguments point
 */
#include "host-agent/tasks/disk-task.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/disks/disk-header.h"
#include "host-agent/json-fields.h"
#include "host-agent/state-file.h"
#include "host-agent/tasks/task-kinds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* A network folder may be slow; the broker has a deadline of its own. */
#define EXPORT_TIMEOUT_MS (6 * 3600 * 1000)
/* What an export leaves free beside what it needs. */
#define RESERVE_BYTES (64ull * 1024 * 1024)

/* ---- export ---- */

static bool
is_exported(BerthDiskTask *self, const char *folder)
{
    BerthId task;
    g_auto(BerthBackupManifest) manifest = { 0 };
    if (!berth_backup_manifest_load(folder, &manifest, NULL) ||
        berth_id_parse(berth_task_get_id(self->context), &task) != BERTH_OK ||
        !berth_id_equal(&task, &manifest.task)) {
        return false;
    }
    self->result = berth_backup_manifest_report(&manifest);
    return true;
}

static void
choose_place(BerthDiskTask *self)
{
    GError *error = NULL;
    const char *name = berth_disk_task_get_text(self, "name");
    g_autofree char *place = g_build_filename(self->host->backup_folder, name, NULL);
    g_autofree char *half =
        g_strconcat(self->host->backup_folder, "/.new-", berth_task_get_id(self->context), NULL);
    if (!berth_name_is_plain(name)) {
        berth_disk_task_fail(self, BERTH_ERR_INVALID, "\"%s\" is no name for a backup", name);
    } else if (is_exported(self, place)) {
        berth_disk_task_finish(self);
    } else if (access(place, F_OK) == 0) {
        berth_disk_task_fail(self, BERTH_ERR_EXISTS, "there is a backup \"%s\" already", name);
    } else {
        berth_state_folder_remove(half);
        self->temp = g_steal_pointer(&half);
        if (!berth_state_folder_make(self->temp, &error)) {
            berth_disk_task_fail_with(self, error);
            return;
        }
        berth_disk_task_next(self);
    }
}

static void
check_delta(BerthDiskTask *self)
{
    self->source = g_build_filename(self->folder, BERTH_BACKUP_DELTA_FILE, NULL);
    BerthDiskWorkPlan plan = { .source = self->source,
                               .root = &self->manifest.root,
                               .expected = self->list };
    berth_disk_task_work(self, &plan);
}

static bool
look_at_user_disk(BerthDiskTask *self, GError **error)
{
    BerthDiskHeader header;
    BerthDiskStore *disks = self->host->vm_host->disks;
    BerthBackupManifest *manifest = &self->manifest;
    if (berth_id_parse(berth_disk_task_get_text(self, "disk"), &self->disk) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_INVALID, "the task names no disk");
    }
    const char *path = disks != NULL ? berth_disk_store_take(disks, &self->disk) : NULL;
    if (path == NULL) {
        return berth_set_error(error, BERTH_ERR_BUSY,
                               "the disk is in use; its user logs off first");
    }
    self->has_disk = true;
    self->source = g_strdup(path);
    if (!berth_disk_header_load(path, &header, error)) {
        return false;
    }
    manifest->content = BERTH_BACKUP_USER_DISK;
    manifest->disk = self->disk;
    manifest->owner = g_strdup(berth_disk_task_get_text(self, "owner"));
    manifest->is_formatted = berth_disk_store_is_formatted(disks, &self->disk);
    manifest->consistency = berth_disk_store_is_clean(disks, &self->disk) ? BERTH_CONSISTENCY_CLEAN
                                                                          : BERTH_CONSISTENCY_CRASH;
    manifest->disk_bytes = header.size_bytes;
    manifest->created_us = berth_wall_us();
    return true;
}

static void
take_user_disk(BerthDiskTask *self)
{
    GError *error = NULL;
    if (!look_at_user_disk(self, &error)) {
        berth_disk_task_fail_with(self, error);
        return;
    }
    berth_disk_task_next(self);
}

static uint64_t
stored_bytes(const char *path)
{
    struct stat info;
    return path != NULL && stat(path, &info) == 0 ? (uint64_t)info.st_blocks * 512 : 0;
}

/* At most all that the files of the chain hold. */
static bool
check_room(const BerthDiskTask *self, GError **error)
{
    struct statvfs room;
    uint64_t needed = stored_bytes(self->source) + stored_bytes(self->header.backing_path);
    needed = MIN(needed, self->manifest.disk_bytes) + RESERVE_BYTES;
    if (statvfs(self->temp, &room) != 0) {
        int errnum = errno;
        return berth_set_error(error, berth_error_from_errno(errnum), "cannot look at \"%s\": %s",
                               self->temp, g_strerror(errnum));
    }
    uint64_t n_free = (uint64_t)room.f_bavail * room.f_frsize;
    return n_free >= needed ||
           berth_set_error(error, BERTH_ERR_DISK_FULL,
                           "the backup may need %" G_GUINT64_FORMAT " MiB in %s, %" G_GUINT64_FORMAT
                           " MiB are free",
                           needed >> 20, self->host->backup_folder, n_free >> 20);
}

static void
flatten(BerthDiskTask *self)
{
    GError *error = NULL;
    self->fresh = g_build_filename(self->temp, BERTH_BACKUP_WHOLE_FILE, NULL);
    if (!check_room(self, &error)) {
        berth_disk_task_fail_with(self, error);
        return;
    }
    /* A point of a desktop is the whole file; one of a user disk lies inside it. */
    const char *point = self->has_disk ? berth_disk_task_get_text(self, "point") : "";
    berth_disk_task_flatten(self, point, EXPORT_TIMEOUT_MS);
}

static void
hash_whole(BerthDiskTask *self)
{
    g_autofree char *list = g_build_filename(self->temp, BERTH_BACKUP_LIST_FILE, NULL);
    BerthDiskWorkPlan plan = { .source = self->fresh, .list_path = list };
    berth_disk_task_work(self, &plan);
}

static void
write_manifest(BerthDiskTask *self)
{
    GError *error = NULL;
    if (self->manifest.content == BERTH_BACKUP_DELTA) {
        self->manifest.content = BERTH_BACKUP_WHOLE;
    }
    g_clear_pointer(&self->manifest.base, g_free);
    berth_id_parse(berth_task_get_id(self->context), &self->manifest.task);
    if (self->manifest.file_bytes != self->manifest.disk_bytes) {
        berth_disk_task_fail(self, BERTH_ERR_INTERNAL,
                             "the disk has %" G_GUINT64_FORMAT
                             " bytes and its copy %" G_GUINT64_FORMAT,
                             self->manifest.disk_bytes, self->manifest.file_bytes);
    } else if (!berth_backup_manifest_save(&self->manifest, self->temp, &error)) {
        berth_disk_task_fail_with(self, error);
    } else {
        berth_disk_task_next(self);
    }
}

static void
commit(BerthDiskTask *self)
{
    GError *error = NULL;
    g_autofree char *place =
        g_build_filename(self->host->backup_folder, berth_disk_task_get_text(self, "name"), NULL);
    if (!berth_disk_task_commit(self->temp, place, &error)) {
        berth_disk_task_fail_with(self, error);
        return;
    }
    g_clear_pointer(&self->temp, g_free);
    berth_disk_task_next(self);
}

static const BerthDiskStep export_steps[] = {
    { choose_place, "looking for the place", BERTH_KILL_EXPORT_BEGUN },
    { berth_disk_step_check_point, "looking at the restore point", BERTH_KILL_EXPORT_LOOKED },
    { check_delta, "checking the restore point", BERTH_KILL_EXPORT_CHECKED },
    { flatten, "writing the whole disk", BERTH_KILL_EXPORT_FLAT },
    { hash_whole, "hashing the disk", BERTH_KILL_EXPORT_HASHED },
    { write_manifest, "writing the manifest", BERTH_KILL_EXPORT_WRITTEN },
    { commit, "bringing it to its place", BERTH_KILL_EXPORT_RENAMED },
};

static void *
start_export(BerthTaskContext *context, GError **error)
{
    return berth_disk_task_new(context, export_steps, G_N_ELEMENTS(export_steps));
}

const BerthTaskKind berth_task_export = {
    .name = "export",
    .start = start_export,
    .free = berth_disk_task_free,
};

static const BerthDiskStep disk_export_steps[] = {
    { choose_place, "looking for the place", BERTH_KILL_DISK_EXPORT_BEGUN },
    { take_user_disk, "looking at the disk", BERTH_KILL_DISK_EXPORT_LOOKED },
    { flatten, "writing the whole disk", BERTH_KILL_DISK_EXPORT_FLAT },
    { hash_whole, "hashing the disk", BERTH_KILL_DISK_EXPORT_HASHED },
    { write_manifest, "writing the manifest", BERTH_KILL_DISK_EXPORT_WRITTEN },
    { commit, "bringing it to its place", BERTH_KILL_DISK_EXPORT_RENAMED },
};

static void *
start_disk_export(BerthTaskContext *context, GError **error)
{
    return berth_disk_task_new(context, disk_export_steps, G_N_ELEMENTS(disk_export_steps));
}

const BerthTaskKind berth_task_disk_export = {
    .name = "disk-export",
    .start = start_disk_export,
    .free = berth_disk_task_free,
};

/* ---- list-backups ---- */

/* A folder that is no backup, or a damaged one, is listed with what is wrong. */
static json_t *
describe_backup(const BerthDiskTask *self, const char *name)
{
    GError *error = NULL;
    g_auto(BerthBackupManifest) manifest = { 0 };
    g_autofree char *folder = g_build_filename(self->host->backup_folder, name, NULL);
    json_t *entry = NULL;
    if (berth_backup_manifest_load(folder, &manifest, &error)) {
        entry = berth_backup_manifest_report(&manifest);
    } else {
        entry = json_pack("{s:s}", "problem", error->message);
        g_error_free(error);
    }
    json_object_set_new(entry, "name", json_string(name));
    return entry;
}

static void
list_backups(BerthDiskTask *self)
{
    const char *name;
    json_t *backups = json_array();
    GDir *dir = g_dir_open(self->host->backup_folder, 0, NULL);
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL &&
           json_array_size(backups) < BERTH_LIMIT_BACKUPS_LISTED) {
        if (berth_name_is_plain(name)) {
            json_array_append_new(backups, describe_backup(self, name));
        }
    }
    g_clear_pointer(&dir, g_dir_close);
    self->result = json_pack("{s:o}", "backups", backups);
    berth_disk_task_next(self);
}

static const BerthDiskStep list_steps[] = {
    { list_backups, "looking into the backup folder", BERTH_KILL_BACKUPS_LISTED },
};

static void *
start_list(BerthTaskContext *context, GError **error)
{
    return berth_disk_task_new(context, list_steps, G_N_ELEMENTS(list_steps));
}

const BerthTaskKind berth_task_list_backups = {
    .name = "list-backups",
    .start = start_list,
    .free = berth_disk_task_free,
};

/* ---- remove-point ---- */

static void
take_away(BerthDiskTask *self)
{
    GError *error = NULL;
    const char *point = "";
    if (!berth_disk_task_get_id(self, "point", &point, &error)) {
        berth_disk_task_fail_with(self, error);
        return;
    }
    if (point[0] == '\0') {
        berth_disk_task_fail(self, BERTH_ERR_INVALID, "the task names no restore point");
        return;
    }
    g_autofree char *folder = g_build_filename(self->host->restore_folder, point, NULL);
    g_autofree char *name = g_strconcat("gone-", berth_task_get_id(self->context), NULL);
    self->folder = g_build_filename(self->host->restore_folder, name, NULL);
    self->result = json_object();
    if (rename(folder, self->folder) != 0 && errno != ENOENT) {
        int errnum = errno;
        berth_disk_task_fail(self, berth_error_from_errno(errnum), "cannot remove \"%s\": %s",
                             folder, g_strerror(errnum));
        return;
    }
    berth_disk_task_next(self);
}

static void
remove_files(BerthDiskTask *self)
{
    berth_state_folder_remove(self->folder);
    berth_disk_task_next(self);
}

static const BerthDiskStep remove_steps[] = {
    { take_away, "taking it away", BERTH_KILL_POINT_GONE },
    { remove_files, "removing its files", BERTH_KILL_POINT_REMOVED },
};

static void *
start_remove(BerthTaskContext *context, GError **error)
{
    return berth_disk_task_new(context, remove_steps, G_N_ELEMENTS(remove_steps));
}

const BerthTaskKind berth_task_remove_point = {
    .name = "remove-point",
    .start = start_remove,
    .free = berth_disk_task_free,
};
