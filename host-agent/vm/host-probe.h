/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds out once, at agent start, what QEMU on this host can do: its version, the newest machine
 * type that we pin, and whether KVM really runs a guest.
 *
 * /dev/kvm existing proves nothing (nested hosts, broken modules, missing rights), so a boot sector
 * of five bytes is run with KVM; it must reach its last instruction.  Thread: main.
 */
#pragma once

#include "base/poller.h"
#include "host-agent/vm/vm-spec.h"

#include <glib.h>
#include <stdbool.h>

typedef enum {
    BERTH_ACCEL_POLICY_AUTO, /* KVM if it works, else TCG with a loud note */
    BERTH_ACCEL_POLICY_KVM,  /* KVM or an error */
    BERTH_ACCEL_POLICY_TCG,
} BerthAccelPolicy;

typedef struct {
    char qemu_version[32];
    char machine_type[32];
    BerthAccel accel;
} BerthHostFacts;

typedef struct BerthHostProbe BerthHostProbe;

/* facts is NULL on error, and error tells why; both are borrowed. */
typedef void (*BerthHostProbeDone)(const BerthHostFacts *facts, const GError *error,
                                   void *user_data);

/*
 * Starts probing; done is called once from the loop.
 *
 * work_folder:  where the boot sector may be written
 */
BerthHostProbe *berth_host_probe_new(BerthPoller *poller, const char *qemu_program,
                                     const char *work_folder, BerthAccelPolicy policy,
                                     BerthHostProbeDone done, void *user_data);

/* Stops and frees; NULL is allowed.  Not inside done. */
void berth_host_probe_free(BerthHostProbe *self);

/* Reads "QEMU emulator version 7.2.22 (...)".  Pure.  Errors: BERTH_ERR_PROTOCOL. */
int berth_host_probe_read_version(const char *output, char *ret, size_t cap);

/* Chooses the newest pc-q35-X.Y of `-machine help` that we know.  Pure.  BERTH_ERR_UNSUPPORTED. */
int berth_host_probe_choose_machine(const char *output, char *ret, size_t cap);

/*
 * The processor's name and what it can do, from /proc/cpuinfo; for g_free().  A saved state of a
 * virtual machine is only loaded where this is the same.
 */
char *berth_processor_dup_model(void);
