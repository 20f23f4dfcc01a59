/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three ways to give a machine another disk: its own of an earlier day, that of a backup, a fresh
 * one.
 *
 *   restore        arguments machine, point, other (true: of another machine than the point's)
 *   import-backup  arguments machine, name
 *   rebase         arguments machine, version ("": the machine's own image once more)
 *
 * The new disk is made and checked beside the old one first; then the machine is switched off, and
 * one rename makes the new disk its own.  Somebody at the machine: nothing is changed.
 */
#include "host-agent/tasks/disk-task.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/errors.h"
#include "host-agent/tasks/task-kinds.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- restore ---- */

static void
check_owner(BerthDiskTask *self)
{
    const BerthId *machine = berth_task_get_machine(self->context);
    self->is_own = berth_id_equal(&self->manifest.machine, machine);
    if (!self->is_own && !berth_disk_task_get_bool(self, "other")) {
        berth_disk_task_fail(self, BERTH_ERR_FORBIDDEN,
                             "the restore point is of another machine, \"%s\"",
                             self->manifest.machine_name);
        return;
    }
    if (berth_machine_park_is_in_use(self->host->machines, machine)) {
        berth_disk_task_fail(self, BERTH_ERR_BUSY,
                             "somebody is at the machine; log the session off first");
        return;
    }
    berth_disk_task_next(self);
}

static void
copy_point(BerthDiskTask *self)
{
    g_autofree char *source = g_build_filename(self->folder, BERTH_BACKUP_DELTA_FILE, NULL);
    self->fresh = berth_disk_task_dup_machine_file(self, "restore-", ".qcow2");
    if (self->fresh == NULL) {
        berth_disk_task_fail(self, BERTH_ERR_NOT_FOUND, "the machine is not on this host any more");
        return;
    }
    BerthDiskWorkPlan plan = { .source = source,
                               .target = self->fresh,
                               .root = &self->manifest.root,
                               .expected = self->list };
    berth_disk_task_work(self, &plan);
}

/* A desktop that was rebased since goes back to the version that its old disk stands on. */
static void
choose_version(BerthDiskTask *self)
{
    BerthVm *vm = berth_disk_task_get_vm(self);
    const BerthId *version = &self->manifest.version;
    if (vm == NULL) {
        berth_disk_task_fail(self, BERTH_ERR_NOT_FOUND, "the machine is not on this host any more");
        return;
    }
    bool is_same = berth_id_equal(version, &berth_vm_get_spec(vm)->version);
    if (!is_same && berth_id_is_zero(version)) {
        berth_disk_task_fail(self, BERTH_ERR_UNSUPPORTED,
                             "the restore point is of an image without versions, the machine is "
                             "not; export it and import the backup");
    } else if (is_same || berth_disk_task_take_version(self, version)) {
        berth_disk_task_next(self);
    }
}

/* The file that the point brings along gets a name in the machine's folder. */
static void
stand_on_base(BerthDiskTask *self)
{
    if (self->manifest.base == NULL) {
        berth_disk_task_next(self);
        return;
    }
    g_autofree char *own = g_build_filename(self->folder, self->manifest.base, NULL);
    self->base = berth_disk_task_dup_machine_file(self, "base-", "");
    if (self->base == NULL) {
        berth_disk_task_fail(self, BERTH_ERR_NOT_FOUND, "the machine is not on this host any more");
        return;
    }
    unlink(self->base);
    if (link(own, self->base) != 0) {
        int errnum = errno;
        berth_disk_task_fail(self, berth_error_from_errno(errnum), "cannot link \"%s\": %s", own,
                             g_strerror(errnum));
        return;
    }
    berth_disk_task_set_backing(self, self->fresh, self->base, self->header.backing_format);
}

static const BerthDiskStep restore_steps[] = {
    { berth_disk_step_find_machine, "waiting for the machine", BERTH_KILL_RESTORE_FOUND },
    { berth_disk_step_check_point, "looking at the restore point", BERTH_KILL_RESTORE_LOOKED },
    { check_owner, "looking whose it is", BERTH_KILL_RESTORE_ALLOWED },
    { choose_version, "looking for its version", BERTH_KILL_RESTORE_CHOSEN },
    { copy_point, "copying and checking the disk", BERTH_KILL_RESTORE_COPIED },
    { stand_on_base, "putting it on its base", BERTH_KILL_RESTORE_STANDS },
    { berth_disk_step_rest_machine, "switching the machine off", BERTH_KILL_RESTORE_RESTS },
    { berth_disk_step_swap, "changing the disk", BERTH_KILL_RESTORE_SWAPPED },
};

static void *
start_restore(BerthTaskContext *context, GError **error)
{
    return berth_disk_task_new(context, restore_steps, G_N_ELEMENTS(restore_steps));
}

const BerthTaskKind berth_task_restore = {
    .name = "restore",
    .start = start_restore,
    .free = berth_disk_task_free,
};

/* ---- import-backup ---- */

static void
check_backup(BerthDiskTask *self)
{
    berth_disk_task_check_backup(self, BERTH_BACKUP_WHOLE);
}

/* The copy that is checked is the one that is used: the backup may be on a foreign server. */
static void
copy_backup(BerthDiskTask *self)
{
    g_autofree char *source = g_build_filename(self->folder, BERTH_BACKUP_WHOLE_FILE, NULL);
    self->base = berth_disk_task_dup_machine_file(self, "base-", ".img");
    self->fresh = berth_disk_task_dup_machine_file(self, "import-", ".qcow2");
    self->backing = g_strdup(self->base);
    self->format = g_strdup("raw");
    if (self->base == NULL) {
        berth_disk_task_fail(self, BERTH_ERR_NOT_FOUND, "the machine is not on this host any more");
        return;
    }
    BerthDiskWorkPlan plan = {
        .source = source, .target = self->base, .root = &self->manifest.root, .expected = self->list
    };
    berth_disk_task_work(self, &plan);
}

static const BerthDiskStep import_steps[] = {
    { berth_disk_step_find_machine, "waiting for the machine", BERTH_KILL_BACKUP_FOUND },
    { check_backup, "looking at the backup", BERTH_KILL_BACKUP_LOOKED },
    { copy_backup, "copying and checking the disk", BERTH_KILL_BACKUP_COPIED },
    { berth_disk_step_make_overlay, "making the disk", BERTH_KILL_BACKUP_MADE },
    { berth_disk_step_rest_machine, "switching the machine off", BERTH_KILL_BACKUP_RESTS },
    { berth_disk_step_swap, "changing the disk", BERTH_KILL_BACKUP_SWAPPED },
};

static void *
start_import(BerthTaskContext *context, GError **error)
{
    return berth_disk_task_new(context, import_steps, G_N_ELEMENTS(import_steps));
}

const BerthTaskKind berth_task_import_backup = {
    .name = "import-backup",
    .start = start_import,
    .free = berth_disk_task_free,
};

/* ---- rebase ---- */

/* The file that the new disk stands on: of a version in the store, or of an image in the folder. */
static void
choose_image(BerthDiskTask *self)
{
    BerthId version = { 0 };
    BerthVm *vm = berth_disk_task_get_vm(self);
    const char *text = berth_disk_task_get_text(self, "version");
    if (vm == NULL) {
        berth_disk_task_fail(self, BERTH_ERR_NOT_FOUND, "the machine is not on this host any more");
        return;
    }
    if (text[0] != '\0' && berth_id_parse(text, &version) != BERTH_OK) {
        berth_disk_task_fail(self, BERTH_ERR_INVALID, "\"%s\" is no version", text);
        return;
    }
    if (text[0] == '\0') {
        berth_manifest_copy(&berth_vm_get_spec(vm)->manifest, &self->image);
        self->has_image = true;
    } else if (!berth_disk_task_take_version(self, &version)) {
        return;
    }
    if (self->image.disk == NULL) {
        berth_disk_task_fail(self, BERTH_ERR_UNSUPPORTED, "the image has no disk");
        return;
    }
    self->result = json_pack("{s:s}", "version", text);
    self->backing = g_build_filename(
        text[0] == '\0' ? self->host->image_folder : berth_image_store_get_path(self->host->images),
        self->image.disk, NULL);
    self->format = g_strdup(self->image.format);
    self->fresh = berth_disk_task_dup_machine_file(self, "fresh-", ".qcow2");
    berth_disk_task_next(self);
}

static const BerthDiskStep rebase_steps[] = {
    { berth_disk_step_find_machine, "waiting for the machine", BERTH_KILL_REBASE_FOUND },
    { choose_image, "looking for the image", BERTH_KILL_REBASE_LOOKED },
    { berth_disk_step_make_overlay, "making the disk", BERTH_KILL_REBASE_MADE },
    { berth_disk_step_rest_machine, "switching the machine off", BERTH_KILL_REBASE_RESTS },
    { berth_disk_step_swap, "changing the disk", BERTH_KILL_REBASE_SWAPPED },
};

static void *
start_rebase(BerthTaskContext *context, GError **error)
{
    return berth_disk_task_new(context, rebase_steps, G_N_ELEMENTS(rebase_steps));
}

const BerthTaskKind berth_task_rebase = {
    .name = "rebase",
    .start = start_rebase,
    .free = berth_disk_task_free,
};
