/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * snapshot: makes a restore point of a machine's disk, running or not.
 *
 *   arguments  machine, point, freeze ("auto", "never", "required"), cluster, version
 *
 * It is made in <restore folder>/new-<task>/ and renamed to <restore folder>/<point>/ when all of
 * it is on disk: a restore point is there as a whole or not at all.
 */
#include "host-agent/tasks/disk-task.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/state-file.h"
#include "host-agent/tasks/task-kinds.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define DEVICE "disk0"
#define IMG_TIMEOUT_MS 30000
/* A guest comes to rest in tenths of a second; Windows itself thaws after 10 s. */
#define FREEZE_MS 10000
#define FROZEN_MS 5000
#define STATE_LIMIT_MS (180 * 1000)

/* ---- where ---- */

static bool
make_temp(BerthDiskTask *self, GError **error)
{
    g_autofree char *name = g_strconcat("new-", berth_task_get_id(self->context), NULL);
    self->temp = g_build_filename(self->host->restore_folder, name, NULL);
    berth_state_folder_remove(self->temp);
    return berth_state_folder_make(self->temp, error);
}

/* It was made before the agent died: only the end was not told. */
static bool
is_committed(BerthDiskTask *self)
{
    BerthId task;
    g_auto(BerthBackupManifest) manifest = { 0 };
    if (!berth_backup_manifest_load(self->folder, &manifest, NULL) ||
        berth_id_parse(berth_task_get_id(self->context), &task) != BERTH_OK ||
        !berth_id_equal(&task, &manifest.task)) {
        return false;
    }
    berth_backup_manifest_clear(&self->manifest);
    self->manifest = manifest;
    memset(&manifest, 0, sizeof manifest);
    return true;
}

static void
choose_place(BerthDiskTask *self)
{
    GError *error = NULL;
    const char *point = "";
    if (!berth_disk_task_get_id(self, "point", &point, &error)) {
        berth_disk_task_fail_with(self, error);
        return;
    }
    self->folder = g_build_filename(self->host->restore_folder, point, NULL);
    if (point[0] == '\0') {
        berth_disk_task_fail(self, BERTH_ERR_INVALID, "the task names no restore point");
    } else if (is_committed(self)) {
        berth_disk_task_finish(self);
    } else if (access(self->folder, F_OK) == 0) {
        berth_disk_task_fail(self, BERTH_ERR_EXISTS, "the restore point %s is there already",
                             point);
    } else if (!make_temp(self, &error)) {
        berth_disk_task_fail_with(self, error);
    } else {
        berth_disk_task_next(self);
    }
}

/* ---- what it stands on ---- */

/*
 * A file in the machine's own folder goes with the machine: the restore point gets a name of its
 * own for it.  Versions of images lie elsewhere and stay as long as a restore point needs them.
 */
static bool
keep_base(BerthDiskTask *self, const char *disk, GError **error)
{
    g_autofree char *machine = g_path_get_dirname(disk);
    g_autofree char *place = g_path_get_dirname(self->header.backing_path);
    if (strcmp(machine, place) != 0) {
        self->backing = g_strdup(self->header.backing_path);
        return true;
    }
    self->manifest.base = g_path_get_basename(self->header.backing_path);
    g_autofree char *name = g_build_filename(self->temp, self->manifest.base, NULL);
    self->backing = g_build_filename(self->folder, self->manifest.base, NULL);
    if (link(self->header.backing_path, name) != 0) {
        int errnum = errno;
        return berth_set_error(error, berth_error_from_errno(errnum),
                               "cannot keep \"%s\" for the restore point: %s",
                               self->header.backing_path, g_strerror(errnum));
    }
    return true;
}

static void
note_machine(BerthDiskTask *self, const BerthVmSpec *spec)
{
    BerthBackupManifest *manifest = &self->manifest;
    const char *version = berth_disk_task_get_text(self, "version");
    manifest->content = BERTH_BACKUP_DELTA;
    manifest->machine = spec->id;
    manifest->machine_name = g_strdup(spec->name);
    manifest->image_name = g_strdup(spec->manifest.name != NULL ? spec->manifest.name : "");
    manifest->cluster = g_strdup(spec->cluster != NULL ? spec->cluster : "");
    manifest->memory_mib = spec->memory_mib;
    manifest->vcpus = spec->vcpus;
    manifest->disk_bytes = self->header.size_bytes;
    manifest->created_us = berth_wall_us();
    berth_id_parse(berth_task_get_id(self->context), &manifest->task);
    berth_id_parse(berth_disk_task_get_text(self, "point"), &manifest->point);
    if (version[0] != '\0') {
        berth_id_parse(version, &manifest->version);
    }
}

