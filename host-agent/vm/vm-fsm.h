/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of one VM as a const table.  The owner (vm.c) carries the actions out.
 *
 * Every state that waits has a deadline in vm.c: CREATING the timeout of qemu-img, STARTING the
 * monitor and readiness deadlines, STOPPING and RETREATING the kill delay, POWERING_OFF the host's
 * limit.
 */
#pragma once

#include "base/fsm.h"

typedef enum {
    BERTH_VM_NEW,
    BERTH_VM_CREATING,     /* the overlay is being made */
    BERTH_VM_STARTING,     /* the process runs, the guest is not ready */
    BERTH_VM_READY,        /* a user can be given to it */
    BERTH_VM_POWERING_OFF, /* the guest shuts down, the disk stays */
    BERTH_VM_STOPPED,      /* a disk without a process */
    BERTH_VM_RETREATING,   /* a fork failed and is being killed: a cold boot follows */
    BERTH_VM_STOPPING,     /* is being killed for good */
    BERTH_VM_FAILED,       /* stays as a tombstone until it is stopped */
    BERTH_VM_GONE,         /* nothing of it is left */
    BERTH_VM_N_STATES,
} BerthVmState;

typedef enum {
    BERTH_VM_EVENT_CREATE,
    BERTH_VM_EVENT_ADOPT,
    BERTH_VM_EVENT_OVERLAY_MADE,
    BERTH_VM_EVENT_READY,
    BERTH_VM_EVENT_FORK_FAILED,
    BERTH_VM_EVENT_FAILED, /* the reason is recorded in the spec */
    BERTH_VM_EVENT_EXITED, /* no process is left */
    BERTH_VM_EVENT_STOP,
    BERTH_VM_EVENT_REST,      /* there is no process, and none is wanted now */
    BERTH_VM_EVENT_POWER_OFF, /* the guest is to shut down */
    BERTH_VM_EVENT_POWER_ON,  /* from its own disk */
    BERTH_VM_N_EVENTS,
} BerthVmEvent;

typedef enum {
    BERTH_VM_DO_NOTHING,
    BERTH_VM_DO_MAKE_OVERLAY,
    BERTH_VM_DO_SPAWN,
    BERTH_VM_DO_CONNECT,
    BERTH_VM_DO_REPORT,
    BERTH_VM_DO_FAIL,      /* kill what is left at once, keep the tombstone */
    BERTH_VM_DO_KILL,      /* ask QEMU to quit, then kill it */
    BERTH_VM_DO_POWER_OFF, /* ask the guest, then QEMU, then kill it */
    BERTH_VM_DO_REST,      /* write down that it is off, and report */
    BERTH_VM_DO_REMOVE,    /* remove the folder and report */
} BerthVmAction;

extern const BerthFsmTable berth_vm_fsm;
