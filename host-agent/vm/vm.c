/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/vm.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/id.h"
#include "base/kill-point.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/host-usage.h"
#include "host-agent/process-identity.h"
#include "host-agent/state-file.h"
#include "host-agent/vm/gpu-process.h"
#include "host-agent/vm/vm-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DISK_FILE "disk.qcow2"
/* A second name of the template's disk, which keeps it when the template goes. */
#define BASE_FILE "base.qcow2"

const char *
berth_vm_host_get_image_folder(const BerthVmHost *self, const BerthVmSpec *spec)
{
    bool is_stored = !berth_id_is_zero(&spec->version) && self->store_folder != NULL;
    return is_stored ? self->store_folder : self->image_folder;
}

static const char *
image_folder_of(const BerthVm *self)
{
    return berth_vm_host_get_image_folder(self->host, &self->spec);
}

void
berth_vm_save(BerthVm *self)
{
    GError *error = NULL;
    if (!berth_vm_spec_save(&self->spec, self->folder, &error)) {
        berth_log_warning("vm", "machine=%s: %s", self->hex_id, error->message);
        g_clear_error(&error);
    }
}

void
berth_vm_report(BerthVm *self)
{
    if (self->callbacks->on_changed != NULL) {
        self->callbacks->on_changed(self, self->user_data);
    }
}

void
berth_vm_fail(BerthVm *self, int code, const char *text)
{
    berth_vm_spec_set_failure(&self->spec, code, text);
    berth_log_warning("vm", "machine=%s failed (%s): %s", self->hex_id, berth_error_name(code),
                      self->spec.failure_text);
    berth_vm_step(self, BERTH_VM_EVENT_FAILED);
}

void
berth_vm_fail_with(BerthVm *self, GError *error)
{
    berth_vm_fail(self, error->code, error->message);
    g_error_free(error);
}

void
berth_vm_fail_start(BerthVm *self, int code, const char *text)
{
    bool is_fork = self->boot.memory == BERTH_MEMORY_FORK;
    if (self->state == BERTH_VM_STARTING && (is_fork || self->spec.has_gpu)) {
        berth_log_warning("vm", "machine=%s: the %s failed, booting %s: %s", self->hex_id,
                          is_fork ? "fork" : "graphics card", is_fork ? "cold" : "with QEMU's",
                          text);
        berth_vm_step(self, BERTH_VM_EVENT_FORK_FAILED);
        return;
    }
    berth_vm_fail(self, code, text);
}

/* ---- limits ---- */

void
berth_vm_apply_limits(BerthVm *self)
{
    g_autofree char *before = self->missing_limits;
    self->missing_limits = NULL;
    if (self->host->cgroups == NULL) {
        return;
    }
    self->missing_limits = berth_cgroups_apply(self->host->cgroups, self->hex_id,
                                               &self->spec.resources, self->spec.memory_mib);
    if (self->missing_limits != NULL && g_strcmp0(before, self->missing_limits) != 0) {
        berth_log_error("vm",
                        "machine=%s runs without limits that its pool wants, this host "
                        "cannot enforce them: %s",
                        self->hex_id, self->missing_limits);
    }
}

/* ---- disk ---- */

static void
on_disk_changed(void *user_data)
{
    BerthVm *self = user_data;
    if (berth_disk_watch_is_full(self->disk_watch)) {
        berth_log_error("vm", "machine=%s is paused: no space is left for its disk", self->hex_id);
    } else {
        berth_log_info("vm", "machine=%s goes on: there is space for its disk", self->hex_id);
    }
    berth_vm_report(self);
}

static void
overlay_made(BerthVm *self)
{
    berth_vm_step(self, self->rests_when_made ? BERTH_VM_EVENT_REST : BERTH_VM_EVENT_OVERLAY_MADE);
}

static void
on_overlay_done(int code, const char *text, void *user_data)
{
    BerthVm *self = user_data;
    self->overlay = NULL;
    if (code != BERTH_OK) {
        berth_vm_fail(self, code, text);
        return;
    }
    overlay_made(self);
}

static bool
check_image_file(BerthVm *self, const char *name, GError **error)
{
    if (name == NULL) {
        return true;
    }
    g_autofree char *path = g_build_filename(image_folder_of(self), name, NULL);
    if (access(path, R_OK) != 0) {
        return berth_set_error(error, berth_error_from_errno(errno),
                               "the file %s of image %s cannot be read: %s", path,
                               self->spec.manifest.name, g_strerror(errno));
    }
    return true;
}