static void
look_at_disk(BerthDiskTask *self)
{
    GError *error = NULL;
    BerthVm *vm = berth_disk_task_get_vm(self);
    g_autofree char *disk = vm != NULL ? berth_vm_dup_disk_path(vm) : NULL;
    if (disk == NULL) {
        berth_disk_task_fail(self, BERTH_ERR_NOT_FOUND, "the machine is not on this host any more");
        return;
    }
    if (!berth_overlay_header_load(disk, &self->header, &error) ||
        (self->header.backing_path != NULL && !keep_base(self, disk, &error))) {
        berth_disk_task_fail_with(self, error);
        return;
    }
    note_machine(self, berth_vm_get_spec(vm));
    berth_disk_task_next(self);
}

/* An empty copy: a header that says what it stands on.  That is not opened. */
static void
make_target(BerthDiskTask *self)
{
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, self->header.size_bytes);
    const char *format =
        self->header.backing_format != NULL ? self->header.backing_format : "qcow2";
    self->fresh = g_build_filename(self->temp, BERTH_BACKUP_DELTA_FILE, NULL);
    const char *argv[] = { self->host->vm_host->qemu_img_program,
                           "create",
                           "-q",
                           "-u",
                           "-f",
                           "qcow2",
                           self->fresh,
                           size,
                           self->backing != NULL ? "-F" : NULL,
                           format,
                           "-b",
                           self->backing,
                           NULL };
    berth_disk_task_run(self, argv, IMG_TIMEOUT_MS);
}

/* ---- the copy ---- */

static BerthQmp *
get_qmp(void *owner)
{
    BerthVm *vm = berth_disk_task_get_vm(owner);
    return vm != NULL ? berth_vm_get_qmp(vm) : NULL;
}

static void
on_copied(const BerthVmSnapshotResult *result, void *user_data)
{
    BerthDiskTask *self = user_data;
    if (result->code != BERTH_OK) {
        g_autofree char *text = g_strdup(result->text);
        berth_disk_task_fail(self, result->code, "%s", text);
        return;
    }
    if (result->was_frozen) {
        berth_log_info("tasks", "task=%s: the guest was frozen for %" G_GINT64_FORMAT " ms",
                       berth_task_get_id(self->context), result->frozen_us / 1000);
    }
    self->manifest.consistency =
        result->was_frozen ? BERTH_CONSISTENCY_FROZEN : BERTH_CONSISTENCY_CRASH;
    g_clear_pointer(&self->snapshot, berth_vm_snapshot_free);
    berth_disk_task_next(self);
}

static void
copy_running(BerthDiskTask *self, BerthVm *vm)
{
    const char *freeze = berth_disk_task_get_text(self, "freeze");
    bool needs_freeze = strcmp(freeze, "required") == 0;
    g_autofree char *socket = berth_disk_task_dup_agent_socket(self);
    BerthGuestFreezeConfig freeze_config = {
        .agent = berth_vm_get_guest_agent(vm),
        .agent_socket = socket,
        .thaw_program = self->host->thaw_program,
        .freeze_ms = FREEZE_MS,
        .frozen_ms = FROZEN_MS,
    };
    bool has_agent = freeze_config.agent != NULL && berth_vm_get_condition(vm)[0] == '\0';
    if (needs_freeze && !has_agent) {
        berth_disk_task_fail(self, BERTH_ERR_STATE,
                             "the guest has no agent that could freeze it; take the snapshot "
                             "without, or with the machine switched off");
        return;
    }
    BerthVmSnapshotConfig config = {
        .get_qmp = get_qmp,
        .owner = self,
        .device = DEVICE,
        .target_path = self->fresh,
        .freeze = has_agent && strcmp(freeze, "never") != 0 ? &freeze_config : NULL,
        .needs_freeze = needs_freeze,
    };
    self->snapshot = berth_vm_snapshot_new(&config, on_copied, self);
}

