/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All machines of this host: finds those of an earlier agent, and drives what runs towards what the
 * broker wants by the plans of machine-plan.h.  Thread: main.
 */
#pragma once

#include "host-agent/desired.h"
#include "host-agent/vm/host-probe.h"
#include "host-agent/vm/ram-templates.h"
#include "host-agent/vm/vm.h"

#include <jansson.h>

typedef struct BerthMachinePark BerthMachinePark;

typedef struct {
    const BerthVmHost *host; /* borrowed */
    const char *folder;      /* of all machines */
    const char *template_folder;
    BerthHostFacts facts;
    int memory_limit_mib;
    int start_slots;
    /* Something of a machine changed (also: one is gone).  Called from the loop. */
    void (*on_changed)(void *user_data);
    void *user_data;
} BerthMachineParkConfig;

/* Makes the park and adopts what an earlier agent left.  config: copied. */
BerthMachinePark *berth_machine_park_new(const BerthMachineParkConfig *config);

/* Lets go of all machines, which go on running.  NULL is allowed. */
void berth_machine_park_free(BerthMachinePark *self);

/*
 * Takes what the broker of a cluster wants and begins to work on it.
 *
 * desired:  borrowed until the next call; NULL is allowed: nothing is wanted yet
 * cluster:  id as text, copied
 */
void berth_machine_park_want(BerthMachinePark *self, const BerthDesired *desired,
                             const char *cluster);

/* The machine of that id if it is here, else NULL; borrowed. */
BerthVm *berth_machine_park_find(BerthMachinePark *self, const BerthId *id);

/* Array of all machines for the inventory; a new reference. */
json_t *berth_machine_park_report(BerthMachinePark *self);
