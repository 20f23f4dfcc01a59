/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/disk-task.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "berth/errors.h"
#include "host-agent/json-fields.h"
#include "host-agent/state-file.h"
#include "host-agent/tasks/flatten.h"
#include "host-agent/vm/overlay.h"
#include "host-agent/vm/qemu-argv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_INTERVAL_MS 100
#define PROGRESS_INTERVAL_MS 500
#define FIND_LIMIT_MS (300 * 1000)
/* The host cuts the power of a guest that does not shut down; this is only for what hangs. */
#define REST_LIMIT_MS (600 * 1000)
#define OVERLAY_TIMEOUT_MS 30000
/* A version may have to be fetched over a slow line. */
#define VERSION_LIMIT_MS (4 * 3600 * 1000)

/* ---- life ---- */

static gboolean
on_progress(gpointer user_data)
{
    BerthDiskTask *self = user_data;
    int part = self->work != NULL       ? berth_disk_work_get_pct(self->work)
               : self->snapshot != NULL ? berth_vm_snapshot_get_pct(self->snapshot)
                                        : 0;
    berth_task_set_progress(self->context, (self->step * 100 + part) / self->n_steps,
                            self->steps[self->step].doing);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_step(gpointer user_data)
{
    BerthDiskTask *self = user_data;
    self->next_source = 0;
    self->steps[self->step].run(self);
    return G_SOURCE_REMOVE;
}

BerthDiskTask *
berth_disk_task_new(BerthTaskContext *context, const BerthDiskStep *steps, int n_steps)
{
    BerthDiskTask *self = g_new0(BerthDiskTask, 1);
    self->context = context;
    self->host = berth_task_get_host(context);
    self->steps = steps;
    self->n_steps = n_steps;
    self->next_source = g_idle_add(on_step, self);
    self->progress_source = g_timeout_add(PROGRESS_INTERVAL_MS, on_progress, self);
    return self;
}

/* What was half made: a file or a folder. */
static void
remove_if(const char *path)
{
    struct stat info;
    if (path == NULL) {
        return;
    }
    if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        berth_state_folder_remove(path);
    } else {
        unlink(path);
    }
}

static void
release_machine(BerthDiskTask *self)
{
    BerthVm *vm = berth_disk_task_get_vm(self);
    if (self->holds_machine && vm != NULL) {
        berth_vm_hold_off(vm, false);
    }
    self->holds_machine = false;
}

void
berth_disk_task_free(void *work, bool is_undone)
{
    BerthDiskTask *self = work;
    g_clear_handle_id(&self->next_source, g_source_remove);
    g_clear_handle_id(&self->progress_source, g_source_remove);
    g_clear_pointer(&self->child, berth_child_cancel);
    g_clear_pointer(&self->work, berth_disk_work_cancel);
    g_clear_pointer(&self->snapshot, berth_vm_snapshot_free);
    release_machine(self);
    if (self->has_disk) {
        berth_disk_store_give_back(self->host->vm_host->disks, &self->disk);
    }
    if (is_undone && !self->is_swapped) {
        remove_if(self->fresh);
        remove_if(self->base);
    }
    if (is_undone) {
        remove_if(self->temp);
    }
    json_decref(self->result);
    g_free(self->temp);
    g_free(self->folder);
    g_free(self->source);
    g_free(self->fresh);
    g_free(self->base);
    g_free(self->backing);
    g_free(self->format);
    berth_overlay_header_clear(&self->header);
    berth_backup_manifest_clear(&self->manifest);
    berth_manifest_clear(&self->image);
    berth_chunk_list_unref(self->list);
    g_free(self);
}

static void
end(BerthDiskTask *self, int code, const char *text, json_t *result)
{
    BerthTaskContext *context = self->context;
    g_autofree char *detail = g_strdup(text);
    berth_disk_task_free(self, code != BERTH_OK);
    berth_task_finish(context, code, detail, result);
}

