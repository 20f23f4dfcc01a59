/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/vm.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/process.h"
#include "berth/errors.h"
#include "host-agent/process-identity.h"
#include "host-agent/state-file.h"
#include "host-agent/unix-socket.h"
#include "host-agent/vm/cgroup.h"
#include "host-agent/vm/console-probe.h"
#include "host-agent/vm/disk-watch.h"
#include "host-agent/vm/gpu-process.h"
#include "host-agent/vm/guest-agent.h"
#include "host-agent/vm/overlay.h"
#include "host-agent/vm/qemu-log.h"
#include "host-agent/vm/qemu-migration.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_INTERVAL_MS 10
#define MONITOR_DEADLINE_US (30LL * 1000 * 1000)
#define QUIT_GRACE_MS 1000
#define AGENT_LINGER_MS 5000
#define DISK_FILE "disk.qcow2"

struct BerthVm {
    const BerthVmHost *host;
    char *folder;
    char hex_id[BERTH_ID_HEX_CHARS + 1];
    BerthVmSpec spec;
    BerthVmBoot boot;
    const BerthVmCallbacks *callbacks;
    void *user_data;
    int state; /* BerthVmState */

    BerthImageAsk *image_ask;
    BerthOverlayJob *overlay;
    BerthDiskWatch *disk_watch;
    int pidfd;
    BerthQmp *qmp;
    int64_t connect_started_us;
    guint connect_source;
    guint deadline_source;
    guint kill_source;
    guint linger_source;
    BerthQemuMigration *migration;
    BerthGuestAgent *guest_agent;
    BerthConsoleProbe *probe;
    unsigned n_displays;
    bool has_gpu_failed;
};

static void step(BerthVm *self, BerthVmEvent event);
static void connect_monitor(BerthVm *self);

static void
save(BerthVm *self)
{
    GError *error = NULL;
    if (!berth_vm_spec_save(&self->spec, self->folder, &error)) {
        berth_log_warning("vm", "machine=%s: %s", self->hex_id, error->message);
        g_clear_error(&error);
    }
}

static void
fail(BerthVm *self, int code, const char *text)
{
    berth_vm_spec_set_failure(&self->spec, code, text);
    berth_log_warning("vm", "machine=%s failed (%s): %s", self->hex_id, berth_error_name(code),
                      self->spec.failure_text);
    step(self, BERTH_VM_EVENT_FAILED);
}

static void
fail_with(BerthVm *self, GError *error)
{
    fail(self, error->code, error->message);
    g_error_free(error);
}

/* A fork or a card of ours that does not come up is worth a plain boot; else it is a failure. */
static void
fail_start(BerthVm *self, int code, const char *text)
{
    bool is_fork = self->boot.memory == BERTH_MEMORY_FORK;
    if (self->state == BERTH_VM_STARTING && (is_fork || self->spec.has_gpu)) {
        berth_log_warning("vm", "machine=%s: the %s failed, booting %s: %s", self->hex_id,
                          is_fork ? "fork" : "graphics card", is_fork ? "cold" : "with QEMU's",
                          text);
        step(self, BERTH_VM_EVENT_FORK_FAILED);
        return;
    }
    fail(self, code, text);
}

/* ---- readiness ---- */

static void
stop_watching_guest(BerthVm *self)
{
    g_clear_handle_id(&self->deadline_source, g_source_remove);
    g_clear_handle_id(&self->linger_source, g_source_remove);
    g_clear_pointer(&self->guest_agent, berth_guest_agent_free);
    g_clear_pointer(&self->probe, berth_console_probe_free);
}

static void
become_ready(BerthVm *self, const char *condition)
{
    g_clear_handle_id(&self->deadline_source, g_source_remove);
    /* The condition may be the spec's own: copy first. */
    char *copy = g_strdup(condition);
    g_free(self->spec.condition);
    self->spec.condition = copy;
    self->spec.was_ready = true;
    save(self);
    step(self, BERTH_VM_EVENT_READY);
}

static gboolean
on_agent_linger_over(gpointer user_data)
{
    BerthVm *self = user_data;
    self->linger_source = 0;
    g_clear_pointer(&self->guest_agent, berth_guest_agent_free);
    return G_SOURCE_REMOVE;
}

static void
on_guest_agent_alive(void *user_data)
{
    BerthVm *self = user_data;
    if (self->boot.memory == BERTH_MEMORY_FORK) {
        berth_guest_agent_set_time(self->guest_agent, berth_wall_us() * 1000);
    }
    /* Closing at once could lose what QEMU has not read yet. */
    self->linger_source = g_timeout_add(AGENT_LINGER_MS, on_agent_linger_over, self);
    become_ready(self, "");
}

