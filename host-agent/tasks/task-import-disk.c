/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disk-import: makes a user disk that has no file yet of a backup.
 *
 *   arguments  disk, name
 *
 * The copy that is checked is the one that is used: the backup may be on a foreign server.  The
 * checkpoint "placing" comes before the file gets its name: a file that is there without it is
 * somebody else's.
 */
#include "host-agent/tasks/disk-task.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/errors.h"
#include "host-agent/tasks/task-kinds.h"

#include <string.h>
#include <unistd.h>

/* A network folder may be slow; the broker has a deadline of its own. */
#define IMPORT_TIMEOUT_MS (6 * 3600 * 1000)

/* "source" is the path that the disk is to have. */
static bool
take(BerthDiskTask *self, GError **error)
{
    BerthDiskStore *disks = self->host->vm_host->disks;
    if (berth_id_parse(berth_disk_task_get_text(self, "disk"), &self->disk) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_INVALID, "the task names no disk");
    }
    const char *path = disks != NULL ? berth_disk_store_take(disks, &self->disk) : NULL;
    if (path == NULL) {
        return berth_set_error(error, BERTH_ERR_BUSY, "the disk is in use");
    }
    self->has_disk = true;
    self->source = g_strdup(path);
    self->base = g_strconcat(path, BERTH_DISK_RAW_SUFFIX, NULL);
    self->fresh = g_strconcat(path, BERTH_DISK_PART_SUFFIX, NULL);
    return true;
}

static void
take_disk(BerthDiskTask *self)
{
    GError *error = NULL;
    const json_t *placing = json_object_get(berth_task_get_checkpoint(self->context), "placing");
    if (!take(self, &error)) {
        berth_disk_task_fail_with(self, error);
    } else if (access(self->source, F_OK) != 0) {
        berth_disk_task_next(self);
    } else if (placing != NULL) {
        self->result = json_incref((json_t *)placing);
        unlink(self->base);
        berth_disk_task_finish(self);
    } else {
        berth_disk_task_fail(self, BERTH_ERR_EXISTS, "there is a file \"%s\" already",
                             self->source);
    }
}

static void
check_backup(BerthDiskTask *self)
{
    berth_disk_task_check_backup(self, BERTH_BACKUP_USER_DISK);
}

static void
copy_backup(BerthDiskTask *self)
{
    g_autofree char *image = g_build_filename(self->folder, BERTH_BACKUP_WHOLE_FILE, NULL);
    BerthDiskWorkPlan plan = {
        .source = image, .target = self->base, .root = &self->manifest.root, .expected = self->list
    };
    unlink(self->base);
    berth_disk_task_work(self, &plan);
}

/* The source is raw: qemu-img reads nothing of it but the user's bytes. */
static void
make_disk(BerthDiskTask *self)
{
    const char *const argv[] = { self->host->vm_host->qemu_img_program,
                                 "convert",
                                 "-q",
                                 "-f",
                                 "raw",
                                 "-O",
                                 "qcow2",
                                 "-S",
                                 "64k",
                                 self->base,
                                 self->fresh,
                                 NULL };
    unlink(self->fresh);
    berth_disk_task_run(self, argv, IMPORT_TIMEOUT_MS);
}

static void
place_disk(BerthDiskTask *self)
{
    GError *error = NULL;
    json_t *report = berth_backup_manifest_report(&self->manifest);
    if (!berth_task_set_checkpoint(self->context, json_pack("{s:o}", "placing", report), &error) ||
        !berth_disk_store_place(self->host->vm_host->disks, &self->disk, self->fresh,
                                self->manifest.is_formatted, &error)) {
        berth_disk_task_fail_with(self, error);
        return;
    }
    unlink(self->base);
    berth_disk_task_next(self);
}

static const BerthDiskStep steps[] = {
    { take_disk, "looking at the disk", BERTH_KILL_DISK_IMPORT_TAKEN },
    { check_backup, "looking at the backup", BERTH_KILL_DISK_IMPORT_LOOKED },
    { copy_backup, "copying and checking the disk", BERTH_KILL_DISK_IMPORT_COPIED },
    { make_disk, "making the disk", BERTH_KILL_DISK_IMPORT_MADE },
    { place_disk, "bringing it to its place", BERTH_KILL_DISK_IMPORT_PLACED },
};

static void *
start(BerthTaskContext *context, GError **error)
{
    return berth_disk_task_new(context, steps, G_N_ELEMENTS(steps));
}

const BerthTaskKind berth_task_disk_import = {
    .name = "disk-import",
    .start = start,
    .free = berth_disk_task_free,
};