void
berth_disk_task_finish(BerthDiskTask *self)
{
    json_t *result = g_steal_pointer(&self->result);
    end(self, BERTH_OK, "",
        result != NULL ? result : berth_backup_manifest_report(&self->manifest));
}

void
berth_disk_task_next(BerthDiskTask *self)
{
    berth_kill_point(self->steps[self->step].after);
    self->wait_until_us = 0;
    if (self->step + 1 == self->n_steps) {
        berth_disk_task_finish(self);
        return;
    }
    self->step++;
    self->next_source = g_idle_add(on_step, self);
}

void
berth_disk_task_fail(BerthDiskTask *self, int code, const char *text, ...)
{
    va_list args;
    va_start(args, text);
    g_autofree char *sentence = g_strdup_vprintf(text, args);
    va_end(args);
    end(self, code, sentence, NULL);
}

void
berth_disk_task_fail_with(BerthDiskTask *self, GError *error)
{
    berth_disk_task_fail(self, error->code, "%s", error->message);
    g_error_free(error);
}

/* ---- waiting ---- */

static void
on_child_done(int status, const char *output, void *user_data)
{
    BerthDiskTask *self = user_data;
    int code = berth_overlay_classify(status, output);
    self->child = NULL;
    if (code == BERTH_OK) {
        berth_disk_task_next(self);
        return;
    }
    g_autofree char *first = g_strndup(output, strcspn(output, "\n"));
    berth_disk_task_fail(self, code, "%s failed while %s: %s",
                         self->host->vm_host->qemu_img_program, self->steps[self->step].doing,
                         code == BERTH_ERR_TIMEOUT ? "it took too long" : first);
}

void
berth_disk_task_run(BerthDiskTask *self, const char *const *argv, int timeout_ms)
{
    GError *error = NULL;
    self->child =
        berth_child_run(self->host->vm_host->poller, argv, timeout_ms, on_child_done, self, &error);
    if (self->child == NULL) {
        berth_disk_task_fail_with(self, error);
    }
}

void
berth_disk_task_flatten(BerthDiskTask *self, const char *point, int timeout_ms)
{
    GError *error = NULL;
    const BerthFlatten flatten = { .host = self->host->vm_host,
                                   .disk = self->source,
                                   .point = point,
                                   .raw_path = self->fresh,
                                   .timeout_ms = timeout_ms };
    self->child = berth_flatten_start(&flatten, on_child_done, self, &error);
    if (self->child == NULL) {
        berth_disk_task_fail_with(self, error);
    }
}

void
berth_disk_task_set_backing(BerthDiskTask *self, const char *disk, const char *backing,
                            const char *format)
{
    const char *const argv[] = {
        self->host->vm_host->qemu_img_program, "rebase", "-q",    "-u", "-f", "qcow2", "-F",
        format != NULL ? format : "qcow2",     "-b",     backing, disk, NULL
    };
    berth_disk_task_run(self, argv, OVERLAY_TIMEOUT_MS);
}

static void
on_work_done(const BerthDiskWorkResult *result, void *user_data)
{
    BerthDiskTask *self = user_data;
    self->work = NULL;
    if (result->code != BERTH_OK) {
        berth_disk_task_fail(self, result->code, "%s", result->text);
        return;
    }
    self->manifest.root = result->root;
    self->manifest.file_bytes = result->size_bytes;
    berth_disk_task_next(self);
}

void
berth_disk_task_work(BerthDiskTask *self, const BerthDiskWorkPlan *plan)
{
    self->work = berth_disk_work_start(plan, on_work_done, self);
}

void
berth_disk_task_wait(BerthDiskTask *self, int limit_ms, const char *text)
{
    int64_t now_us = berth_monotonic_us();
    if (self->wait_until_us == 0) {
        self->wait_until_us = now_us + (int64_t)limit_ms * 1000;
    }
    if (now_us > self->wait_until_us) {
        berth_disk_task_fail(self, BERTH_ERR_TIMEOUT, "%s", text);
        return;
    }
    self->next_source = g_timeout_add(WAIT_INTERVAL_MS, on_step, self);
}