static void
on_console_shown(void *user_data)
{
    BerthVm *self = user_data;
    g_clear_pointer(&self->probe, berth_console_probe_free);
    become_ready(self, "");
}

static gboolean
on_ready_deadline(gpointer user_data)
{
    BerthVm *self = user_data;
    self->deadline_source = 0;
    berth_log_warning("vm", "machine=%s did not say that it is ready in %d s, using it as it is",
                      self->hex_id, self->host->ready_deadline_ms / 1000);
    become_ready(self, "no-agent");
    return G_SOURCE_REMOVE;
}

static bool
add_display_peer(BerthVm *self, int *ret_fd, GError **error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return berth_set_error(error, berth_error_from_errno(errno),
                               "cannot make a socket pair: %s", g_strerror(errno));
    }
    g_autofree char *name = g_strdup_printf("display-%u", self->n_displays++);
    berth_qmp_pass_fd(self->qmp, name, ends[1], NULL, NULL);
    berth_qmp_command(self->qmp, "add_client",
                      json_pack("{s:s,s:s}", "protocol", "@dbus-display", "fdname", name), NULL,
                      NULL);
    *ret_fd = ends[0];
    return true;
}

static void
watch_guest(BerthVm *self)
{
    const BerthManifest *manifest = &self->spec.manifest;
    if (manifest->ready == BERTH_READY_DISPLAY) {
        int fd = -1;
        if (add_display_peer(self, &fd, NULL)) {
            self->probe = berth_console_probe_new(fd, manifest->width, manifest->height,
                                                  on_console_shown, self);
        }
        return;
    }
    g_autofree char *path = g_build_filename(self->folder, BERTH_GUEST_AGENT_SOCKET, NULL);
    self->guest_agent = berth_guest_agent_new(self->host->poller, path, on_guest_agent_alive, self);
}

/* ---- fork: load the device state, go on, plug the NIC ---- */

static void
plug_nic(BerthVm *self)
{
    g_autofree char *mac = berth_qemu_mac_text(self->spec.mac);
    berth_qmp_command(self->qmp, "netdev_add",
                      json_pack("{s:s,s:s,s:b,s:b}", "type", "user", "id", BERTH_QEMU_NETDEV_ID,
                                "ipv6", 0, "restrict", self->host->is_network_isolated),
                      NULL, NULL);
    berth_qmp_command(self->qmp, "device_add",
                      json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "driver", "virtio-net-pci", "id",
                                BERTH_QEMU_NIC_ID, "bus", BERTH_QEMU_NIC_BUS, "netdev",
                                BERTH_QEMU_NETDEV_ID, "mac", mac, "romfile", ""),
                      NULL, NULL);
}

static void
on_forked(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVm *self = user_data;
    if (code != BERTH_OK) {
        fail_start(self, code, text);
        return;
    }
    plug_nic(self);
    if (self->spec.manifest.ready == BERTH_READY_GUEST_AGENT) {
        watch_guest(self);
    }
    become_ready(self, "");
}

static void
on_state_loaded(int code, const char *text, void *user_data)
{
    BerthVm *self = user_data;
    if (code != BERTH_OK) {
        fail_start(self, code, text);
        return;
    }
    berth_qmp_command(self->qmp, "cont", NULL, on_forked, self);
}

static void
load_state(BerthVm *self)
{
    int fd = open(self->boot.state_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fail_start(self, berth_error_from_errno(errno), "the device state cannot be opened");
        return;
    }
    self->migration =
        berth_qemu_migration_new(self->qmp, BERTH_MIGRATION_LOAD, fd, on_state_loaded, self);
}

/* ---- monitor ---- */

static void
on_disk_changed(void *user_data)
{
    BerthVm *self = user_data;
    if (berth_disk_watch_is_full(self->disk_watch)) {
        berth_log_error("vm", "machine=%s is paused: no space is left for its disk", self->hex_id);
    } else {
        berth_log_info("vm", "machine=%s goes on: there is space for its disk", self->hex_id);
    }
    if (self->callbacks->on_changed != NULL) {
        self->callbacks->on_changed(self, self->user_data);
    }
}

static void
on_qmp_event(const char *name, const json_t *data, void *user_data)
{
    BerthVm *self = user_data;
    berth_log_debug("vm", "machine=%s monitor event %s", self->hex_id, name);
    berth_disk_watch_event(self->disk_watch, name, data);
}

