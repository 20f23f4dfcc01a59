/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the machine park share: machine-park.c what is wanted and what runs,
 * machine-park-start.c how machines come to be.  Nobody else includes this.  Thread: main.
 */
#pragma once

#include "host-agent/machine-park.h"
#include "host-agent/physical-machine.h"

/* One of the two is there. */
typedef struct {
    BerthVm *vm;
    BerthPhysicalMachine *physical;
    int64_t absent_since_us;
    int64_t started_us; /* when it was last started again; 0: never */
    int64_t ended_us;   /* when its QEMU was seen to have ended by itself; 0: it has not */
    int n_quick_ends;
    bool lacks_memory; /* it is stopped because the host's memory is given away */
    bool is_frozen;    /* the broker wants it ready to be forked */
    int private_mib;   /* of memory that its process alone uses, when that was measured last */
} BerthParkMachine;

struct BerthMachinePark {
    BerthMachineParkConfig config;
    BerthRamTemplates *templates;
    int templates_mib;    /* measured last */
    GHashTable *machines; /* BerthId * (of the VM's spec) -> BerthParkMachine * */
    GHashTable *refused;  /* BerthId * (copy) -> json_t *: wanted, but cannot be made */
    const BerthDesired *desired;
    int64_t wanted_us; /* when desired came, monotonic */
    bool is_safe_mode;
    char *cluster;
    guint reconcile_source;
    guint interval_source;
    guint wake_source;
};

/* ---- machine-park.c ---- */

/* Looks at everything once the loop has time for it. */
void berth_machine_park_reconcile_soon(BerthMachinePark *self);

/* The folder of a machine, for g_free(). */
char *berth_machine_park_folder_of(const BerthMachinePark *self, const BerthId *id);

/* A new VM among the machines; borrowed. */
BerthParkMachine *berth_machine_park_add(BerthMachinePark *self, const BerthVmSpec *spec,
                                         const BerthVmBoot *boot);

/* ---- machine-park-memory.c ---- */

/* Reads what the processes use, for free_mib and the report; not too often, it costs milliseconds.
 */
void berth_machine_park_measure_memory(BerthMachinePark *self);

/* MiB that may be promised to one more machine. */
int berth_machine_park_get_free_mib(BerthMachinePark *self);

/*
 * Lets spare templates go if that makes room for a machine of so many MiB.
 *
 * Returns whether it did; ret_free_mib is what may be promised then.
 */
bool berth_machine_park_make_room(BerthMachinePark *self, int memory_mib, int *ret_free_mib);

/* How many machines stand on a template; a callback of BerthRamTemplates, self is the park. */
int berth_machine_park_count_forks(const char *key, void *user_data);

/* Whether a machine is on its way to be ready. */
bool berth_machine_park_is_starting(const BerthVm *vm);

/* ---- machine-park-start.c ---- */

/* Ends the process of a machine of which nobody has written down that it runs. */
void berth_machine_park_end_stray_process(const BerthMachinePark *self, const BerthId *id);

/* Reports a machine that is wanted and cannot be made. */
void berth_machine_park_refuse(BerthMachinePark *self, const BerthVmSpec *spec, int code,
                               const char *detail);

/*
 * MiB that a machine will have: of one that is here, as it was made; of another, as wanted, or as
 * its version says.  0 if that is not here yet, and then it is not made either.
 */
int berth_machine_park_memory_of(BerthMachinePark *self, const BerthVmSpec *wanted,
                                 const BerthParkMachine *machine);

/* Makes the machine; false if it is left to a later pass: its version or its template comes. */
bool berth_machine_park_make_machine(BerthMachinePark *self, const BerthDesiredMachine *wanted,
                                     bool is_started);

/* Starts what is stopped; false if it is left to a later pass. */
bool berth_machine_park_power_on(BerthMachinePark *self, BerthParkMachine *machine);

/*
 * Wants the template that such a machine would be forked from: it is built unless it is there; a
 * spare one is only kept.
 */
void berth_machine_park_want_template(BerthMachinePark *self, const BerthVmSpec *wanted,
                                      bool is_spare);

/* Whether there is a template for such a machine. */
bool berth_machine_park_has_template(BerthMachinePark *self, const BerthVmSpec *spec);
