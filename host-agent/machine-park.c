/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/machine-park-private.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/inventory.h"
#include "host-agent/json-fields.h"
#include "host-agent/machine-plan.h"
#include "host-agent/state-file.h"
#include "host-agent/template-wish.h"

#include <string.h>
#include <unistd.h>

/* A fork comes up in a moment and costs next to nothing: so many take one start slot. */
#define FORKS_PER_SLOT 16
/* Time alone can change a plan: failed templates may be tried again. */
#define RECONCILE_INTERVAL_S 15

static void
machine_free(gpointer data)
{
    BerthParkMachine *machine = data;
    berth_vm_free(machine->vm);
    berth_physical_machine_free(machine->physical);
    g_free(machine);
}

static gboolean on_reconcile(gpointer user_data);

void
berth_machine_park_reconcile_soon(BerthMachinePark *self)
{
    if (self->reconcile_source == 0) {
        self->reconcile_source = g_idle_add(on_reconcile, self);
    }
}

static void
on_vm_changed(BerthVm *vm, void *user_data)
{
    BerthMachinePark *self = user_data;
    berth_machine_park_reconcile_soon(self);
    self->config.on_changed(self->config.user_data);
}

static const BerthVmCallbacks vm_callbacks = { .on_changed = on_vm_changed };

char *
berth_machine_park_folder_of(const BerthMachinePark *self, const BerthId *id)
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    berth_id_format(id, hex);
    return g_build_filename(self->config.folder, hex, NULL);
}

BerthParkMachine *
berth_machine_park_add(BerthMachinePark *self, const BerthVmSpec *spec, const BerthVmBoot *boot)
{
    g_autofree char *folder = berth_machine_park_folder_of(self, &spec->id);
    BerthParkMachine *machine = g_new0(BerthParkMachine, 1);
    machine->vm = berth_vm_new(self->config.host, folder, spec, boot, &vm_callbacks, self);
    g_hash_table_insert(self->machines, (gpointer)&berth_vm_get_spec(machine->vm)->id, machine);
    return machine;
}

static const BerthId *
id_of(const BerthParkMachine *machine)
{
    return machine->vm != NULL ? &berth_vm_get_spec(machine->vm)->id
                               : berth_physical_machine_get_id(machine->physical);
}

static void
on_physical_changed(void *user_data)
{
    BerthMachinePark *self = user_data;
    berth_machine_park_reconcile_soon(self);
    self->config.on_changed(self->config.user_data);
}

bool
berth_machine_park_is_in_use(BerthMachinePark *self, const BerthId *id)
{
    return self->config.is_in_use(id, self->config.user_data);
}

static bool
is_physical_in_use(const BerthId *id, void *user_data)
{
    return berth_machine_park_is_in_use(user_data, id);
}

static const BerthPhysicalCallbacks physical_callbacks = {
    .on_changed = on_physical_changed,
    .is_in_use = is_physical_in_use,
};

static void
add_physical(BerthMachinePark *self, BerthPhysicalMachine *physical)
{
    BerthParkMachine *machine = g_new0(BerthParkMachine, 1);
    machine->physical = physical;
    g_hash_table_insert(self->machines, (gpointer)berth_physical_machine_get_id(physical), machine);
}

/* ---- reconcile ---- */

static void
measure_room(BerthMachinePark *self, BerthHostRoom *ret)
{
    GHashTableIter iter;
    gpointer value;
    int n_forks = 0;
    ret->wanted_us = self->wanted_us;
    ret->n_free_slots = self->config.start_slots;
    ret->free_memory_mib = berth_machine_park_get_free_mib(self);
    if (berth_ram_templates_is_building(self->templates)) {
        ret->n_free_slots--;
    }
    ret->is_safe_mode = self->is_safe_mode;
    g_hash_table_iter_init(&iter, self->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const BerthVm *vm = ((BerthParkMachine *)value)->vm;
        if (vm == NULL) {
            continue;
        }
        const BerthVmSpec *spec = berth_vm_get_spec(vm);
        bool is_fork = spec->template_key != NULL;
        n_forks += berth_vm_is_loading(vm) ? 1 : 0;
        ret->n_free_slots -= berth_machine_park_is_starting(vm) && !is_fork ? 1 : 0;
    }
    ret->n_free_slots -= n_forks / FORKS_PER_SLOT;
}

