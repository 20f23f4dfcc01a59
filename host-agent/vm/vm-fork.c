/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a process that waits for a device state to a desktop of its own.
 *
 *   load the state -> its picture -> run -> (a turn at the gate) identity -> cable -> its address
 *   -> ready
 *
 * It runs when its picture is there, so that what its guest has to catch up on delays nobody's
 * picture; from then on, and until its turn, it yields the processors to those that load and to
 * those whose turn it is.
 *
 * Nobody reaches a fork before it is somebody: the card that it has from its template has no cable,
 * and it is not told of, until the guest has said that its identity is set.  A fork that cannot be
 * made its own is ended, and the machine boots cold.  An agent that starts anew in the middle of
 * this does the same.
 */
#include "host-agent/vm/vm-private.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/kill-point.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/vm/fork-gate.h"
#include "host-agent/vm/guest-identity.h"
#include "host-agent/vm/ssh-host-key.h"
#include "host-agent/vm/vm-card.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define SET_TIME_MS 10000
#define IDENTITY_MS 30000
#define RESUME_MS 60000
#define FORK_DEADLINE_MS 60000
/* A network that gives no address must not keep the user out for ever. */
#define ADDRESS_LIMIT_US (3LL * 1000 * 1000)
#define ADDRESS_POLL_MS 20
#define ADDRESS_CALL_MS 3000

static int
ms_since(const BerthVm *self, int64_t then_us)
{
    return then_us != 0 ? (int)((then_us - self->fork.started_us) / 1000) : -1;
}

/* However it ends: a load is counted out once. */
static void
end_load(BerthVm *self)
{
    if (self->fork.is_loading) {
        self->fork.is_loading = false;
        berth_fork_gate_end_load(self->host->forks);
    }
}

static void
set_yielding(BerthVm *self, bool yields)
{
    if (self->fork.yields != yields && self->host->cgroups != NULL) {
        berth_cgroups_yield(self->host->cgroups, self->hex_id, &self->spec.resources, yields);
    }
    self->fork.yields = yields;
}

void
berth_vm_drop_fork(BerthVm *self)
{
    g_clear_handle_id(&self->fork.poll_source, g_source_remove);
    g_clear_handle_id(&self->fork.deadline_source, g_source_remove);
    g_clear_pointer(&self->fork.exec, berth_guest_exec_cancel);
    end_load(self);
    set_yielding(self, false);
    if (self->host->forks != NULL) {
        berth_fork_gate_leave(self->host->forks, self);
    }
}

static void
fail_fork(BerthVm *self, int code, const char *text)
{
    berth_vm_drop_fork(self);
    berth_vm_fail_start(self, code, text);
}

/* ---- afterwards ---- */

static void
on_resumed(const BerthGuestExecResult *result, void *user_data)
{
    BerthVm *self = user_data;
    self->fork.exec = NULL;
    if (result->code != BERTH_OK || result->status != 0) {
        berth_log_warning("vm", "machine=%s: services that its template had stopped may be off: %s",
                          self->hex_id, result->text != NULL ? result->text : "systemctl failed");
    }
    berth_fork_gate_leave(self->host->forks, self);
}

static void
on_turn_to_resume(void *user_data)
{
    BerthVm *self = user_data;
    self->fork.exec = berth_guest_exec(berth_vm_get_guest_agent(self), berth_guest_resume_script(),
                                       RESUME_MS, on_resumed, self);
}

static void
become_ready(BerthVm *self, const char *condition)
{
    g_clear_handle_id(&self->fork.deadline_source, g_source_remove);
    berth_fork_gate_leave(self->host->forks, self);
    berth_log_info("vm",
                   "machine=%s is ready as a fork after %d ms (running %d, drawn %d, identity %d, "
                   "network %d)",
                   self->hex_id, ms_since(self, berth_monotonic_us()),
                   ms_since(self, self->fork.running_us), ms_since(self, self->fork.drawn_us),
                   ms_since(self, self->fork.identity_us), ms_since(self, self->fork.network_us));
    if (self->guest_agent != NULL) {
        berth_guest_agent_hold(self->guest_agent, false);
    }
    if (self->boot.has_shell) {
        berth_fork_gate_enter(self->host->forks, on_turn_to_resume, self);
    }
    berth_vm_become_ready(self, condition);
    berth_kill_point(BERTH_KILL_FORK_READY);
}

static void
maybe_become_ready(BerthVm *self)
{
    if (self->fork.drawn_us != 0 && self->fork.condition != NULL) {
        become_ready(self, self->fork.condition);
    }
}