static bool
prepare_folder(BerthVm *self, GError **error)
{
    const BerthManifest *manifest = &self->spec.manifest;
    return check_image_file(self, manifest->disk, error) &&
           check_image_file(self, manifest->kernel, error) &&
           check_image_file(self, manifest->initrd, error) &&
           berth_state_folder_make(self->folder, error) &&
           berth_vm_spec_save(&self->spec, self->folder, error);
}

/*
 * The disk below the overlay, for g_free().  The template's gets a name in this folder too: it must
 * be there as long as the overlay is, and a template is not.
 */
static char *
dup_backing(BerthVm *self, const char **ret_format)
{
    if (self->boot.backing_path == NULL) {
        *ret_format = self->spec.manifest.format;
        return g_build_filename(image_folder_of(self), self->spec.manifest.disk, NULL);
    }
    char *base = g_build_filename(self->folder, BASE_FILE, NULL);
    *ret_format = "qcow2";
    unlink(base);
    if (link(self->boot.backing_path, base) != 0 && symlink(self->boot.backing_path, base) != 0) {
        berth_log_debug("vm", "machine=%s stands on the template's own disk: %s", self->hex_id,
                        g_strerror(errno));
        g_free(base);
        return g_strdup(self->boot.backing_path);
    }
    return base;
}

static void
make_overlay(BerthVm *self)
{
    GError *error = NULL;
    const char *format;
    g_autofree char *path = berth_vm_dup_disk_path(self);
    g_autofree char *backing = dup_backing(self, &format);
    self->spec.has_identity = false;
    bool stands_here =
        self->boot.backing_path != NULL && strcmp(backing, self->boot.backing_path) != 0;
    unlink(path);
    if (stands_here && self->boot.overlay_path != NULL &&
        berth_overlay_copy(self->boot.overlay_path, path) == BERTH_OK) {
        overlay_made(self);
        return;
    }
    self->overlay = berth_overlay_create(self->host->poller, self->host->qemu_img_program, backing,
                                         format, path, on_overlay_done, self, &error);
    if (self->overlay == NULL) {
        berth_vm_fail_with(self, error);
    }
}

static void check_next_file(BerthVm *self);

static void
on_file_checked(int code, const char *text, void *user_data)
{
    BerthVm *self = user_data;
    self->image_ask = NULL;
    if (code != BERTH_OK) {
        berth_vm_fail(self, code, text);
        return;
    }
    self->n_checked++;
    check_next_file(self);
}

/* Every file of the image is the one that the manifest means; then the disk is made on top. */
static void
check_next_file(BerthVm *self)
{
    const BerthManifest *manifest = &self->spec.manifest;
    const char *const names[] = { manifest->disk, manifest->kernel, manifest->initrd };
    const char *const hashes[] = { manifest->sha256, manifest->kernel_sha256,
                                   manifest->initrd_sha256 };
    for (; self->n_checked < (int)G_N_ELEMENTS(names); self->n_checked++) {
        const char *name = names[self->n_checked];
        const char *hash = hashes[self->n_checked];
        if (name == NULL || hash == NULL || self->host->images == NULL) {
            continue;
        }
        g_autofree char *path = g_build_filename(image_folder_of(self), name, NULL);
        self->image_ask =
            berth_image_check_ask(self->host->images, path, hash, on_file_checked, self);
        if (self->image_ask != NULL) {
            return;
        }
    }
    if (manifest->disk == NULL) {
        overlay_made(self);
        return;
    }
    make_overlay(self);
}

static void
prepare_disk(BerthVm *self)
{
    GError *error = NULL;
    if (!prepare_folder(self, &error)) {
        berth_vm_fail_with(self, error);
        return;
    }
    self->n_checked = 0;
    check_next_file(self);
}

/* After a failed start: the same machine again, as plain as it gets. */
static void
forget_what_failed(BerthVm *self)
{
    self->has_gpu_failed = true;
    if (self->boot.memory == BERTH_MEMORY_FORK) {
        berth_vm_boot_clear(&self->boot);
        g_clear_pointer(&self->spec.template_key, g_free);
    }
}

/* ---- the table ---- */

static void
let_go(BerthVm *self)
{
    berth_vm_unwatch_guest(self);
    g_clear_handle_id(&self->kill_source, g_source_remove);
    g_clear_handle_id(&self->power_off_source, g_source_remove);
    berth_vm_drop_monitor(self);
    g_clear_pointer(&self->user_disk, berth_vm_disk_free);
    g_clear_pointer(&self->image_ask, berth_image_check_cancel);
    g_clear_pointer(&self->overlay, berth_overlay_cancel);
    if (self->pidfd >= 0) {
        berth_poller_remove(self->host->poller, self->pidfd);
        berth_clear_fd(&self->pidfd);
    }
}