static BerthRuns
runs_of(const BerthVm *vm)
{
    switch (berth_vm_get_state(vm)) {
    case BERTH_VM_STARTING:
    case BERTH_VM_READY:
        return BERTH_RUNS_ON;
    case BERTH_VM_STOPPED:
        return BERTH_RUNS_OFF;
    case BERTH_VM_FAILED:
        return BERTH_RUNS_FAILED;
    default:
        return BERTH_RUNS_CHANGING;
    }
}

static bool
is_wanted_off(const BerthDesiredMachine *wanted)
{
    return wanted->wish.want == BERTH_WANT_STOPPED || wanted->wish.want == BERTH_WANT_FROZEN;
}

static void
read_facts(BerthMachinePark *self, const BerthDesiredMachine *wanted,
           const BerthParkMachine *machine, BerthWantedFacts *ret_wanted,
           BerthRunningFacts *ret_running)
{
    memset(ret_wanted, 0, sizeof *ret_wanted);
    memset(ret_running, 0, sizeof *ret_running);
    if (wanted != NULL) {
        ret_wanted->is_listed = true;
        ret_wanted->want_absent = wanted->wish.want == BERTH_WANT_ABSENT;
        ret_wanted->is_wanted_off = is_wanted_off(wanted);
        ret_wanted->is_broken = wanted->is_broken;
        ret_wanted->needs_its_disk = wanted->spec.keep && !berth_id_is_zero(&wanted->wish.overlay);
        ret_wanted->epoch = wanted->spec.epoch;
        ret_wanted->memory_mib = berth_machine_park_memory_of(self, &wanted->spec, machine);
    }
    if (machine != NULL) {
        const BerthVmSpec *spec = berth_vm_get_spec(machine->vm);
        ret_running->exists = true;
        ret_running->is_ours = g_strcmp0(spec->cluster, self->cluster) == 0;
        ret_running->is_kept = spec->keep;
        ret_running->runs = runs_of(machine->vm);
        ret_running->epoch = spec->epoch;
        ret_running->absent_since_us = machine->absent_since_us;
        ret_wanted->is_wanted_off |= berth_vm_is_held_off(machine->vm);
    }
}

static void
note_lack_of_memory(BerthMachinePark *self, const BerthDesiredMachine *wanted,
                    BerthParkMachine *machine)
{
    if (machine == NULL) {
        berth_machine_park_refuse(self, &wanted->spec, BERTH_ERR_NO_MEMORY,
                                  "the memory that this host has for desktops is given away");
    } else if (!machine->lacks_memory) {
        machine->lacks_memory = true;
        self->config.on_changed(self->config.user_data);
    }
}

static void
carry_out(BerthMachinePark *self, const BerthDesiredMachine *wanted, BerthParkMachine *machine,
          BerthPlan plan, int memory_mib, BerthHostRoom *room)
{
    bool is_started = false;
    switch (plan) {
    case BERTH_PLAN_START:
        is_started = berth_machine_park_make_machine(self, wanted, true);
        break;
    case BERTH_PLAN_MAKE_OFF:
        room->n_free_slots -= berth_machine_park_make_machine(self, wanted, false) ? 1 : 0;
        break;
    case BERTH_PLAN_POWER_ON:
        is_started = berth_machine_park_power_on(self, machine);
        break;
    case BERTH_PLAN_POWER_OFF:
        berth_vm_power_off(machine->vm);
        break;
    case BERTH_PLAN_STOP:
        berth_vm_stop(machine->vm);
        break;
    case BERTH_PLAN_NO_MEMORY:
        note_lack_of_memory(self, wanted, machine);
        break;
    case BERTH_PLAN_NO_DISK:
        if (machine == NULL) {
            berth_machine_park_refuse(
                self, &wanted->spec, BERTH_ERR_NOT_FOUND,
                "the disk of this machine is not on this host, and no other is made");
        }
        break;
    case BERTH_PLAN_STALE:
        berth_log_debug("machines", "an old wish for machine %s is ignored", wanted->spec.name);
        break;
    default:
        break;
    }
    room->n_free_slots -= is_started ? 1 : 0;
    room->free_memory_mib -= is_started ? memory_mib : 0;
}

