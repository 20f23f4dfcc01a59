/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A desired state as a broker may send it: whatever is accepted gives a command line that names
 * nothing outside the image folder, and a spec that survives its own file.
 */
#include "base/id.h"
#include "host-agent/desired.h"
#include "host-agent/json-fields.h"
#include "host-agent/vm/qemu-argv.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_command_line(const BerthVmSpec *spec)
{
    BerthQemuPlan plan = {
        .spec = spec,
        .qemu_program = "qemu",
        .vm_folder = "/vm",
        .image_folder = "/images",
        .disk_path = "/vm/disk",
        .memory = BERTH_MEMORY_FORK,
        .ram_path = "/vm/ram",
    };
    char **argv = berth_qemu_argv_build(&plan, NULL);
    for (int i = 0; argv != NULL && argv[i] != NULL; i++) {
        if (strcmp(argv[i], "-kernel") == 0) {
            g_assert(g_str_has_prefix(argv[i + 1], "/images/"));
            g_assert(strchr(argv[i + 1] + strlen("/images/"), '/') == NULL);
        }
    }
    g_strfreev(argv);
}

static void
check_machine(const BerthDesiredMachine *machine)
{
    BerthVmSpec spec, again;
    if (machine->is_broken) {
        g_assert(machine->problem != NULL);
        return;
    }
    if (machine->wish.is_physical) {
        g_assert(machine->wish.address != NULL);
        return;
    }
    if (!berth_id_is_zero(&machine->spec.version)) {
        return; /* is no machine before the image store gives it a manifest */
    }
    berth_vm_spec_copy(&machine->spec, &spec);
    berth_vm_spec_choose_identity(&spec);
    spec.machine_type = g_strdup("pc-q35-7.2");
    spec.cluster = g_strdup("");
    check_command_line(&spec);
    json_t *object = berth_vm_spec_to_json(&spec);
    g_assert(berth_vm_spec_from_json(object, &again, NULL));
    json_decref(object);
    berth_vm_spec_clear(&spec);
    berth_vm_spec_clear(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *message = berth_json_parse_object((const char *)data, size, "message", NULL);
    BerthDesired *desired = message != NULL ? berth_desired_parse(message, NULL) : NULL;
    json_decref(message);
    if (desired == NULL) {
        return 0;
    }
    for (guint i = 0; i < desired->machines->len; i++) {
        check_machine(desired->machines->pdata[i]);
    }
    berth_desired_free(desired);
    return 0;
}