static void
finish_guest(BerthVm *self, const char *condition)
{
    self->fork.condition = condition;
    maybe_become_ready(self);
}

/* ---- network ---- */

/* Whether one interface has our hardware address and an address that others can reach. */
static bool
is_connected(const json_t *interface, const char *mac)
{
    size_t i;
    json_t *item;
    const char *hardware = json_string_value(json_object_get(interface, "hardware-address"));
    if (hardware == NULL || g_ascii_strcasecmp(hardware, mac) != 0) {
        return false;
    }
    json_array_foreach (json_object_get(interface, "ip-addresses"), i, item) {
        const char *address = json_string_value(json_object_get(item, "ip-address"));
        if (address != NULL && !g_str_has_prefix(address, "fe80:") &&
            !g_str_has_prefix(address, "169.254.")) {
            return true;
        }
    }
    return false;
}

static gboolean on_address_poll(gpointer user_data);

static void
on_interfaces(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVm *self = user_data;
    g_autofree char *mac = berth_qemu_mac_text(self->spec.mac);
    size_t i;
    json_t *item;
    json_array_foreach (result, i, item) {
        if (is_connected(item, mac)) {
            self->fork.network_us = berth_monotonic_us();
            finish_guest(self, "");
            return;
        }
    }
    if (berth_monotonic_us() - self->fork.identity_us > ADDRESS_LIMIT_US ||
        code == BERTH_ERR_INVALID) {
        berth_log_info("vm", "machine=%s has no network address yet", self->hex_id);
        finish_guest(self, "");
        return;
    }
    self->fork.poll_source = g_timeout_add(ADDRESS_POLL_MS, on_address_poll, self);
}

static gboolean
on_address_poll(gpointer user_data)
{
    BerthVm *self = user_data;
    self->fork.poll_source = 0;
    berth_guest_agent_call(berth_vm_get_guest_agent(self), "guest-network-get-interfaces", NULL,
                           ADDRESS_CALL_MS, on_interfaces, self);
    return G_SOURCE_REMOVE;
}

/* ---- identity ---- */

static void
on_identified(const BerthGuestExecResult *result, void *user_data)
{
    BerthVm *self = user_data;
    self->fork.exec = NULL;
    if (result->code != BERTH_OK || result->status != 0) {
        g_autofree char *said = g_strndup(result->out, strcspn(result->out, "\n"));
        g_autofree char *text =
            g_strdup_printf("its guest did not take its identity: %s",
                            result->text != NULL ? result->text
                                                 : g_strcanon(said,
                                                              " -./:_abcdefghijklmnopqrstuvwxyz"
                                                              "0123456789",
                                                              '?'));
        fail_fork(self, result->code != BERTH_OK ? result->code : BERTH_ERR_STATE, text);
        return;
    }
    self->fork.identity_us = berth_monotonic_us();
    self->spec.has_identity = true;
    berth_kill_point(BERTH_KILL_FORK_IDENTIFIED);
    berth_vm_card_set_link(self->qmp, true);
    berth_kill_point(BERTH_KILL_FORK_PLUGGED);
    if (self->spec.network.mode == BERTH_NETWORK_NONE || self->is_network_off ||
        berth_guest_identity_lacks_card(result->out)) {
        finish_guest(self, "");
    } else if (berth_guest_identity_has_address(result->out)) {
        self->fork.network_us = berth_monotonic_us();
        finish_guest(self, "");
    } else {
        /* Waiting costs no processor: the next may have its turn. */
        berth_fork_gate_leave(self->host->forks, self);
        on_address_poll(self);
    }
}

static void
on_turn(void *user_data)
{
    BerthVm *self = user_data;
    self->fork.waits = false;
    set_yielding(self, false);
    char *script = berth_guest_identity_script(&self->spec, berth_wall_us(), false);
    if (script == NULL) {
        fail_fork(self, BERTH_ERR_INTERNAL, "no keys can be made for it");
        return;
    }
    self->fork.exec =
        berth_guest_exec(berth_vm_get_guest_agent(self), script, IDENTITY_MS, on_identified, self);
    berth_ssh_key_clear(script);
}

/* A guest that runs no scripts keeps the template's identity; one that has an agent shows that. */
static void
go_on_as_it_is(BerthVm *self)
{
    bool has_agent = self->spec.manifest.ready == BERTH_READY_GUEST_AGENT;
    berth_vm_card_plug(self->qmp, self->spec.mac, &self->plug);
    berth_kill_point(BERTH_KILL_FORK_PLUGGED);
    if (has_agent) {
        berth_guest_agent_call(berth_vm_get_guest_agent(self), "guest-set-time",
                               json_pack("{s:I}", "time", (json_int_t)berth_wall_us() * 1000),
                               SET_TIME_MS, NULL, NULL);
    }
    finish_guest(self, has_agent ? "no-identity" : "");
}

