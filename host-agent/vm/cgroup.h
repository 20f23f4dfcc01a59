/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A cgroup (version 2) for each VM where the host lets us make one: bounds its memory and makes
 * killing complete.  Without it the VM's own session and process group do.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * Puts a process into berth/<name> and bounds it to the guest's memory plus what QEMU needs.
 * Returns false if this host has no usable cgroup hierarchy, which is no error.
 */
bool berth_cgroup_enter(const char *name, pid_t pid, int guest_memory_mib);

/* Kills what is left in the VM's cgroup and removes it; nothing happens if there is none. */
void berth_cgroup_remove(const char *name);