static void
on_qmp_ready(void *user_data)
{
    BerthVm *self = user_data;
    if (self->state != BERTH_VM_STARTING) {
        return;
    }
    berth_disk_watch_attach(self->disk_watch, self->qmp);
    if (self->spec.was_ready) {
        become_ready(self, self->spec.condition);
    } else if (self->boot.memory == BERTH_MEMORY_FORK) {
        load_state(self);
    } else {
        self->deadline_source =
            g_timeout_add((guint)self->host->ready_deadline_ms, on_ready_deadline, self);
        watch_guest(self);
    }
}

static void
drop_monitor(BerthVm *self)
{
    g_clear_handle_id(&self->connect_source, g_source_remove);
    g_clear_pointer(&self->migration, berth_qemu_migration_free);
    berth_disk_watch_detach(self->disk_watch);
    g_clear_pointer(&self->qmp, berth_qmp_free);
}

static void
on_qmp_closed(int code, const char *text, void *user_data)
{
    BerthVm *self = user_data;
    berth_log_debug("vm", "machine=%s: %s", self->hex_id, text);
    drop_monitor(self);
    if (self->state == BERTH_VM_STARTING || self->state == BERTH_VM_READY) {
        connect_monitor(self);
    }
}

static const BerthQmpCallbacks qmp_callbacks = {
    .on_ready = on_qmp_ready,
    .on_event = on_qmp_event,
    .on_closed = on_qmp_closed,
};