/* ---- load, show and run ---- */

/* It runs and its picture is there. */
static void
handle_drawn(BerthVm *self)
{
    self->fork.drawn_us = berth_monotonic_us();
    set_yielding(self, self->fork.waits);
    maybe_become_ready(self);
}

static void
on_running(int code, const json_t *result, const char *text, void *user_data)
{
    BerthVm *self = user_data;
    if (!self->fork.is_loading) {
        return; /* it was given up meanwhile, and counted out */
    }
    if (code != BERTH_OK || !json_is_true(json_object_get(result, "running"))) {
        fail_fork(self, code != BERTH_OK ? code : BERTH_ERR_STATE,
                  text != NULL ? text : "it does not run although its state was loaded");
        return;
    }
    self->fork.running_us = berth_monotonic_us();
    end_load(self);
    berth_kill_point(BERTH_KILL_FORK_RUNNING);
    if (self->boot.has_shell) {
        self->fork.waits = true;
        berth_fork_gate_enter(self->host->forks, on_turn, self);
    }
    if (self->fork.is_shown) {
        handle_drawn(self);
    }
    if (!self->boot.has_shell) {
        go_on_as_it_is(self);
    }
}

static void
run_once(BerthVm *self)
{
    if (!self->fork.is_continued) {
        self->fork.is_continued = true;
        berth_qmp_command(self->qmp, "cont", NULL, NULL, NULL);
        berth_qmp_command(self->qmp, "query-status", NULL, on_running, self);
    }
}

/* One whose template showed nothing of the right size has to run to show something. */
static void
on_looked(bool is_shown, void *user_data)
{
    BerthVm *self = user_data;
    if (is_shown) {
        g_clear_pointer(&self->probe, berth_console_probe_free);
        self->fork.is_shown = true;
    }
    if (self->fork.running_us == 0 && self->qmp != NULL) {
        run_once(self);
    } else if (self->fork.running_us != 0 && is_shown) {
        handle_drawn(self);
    }
}

static void
on_state_loaded(int code, const char *text, void *user_data)
{
    BerthVm *self = user_data;
    int fd = -1;
    if (!self->fork.is_loading) {
        return;
    }
    if (code != BERTH_OK) {
        fail_fork(self, code, text);
        return;
    }
    berth_kill_point(BERTH_KILL_FORK_LOADED);
    if (berth_vm_add_display_peer(self, &fd, NULL)) {
        self->probe = berth_console_probe_new(fd, self->spec.manifest.width,
                                              self->spec.manifest.height, on_looked, self);
    } else {
        run_once(self);
    }
}

static gboolean
on_fork_deadline(gpointer user_data)
{
    BerthVm *self = user_data;
    self->fork.deadline_source = 0;
    fail_fork(self, BERTH_ERR_TIMEOUT, "it is not a desktop of its own after a minute");
    return G_SOURCE_REMOVE;
}

void
berth_vm_begin_fork(BerthVm *self)
{
    berth_vm_drop_fork(self);
    memset(&self->fork, 0, sizeof self->fork);
    self->fork.started_us = berth_monotonic_us();
    self->fork.is_loading = true;
    berth_fork_gate_begin_load(self->host->forks);
}

void
berth_vm_load_state(BerthVm *self)
{
    if (self->boot.state_path == NULL || self->fork.running_us != 0 || self->probe != NULL) {
        fail_fork(self, BERTH_ERR_STATE,
                  "its monitor was lost before the fork was a desktop of its own");
        return;
    }
    int fd = open(self->boot.state_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fail_fork(self, berth_error_from_errno(errno),
                  "the device state of its template cannot be opened");
        return;
    }
    self->fork.deadline_source = g_timeout_add(FORK_DEADLINE_MS, on_fork_deadline, self);
    /* The guest's agent sleeps when it finds nobody at the other end as it wakes up. */
    if (self->spec.manifest.ready == BERTH_READY_GUEST_AGENT) {
        berth_guest_agent_hold(berth_vm_get_guest_agent(self), true);
    }
    self->migration =
        berth_qemu_migration_new(self->qmp, BERTH_MIGRATION_LOAD, fd, on_state_loaded, self);
}
