/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RAM templates: an image booted once, stopped when it is ready, and kept as files - its memory,
 * its device state and its disk, all frozen at the same instant.  Forks map the memory
 * copy-on-write and start in well under a second.
 *
 * A template is keyed by everything that must be equal for a saved device state to load: the
 * manifest, its files, the command line, QEMU's version and its very program, and the processor.
 * So a new one of any of them is another template, and the old one is not wanted any more; what
 * nobody wants goes after a while, when no fork stands on it.  A spare one is kept while there is
 * room for it: it is not built, and goes when a machine needs its memory.  One is built at a time.
 * Thread: main.
 */
#pragma once

#include "host-agent/vm/vm.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct BerthRamTemplates BerthRamTemplates;

/*
 * Makes the store; leftovers of a build that did not end are removed.
 *
 * host:        borrowed for life
 * keep_s:      seconds that a template is kept which nobody wants
 * on_changed:  a template became usable, a build ended, or one went
 */
BerthRamTemplates *berth_ram_templates_new(const BerthVmHost *host, const char *folder,
                                           const char *qemu_version, int keep_s,
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

/*
 * A pass over all that is wanted: begin, want each, end.  The first that is missing is built unless
 * one is being built already or it failed not long ago; end drops what is not wanted.
 *
 * is_spare:  unless others want it, too, it is only to be kept
 * n_forks:  how many machines stand on the template of that key
 */
void berth_ram_templates_begin_pass(BerthRamTemplates *self);
void berth_ram_templates_want(BerthRamTemplates *self, const BerthVmSpec *spec, bool is_spare);
void berth_ram_templates_end_pass(BerthRamTemplates *self,
                                  int (*n_forks)(const char *key, void *user_data),
                                  void *user_data);

/* MiB of the templates that nobody needs now, spare or not wanted any more, and that have no fork.
 */
int berth_ram_templates_get_spare_mib(BerthRamTemplates *self,
                                      int (*n_forks)(const char *key, void *user_data),
                                      void *user_data);

/* Drops those. */
void berth_ram_templates_drop_spare(BerthRamTemplates *self,
                                    int (*n_forks)(const char *key, void *user_data),
                                    void *user_data);

/*
 * Whether such a machine should wait for the template that is being built for it: that is over
 * sooner than a cold boot beside it would be.  Not for ever: a guest may never say that it is
 * ready.
 */
bool berth_ram_templates_is_worth_waiting(const BerthRamTemplates *self, const BerthVmSpec *spec);

/* Whether a build is under way: it takes one of the host's start slots. */
bool berth_ram_templates_is_building(const BerthRamTemplates *self);

/* MiB of memory that all templates take, each counted once. */
int berth_ram_templates_get_mib(BerthRamTemplates *self);

/* What is wanted and how far it is, for the inventory; a new reference. */
json_t *berth_ram_templates_report(BerthRamTemplates *self,
                                   int (*n_forks)(const char *key, void *user_data),
                                   void *user_data);
