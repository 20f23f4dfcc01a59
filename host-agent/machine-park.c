/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/machine-park.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/inventory.h"
#include "host-agent/json-fields.h"
#include "host-agent/machine-plan.h"
#include "host-agent/process-identity.h"
#include "host-agent/state-file.h"

#include <string.h>
#include <unistd.h>

/* A fork is over in a moment and costs next to nothing: so many take one start slot. */
#define FORKS_PER_SLOT 4
/* Time alone can change a plan: failed templates may be tried again. */
#define RECONCILE_INTERVAL_S 15

typedef struct {
    BerthVm *vm;
    int64_t absent_since_us;
} Machine;

struct BerthMachinePark {
    BerthMachineParkConfig config;
    BerthRamTemplates *templates;
    GHashTable *machines; /* BerthId * (of the VM's spec) -> Machine * */
    GHashTable *refused;  /* BerthId * (copy) -> json_t *: wanted, but cannot be made */
    const BerthDesired *desired;
    int64_t wanted_us; /* when desired came, monotonic */
    char *cluster;
    guint reconcile_source;
    guint interval_source;
};

static void
machine_free(gpointer data)
{
    Machine *machine = data;
    berth_vm_free(machine->vm);
    g_free(machine);
}

static gboolean on_reconcile(gpointer user_data);

static void
reconcile_soon(BerthMachinePark *self)
{
    if (self->reconcile_source == 0) {
        self->reconcile_source = g_idle_add(on_reconcile, self);
    }
}

static void
on_vm_changed(BerthVm *vm, void *user_data)
{
    BerthMachinePark *self = user_data;
    reconcile_soon(self);
    self->config.on_changed(self->config.user_data);
}

static const BerthVmCallbacks vm_callbacks = { .on_changed = on_vm_changed };

static char *
folder_of(const BerthMachinePark *self, const BerthId *id)
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    berth_id_format(id, hex);
    return g_build_filename(self->config.folder, hex, NULL);
}

static Machine *
add_machine(BerthMachinePark *self, const BerthVmSpec *spec, const BerthVmBoot *boot)
{
    g_autofree char *folder = folder_of(self, &spec->id);
    Machine *machine = g_new0(Machine, 1);
    machine->vm = berth_vm_new(self->config.host, folder, spec, boot, &vm_callbacks, self);
    g_hash_table_insert(self->machines, (gpointer)&berth_vm_get_spec(machine->vm)->id, machine);
    return machine;
}

/* ---- start ---- */

/*
 * An agent that was killed between starting QEMU and writing that down left a process that nobody
 * knows; no user was ever on it.  It must not run beside the machine that is made in its place.
 */
static void
end_stray_process(const BerthMachinePark *self, const BerthId *id)
{
    g_autofree char *folder = folder_of(self, id);
    g_autofree char *name = berth_qemu_dup_name(id);
    if (access(folder, F_OK) == 0 && berth_process_end_stray(name)) {
        berth_log_warning("machines", "a process that nobody knew of was ended: %s", name);
    }
}

/* Starts the machine; false if it is left to a later pass because its template is being built. */
static bool
start_machine(BerthMachinePark *self, const BerthDesiredMachine *wanted)
{
    BerthVmSpec spec;
    BerthVmBoot boot = { 0 };
    berth_vm_spec_copy(&wanted->spec, &spec);
    berth_vm_spec_choose_identity(&spec);
    spec.cluster = g_strdup(self->cluster);
    spec.machine_type = g_strdup(self->config.facts.machine_type);
    spec.accel = self->config.facts.accel;
    spec.condition = g_strdup("");
    if (spec.use_template &&
        !berth_ram_templates_find(self->templates, &spec, &boot, &spec.template_key) &&
        berth_ram_templates_is_worth_waiting(self->templates, &spec)) {
        berth_vm_spec_clear(&spec);
        return false;
    }
    end_stray_process(self, &spec.id);
    Machine *machine = add_machine(self, &spec, &boot);
    berth_vm_boot_clear(&boot);
    berth_vm_spec_clear(&spec);
    berth_vm_create(machine->vm);
    return true;
}

static void
ensure_template(BerthMachinePark *self, const BerthVmSpec *wanted)
{
    BerthVmSpec spec;
    berth_vm_spec_copy(wanted, &spec);
    spec.cluster = g_strdup(self->cluster);
    spec.machine_type = g_strdup(self->config.facts.machine_type);
    spec.accel = self->config.facts.accel;
    spec.condition = g_strdup("");
    berth_ram_templates_ensure(self->templates, &spec);
    berth_vm_spec_clear(&spec);
}

static void
refuse(BerthMachinePark *self, const BerthVmSpec *spec, int code, const char *detail)
{
    json_t *object = berth_inventory_refused_machine(&spec->id, spec->epoch, code, detail);
    g_hash_table_replace(self->refused, g_memdup2(&spec->id, sizeof spec->id), object);
}

/* ---- reconcile ---- */

static bool
is_starting(const BerthVm *vm)
{
    BerthVmState state = berth_vm_get_state(vm);
    return state == BERTH_VM_CREATING || state == BERTH_VM_STARTING || state == BERTH_VM_RETREATING;
}