static void
reconcile_vm(BerthMachinePark *self, const BerthDesiredMachine *wanted, BerthParkMachine *machine,
             BerthHostRoom *room)
{
    BerthWantedFacts wanted_facts;
    BerthRunningFacts running_facts;
    read_facts(self, wanted, machine, &wanted_facts, &running_facts);
    if (machine != NULL && !wanted->is_broken && running_facts.epoch == wanted->spec.epoch) {
        machine->is_frozen = wanted->wish.want == BERTH_WANT_FROZEN;
        berth_vm_update(machine->vm, &wanted->spec);
    }
    BerthPlan plan = berth_machine_plan(&wanted_facts, &running_facts, room);
    if (plan == BERTH_PLAN_NO_MEMORY &&
        berth_machine_park_make_room(self, wanted_facts.memory_mib, &room->free_memory_mib)) {
        plan = berth_machine_plan(&wanted_facts, &running_facts, room);
    }
    carry_out(self, wanted, machine, plan, wanted_facts.memory_mib, room);
}

static void
remove_physical(BerthMachinePark *self, BerthParkMachine *machine)
{
    BerthId id = *id_of(machine);
    BerthPhysicalMachine *physical = g_steal_pointer(&machine->physical);
    g_hash_table_steal(self->machines, &id);
    g_free(machine);
    berth_physical_machine_remove(physical);
    self->config.on_changed(self->config.user_data);
}

static void
reconcile_physical(BerthMachinePark *self, const BerthDesiredMachine *wanted,
                   BerthParkMachine *machine)
{
    const BerthPhysicalWish wish = {
        .id = wanted->spec.id,
        .epoch = wanted->spec.epoch,
        .name = wanted->spec.name,
        .address = wanted->wish.address,
        .cluster = self->cluster,
    };
    if (wanted->wish.want == BERTH_WANT_ABSENT) {
        if (machine != NULL && wish.epoch >= berth_physical_machine_get_epoch(machine->physical)) {
            remove_physical(self, machine);
        }
    } else if (machine != NULL) {
        berth_physical_machine_update(machine->physical, &wish);
    } else {
        g_autofree char *folder = berth_machine_park_folder_of(self, &wish.id);
        add_physical(self, berth_physical_machine_new(self->config.host->poller, folder, &wish,
                                                      &physical_callbacks, self));
        self->config.on_changed(self->config.user_data);
    }
}

static void
reconcile_wanted(BerthMachinePark *self, const BerthDesiredMachine *wanted, BerthHostRoom *room)
{
    BerthParkMachine *machine = g_hash_table_lookup(self->machines, &wanted->spec.id);
    if (wanted->is_broken) {
        if (machine == NULL) {
            berth_machine_park_refuse(self, &wanted->spec, BERTH_ERR_INVALID, wanted->problem);
        }
    } else if (machine != NULL && (machine->physical != NULL) != wanted->wish.is_physical) {
        berth_log_error("machines", "machine %s cannot become one of another kind",
                        wanted->spec.name);
    } else if (wanted->wish.is_physical) {
        reconcile_physical(self, wanted, machine);
    } else {
        reconcile_vm(self, wanted, machine, room);
    }
}

/* A physical machine that is not listed costs nothing; only an explicit wish makes it forgotten. */
static void
reconcile_unlisted(BerthMachinePark *self, const BerthHostRoom *room)
{
    GHashTableIter iter;
    gpointer value;
    BerthWantedFacts wanted_facts;
    BerthRunningFacts running_facts;
    g_hash_table_iter_init(&iter, self->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        BerthParkMachine *machine = value;
        if (machine->vm == NULL ||
            berth_desired_find_machine(self->desired, id_of(machine)) != NULL) {
            continue;
        }
        read_facts(self, NULL, machine, &wanted_facts, &running_facts);
        if (berth_machine_plan(&wanted_facts, &running_facts, room) == BERTH_PLAN_STOP) {
            berth_log_warning("machines", "machine %s is not wanted by the broker any more",
                              berth_vm_get_spec(machine->vm)->name);
            berth_vm_stop(machine->vm);
        }
    }
}

static gboolean
is_gone(gpointer key, gpointer value, gpointer user_data)
{
    const BerthParkMachine *machine = value;
    return machine->vm != NULL && berth_vm_get_state(machine->vm) == BERTH_VM_GONE;
}

