/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/machine-park-private.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/inventory.h"
#include "host-agent/machine-plan.h"
#include "host-agent/process-identity.h"

#include <unistd.h>

/* A start that follows the one before so soon counts as one in a row. */
#define QUICK_END_US (120LL * 1000 * 1000)

/*
 * An agent that was killed between starting QEMU and writing that down left a process that nobody
 * knows; no user was ever on it.  It must not run beside the machine that is made in its place.
 */
void
berth_machine_park_end_stray_process(const BerthMachinePark *self, const BerthId *id)
{
    g_autofree char *folder = berth_machine_park_folder_of(self, id);
    g_autofree char *name = berth_qemu_dup_name(id);
    if (access(folder, F_OK) == 0 && berth_process_end_stray(name)) {
        berth_log_warning("machines", "a process that nobody knew of was ended: %s", name);
    }
}

void
berth_machine_park_refuse(BerthMachinePark *self, const BerthVmSpec *spec, int code,
                          const char *detail)
{
    json_t *object = berth_inventory_refused_machine(&spec->id, spec->epoch, code, detail);
    g_hash_table_replace(self->refused, g_memdup2(&spec->id, sizeof spec->id), object);
}

/* Fills in the manifest of a version; the code and sentence of find_version otherwise. */
static int
find_manifest(BerthMachinePark *self, BerthVmSpec *spec, char **ret_detail)
{
    BerthManifest manifest = { 0 };
    if (berth_id_is_zero(&spec->version)) {
        return BERTH_OK;
    }
    if (self->config.find_version == NULL) {
        *ret_detail = g_strdup("this host has no store of image versions");
        return BERTH_ERR_UNSUPPORTED;
    }
    int code =
        self->config.find_version(&spec->version, &manifest, ret_detail, self->config.user_data);
    if (code == BERTH_OK) {
        berth_vm_spec_set_manifest(spec, &manifest);
        berth_manifest_clear(&manifest);
    }
    return code;
}

int
berth_machine_park_memory_of(BerthMachinePark *self, const BerthVmSpec *wanted,
                             const BerthParkMachine *machine)
{
    BerthVmSpec spec;
    g_autofree char *detail = NULL;
    if (machine != NULL && machine->vm != NULL) {
        return berth_vm_get_spec(machine->vm)->memory_mib;
    }
    if (wanted->memory_mib != 0) {
        return wanted->memory_mib;
    }
    berth_vm_spec_copy(wanted, &spec);
    (void)find_manifest(self, &spec, &detail);
    int memory_mib = spec.memory_mib;
    berth_vm_spec_clear(&spec);
    return memory_mib;
}

/*
 * A clear spec for a machine of this host.
 *
 * Returns false if the version of its image is not here; ret is clear then, and what will not come
 * is reported.
 */
static bool
make_spec(BerthMachinePark *self, const BerthVmSpec *wanted, BerthVmSpec *ret)
{
    g_autofree char *detail = NULL;
    berth_vm_spec_copy(wanted, ret);
    int code = find_manifest(self, ret, &detail);
    if (code != BERTH_OK) {
        if (code != BERTH_ERR_AGAIN && !berth_id_is_zero(&wanted->id)) {
            berth_machine_park_refuse(self, wanted, code, detail);
        }
        berth_vm_spec_clear(ret);
        return false;
    }
    ret->cluster = g_strdup(self->cluster);
    ret->machine_type = g_strdup(self->config.facts.machine_type);
    ret->accel = self->config.facts.accel;
    ret->condition = g_strdup("");
    return true;
}

/* Finds the template to fork from, if any; false if one is being built that is worth waiting for.
 */
static bool
choose_boot(BerthMachinePark *self, BerthVmSpec *spec, BerthVmBoot *ret_boot)
{
    return !spec->use_template ||
           berth_ram_templates_find(self->templates, spec, ret_boot, &spec->template_key) ||
           !berth_ram_templates_is_worth_waiting(self->templates, spec);
}

