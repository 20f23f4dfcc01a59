/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/vm-private.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/kill-point.h"
#include "base/log.h"
#include "base/process.h"
#include "berth/errors.h"
#include "host-agent/process-identity.h"
#include "host-agent/unix-socket.h"
#include "host-agent/vm/gpu-process.h"
#include "host-agent/vm/qemu-log.h"

#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define CONNECT_INTERVAL_MS 10
#define MONITOR_DEADLINE_US (30LL * 1000 * 1000)
#define QUIT_GRACE_MS 1000
/* Packages are set up while it goes off, and what systemd waits for has 90 s. */
#define MAINTENANCE_POWER_OFF_MS (180 * 1000)

/* ---- monitor ---- */

static void
on_qmp_event(const char *name, const json_t *data, void *user_data)
{
    BerthVm *self = user_data;
    berth_log_debug("vm", "machine=%s monitor event %s", self->hex_id, name);
    berth_disk_watch_event(self->disk_watch, name, data);
    if (self->user_disk != NULL) {
        berth_vm_disk_event(self->user_disk, name, data);
    }
    if (self->migration != NULL && strcmp(name, "MIGRATION") == 0) {
        berth_qemu_migration_event(self->migration, data);
    }
}

static void
on_qmp_ready(void *user_data)
{
    BerthVm *self = user_data;
    berth_vm_hold_guest_ports(self);
    if (self->state != BERTH_VM_STARTING) {
        berth_vm_sync_disk(self);
        return;
    }
    berth_disk_watch_attach(self->disk_watch, self->qmp);
    if (self->spec.was_ready) {
        berth_vm_become_ready(self, self->spec.condition);
    } else if (self->boot.memory == BERTH_MEMORY_FORK) {
        berth_vm_load_state(self);
    } else {
        berth_vm_watch_guest(self);
    }
}

void
berth_vm_drop_monitor(BerthVm *self)
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
    berth_vm_drop_monitor(self);
    if (self->state == BERTH_VM_STARTING || self->state == BERTH_VM_READY) {
        berth_vm_connect_monitor(self);
    }
}

static const BerthQmpCallbacks qmp_callbacks = {
    .on_ready = on_qmp_ready,
    .on_event = on_qmp_event,
    .on_closed = on_qmp_closed,
};

/* True if it is reached. */
static bool
try_monitor(BerthVm *self)
{
    g_autofree char *path = g_build_filename(self->folder, BERTH_QMP_SOCKET, NULL);
    int fd = berth_unix_connect(path, SOCK_STREAM, NULL);
    if (fd >= 0) {
        self->qmp = berth_qmp_new(self->host->poller, fd, &qmp_callbacks, self);
    }
    return fd >= 0;
}