/* One machine per pass: a template takes a slot, and the first that lacks one decides which. */
static void
want_listed_template(BerthMachinePark *self, const json_t *item)
{
    BerthVmSpec spec;
    bool is_spare = false;
    GError *error = NULL;
    if (!berth_template_wish_parse(item, &spec, &is_spare, &error)) {
        berth_log_warning("link", "the broker wants a template that cannot be: %s", error->message);
        g_error_free(error);
        return;
    }
    berth_machine_park_want_template(self, &spec, is_spare);
    berth_vm_spec_clear(&spec);
}

/* Those of machines first: somebody waits for them. */
static void
reconcile_templates(BerthMachinePark *self)
{
    size_t i;
    json_t *item;
    berth_ram_templates_begin_pass(self->templates);
    for (guint k = 0; k < self->desired->machines->len; k++) {
        const BerthDesiredMachine *wanted = self->desired->machines->pdata[k];
        if (wanted->spec.use_template && !wanted->is_broken &&
            (wanted->wish.want == BERTH_WANT_RUNNING || wanted->wish.want == BERTH_WANT_FROZEN)) {
            berth_machine_park_want_template(self, &wanted->spec, false);
        }
    }
    json_array_foreach (self->desired->templates, i, item) {
        want_listed_template(self, item);
    }
    berth_ram_templates_end_pass(self->templates, berth_machine_park_count_forks, self);
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
    berth_machine_park_measure_memory(user_data);
    berth_machine_park_reconcile_soon(user_data);
    return G_SOURCE_CONTINUE;
}

static void
on_templates_changed(void *user_data)
{
    BerthMachinePark *self = user_data;
    self->templates_mib = berth_ram_templates_get_mib(self->templates);
    berth_machine_park_reconcile_soon(self);
    self->config.on_changed(self->config.user_data);
}

/* ---- adoption ---- */

static void
adopt_vm(BerthMachinePark *self, BerthVmSpec *spec)
{
    bool has_story = spec->pid != 0 || spec->was_ready || spec->is_off || spec->failure != BERTH_OK;
    if (!has_story) {
        g_clear_pointer(&spec->template_key, g_free);
        berth_machine_park_end_stray_process(self, &spec->id);
    }
    BerthParkMachine *machine = berth_machine_park_add(self, spec, NULL);
    if (has_story || spec->keep) {
        berth_vm_adopt(machine->vm);
    } else {
        berth_vm_create(machine->vm, true);
    }
}

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
    BerthPhysicalMachine *physical =
        berth_physical_machine_adopt(self->config.host->poller, folder, &physical_callbacks, self);
    if (physical != NULL) {
        add_physical(self, physical);
        return;
    }
    if (!berth_vm_spec_load(folder, &spec, &error)) {
        /* Without its spec nothing can be told of it; its process, if any, holds no user. */
        berth_log_error("machines", "machine %s cannot be adopted: %s", name, error->message);
        g_error_free(error);
        return;
    }
    adopt_vm(self, &spec);
    berth_vm_spec_clear(&spec);
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
    self->templates = berth_ram_templates_new(config->host, config->template_folder,
                                              self->config.facts.qemu_version,
                                              config->template_keep_s, on_templates_changed, self);
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
    g_clear_handle_id(&self->wake_source, g_source_remove);
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
        BerthParkMachine *machine = value;
        machine->absent_since_us =
            berth_machine_absence(berth_desired_find_machine(desired, id_of(machine)) != NULL,
                                  machine->absent_since_us, self->wanted_us);
    }
    berth_machine_park_reconcile_soon(self);
}

bool
berth_machine_park_look_up(BerthMachinePark *self, const BerthId *id, BerthMachineFacts *ret)
{
    const BerthParkMachine *machine = g_hash_table_lookup(self->machines, id);
    if (machine == NULL) {
        return false;
    }
    if (machine->physical != NULL) {
        ret->epoch = berth_physical_machine_get_epoch(machine->physical);
        ret->is_ready = berth_physical_machine_is_ready(machine->physical);
        ret->is_usable = !berth_physical_machine_is_leaving(machine->physical);
        return true;
    }
    BerthVmState state = berth_vm_get_state(machine->vm);
    ret->epoch = berth_vm_get_spec(machine->vm)->epoch;
    ret->is_ready = state == BERTH_VM_READY;
    ret->is_usable = state == BERTH_VM_READY || state == BERTH_VM_STARTING;
    return true;
}

BerthVm *
berth_machine_park_get_vm(BerthMachinePark *self, const BerthId *id)
{
    const BerthParkMachine *machine = g_hash_table_lookup(self->machines, id);
    return machine != NULL ? machine->vm : NULL;
}

