/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/vm-private.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/vm/guest-identity.h"
#include "host-agent/vm/ssh-host-key.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

/* A guest that has just booted is busy with other things, too. */
#define IDENTITY_MS 60000

/* ---- readiness ---- */

void
berth_vm_unwatch_guest(BerthVm *self)
{
    g_clear_handle_id(&self->deadline_source, g_source_remove);
    berth_vm_drop_fork(self);
    g_clear_pointer(&self->identity, berth_guest_exec_cancel);
    if (self->guest_agent != NULL) {
        berth_guest_agent_forget(self->guest_agent, self);
        berth_guest_agent_close(self->guest_agent);
        g_clear_pointer(&self->guest_agent, berth_guest_agent_unref);
    }
    g_clear_pointer(&self->probe, berth_console_probe_free);
}

void
berth_vm_become_ready(BerthVm *self, const char *condition)
{
    g_clear_handle_id(&self->deadline_source, g_source_remove);
    /* The condition may be the spec's own: copy first. */
    char *copy = g_strdup(condition);
    g_free(self->spec.condition);
    self->spec.condition = copy;
    self->spec.was_ready = true;
    berth_vm_save(self);
    berth_vm_step(self, BERTH_VM_EVENT_READY);
    berth_vm_sync_disk(self);
}

/* One that does not take it is used as it is, and says so. */
static void
on_identified(const BerthGuestExecResult *result, void *user_data)
{
    BerthVm *self = user_data;
    self->identity = NULL;
    self->spec.has_identity = result->code == BERTH_OK && result->status == 0;
    if (!self->spec.has_identity) {
        berth_log_warning("vm", "machine=%s is like its image, its guest took no identity: %s",
                          self->hex_id, result->text != NULL ? result->text : "the script failed");
    }
    berth_vm_become_ready(self, self->spec.has_identity ? "" : "no-identity");
}

static void
begin_identity(BerthVm *self)
{
    char *script = berth_guest_identity_script(&self->spec, berth_wall_us(), true);
    g_clear_handle_id(&self->deadline_source, g_source_remove);
    if (script == NULL) {
        berth_vm_fail(self, BERTH_ERR_INTERNAL, "no keys can be made for it");
        return;
    }
    self->identity =
        berth_guest_exec(berth_vm_get_guest_agent(self), script, IDENTITY_MS, on_identified, self);
    berth_ssh_key_clear(script);
}

static void
on_guest_agent_alive(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVm *self = user_data;
    if (code != BERTH_OK) {
        return;
    }
    if (self->boot.memory != BERTH_MEMORY_TEMPLATE && berth_vm_spec_needs_identity(&self->spec)) {
        begin_identity(self);
    } else {
        berth_vm_become_ready(self, "");
    }
}

static void
on_console_looked(bool is_shown, void *user_data)
{
    BerthVm *self = user_data;
    if (!is_shown) {
        return;
    }
    g_clear_pointer(&self->probe, berth_console_probe_free);
    berth_vm_become_ready(self, "");
}

static gboolean
on_ready_deadline(gpointer user_data)
{
    BerthVm *self = user_data;
    self->deadline_source = 0;
    berth_log_warning("vm", "machine=%s did not say that it is ready in %d s, using it as it is",
                      self->hex_id, self->host->ready_deadline_ms / 1000);
    berth_vm_become_ready(self, "no-agent");
    return G_SOURCE_REMOVE;
}

bool
berth_vm_add_display_peer(BerthVm *self, int *ret_fd, GError **error)
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
on_guest_port_ready(void *user_data)
{
    berth_vm_report(user_data); /* a session may wait for it */
}

void
berth_vm_hold_guest_ports(BerthVm *self)
{
    static const char *const sockets[BERTH_N_GUEST_PORTS] = {
        [BERTH_GUEST_PORT_SPICE] = BERTH_VDAGENT_SOCKET,
        [BERTH_GUEST_PORT_BERTH] = BERTH_OWN_AGENT_SOCKET,
    };
    for (int i = 0; i < BERTH_N_GUEST_PORTS; i++) {
        g_autofree char *path = g_build_filename(self->folder, sockets[i], NULL);
        if (self->guest_ports[i] == NULL) {
            self->guest_ports[i] =
                berth_guest_port_new(self->host->poller, path, on_guest_port_ready, self);
        }
    }
}

void
berth_vm_drop_guest_ports(BerthVm *self)
{
    for (int i = 0; i < BERTH_N_GUEST_PORTS; i++) {
        g_clear_pointer(&self->guest_ports[i], berth_guest_port_free);
    }
}

int
berth_vm_take_guest_port(BerthVm *self, BerthGuestPortKind kind)
{
    BerthGuestPort *port = self->guest_ports[kind];
    return port != NULL ? berth_guest_port_take(port) : -1;
}

void
berth_vm_give_back_guest_port(BerthVm *self, BerthGuestPortKind kind)
{
    if (self->guest_ports[kind] != NULL) {
        berth_guest_port_give_back(self->guest_ports[kind]);
    }
}

BerthGuestAgent *
berth_vm_get_guest_agent(BerthVm *self)
{
    if (self->guest_agent == NULL && self->qmp != NULL) {
        g_autofree char *path = g_build_filename(self->folder, BERTH_GUEST_AGENT_SOCKET, NULL);
        self->guest_agent = berth_guest_agent_new(self->host->poller, path);
    }
    return self->guest_agent;
}

void
berth_vm_watch_guest(BerthVm *self)
{
    const BerthManifest *manifest = &self->spec.manifest;
    int fd = -1;
    self->deadline_source =
        g_timeout_add((guint)self->host->ready_deadline_ms, on_ready_deadline, self);
    if (manifest->ready == BERTH_READY_GUEST_AGENT) {
        berth_guest_agent_call(berth_vm_get_guest_agent(self), "guest-ping", NULL,
                               self->host->ready_deadline_ms, on_guest_agent_alive, self);
    } else if (berth_vm_add_display_peer(self, &fd, NULL)) {
        self->probe =
            berth_console_probe_new(fd, manifest->width, manifest->height, on_console_looked, self);
    }
}