static void
measure_room(BerthMachinePark *self, BerthHostRoom *ret)
{
    GHashTableIter iter;
    gpointer value;
    int n_forks = 0;
    ret->wanted_us = self->wanted_us;
    ret->n_free_slots = self->config.start_slots;
    ret->free_memory_mib = self->config.memory_limit_mib;
    if (berth_ram_templates_is_building(self->templates)) {
        ret->n_free_slots--;
    }
    g_hash_table_iter_init(&iter, self->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const BerthVm *vm = ((Machine *)value)->vm;
        const BerthVmSpec *spec = berth_vm_get_spec(vm);
        bool is_fork = spec->template_key != NULL;
        n_forks += is_starting(vm) && is_fork ? 1 : 0;
        ret->n_free_slots -= is_starting(vm) && !is_fork ? 1 : 0;
        ret->free_memory_mib -= spec->pid != 0 || is_starting(vm) ? spec->memory_mib : 0;
    }
    ret->n_free_slots -= n_forks / FORKS_PER_SLOT;
}

static void
read_facts(BerthMachinePark *self, const BerthDesiredMachine *wanted, const Machine *machine,
           BerthWantedFacts *ret_wanted, BerthRunningFacts *ret_running)
{
    memset(ret_wanted, 0, sizeof *ret_wanted);
    memset(ret_running, 0, sizeof *ret_running);
    if (wanted != NULL) {
        ret_wanted->is_listed = true;
        ret_wanted->want_absent = wanted->want_absent;
        ret_wanted->is_broken = wanted->is_broken;
        ret_wanted->epoch = wanted->spec.epoch;
        ret_wanted->memory_mib = wanted->spec.memory_mib;
    }
    if (machine != NULL) {
        const BerthVmSpec *spec = berth_vm_get_spec(machine->vm);
        ret_running->exists = true;
        ret_running->is_ours = g_strcmp0(spec->cluster, self->cluster) == 0;
        ret_running->epoch = spec->epoch;
        ret_running->absent_since_us = machine->absent_since_us;
    }
}

static void
reconcile_wanted(BerthMachinePark *self, const BerthDesiredMachine *wanted, BerthHostRoom *room)
{
    BerthWantedFacts wanted_facts;
    BerthRunningFacts running_facts;
    Machine *machine = g_hash_table_lookup(self->machines, &wanted->spec.id);
    read_facts(self, wanted, machine, &wanted_facts, &running_facts);
    switch (berth_machine_plan(&wanted_facts, &running_facts, room)) {
    case BERTH_PLAN_START:
        if (start_machine(self, wanted)) {
            room->n_free_slots--;
            room->free_memory_mib -= wanted->spec.memory_mib;
        }
        break;
    case BERTH_PLAN_STOP:
        berth_vm_stop(machine->vm);
        break;
    case BERTH_PLAN_NO_MEMORY:
        refuse(self, &wanted->spec, BERTH_ERR_NO_MEMORY,
               "the memory that this host has for desktops is given away");
        break;
    case BERTH_PLAN_STALE:
        berth_log_debug("machines", "an old wish for machine %s is ignored", wanted->spec.name);
        break;
    default:
        break;
    }
    if (wanted->is_broken && machine == NULL) {
        refuse(self, &wanted->spec, BERTH_ERR_INVALID, wanted->problem);
    }
}

static void
reconcile_unlisted(BerthMachinePark *self, const BerthHostRoom *room)
{
    GHashTableIter iter;
    gpointer value;
    BerthWantedFacts wanted_facts;
    BerthRunningFacts running_facts;
    g_hash_table_iter_init(&iter, self->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Machine *machine = value;
        const BerthVmSpec *spec = berth_vm_get_spec(machine->vm);
        if (berth_desired_find_machine(self->desired, &spec->id) != NULL) {
            continue;
        }
        read_facts(self, NULL, machine, &wanted_facts, &running_facts);
        if (berth_machine_plan(&wanted_facts, &running_facts, room) == BERTH_PLAN_STOP) {
            berth_log_warning("machines", "machine %s is not wanted by the broker any more",
                              spec->name);
            berth_vm_stop(machine->vm);
        }
    }
}

static gboolean
is_gone(gpointer key, gpointer value, gpointer user_data)
{
    return berth_vm_get_state(((Machine *)value)->vm) == BERTH_VM_GONE;
}

/* One machine per pass: a template takes a slot, and the first that lacks one decides which. */
static void
reconcile_templates(BerthMachinePark *self)
{
    for (guint i = 0; i < self->desired->machines->len; i++) {
        const BerthDesiredMachine *wanted = self->desired->machines->pdata[i];
        if (wanted->spec.use_template && !wanted->is_broken && !wanted->want_absent) {
            ensure_template(self, &wanted->spec);
        }
    }
}

