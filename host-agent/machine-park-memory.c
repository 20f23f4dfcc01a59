/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/machine-park-private.h"

#include "host-agent/host-usage.h"
#include "host-agent/memory-plan.h"

#include <string.h>

bool
berth_machine_park_is_starting(const BerthVm *vm)
{
    BerthVmState state = berth_vm_get_state(vm);
    return state == BERTH_VM_CREATING || state == BERTH_VM_STARTING || state == BERTH_VM_RETREATING;
}

void
berth_machine_park_measure_memory(BerthMachinePark *self)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, self->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        BerthParkMachine *machine = value;
        pid_t pid = machine->vm != NULL ? berth_vm_get_spec(machine->vm)->pid : 0;
        machine->private_mib = pid != 0 ? berth_process_get_private_mib(pid) : 0;
    }
    self->templates_mib = berth_ram_templates_get_mib(self->templates);
}

static void
read_facts(BerthMachinePark *self, BerthMemoryFacts *ret)
{
    GHashTableIter iter;
    gpointer value;
    *ret = (BerthMemoryFacts){
        .limit_mib = self->config.memory_limit_mib,
        .overcommit_pct = self->config.memory_overcommit_pct,
        .templates_mib = self->templates_mib,
    };
    g_hash_table_iter_init(&iter, self->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const BerthParkMachine *machine = value;
        if (machine->vm == NULL) {
            continue;
        }
        const BerthVmSpec *spec = berth_vm_get_spec(machine->vm);
        bool has_memory = spec->pid != 0 || berth_machine_park_is_starting(machine->vm);
        ret->promised_mib += has_memory ? spec->memory_mib : 0;
        ret->private_mib += has_memory ? machine->private_mib : 0;
    }
}

int
berth_machine_park_get_free_mib(BerthMachinePark *self)
{
    BerthMemoryFacts facts;
    read_facts(self, &facts);
    return berth_memory_plan_free_mib(&facts);
}

bool
berth_machine_park_make_room(BerthMachinePark *self, int memory_mib, int *ret_free_mib)
{
    int spare_mib =
        berth_ram_templates_get_spare_mib(self->templates, berth_machine_park_count_forks, self);
    int free_mib = berth_machine_park_get_free_mib(self);
    if (!berth_memory_plan_must_give_way(free_mib, memory_mib, spare_mib)) {
        return false;
    }
    berth_ram_templates_drop_spare(self->templates, berth_machine_park_count_forks, self);
    self->templates_mib = berth_ram_templates_get_mib(self->templates);
    *ret_free_mib = berth_machine_park_get_free_mib(self);
    self->config.on_changed(self->config.user_data);
    return true;
}

int
berth_machine_park_count_forks(const char *key, void *user_data)
{
    BerthMachinePark *self = user_data;
    GHashTableIter iter;
    gpointer value;
    int n = 0;
    g_hash_table_iter_init(&iter, self->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const BerthVm *vm = ((const BerthParkMachine *)value)->vm;
        n += vm != NULL && g_strcmp0(berth_vm_get_spec(vm)->template_key, key) == 0;
    }
    return n;
}

json_t *
berth_machine_park_report_templates(BerthMachinePark *self)
{
    return berth_ram_templates_report(self->templates, berth_machine_park_count_forks, self);
}

json_t *
berth_machine_park_report_memory(BerthMachinePark *self)
{
    BerthMemoryFacts facts;
    read_facts(self, &facts);
    return json_pack("{s:i,s:i,s:i,s:i}", "templates_mib", facts.templates_mib, "private_mib",
                     facts.private_mib, "committed_mib", berth_memory_plan_committed_mib(&facts),
                     "limit_mib", facts.limit_mib);
}
