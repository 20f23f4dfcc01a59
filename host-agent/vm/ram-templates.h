/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RAM templates: an image booted once, stopped when it is ready, and kept as three files - its
 * memory, its device state and its disk, all frozen at the same instant.  Forks map the memory
 * copy-on-write and start in well under a second.
 *
 * A template is keyed by everything that must be equal for a saved device state to load: the
 * manifest, its files, the command line and QEMU's version.  It lies in <folder>/<key>/ and is
 * complete or not there at all.  One is built at a time.  Thread: main.
 */
#pragma once

#include "host-agent/vm/vm.h"

#include <stdbool.h>

typedef struct BerthRamTemplates BerthRamTemplates;

/*
 * Makes the store; leftovers of a build that did not end are removed.
 *
 * host, qemu_version, machine type and cluster in specs: borrowed for life
 * on_changed:  a template became usable, or a build ended
 */
BerthRamTemplates *berth_ram_templates_new(const BerthVmHost *host, const char *folder,
                                           const char *qemu_version,
                                           void (*on_changed)(void *user_data), void *user_data);

/* Ends a build that is under way and frees; NULL is allowed. */
void berth_ram_templates_free(BerthRamTemplates *self);

/*
 * Finds the template for a machine.
 *
 * ret_boot:  how to fork it; clear with berth_vm_boot_clear()
 * ret_key:   for g_free()
 *
 * Returns false if there is none (yet); nothing is set then.
 */
bool berth_ram_templates_find(BerthRamTemplates *self, const BerthVmSpec *spec,
                              BerthVmBoot *ret_boot, char **ret_key);

/* Begins to build the template for such a machine unless it is there, being built, or hopeless. */
void berth_ram_templates_ensure(BerthRamTemplates *self, const BerthVmSpec *spec);

/*
 * Whether such a machine should wait for the template that is being built for it: that is over
 * sooner than a cold boot beside it would be.  Not for ever: a guest may never say that it is
 * ready.
 */
bool berth_ram_templates_is_worth_waiting(const BerthRamTemplates *self, const BerthVmSpec *spec);

/* Whether a build is under way: it takes one of the host's start slots. */
bool berth_ram_templates_is_building(const BerthRamTemplates *self);