static void
disconnect_network(BerthVm *self)
{
    berth_clear_fd(&self->plug.tap_fd);
    if (self->host->networks != NULL) {
        berth_networks_disconnect(self->host->networks, &self->spec.id);
    }
}

/* No process is left, the disk stays. */
static void
rest(BerthVm *self)
{
    berth_vm_unwatch_guest(self);
    disconnect_network(self);
    g_clear_handle_id(&self->power_off_source, g_source_remove);
    berth_vm_boot_clear(&self->boot);
    g_clear_pointer(&self->spec.template_key, g_free);
    g_clear_pointer(&self->spec.failure_text, g_free);
    self->spec.failure = BERTH_OK;
    self->spec.is_off = true;
    self->spec.was_ready = false;
    self->rests_when_made = false;
    g_free(self->spec.condition);
    self->spec.condition = g_strdup("");
    berth_vm_save(self);
}

static void
end_badly(BerthVm *self)
{
    berth_vm_unwatch_guest(self);
    berth_vm_drop_monitor(self);
    berth_vm_kill_process(self);
    berth_vm_save(self);
}

/* Nothing of the machine stays on the host. */
static void
remove_traces(BerthVm *self)
{
    let_go(self);
    disconnect_network(self);
    if (self->host->cgroups != NULL) {
        berth_cgroups_remove(self->host->cgroups, self->hex_id);
    }
    berth_kill_point(BERTH_KILL_RECYCLE_STOPPED);
    berth_state_folder_remove(self->folder);
}

static void
run_action(BerthVm *self, BerthVmAction action)
{
    switch (action) {
    case BERTH_VM_DO_NOTHING:
    case BERTH_VM_DO_REPORT:
        break;
    case BERTH_VM_DO_MAKE_OVERLAY:
        if (self->boot.memory == BERTH_MEMORY_FORK) {
            berth_vm_begin_fork(self);
        }
        prepare_disk(self);
        break;
    case BERTH_VM_DO_SPAWN:
        berth_kill_point(BERTH_KILL_FORK_MADE);
        berth_vm_start_process(self);
        break;
    case BERTH_VM_DO_CONNECT:
        berth_vm_connect_monitor(self);
        break;
    case BERTH_VM_DO_FAIL:
        end_badly(self);
        break;
    case BERTH_VM_DO_KILL:
        berth_vm_end_process(self);
        break;
    case BERTH_VM_DO_POWER_OFF:
        berth_vm_power_off_process(self);
        break;
    case BERTH_VM_DO_REST:
        rest(self);
        break;
    case BERTH_VM_DO_REMOVE:
        remove_traces(self);
        break;
    }
}

void
berth_vm_step(BerthVm *self, BerthVmEvent event)
{
    int before = self->state;
    int action;
    if (berth_fsm_step(&berth_vm_fsm, &self->state, (int)event, &action) != BERTH_OK) {
        berth_log_warning("vm", "machine=%s: event %s is not expected in state %s", self->hex_id,
                          berth_fsm_event_name(&berth_vm_fsm, (int)event),
                          berth_fsm_state_name(&berth_vm_fsm, self->state));
        return;
    }
    berth_log_debug("vm", "machine=%s %s -> %s", self->hex_id,
                    berth_fsm_state_name(&berth_vm_fsm, before),
                    berth_fsm_state_name(&berth_vm_fsm, self->state));
    if (before == BERTH_VM_RETREATING && self->state == BERTH_VM_CREATING) {
        forget_what_failed(self);
    }
    int after = self->state;
    run_action(self, (BerthVmAction)action);
    /* An action may have stepped on; then that step has reported already. */
    if (self->state == after && action != BERTH_VM_DO_NOTHING && action != BERTH_VM_DO_SPAWN) {
        berth_vm_report(self);
    }
}

/* ---- public ---- */

static void
set_boot(BerthVm *self, const BerthVmBoot *boot)
{
    berth_vm_boot_clear(&self->boot);
    self->boot = *boot;
    self->boot.ram_path = g_strdup(boot->ram_path);
    self->boot.state_path = g_strdup(boot->state_path);
    self->boot.backing_path = g_strdup(boot->backing_path);
    self->boot.overlay_path = g_strdup(boot->overlay_path);
}