static void
reconcile(BerthMachinePark *self)
{
    BerthHostRoom room;
    g_hash_table_foreach_remove(self->machines, is_gone, NULL);
    if (self->desired == NULL) {
        return;
    }
    guint n_refused = g_hash_table_size(self->refused);
    g_hash_table_remove_all(self->refused);
    reconcile_templates(self);
    measure_room(self, &room);
    for (guint i = 0; i < self->desired->machines->len; i++) {
        reconcile_wanted(self, self->desired->machines->pdata[i], &room);
    }
    reconcile_unlisted(self, &room);
    if (n_refused != g_hash_table_size(self->refused)) {
        self->config.on_changed(self->config.user_data);
    }
}

static gboolean
on_reconcile(gpointer user_data)
{
    BerthMachinePark *self = user_data;
    self->reconcile_source = 0;
    reconcile(self);
    return G_SOURCE_REMOVE;
}

static gboolean
on_interval(gpointer user_data)
{
    reconcile_soon(user_data);
    return G_SOURCE_CONTINUE;
}

static void
on_templates_changed(void *user_data)
{
    reconcile_soon(user_data);
}

/* ---- adoption ---- */

static void
adopt(BerthMachinePark *self, const char *name)
{
    BerthVmSpec spec;
    BerthId id;
    GError *error = NULL;
    g_autofree char *folder = g_build_filename(self->config.folder, name, NULL);
    if (berth_id_parse(name, &id) != BERTH_OK) {
        return;
    }
    if (!berth_vm_spec_load(folder, &spec, &error)) {
        /* Without its spec nothing can be told of it; its process, if any, holds no user. */
        berth_log_error("machines", "machine %s cannot be adopted: %s", name, error->message);
        g_error_free(error);
        return;
    }
    bool has_process = spec.pid != 0 || spec.was_ready || spec.failure != BERTH_OK;
    if (!has_process) {
        g_clear_pointer(&spec.template_key, g_free);
        end_stray_process(self, &spec.id);
    }
    Machine *machine = add_machine(self, &spec, NULL);
    berth_vm_spec_clear(&spec);
    if (has_process) {
        berth_vm_adopt(machine->vm);
    } else {
        berth_vm_create(machine->vm);
    }
}

static void
adopt_all(BerthMachinePark *self)
{
    GDir *dir = g_dir_open(self->config.folder, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        adopt(self, name);
    }
    g_clear_pointer(&dir, g_dir_close);
    if (g_hash_table_size(self->machines) > 0) {
        berth_log_info("machines", "%u machines of an earlier agent adopted",
                       g_hash_table_size(self->machines));
    }
}

/* ---- public ---- */

BerthMachinePark *
berth_machine_park_new(const BerthMachineParkConfig *config)
{
    BerthMachinePark *self = g_new0(BerthMachinePark, 1);
    self->config = *config;
    self->cluster = g_strdup("");
    self->machines = g_hash_table_new_full(berth_id_hash, berth_id_equal_func, NULL, machine_free);
    self->refused = g_hash_table_new_full(berth_id_hash, berth_id_equal_func, g_free,
                                          (GDestroyNotify)json_decref);
    self->templates =
        berth_ram_templates_new(config->host, config->template_folder,
                                self->config.facts.qemu_version, on_templates_changed, self);
    self->interval_source = g_timeout_add_seconds(RECONCILE_INTERVAL_S, on_interval, self);
    adopt_all(self);
    return self;
}

void
berth_machine_park_free(BerthMachinePark *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->interval_source, g_source_remove);
    g_hash_table_unref(self->machines);
    g_hash_table_unref(self->refused);
    berth_ram_templates_free(self->templates);
    /* Last: letting go of the rest may still ask for it. */
    g_clear_handle_id(&self->reconcile_source, g_source_remove);
    g_free(self->cluster);
    g_free(self);
}

void
berth_machine_park_want(BerthMachinePark *self, const BerthDesired *desired, const char *cluster)
{
    GHashTableIter iter;
    gpointer value;
    g_autofree char *old = self->cluster;
    self->cluster = g_strdup(cluster);
    self->desired = desired;
    self->wanted_us = berth_monotonic_us();
    g_hash_table_iter_init(&iter, self->machines);
    while (desired != NULL && g_hash_table_iter_next(&iter, NULL, &value)) {
        Machine *machine = value;
        const BerthId *id = &berth_vm_get_spec(machine->vm)->id;
        machine->absent_since_us =
            berth_machine_absence(berth_desired_find_machine(desired, id) != NULL,
                                  machine->absent_since_us, self->wanted_us);
    }
    reconcile_soon(self);
}

BerthVm *
berth_machine_park_find(BerthMachinePark *self, const BerthId *id)
{
    Machine *machine = g_hash_table_lookup(self->machines, id);
    return machine != NULL ? machine->vm : NULL;
}

json_t *
berth_machine_park_report(BerthMachinePark *self)
{
    json_t *array = json_array();
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, self->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const BerthVm *vm = ((Machine *)value)->vm;
        json_array_append_new(array,
                              berth_inventory_machine(berth_vm_get_spec(vm), berth_vm_get_state(vm),
                                                      berth_vm_get_condition(vm)));
    }
    g_hash_table_iter_init(&iter, self->refused);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        json_array_append(array, value);
    }
    return array;
}