/* ---- what a task is about ---- */

BerthVm *
berth_disk_task_get_vm(const BerthDiskTask *self)
{
    return berth_machine_park_get_vm(self->host->machines, berth_task_get_machine(self->context));
}

char *
berth_disk_task_dup_agent_socket(const BerthDiskTask *self)
{
    BerthVm *vm = berth_disk_task_get_vm(self);
    g_autofree char *disk = vm != NULL ? berth_vm_dup_disk_path(vm) : NULL;
    if (disk == NULL) {
        return NULL;
    }
    g_autofree char *folder = g_path_get_dirname(disk);
    return g_build_filename(folder, BERTH_GUEST_AGENT_SOCKET, NULL);
}

char *
berth_disk_task_dup_machine_file(const BerthDiskTask *self, const char *prefix, const char *suffix)
{
    BerthVm *vm = berth_disk_task_get_vm(self);
    g_autofree char *disk = vm != NULL ? berth_vm_dup_disk_path(vm) : NULL;
    if (disk == NULL) {
        return NULL;
    }
    g_autofree char *folder = g_path_get_dirname(disk);
    g_autofree char *name = g_strconcat(prefix, berth_task_get_id(self->context), suffix, NULL);
    return g_build_filename(folder, name, NULL);
}

const char *
berth_disk_task_get_text(const BerthDiskTask *self, const char *key)
{
    const char *text = json_string_value(json_object_get(berth_task_get_args(self->context), key));
    return text != NULL ? text : "";
}

bool
berth_disk_task_get_bool(const BerthDiskTask *self, const char *key)
{
    return json_is_true(json_object_get(berth_task_get_args(self->context), key));
}

bool
berth_disk_task_get_id(const BerthDiskTask *self, const char *key, const char **ret, GError **error)
{
    BerthId id;
    const char *text = berth_disk_task_get_text(self, key);
    if (text[0] != '\0' && berth_id_parse(text, &id) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" of the task is no id", key);
    }
    *ret = text;
    return true;
}

static bool
sync_folder(const char *path, GError **error)
{
    berth_autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        int errnum = errno;
        return berth_set_error(error, berth_error_from_errno(errnum), "cannot sync \"%s\": %s",
                               path, g_strerror(errnum));
    }
    return true;
}

bool
berth_disk_task_commit(const char *temp, const char *folder, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(folder);
    if (!sync_folder(temp, error)) {
        return false;
    }
    if (rename(temp, folder) != 0) {
        int errnum = errno;
        return berth_set_error(error, berth_error_from_errno(errnum),
                               "cannot rename \"%s\" to \"%s\": %s", temp, folder,
                               g_strerror(errnum));
    }
    return sync_folder(parent, error);
}

/* ---- steps that several kinds have ---- */

/*
 * A swap that an earlier agent was about to make, or had made: the machine must not run between
 * that and the second try, or what its user wrote meanwhile would be lost.
 */
static bool
take_up(BerthDiskTask *self, BerthVm *vm)
{
    const json_t *checkpoint = berth_task_get_checkpoint(self->context);
    json_t *result = json_object_get(checkpoint, "swapped");
    if (result != NULL) {
        self->is_swapped = true;
        self->result = json_incref(result);
        berth_disk_task_finish(self);
        return true;
    }
    if (json_object_get(checkpoint, "swapping") != NULL && vm != NULL && !self->holds_machine) {
        self->holds_machine = true;
        berth_vm_hold_off(vm, true);
    }
    return false;
}