BerthVm *
berth_vm_new(const BerthVmHost *host, const char *folder, const BerthVmSpec *spec,
             const BerthVmBoot *boot, const BerthVmCallbacks *callbacks, void *user_data)
{
    BerthVm *self = g_new0(BerthVm, 1);
    self->host = host;
    self->folder = g_strdup(folder);
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->pidfd = -1;
    self->plug.tap_fd = -1;
    self->state = BERTH_VM_NEW;
    self->disk_watch = berth_disk_watch_new(NULL, on_disk_changed, self);
    berth_vm_spec_copy(spec, &self->spec);
    self->wanted_disk = spec->user_disk;
    berth_id_format(&spec->id, self->hex_id);
    if (boot != NULL) {
        set_boot(self, boot);
    }
    return self;
}

void
berth_vm_free(BerthVm *self)
{
    if (self == NULL) {
        return;
    }
    let_go(self);
    berth_vm_drop_guest_ports(self);
    berth_disk_watch_free(self->disk_watch);
    berth_vm_spec_clear(&self->spec);
    berth_vm_boot_clear(&self->boot);
    berth_clear_fd(&self->plug.tap_fd);
    g_free(self->missing_limits);
    g_free(self->folder);
    g_free(self);
}

void
berth_vm_create(BerthVm *self, bool is_started)
{
    self->rests_when_made = !is_started;
    berth_vm_step(self, BERTH_VM_EVENT_CREATE);
}

/* What QEMU was connected to, it still is; the filter is made again. */
static void
adopt_network(BerthVm *self)
{
    GError *error = NULL;
    if (self->host->networks != NULL &&
        !berth_networks_adopt(self->host->networks, &self->spec, &error)) {
        berth_log_error("vm", "machine=%s: the rules of its network are not made again: %s",
                        self->hex_id, error->message);
        g_error_free(error);
        self->is_network_off = true;
    }
}

void
berth_vm_adopt(BerthVm *self)
{
    if (self->spec.failure != BERTH_OK) {
        berth_vm_step(self, BERTH_VM_EVENT_FAILED);
        return;
    }
    if (self->spec.is_off) {
        berth_vm_step(self, BERTH_VM_EVENT_REST);
        return;
    }
    int pidfd = berth_process_open(self->spec.pid, self->spec.pid_start_ticks);
    if (pidfd < 0) {
        self->spec.pid = 0;
        if (self->spec.keep) {
            berth_log_warning("vm", "machine=%s: QEMU ended while no agent was running",
                              self->hex_id);
            self->has_ended = true;
            berth_vm_step(self, BERTH_VM_EVENT_REST);
            return;
        }
        berth_vm_fail(self, BERTH_ERR_DESKTOP_GONE, "QEMU ended while no agent was running");
        return;
    }
    berth_vm_watch_process(self, pidfd);
    berth_vm_adopt_disk(self);
    adopt_network(self);
    berth_vm_apply_limits(self);
    if (self->spec.template_key != NULL) {
        self->boot.memory = BERTH_MEMORY_FORK;
    }
    berth_vm_step(self, BERTH_VM_EVENT_ADOPT);
}

void
berth_vm_power_off(BerthVm *self)
{
    berth_vm_step(self, BERTH_VM_EVENT_POWER_OFF);
}

void
berth_vm_power_on(BerthVm *self, const BerthVmBoot *boot, const char *template_key)
{
    if (self->spec.has_run || boot == NULL) {
        berth_vm_step(self, BERTH_VM_EVENT_POWER_ON);
        return;
    }
    /* Its disk was never used: it may as well stand on the template's. */
    set_boot(self, boot);
    g_free(self->spec.template_key);
    self->spec.template_key = g_strdup(template_key);
    self->rests_when_made = false;
    berth_vm_step(self, BERTH_VM_EVENT_CREATE);
}

void
berth_vm_hold_off(BerthVm *self, bool is_held)
{
    if (self->is_held_off != is_held) {
        self->is_held_off = is_held;
        berth_vm_report(self);
    }
}

bool
berth_vm_is_held_off(const BerthVm *self)
{
    return self->is_held_off;
}

