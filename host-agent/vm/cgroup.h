/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A control group for each VM: what it may use, and one place to kill it whole.
 *
 * Version 2 where the host has it with its controllers, else version 1, where the same limits have
 * other files; below /sys/fs/cgroup if that can be written, else below the agent's own group if
 * that was delegated to it.  What cannot be enforced is named, never passed over.  Thread: main.
 */
#pragma once

#include "host-agent/vm/vm-resources.h"

#include <stdbool.h>
#include <sys/types.h>

typedef struct BerthCgroups BerthCgroups;

typedef enum {
    BERTH_CGROUP_NONE, /* VMs have their own session and process group, and no limits */
    BERTH_CGROUP_V1,
    BERTH_CGROUP_V2,
} BerthCgroupKind;

/* Groups that one process has to enter at most: one a controller. */
#define BERTH_CGROUP_MAX_FDS 4

/*
 * Finds out what this host has, and removes groups of this agent's machines that are empty.
 *
 * root:       "/sys/fs/cgroup" but for tests
 * state_dir:  the agent's; its path tells this agent's groups from another's on the same machine,
 *             and its file system's device is the one that I/O limits are for
 */
BerthCgroups *berth_cgroups_new(const char *root, const char *state_dir);

/* NULL is allowed; the groups of machines stay. */
void berth_cgroups_free(BerthCgroups *self);

BerthCgroupKind berth_cgroups_get_kind(const BerthCgroups *self);

/* As the control link spells it: "none", "v1" or "v2". */
const char *berth_cgroup_kind_name(BerthCgroupKind kind);

/*
 * Makes the group of a VM if it is not there and sets its limits.
 *
 * guest_memory_mib:  where the resources name no limit, QEMU has this and what it needs itself
 *
 * Returns the names of those limits that are wanted and cannot be enforced, for g_free(), or NULL.
 */
char *berth_cgroups_apply(BerthCgroups *self, const char *name, const BerthVmResources *resources,
                          int guest_memory_mib);

/*
 * Whether the VM has to wait wherever another one wants a processor; else its resources say what
 * its share is.  No failure: without control groups all are equal.
 */
void berth_cgroups_yield(BerthCgroups *self, const char *name, const BerthVmResources *resources,
                         bool yields);

/*
 * Opens what a child has to write "0" to in order to enter the group before it runs.
 *
 * Returns the number of descriptors, for berth_cgroups_close(); 0 without control groups.
 */
int berth_cgroups_open(BerthCgroups *self, const char *name, int ret_fds[BERTH_CGROUP_MAX_FDS]);

/* Closes what berth_cgroups_open() gave. */
void berth_cgroups_close(int *fds, int n_fds);

/* Whether there is a hierarchy of version 2, with or without controllers. */
bool berth_cgroups_has_fence(const BerthCgroups *self);

/*
 * Makes the VM's group of version 2, by which the packet filter knows its connections; that may be
 * there without controllers beside version 1.
 *
 * ret_level: how many names the path has
 *
 * Returns its path below /sys/fs/cgroup without a slash in front, for g_free(); NULL: there is
 * none.
 */
char *berth_cgroups_dup_fence(BerthCgroups *self, const char *name, int *ret_level);

/* Kills what is left in the VM's group and removes it; nothing happens if there is none. */
void berth_cgroups_remove(BerthCgroups *self, const char *name);