void
berth_disk_step_find_machine(BerthDiskTask *self)
{
    BerthVm *vm = berth_disk_task_get_vm(self);
    BerthVmState state = vm != NULL ? berth_vm_get_state(vm) : BERTH_VM_NEW;
    g_autofree char *disk = vm != NULL ? berth_vm_dup_disk_path(vm) : NULL;
    if (take_up(self, vm)) {
        return;
    }
    if (vm != NULL && disk == NULL) {
        berth_disk_task_fail(self, BERTH_ERR_UNSUPPORTED, "the machine has no disk");
    } else if (vm == NULL || state == BERTH_VM_NEW || state == BERTH_VM_CREATING ||
               state == BERTH_VM_RETREATING) {
        berth_disk_task_wait(self, FIND_LIMIT_MS, "the machine is not on this host");
    } else {
        berth_disk_task_next(self);
    }
}

static bool
check_backing(BerthDiskTask *self, GError **error)
{
    g_autofree char *own = self->manifest.base != NULL
                               ? g_build_filename(self->folder, self->manifest.base, NULL)
                               : NULL;
    const char *path = own != NULL ? own : self->header.backing_path;
    if (path != NULL && access(path, R_OK) != 0) {
        int errnum = errno;
        return berth_set_error(error, berth_error_from_errno(errnum),
                               "the restore point stands on \"%s\", which cannot be read: %s", path,
                               g_strerror(errnum));
    }
    return true;
}

static bool
load_point(BerthDiskTask *self, GError **error)
{
    g_autofree char *disk = g_build_filename(self->folder, BERTH_BACKUP_DELTA_FILE, NULL);
    g_autofree char *list = g_build_filename(self->folder, BERTH_BACKUP_LIST_FILE, NULL);
    if (!berth_backup_manifest_load(self->folder, &self->manifest, error)) {
        return false;
    }
    if (self->manifest.content != BERTH_BACKUP_DELTA) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" is no restore point",
                               self->folder);
    }
    self->list = berth_chunk_list_load(list, &self->manifest.root, error);
    return self->list != NULL && berth_overlay_header_load(disk, &self->header, error) &&
           check_backing(self, error);
}

void
berth_disk_step_check_point(BerthDiskTask *self)
{
    GError *error = NULL;
    const char *point = "";
    if (!berth_disk_task_get_id(self, "point", &point, &error)) {
        berth_disk_task_fail_with(self, error);
        return;
    }
    self->folder = g_build_filename(self->host->restore_folder, point, NULL);
    if (point[0] == '\0' || access(self->folder, F_OK) != 0) {
        berth_disk_task_fail(self, BERTH_ERR_NOT_FOUND, "the restore point %s is not on this host",
                             point);
    } else if (!load_point(self, &error)) {
        berth_disk_task_fail_with(self, error);
    } else {
        berth_disk_task_next(self);
    }
}

static bool
load_backup(BerthDiskTask *self, const char *name, BerthBackupContent content, GError **error)
{
    g_autofree char *list = g_build_filename(self->folder, BERTH_BACKUP_LIST_FILE, NULL);
    if (!berth_backup_manifest_load(self->folder, &self->manifest, error)) {
        g_prefix_error(error, "backup \"%s\": ", name);
        return false;
    }
    if (self->manifest.content != content) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" is no backup of a %s", name,
                               content == BERTH_BACKUP_USER_DISK ? "user disk" : "desktop");
    }
    self->list = berth_chunk_list_load(list, &self->manifest.root, error);
    return self->list != NULL;
}

void
berth_disk_task_check_backup(BerthDiskTask *self, BerthBackupContent content)
{
    GError *error = NULL;
    const char *name = berth_disk_task_get_text(self, "name");
    if (!berth_name_is_plain(name)) {
        berth_disk_task_fail(self, BERTH_ERR_INVALID, "\"%s\" is no name of a backup", name);
        return;
    }
    self->folder = g_build_filename(self->host->backup_folder, name, NULL);
    if (access(self->folder, F_OK) != 0) {
        berth_disk_task_fail(self, BERTH_ERR_NOT_FOUND, "there is no backup \"%s\" in %s", name,
                             self->host->backup_folder);
    } else if (!load_backup(self, name, content, &error)) {
        berth_disk_task_fail_with(self, error);
    } else {
        berth_disk_task_next(self);
    }
}