bool
berth_vm_swap_disk(BerthVm *self, const char *path, bool is_own, const BerthManifest *image,
                   const BerthId *version, GError **error)
{
    g_autofree char *disk = berth_vm_dup_disk_path(self);
    if (self->state != BERTH_VM_STOPPED || disk == NULL) {
        return berth_set_error(error, BERTH_ERR_STATE, "the machine is %s, not switched off",
                               berth_fsm_state_name(&berth_vm_fsm, self->state));
    }
    if (rename(path, disk) != 0) {
        int errnum = errno;
        return berth_set_error(error, berth_error_from_errno(errnum),
                               "cannot make \"%s\" the machine's disk: %s", path,
                               g_strerror(errnum));
    }
    berth_kill_point(BERTH_KILL_DISK_RENAMED);
    if (image != NULL) {
        berth_manifest_clear(&self->spec.manifest);
        berth_manifest_copy(image, &self->spec.manifest);
        self->spec.version = *version;
    }
    g_clear_pointer(&self->spec.template_key, g_free);
    self->spec.has_run = true;
    self->spec.has_identity = self->spec.has_identity && is_own;
    bool is_saved = berth_vm_spec_save(&self->spec, self->folder, error);
    berth_kill_point(BERTH_KILL_DISK_SWAPPED);
    berth_vm_report(self);
    return is_saved;
}

bool
berth_vm_was_cut_off(const BerthVm *self)
{
    return self->was_cut_off;
}

void
berth_vm_update(BerthVm *self, const BerthVmSpec *wanted)
{
    BerthVmSpec *spec = &self->spec;
    berth_vm_want_disk(self, &wanted->user_disk);
    bool has_new_limits = !berth_vm_resources_equal(&spec->resources, &wanted->resources);
    if (!has_new_limits && spec->keep == wanted->keep &&
        berth_vm_network_equal(&spec->network, &wanted->network)) {
        return;
    }
    spec->keep = wanted->keep;
    spec->resources = wanted->resources;
    spec->network = wanted->network;
    berth_vm_save(self);
    if (has_new_limits && spec->pid != 0) {
        berth_vm_apply_limits(self);
        berth_vm_report(self);
    }
}

void
berth_vm_stop(BerthVm *self)
{
    berth_vm_step(self, BERTH_VM_EVENT_STOP);
}

bool
berth_vm_attach_display(BerthVm *self, int *ret_fd, GError **error)
{
    if (self->state != BERTH_VM_READY || self->qmp == NULL) {
        return berth_set_error(error, BERTH_ERR_STATE, "the machine is %s, not ready",
                               berth_fsm_state_name(&berth_vm_fsm, self->state));
    }
    g_clear_pointer(&self->probe, berth_console_probe_free);
    if (!berth_vm_add_display_peer(self, ret_fd, error)) {
        return false;
    }
    int code = self->spec.has_gpu ? berth_gpu_process_join(self->folder, ret_fd, error) : BERTH_OK;
    if (code == BERTH_ERR_CLOSED) {
        berth_vm_fail(self, BERTH_ERR_DESKTOP_GONE, "its graphics card has gone");
    }
    return code == BERTH_OK;
}

BerthVmState
berth_vm_get_state(const BerthVm *self)
{
    return (BerthVmState)self->state;
}

const char *
berth_vm_get_condition(const BerthVm *self)
{
    if (berth_disk_watch_is_full(self->disk_watch)) {
        return "disk-full";
    }
    if (self->is_network_off) {
        return "network-off";
    }
    if (self->missing_limits != NULL) {
        return "limits-off";
    }
    return self->spec.condition != NULL ? self->spec.condition : "";
}

bool
berth_vm_is_loading(const BerthVm *self)
{
    return self->fork.is_loading;
}

json_t *
berth_vm_report_usage(const BerthVm *self)
{
    g_autofree char *disk = berth_vm_dup_disk_path(self);
    char port[BERTH_INTERFACE_CHARS];
    bool has_port = self->spec.network.mode == BERTH_NETWORK_BRIDGE && self->spec.pid != 0;
    berth_net_port_name(&self->spec.id, port);
    return berth_machine_usage_report(self->spec.pid, disk, has_port ? port : NULL);
}

bool
berth_vm_has_ended(const BerthVm *self)
{
    return self->state == BERTH_VM_STOPPED && self->has_ended;
}

const BerthVmSpec *
berth_vm_get_spec(const BerthVm *self)
{
    return &self->spec;
}

BerthQmp *
berth_vm_get_qmp(const BerthVm *self)
{
    return self->qmp;
}

char *
berth_vm_dup_disk_path(const BerthVm *self)
{
    return self->spec.manifest.disk != NULL ? g_build_filename(self->folder, DISK_FILE, NULL)
                                            : NULL;
}

void
berth_vm_boot_clear(BerthVmBoot *boot)
{
    g_free(boot->ram_path);
    g_free(boot->state_path);
    g_free(boot->backing_path);
    g_free(boot->overlay_path);
    memset(boot, 0, sizeof *boot);
}
