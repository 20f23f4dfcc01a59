/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The berth-gpu beside one machine's QEMU: starts it, and reaches it for a session.
 *
 * It ends with QEMU and outlives the agent, as its socket in the machine's folder does.
 * Thread: main.
 */
#pragma once

#include "base/poller.h"
#include "host-agent/vm/cgroup.h"

#include <glib.h>

/*
 * Starts it in the machine's cgroup; what is left of it is cleaned up by itself when it has ended.
 *
 * folder, hex_id: of the machine; borrowed
 * cgroups:        where the machine has its group already; NULL: none
 *
 * Returns the descriptor for QEMU, or -1 if it does not start; that is logged.
 */
int berth_gpu_process_start(BerthPoller *poller, const char *program, const char *folder,
                            const char *hex_id, BerthCgroups *cgroups);

/*
 * Makes the descriptor of the capture source "vhost-gpu" of that of the D-Bus display.
 *
 * folder: of the machine
 * fd:     taken and replaced; -1 after an error
 *
 * Errors: also in error; BERTH_ERR_CLOSED if the card has ended, which no session can mend.
 */
int berth_gpu_process_join(const char *folder, int *fd, GError **error);