void
berth_disk_step_rest_machine(BerthDiskTask *self)
{
    BerthVm *vm = berth_disk_task_get_vm(self);
    if (vm == NULL) {
        berth_disk_task_fail(self, BERTH_ERR_NOT_FOUND, "the machine is not on this host any more");
        return;
    }
    if (berth_machine_park_is_in_use(self->host->machines, berth_task_get_machine(self->context))) {
        berth_disk_task_fail(self, BERTH_ERR_BUSY,
                             "somebody is at the machine; log the session off first");
        return;
    }
    if (!self->holds_machine) {
        self->holds_machine = true;
        berth_vm_hold_off(vm, true);
    }
    if (berth_vm_get_state(vm) == BERTH_VM_STOPPED) {
        berth_disk_task_next(self);
    } else {
        berth_disk_task_wait(self, REST_LIMIT_MS, "the machine does not switch off");
    }
}

bool
berth_disk_task_take_version(BerthDiskTask *self, const BerthId *version)
{
    g_autofree char *detail = NULL;
    int code = berth_image_store_find(self->host->images, version, &self->image, &detail);
    if (code == BERTH_OK) {
        self->image_version = *version;
        self->has_image = true;
        return true;
    }
    if (code == BERTH_ERR_AGAIN) {
        berth_disk_task_wait(self, VERSION_LIMIT_MS, "the version does not come to this host");
    } else {
        berth_disk_task_fail(self, code, "the version cannot be used here: %s", detail);
    }
    return false;
}

void
berth_disk_step_make_overlay(BerthDiskTask *self)
{
    const char *const argv[] = { self->host->vm_host->qemu_img_program,
                                 "create",
                                 "-q",
                                 "-f",
                                 "qcow2",
                                 "-F",
                                 self->format,
                                 "-b",
                                 self->backing,
                                 self->fresh,
                                 NULL };
    unlink(self->fresh);
    berth_disk_task_run(self, argv, OVERLAY_TIMEOUT_MS);
}

/* Files that the disk before stood on, and what an agent that died left half made. */
static void
tidy_folder(const BerthDiskTask *self)
{
    static const char *const prefixes[] = { "base", "fresh-", "restore-", "import-" };
    g_autofree char *folder = g_path_get_dirname(self->fresh);
    g_autofree char *kept = self->base != NULL ? g_path_get_basename(self->base) : NULL;
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
            if (g_str_has_prefix(name, prefixes[i]) && g_strcmp0(name, kept) != 0) {
                g_autofree char *path = g_build_filename(folder, name, NULL);
                unlink(path);
                break;
            }
        }
    }
    g_clear_pointer(&dir, g_dir_close);
}

static bool
swap(BerthDiskTask *self, BerthVm *vm, GError **error)
{
    const BerthManifest *image = self->has_image ? &self->image : NULL;
    if (!berth_task_set_checkpoint(self->context, json_pack("{s:b}", "swapping", 1), error) ||
        !berth_vm_swap_disk(vm, self->fresh, self->is_own, image, &self->image_version, error)) {
        return false;
    }
    self->is_swapped = true;
    json_t *done = self->result != NULL ? json_incref(self->result)
                                        : berth_backup_manifest_report(&self->manifest);
    return berth_task_set_checkpoint(self->context, json_pack("{s:o}", "swapped", done), error);
}

void
berth_disk_step_swap(BerthDiskTask *self)
{
    GError *error = NULL;
    BerthVm *vm = berth_disk_task_get_vm(self);
    if (vm == NULL) {
        berth_disk_task_fail(self, BERTH_ERR_NOT_FOUND, "the machine is not on this host any more");
        return;
    }
    if (!swap(self, vm, &error)) {
        berth_disk_task_fail_with(self, error);
        return;
    }
    tidy_folder(self);
    release_machine(self);
    berth_disk_task_next(self);
}
