/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The QEMU command line: the only place that knows it.  Pure: a plan in, an argv out.
 *
 * No value ever passes a shell, and a comma in a path is doubled as QEMU's option parser wants it.
 * Devices keep their order and addresses between a template and its forks, or a saved device state
 * would not load; the card of the network sits on a root port of its own, because a template gets
 * it after its boot, and forks of a guest that runs no scripts when they run.
 */
#pragma once

#include "host-agent/vm/vm-spec.h"

#include <glib.h>
#include <stdbool.h>

typedef enum {
    BERTH_MEMORY_PLAIN,    /* anonymous memory: a cold boot */
    BERTH_MEMORY_TEMPLATE, /* shared mapping of ram_path: becomes the template */
    BERTH_MEMORY_FORK,     /* private copy-on-write mapping of ram_path; waits for device state */
} BerthMemoryKind;

typedef struct {
    const BerthVmSpec *spec;
    const char *qemu_program;
    const char *vm_folder;    /* where its sockets go; absolute */
    const char *image_folder; /* where kernel and initrd lie */
    const char *disk_path;    /* the overlay; NULL: no disk */
    BerthMemoryKind memory;
    const char *ram_path; /* NULL for BERTH_MEMORY_PLAIN */
    /* A berth-gpu is the card, on descriptor BERTH_QEMU_GPU_FD; with BERTH_MEMORY_PLAIN only. */
    bool has_gpu;
    bool has_card;              /* of the network, from the start */
    bool has_tap;               /* its cable is BERTH_QEMU_TAP_FD; else QEMU's own network */
    bool is_network_restricted; /* which reaches nothing then */
} BerthQemuPlan;

/* Names inside the VM's folder. */
#define BERTH_QMP_SOCKET "qmp.sock"
#define BERTH_GUEST_AGENT_SOCKET "guest-agent.sock"
#define BERTH_VDAGENT_SOCKET "vdagent.sock"
#define BERTH_OWN_AGENT_SOCKET "berth-agent.sock"

#define BERTH_QEMU_GPU_FD 3
#define BERTH_QEMU_TAP_FD 4
/* The listening socket BERTH_QMP_SOCKET. */
#define BERTH_QEMU_MONITOR_FD 5

/* Ids inside QEMU that other code speaks of over QMP. */
#define BERTH_QEMU_NIC_BUS "rp-nic"
#define BERTH_QEMU_NETDEV_ID "net0"
#define BERTH_QEMU_NIC_ID "nic0"
#define BERTH_QEMU_USER_DISK_BUS "rp-spare1" /* a root port that is free in templates and forks */

/*
 * Builds the command line as a new vector for g_strfreev().
 *
 * Errors: BERTH_ERR_INVALID if a string has control characters, a path is not absolute or a socket
 * path is too long for the kernel; NULL then.
 */
char **berth_qemu_argv_build(const BerthQemuPlan *plan, GError **error);

/* The word of QEMU's command line that names a machine, for g_free(). */
char *berth_qemu_dup_name(const BerthId *id);

/* The MAC address as text for QEMU; free with g_free(). */
char *berth_qemu_mac_text(const uint8_t mac[BERTH_MAC_BYTES]);