/* Makes the machine; false if it is left to a later pass: its version or its template comes. */
bool
berth_machine_park_make_machine(BerthMachinePark *self, const BerthDesiredMachine *wanted,
                                bool is_started)
{
    BerthVmSpec spec;
    BerthVmBoot boot = { 0 };
    if (!make_spec(self, &wanted->spec, &spec)) {
        return false;
    }
    berth_vm_spec_choose_identity(&spec);
    if (is_started && !choose_boot(self, &spec, &boot)) {
        berth_vm_spec_clear(&spec);
        return false;
    }
    berth_machine_park_end_stray_process(self, &spec.id);
    BerthParkMachine *machine = berth_machine_park_add(self, &spec, &boot);
    berth_vm_boot_clear(&boot);
    berth_vm_spec_clear(&spec);
    berth_vm_create(machine->vm, is_started);
    return true;
}

static gboolean
on_wake(gpointer user_data)
{
    BerthMachinePark *self = user_data;
    self->wake_source = 0;
    berth_machine_park_reconcile_soon(self);
    return G_SOURCE_REMOVE;
}

/* Whether a machine that ended by itself has to wait before it is started again. */
static bool
must_rest(BerthMachinePark *self, BerthParkMachine *machine)
{
    int64_t now_us = berth_monotonic_us();
    if (!berth_vm_has_ended(machine->vm)) {
        machine->ended_us = 0;
        return false;
    }
    if (machine->ended_us == 0) {
        bool was_quick = machine->started_us != 0 && now_us - machine->started_us < QUICK_END_US;
        machine->n_quick_ends = was_quick ? machine->n_quick_ends + 1 : 0;
        machine->ended_us = now_us;
    }
    int64_t due_us = machine->ended_us + berth_machine_restart_delay_us(machine->n_quick_ends);
    if (now_us >= due_us) {
        machine->ended_us = 0;
        machine->started_us = now_us;
        return false;
    }
    if (self->wake_source == 0) {
        self->wake_source = g_timeout_add((guint)((due_us - now_us) / 1000 + 1), on_wake, self);
    }
    return true;
}

/* Whether the files that a machine stands on are as they were verified; if not, it waits. */
static bool
are_files_good(BerthMachinePark *self, const BerthVmSpec *spec)
{
    BerthVmSpec copy;
    g_autofree char *detail = NULL;
    berth_vm_spec_copy(spec, &copy);
    int code = find_manifest(self, &copy, &detail);
    berth_vm_spec_clear(&copy);
    if (code != BERTH_OK && code != BERTH_ERR_AGAIN) {
        berth_log_warning("machines", "machine %s is not started: %s", spec->name, detail);
    }
    return code == BERTH_OK;
}

/* Starts what is stopped; false if it is left to a later pass. */
bool
berth_machine_park_power_on(BerthMachinePark *self, BerthParkMachine *machine)
{
    BerthVmSpec spec;
    BerthVmBoot boot = { 0 };
    berth_vm_spec_copy(berth_vm_get_spec(machine->vm), &spec);
    bool is_now = are_files_good(self, &spec) &&
                  (spec.has_run || choose_boot(self, &spec, &boot)) && !must_rest(self, machine);
    if (is_now) {
        bool is_fork = boot.memory == BERTH_MEMORY_FORK;
        machine->lacks_memory = false;
        berth_vm_power_on(machine->vm, is_fork ? &boot : NULL, spec.template_key);
    }
    berth_vm_boot_clear(&boot);
    berth_vm_spec_clear(&spec);
    return is_now;
}

void
berth_machine_park_want_template(BerthMachinePark *self, const BerthVmSpec *wanted, bool is_spare)
{
    BerthVmSpec spec;
    if (make_spec(self, wanted, &spec)) {
        berth_ram_templates_want(self->templates, &spec, is_spare);
        berth_vm_spec_clear(&spec);
    }
}

bool
berth_machine_park_has_template(BerthMachinePark *self, const BerthVmSpec *spec)
{
    BerthVmBoot boot = { 0 };
    g_autofree char *key = NULL;
    bool is_found = berth_ram_templates_find(self->templates, spec, &boot, &key);
    berth_vm_boot_clear(&boot);
    return is_found;
}