bool
berth_machine_park_attach_display(BerthMachinePark *self, const BerthId *id, uint64_t epoch,
                                  int *ret_fd, const char **ret_capture, GError **error)
{
    BerthMachineFacts facts;
    const BerthParkMachine *machine = g_hash_table_lookup(self->machines, id);
    if (!berth_machine_park_look_up(self, id, &facts) || facts.epoch != epoch) {
        return berth_set_error(error, BERTH_ERR_NOT_FOUND,
                               "its machine does not run here at epoch %" G_GUINT64_FORMAT, epoch);
    }
    if (machine->physical != NULL) {
        *ret_capture = "rfb";
        return berth_physical_machine_attach(machine->physical, ret_fd, error);
    }
    *ret_capture = berth_vm_get_spec(machine->vm)->has_gpu ? "vhost-gpu" : "qemu-dbus";
    return berth_vm_attach_display(machine->vm, ret_fd, error);
}

int
berth_machine_park_take_guest_port(BerthMachinePark *self, const BerthId *id, uint64_t epoch,
                                   BerthGuestPortKind kind)
{
    BerthMachineFacts facts;
    BerthVm *vm = berth_machine_park_get_vm(self, id);
    if (vm == NULL || !berth_machine_park_look_up(self, id, &facts) || facts.epoch != epoch) {
        return -1;
    }
    return berth_vm_take_guest_port(vm, kind);
}

void
berth_machine_park_give_back_guest_port(BerthMachinePark *self, const BerthId *id,
                                        BerthGuestPortKind kind)
{
    BerthVm *vm = berth_machine_park_get_vm(self, id);
    if (vm != NULL) {
        berth_vm_give_back_guest_port(vm, kind);
    }
}

void
berth_machine_park_sessions_changed(BerthMachinePark *self)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, self->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const BerthParkMachine *machine = value;
        if (machine->physical != NULL) {
            berth_physical_machine_poke(machine->physical);
        }
    }
}

void
berth_machine_park_images_changed(BerthMachinePark *self)
{
    berth_machine_park_reconcile_soon(self);
}

void
berth_machine_park_add_image_files(BerthMachinePark *self, GHashTable *names)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, self->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const BerthVm *vm = ((BerthParkMachine *)value)->vm;
        if (vm == NULL) {
            continue;
        }
        const BerthManifest *manifest = &berth_vm_get_spec(vm)->manifest;
        const char *const files[] = { manifest->disk, manifest->kernel, manifest->initrd };
        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
            if (files[i] != NULL) {
                g_hash_table_add(names, g_strdup(files[i]));
            }
        }
    }
}

void
berth_machine_park_set_safe_mode(BerthMachinePark *self, bool is_safe_mode)
{
    if (self->is_safe_mode != is_safe_mode) {
        berth_log_warning("machines", is_safe_mode
                                          ? "the broker is in safe mode: nothing that it does not "
                                            "list is removed"
                                          : "the broker is not in safe mode any more");
    }
    self->is_safe_mode = is_safe_mode;
}

static json_t *
report_vm(BerthMachinePark *self, const BerthParkMachine *machine)
{
    const BerthVmSpec *spec = berth_vm_get_spec(machine->vm);
    BerthVmState state = berth_vm_get_state(machine->vm);
    const char *condition = berth_vm_get_condition(machine->vm);
    bool is_frozen = state == BERTH_VM_STOPPED && machine->is_frozen &&
                     berth_machine_park_has_template(self, spec);
    if (state == BERTH_VM_STOPPED && machine->lacks_memory) {
        condition = "no-memory";
    }
    json_t *object = berth_inventory_machine(spec, state, is_frozen, condition);
    if (berth_vm_has_ended(machine->vm)) {
        berth_inventory_set_ended(object);
    }
    json_object_set_new(object, "usage", berth_vm_report_usage(machine->vm));
    return object;
}

json_t *
berth_machine_park_report(BerthMachinePark *self)
{
    json_t *array = json_array();
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, self->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const BerthParkMachine *machine = value;
        json_array_append_new(array, machine->physical != NULL
                                         ? berth_physical_machine_report(machine->physical)
                                         : report_vm(self, machine));
    }
    g_hash_table_iter_init(&iter, self->refused);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        json_array_append(array, value);
    }
    return array;
}