static gboolean
on_connect(gpointer user_data)
{
    BerthVm *self = user_data;
    if (try_monitor(self)) {
        self->connect_source = 0;
        return G_SOURCE_REMOVE;
    }
    if (berth_monotonic_us() - self->connect_started_us > MONITOR_DEADLINE_US) {
        self->connect_source = 0;
        berth_vm_fail_start(self, BERTH_ERR_TIMEOUT, "QEMU does not open its monitor");
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

/* A process of an earlier agent may still be served by nobody: that is tried again. */
void
berth_vm_connect_monitor(BerthVm *self)
{
    self->connect_started_us = berth_monotonic_us();
    if (!try_monitor(self)) {
        self->connect_source = g_timeout_add(CONNECT_INTERVAL_MS, on_connect, self);
    }
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
    berth_vm_drop_monitor(self);
    berth_vm_drop_guest_ports(self);
    berth_vm_end_disk(self);
    self->spec.pid = 0;
    if (self->state == BERTH_VM_READY && self->spec.keep) {
        berth_log_warning("vm", "machine=%s: QEMU ended, its disk is kept", self->hex_id);
        self->has_ended = true;
        berth_vm_step(self, BERTH_VM_EVENT_REST);
        return;
    }
    if (self->state == BERTH_VM_STARTING || self->state == BERTH_VM_READY) {
        g_autofree char *tail = berth_qemu_log_dup_tail(self->folder);
        bool is_cut = status == -SIGBUS && self->spec.template_key != NULL;
        g_autofree char *text = g_strdup_printf("QEMU ended%s%s",
                                                is_cut ? ": the memory of its RAM template was "
                                                         "cut off under it"
                                                : code != BERTH_OK ? ""
                                                : status == 0      ? " by itself"
                                                                   : " badly",
                                                tail);
        berth_vm_fail_start(self, BERTH_ERR_DESKTOP_GONE, text);
        return;
    }
    berth_vm_step(self, BERTH_VM_EVENT_EXITED);
}

void
berth_vm_watch_process(BerthVm *self, int pidfd)
{
    self->pidfd = pidfd;
    berth_poller_add(self->host->poller, pidfd, EPOLLIN, on_process_exit, self);
}

/* Before QEMU runs.  A template reaches nothing: its forks get networks of their own. */
static void
connect_network(BerthVm *self)
{
    GError *error = NULL;
    berth_clear_fd(&self->plug.tap_fd);
    self->plug.is_restricted = true;
    self->is_network_off = false;
    if (self->host->networks == NULL || self->boot.memory == BERTH_MEMORY_TEMPLATE) {
        return;
    }
    if (!berth_networks_connect(self->host->networks, &self->spec, &self->plug, &error)) {
        berth_log_error("vm", "machine=%s has no network: %s", self->hex_id, error->message);
        g_error_free(error);
        self->is_network_off = true;
    }
}

/* Whether the card is there from the start; else it is plugged in. */
static bool
has_card(const BerthVm *self)
{
    return self->boot.memory == BERTH_MEMORY_PLAIN ||
           (self->boot.memory == BERTH_MEMORY_FORK && self->boot.has_shell);
}

static char **
build_argv(BerthVm *self, GError **error)
{
    g_autofree char *disk = berth_vm_dup_disk_path(self);
    BerthQemuPlan plan = {
        .spec = &self->spec,
        .qemu_program = self->host->qemu_program,
        .vm_folder = self->folder,
        .image_folder = berth_vm_host_get_image_folder(self->host, &self->spec),
        .disk_path = disk,
        .memory = self->boot.memory,
        .ram_path = self->boot.ram_path,
        .has_gpu = self->spec.has_gpu,
        .has_card = has_card(self),
        .has_tap = self->plug.tap_fd >= 0,
        .is_network_restricted = self->plug.is_restricted,
    };
    return berth_qemu_argv_build(&plan, error);
}

/* The socket is there before QEMU is: nobody has to try until it can be reached. */
static int
listen_for_monitor(BerthVm *self, GError **error)
{
    g_autofree char *path = g_build_filename(self->folder, BERTH_QMP_SOCKET, NULL);
    return berth_unix_listen(path, SOCK_STREAM, error);
}

/* With its card, its port and its groups.  gpu_fd: -1 for QEMU's own card. */
static bool
run_qemu(BerthVm *self, char *const *argv, int gpu_fd, int *ret_pidfd, GError **error)
{
    berth_autofd int log_fd = berth_qemu_log_open(self->folder);
    BerthSpawnFd fds[3];
    size_t n_fds = 0;
    int groups[BERTH_CGROUP_MAX_FDS];
    int n_groups = self->host->cgroups != NULL
                       ? berth_cgroups_open(self->host->cgroups, self->hex_id, groups)
                       : 0;
    berth_autofd int monitor_fd = listen_for_monitor(self, error);
    if (monitor_fd < 0) {
        berth_cgroups_close(groups, n_groups);
        return false;
    }
    fds[n_fds++] = (BerthSpawnFd){ .source = monitor_fd, .target = BERTH_QEMU_MONITOR_FD };
    if (gpu_fd >= 0) {
        fds[n_fds++] = (BerthSpawnFd){ .source = gpu_fd, .target = BERTH_QEMU_GPU_FD };
    }
    if (self->plug.tap_fd >= 0 && has_card(self)) {
        fds[n_fds++] = (BerthSpawnFd){ .source = self->plug.tap_fd, .target = BERTH_QEMU_TAP_FD };
    }
    BerthSpawnOptions options = {
        .fds = fds,
        .n_fds = n_fds,
        .new_session = true,
        .death_signal = self->boot.dies_with_agent ? SIGKILL : 0,
        .stdout_fd = log_fd,
        .stderr_fd = log_fd,
        .group_fds = groups,
        .n_group_fds = (size_t)n_groups,
    };
    bool is_started =
        berth_spawn((const char *const *)argv, &options, ret_pidfd, &self->spec.pid, error);
    berth_cgroups_close(groups, n_groups);
    return is_started;
}

static bool
spawn_qemu(BerthVm *self, GError **error)
{
    berth_autofd int gpu_fd = -1;
    int pidfd = -1;
    berth_vm_apply_limits(self);
    connect_network(self);
    if (self->spec.manifest.wants_gpu && !self->has_gpu_failed) {
        gpu_fd = berth_gpu_process_start(self->host->poller, self->host->gpu_program, self->folder,
                                         self->hex_id, self->host->cgroups);
    }
    self->spec.has_gpu = gpu_fd >= 0;
    g_auto(GStrv) argv = build_argv(self, error);
    bool is_started = argv != NULL && run_qemu(self, argv, gpu_fd, &pidfd, error);
    if (has_card(self)) {
        berth_clear_fd(&self->plug.tap_fd);
    }
    if (!is_started) {
        return false;
    }
    self->spec.pid_start_ticks = berth_process_get_start_ticks(self->spec.pid);
    self->spec.has_run = true;
    self->has_ended = false;
    self->was_cut_off = false;
    self->spec.is_off = false;
    berth_vm_watch_process(self, pidfd);
    return true;
}

void
berth_vm_start_process(BerthVm *self)
{
    GError *error = NULL;
    if (!spawn_qemu(self, &error)) {
        berth_vm_fail_with(self, error);
        return;
    }
    berth_vm_save(self);
    if (self->boot.memory == BERTH_MEMORY_FORK) {
        berth_kill_point(BERTH_KILL_FORK_STARTED);
    }
    berth_log_info("vm", "machine=%s epoch=%" G_GUINT64_FORMAT " runs as process %d (%s)",
                   self->hex_id, self->spec.epoch, (int)self->spec.pid,
                   self->boot.memory == BERTH_MEMORY_FORK ? "fork of a template" : "cold boot");
    berth_vm_connect_monitor(self);
    berth_vm_report(self);
}

void
berth_vm_kill_process(BerthVm *self)
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
    berth_vm_kill_process(self);
    return G_SOURCE_REMOVE;
}

void
berth_vm_end_process(BerthVm *self)
{
    if (self->pidfd >= 0 && berth_vm_leave_disk(self)) {
        return;
    }
    berth_vm_unwatch_guest(self);
    g_clear_handle_id(&self->connect_source, g_source_remove);
    if (self->pidfd < 0) {
        berth_vm_step(self, BERTH_VM_EVENT_EXITED);
        return;
    }
    if (self->qmp == NULL || self->state == BERTH_VM_RETREATING) {
        berth_vm_kill_process(self);
        return;
    }
    berth_qmp_command(self->qmp, "quit", NULL, NULL, NULL);
    g_clear_handle_id(&self->kill_source, g_source_remove);
    self->kill_source = g_timeout_add(QUIT_GRACE_MS, on_quit_grace_over, self);
}

/* ---- power ---- */

static int
power_off_ms(const BerthVm *self)
{
    int limit_ms = self->host->power_off_ms;
    return self->spec.is_maintenance ? MAX(limit_ms, MAINTENANCE_POWER_OFF_MS) : limit_ms;
}

static gboolean
on_power_off_limit(gpointer user_data)
{
    BerthVm *self = user_data;
    self->power_off_source = 0;
    self->was_cut_off = true;
    berth_log_warning("vm", "machine=%s did not shut down in %d s, its power is cut", self->hex_id,
                      power_off_ms(self) / 1000);
    berth_vm_end_process(self);
    return G_SOURCE_REMOVE;
}

/* Both ways at once: a guest without the agent knows the button, and the second is harmless. */
void
berth_vm_power_off_process(BerthVm *self)
{
    berth_vm_unwatch_guest(self);
    if (self->pidfd < 0) {
        berth_vm_step(self, BERTH_VM_EVENT_EXITED);
        return;
    }
    if (self->qmp == NULL) {
        berth_vm_end_process(self);
        return;
    }
    berth_qmp_command(self->qmp, "system_powerdown", NULL, NULL, NULL);
    berth_guest_agent_shut_down(berth_vm_get_guest_agent(self));
    self->power_off_source = g_timeout_add((guint)power_off_ms(self), on_power_off_limit, self);
}