static gboolean
on_connect(gpointer user_data)
{
    BerthVm *self = user_data;
    g_autofree char *path = g_build_filename(self->folder, BERTH_QMP_SOCKET, NULL);
    int fd = berth_unix_connect(path, SOCK_STREAM, NULL);
    if (fd >= 0) {
        self->connect_source = 0;
        self->qmp = berth_qmp_new(self->host->poller, fd, &qmp_callbacks, self);
        return G_SOURCE_REMOVE;
    }
    if (berth_monotonic_us() - self->connect_started_us > MONITOR_DEADLINE_US) {
        self->connect_source = 0;
        fail_start(self, BERTH_ERR_TIMEOUT, "QEMU does not open its monitor");
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static void
connect_monitor(BerthVm *self)
{
    self->connect_started_us = berth_monotonic_us();
    self->connect_source = g_timeout_add(CONNECT_INTERVAL_MS, on_connect, self);
}

/* ---- process ---- */

static void
on_process_exit(int fd, uint32_t events, void *user_data)
{
    BerthVm *self = user_data;
    int status = 0;
    int code = berth_pidfd_reap(self->pidfd, &status);
    if (code == BERTH_ERR_AGAIN) {
        return;
    }
    berth_poller_remove(self->host->poller, self->pidfd);
    berth_clear_fd(&self->pidfd);
    g_clear_handle_id(&self->kill_source, g_source_remove);
    drop_monitor(self);
    self->spec.pid = 0;
    if (self->state == BERTH_VM_STARTING || self->state == BERTH_VM_READY) {
        g_autofree char *tail = berth_qemu_log_dup_tail(self->folder);
        g_autofree char *text = g_strdup_printf("QEMU ended%s%s",
                                                code != BERTH_OK ? ""
                                                : status == 0    ? " by itself"
                                                                 : " badly",
                                                tail);
        fail_start(self, BERTH_ERR_DESKTOP_GONE, text);
        return;
    }
    step(self, BERTH_VM_EVENT_EXITED);
}

static void
watch_process(BerthVm *self, int pidfd)
{
    self->pidfd = pidfd;
    berth_poller_add(self->host->poller, pidfd, EPOLLIN, on_process_exit, self);
}

static bool
spawn_qemu(BerthVm *self, GError **error)
{
    berth_autofd int gpu_fd = -1;
    if (self->spec.manifest.wants_gpu && !self->has_gpu_failed) {
        gpu_fd = berth_gpu_process_start(self->host->poller, self->host->gpu_program, self->folder,
                                         self->hex_id, self->spec.memory_mib);
    }
    self->spec.has_gpu = gpu_fd >= 0;
    g_autofree char *disk = berth_vm_dup_disk_path(self);
    BerthQemuPlan plan = {
        .spec = &self->spec,
        .qemu_program = self->host->qemu_program,
        .vm_folder = self->folder,
        .image_folder = self->host->image_folder,
        .disk_path = disk,
        .memory = self->boot.memory,
        .ram_path = self->boot.ram_path,
        .has_gpu = self->spec.has_gpu,
        .is_network_isolated = self->host->is_network_isolated,
    };
    g_auto(GStrv) argv = berth_qemu_argv_build(&plan, error);
    berth_autofd int log_fd = berth_qemu_log_open(self->folder);
    if (argv == NULL) {
        return false;
    }
    BerthSpawnFd gpu = { .source = gpu_fd, .target = BERTH_QEMU_GPU_FD };
    BerthSpawnOptions options = {
        .fds = &gpu,
        .n_fds = self->spec.has_gpu ? 1 : 0,
        .new_session = true,
        .death_signal = self->boot.dies_with_agent ? SIGKILL : 0,
        .stdout_fd = log_fd,
        .stderr_fd = log_fd,
    };
    int pidfd;
    if (!berth_spawn((const char *const *)argv, &options, &pidfd, &self->spec.pid, error)) {
        return false;
    }
    self->spec.pid_start_ticks = berth_process_get_start_ticks(self->spec.pid);
    watch_process(self, pidfd);
    return true;
}

static void
start_process(BerthVm *self)
{
    GError *error = NULL;
    if (!spawn_qemu(self, &error)) {
        fail_with(self, error);
        return;
    }
    save(self);
    berth_cgroup_enter(self->hex_id, self->spec.pid, self->spec.memory_mib);
    berth_log_info("vm", "machine=%s epoch=%" G_GUINT64_FORMAT " runs as process %d (%s)",
                   self->hex_id, self->spec.epoch, (int)self->spec.pid,
                   self->boot.memory == BERTH_MEMORY_FORK ? "fork of a template" : "cold boot");
    connect_monitor(self);
    if (self->callbacks->on_changed != NULL) {
        self->callbacks->on_changed(self, self->user_data);
    }
}

static void
kill_process(BerthVm *self)
{
    if (self->pidfd >= 0) {
        berth_process_kill_group(self->pidfd, self->spec.pid);
    }
}

static gboolean
on_quit_grace_over(gpointer user_data)
{
    BerthVm *self = user_data;
    self->kill_source = 0;
    kill_process(self);
    return G_SOURCE_REMOVE;
}

static void
end_process(BerthVm *self)
{
    stop_watching_guest(self);
    g_clear_handle_id(&self->connect_source, g_source_remove);
    if (self->pidfd < 0) {
        step(self, BERTH_VM_EVENT_EXITED);
        return;
    }
    if (self->qmp == NULL || self->state == BERTH_VM_RETREATING) {
        kill_process(self);
        return;
    }
    berth_qmp_command(self->qmp, "quit", NULL, NULL, NULL);
    g_clear_handle_id(&self->kill_source, g_source_remove);
    self->kill_source = g_timeout_add(QUIT_GRACE_MS, on_quit_grace_over, self);
}

/* ---- overlay ---- */

static void
on_overlay_done(int code, const char *text, void *user_data)
{
    BerthVm *self = user_data;
    self->overlay = NULL;
    if (code != BERTH_OK) {
        fail(self, code, text);
        return;
    }
    step(self, BERTH_VM_EVENT_OVERLAY_MADE);
}

static bool
check_image_file(BerthVm *self, const char *name, GError **error)
{
    if (name == NULL) {
        return true;
    }
    g_autofree char *path = g_build_filename(self->host->image_folder, name, NULL);
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

static void
make_overlay(BerthVm *self)
{
    GError *error = NULL;
    g_autofree char *path = berth_vm_dup_disk_path(self);
    const BerthManifest *manifest = &self->spec.manifest;
    g_autofree char *image = g_build_filename(self->host->image_folder, manifest->disk, NULL);
    bool is_on_template = self->boot.backing_path != NULL;
    unlink(path);
    self->overlay = berth_overlay_create(self->host->poller, self->host->qemu_img_program,
                                         is_on_template ? self->boot.backing_path : image,
                                         is_on_template ? "qcow2" : manifest->format, path,
                                         on_overlay_done, self, &error);
    if (self->overlay == NULL) {
        fail_with(self, error);
    }
}

static void
on_image_checked(int code, const char *text, void *user_data)
{
    BerthVm *self = user_data;
    self->image_ask = NULL;
    if (code != BERTH_OK) {
        fail(self, code, text);
        return;
    }
    make_overlay(self);
}

/* The folder, then the proof that the image is the right one, then the disk on top of it. */
static void
prepare_disk(BerthVm *self)
{
    GError *error = NULL;
    const BerthManifest *manifest = &self->spec.manifest;
    if (!prepare_folder(self, &error)) {
        fail_with(self, error);
        return;
    }
    if (manifest->disk == NULL) {
        step(self, BERTH_VM_EVENT_OVERLAY_MADE);
        return;
    }
    if (manifest->sha256 != NULL && self->host->images != NULL) {
        g_autofree char *path = g_build_filename(self->host->image_folder, manifest->disk, NULL);
        self->image_ask = berth_image_check_ask(self->host->images, path, manifest->sha256,
                                                on_image_checked, self);
    }
    if (self->image_ask == NULL) {
        make_overlay(self);
    }
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
    stop_watching_guest(self);
    g_clear_handle_id(&self->kill_source, g_source_remove);
    drop_monitor(self);
    g_clear_pointer(&self->image_ask, berth_image_check_cancel);
    g_clear_pointer(&self->overlay, berth_overlay_cancel);
    if (self->pidfd >= 0) {
        berth_poller_remove(self->host->poller, self->pidfd);
        berth_clear_fd(&self->pidfd);
    }
}

static void
run_action(BerthVm *self, BerthVmAction action)
{
    switch (action) {
    case BERTH_VM_DO_NOTHING:
    case BERTH_VM_DO_REPORT:
        break;
    case BERTH_VM_DO_MAKE_OVERLAY:
        prepare_disk(self);
        break;
    case BERTH_VM_DO_SPAWN:
        start_process(self);
        break;
    case BERTH_VM_DO_CONNECT:
        connect_monitor(self);
        break;
    case BERTH_VM_DO_FAIL:
        stop_watching_guest(self);
        drop_monitor(self);
        kill_process(self);
        save(self);
        break;
    case BERTH_VM_DO_KILL:
        end_process(self);
        break;
    case BERTH_VM_DO_REMOVE:
        let_go(self);
        berth_cgroup_remove(self->hex_id);
        berth_state_folder_remove(self->folder);
        break;
    }
}

static void
step(BerthVm *self, BerthVmEvent event)
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
    if (self->state == after && action != BERTH_VM_DO_NOTHING && action != BERTH_VM_DO_SPAWN &&
        self->callbacks->on_changed != NULL) {
        self->callbacks->on_changed(self, self->user_data);
    }
}

/* ---- public ---- */

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
    self->state = BERTH_VM_NEW;
    self->disk_watch = berth_disk_watch_new(NULL, on_disk_changed, self);
    berth_vm_spec_copy(spec, &self->spec);
    berth_id_format(&spec->id, self->hex_id);
    if (boot != NULL) {
        self->boot = *boot;
        self->boot.ram_path = g_strdup(boot->ram_path);
        self->boot.state_path = g_strdup(boot->state_path);
        self->boot.backing_path = g_strdup(boot->backing_path);
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
    berth_disk_watch_free(self->disk_watch);
    berth_vm_spec_clear(&self->spec);
    berth_vm_boot_clear(&self->boot);
    g_free(self->folder);
    g_free(self);
}

void
berth_vm_create(BerthVm *self)
{
    step(self, BERTH_VM_EVENT_CREATE);
}

void
berth_vm_adopt(BerthVm *self)
{
    if (self->spec.failure != BERTH_OK) {
        step(self, BERTH_VM_EVENT_FAILED);
        return;
    }
    int pidfd = berth_process_open(self->spec.pid, self->spec.pid_start_ticks);
    if (pidfd < 0) {
        self->spec.pid = 0;
        fail(self, BERTH_ERR_DESKTOP_GONE, "QEMU ended while no agent was running");
        return;
    }
    watch_process(self, pidfd);
    if (self->spec.template_key != NULL) {
        self->boot.memory = BERTH_MEMORY_FORK;
    }
    step(self, BERTH_VM_EVENT_ADOPT);
}

void
berth_vm_stop(BerthVm *self)
{
    step(self, BERTH_VM_EVENT_STOP);
}

bool
berth_vm_attach_display(BerthVm *self, int *ret_fd, GError **error)
{
    if (self->state != BERTH_VM_READY || self->qmp == NULL) {
        return berth_set_error(error, BERTH_ERR_STATE, "the machine is %s, not ready",
                               berth_fsm_state_name(&berth_vm_fsm, self->state));
    }
    g_clear_pointer(&self->probe, berth_console_probe_free);
    if (!add_display_peer(self, ret_fd, error)) {
        return false;
    }
    int code = self->spec.has_gpu ? berth_gpu_process_join(self->folder, ret_fd, error) : BERTH_OK;
    if (code == BERTH_ERR_CLOSED) {
        fail(self, BERTH_ERR_DESKTOP_GONE, "its graphics card has gone");
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
    return self->spec.condition != NULL ? self->spec.condition : "";
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
    memset(boot, 0, sizeof *boot);
}