static void
copy_resting(BerthDiskTask *self, BerthVm *vm)
{
    g_autofree char *disk = berth_vm_dup_disk_path(vm);
    BerthDiskWorkPlan plan = { .source = disk, .target = self->fresh };
    self->holds_machine = true;
    berth_vm_hold_off(vm, true);
    self->manifest.consistency =
        berth_vm_was_cut_off(vm) ? BERTH_CONSISTENCY_CRASH : BERTH_CONSISTENCY_CLEAN;
    berth_disk_task_work(self, &plan);
}

static void
copy_disk(BerthDiskTask *self)
{
    BerthVm *vm = berth_disk_task_get_vm(self);
    BerthVmState state = vm != NULL ? berth_vm_get_state(vm) : BERTH_VM_GONE;
    bool is_running =
        (state == BERTH_VM_READY || state == BERTH_VM_STARTING) && berth_vm_get_qmp(vm) != NULL;
    if (is_running) {
        copy_running(self, vm);
    } else if (state == BERTH_VM_STOPPED) {
        copy_resting(self, vm);
    } else if (state == BERTH_VM_GONE || state == BERTH_VM_FAILED) {
        berth_disk_task_fail(self, BERTH_ERR_STATE, "the machine is gone or has failed");
    } else {
        berth_disk_task_wait(self, STATE_LIMIT_MS, "the machine comes to no rest");
    }
}

/* A copy of the file has the header of the file; one of QEMU has ours already. */
static void
set_header(BerthDiskTask *self)
{
    BerthVm *vm = berth_disk_task_get_vm(self);
    if (self->holds_machine && vm != NULL) {
        berth_vm_hold_off(vm, false);
    }
    bool was_resting = self->holds_machine;
    self->holds_machine = false;
    if (!was_resting || self->manifest.base == NULL) {
        berth_disk_task_next(self);
        return;
    }
    berth_disk_task_set_backing(self, self->fresh, self->backing, self->header.backing_format);
}

static void
hash_copy(BerthDiskTask *self)
{
    g_autofree char *list = g_build_filename(self->temp, BERTH_BACKUP_LIST_FILE, NULL);
    BerthDiskWorkPlan plan = { .source = self->fresh, .list_path = list };
    berth_disk_task_work(self, &plan);
}

static void
write_manifest(BerthDiskTask *self)
{
    GError *error = NULL;
    if (!berth_backup_manifest_save(&self->manifest, self->temp, &error)) {
        berth_disk_task_fail_with(self, error);
        return;
    }
    berth_disk_task_next(self);
}

static void
commit(BerthDiskTask *self)
{
    GError *error = NULL;
    if (!berth_disk_task_commit(self->temp, self->folder, &error)) {
        berth_disk_task_fail_with(self, error);
        return;
    }
    g_clear_pointer(&self->temp, g_free);
    berth_disk_task_next(self);
}

static const BerthDiskStep steps[] = {
    { choose_place, "looking for the restore point", BERTH_KILL_SNAPSHOT_BEGUN },
    { berth_disk_step_find_machine, "waiting for the machine", BERTH_KILL_SNAPSHOT_FOUND },
    { look_at_disk, "looking at the disk", BERTH_KILL_SNAPSHOT_LOOKED },
    { make_target, "making the copy", BERTH_KILL_SNAPSHOT_MADE },
    { copy_disk, "copying the disk", BERTH_KILL_SNAPSHOT_COPIED },
    { set_header, "setting the header of the copy", BERTH_KILL_SNAPSHOT_STANDS },
    { hash_copy, "hashing the copy", BERTH_KILL_SNAPSHOT_HASHED },
    { write_manifest, "writing the manifest", BERTH_KILL_SNAPSHOT_WRITTEN },
    { commit, "bringing it to its place", BERTH_KILL_SNAPSHOT_RENAMED },
};

static void *
start(BerthTaskContext *context, GError **error)
{
    return berth_disk_task_new(context, steps, G_N_ELEMENTS(steps));
}

const BerthTaskKind berth_task_snapshot = {
    .name = "snapshot",
    .start = start,
    .free = berth_disk_task_free,
};
