/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A user disk in one running machine: opened in the store, plugged into a free root port, formatted
 * if it is new, mounted by the guest's agent; and all the way back.
 *
 * Each step looks at what is there first, so that an agent that was killed in the middle takes it
 * up.  Replies of the monitor come to this object: free it only after the monitor was dropped or
 * after on_gone.  Thread: main.
 */
#pragma once

#include "host-agent/disks/disk-store.h"
#include "host-agent/vm/guest-agent.h"
#include "host-agent/vm/qmp.h"

typedef struct BerthVmDisk BerthVmDisk;

typedef struct {
    BerthDiskStore *store;
    BerthId machine;
    const char *hex_id;                             /* of the machine, for the log; borrowed */
    BerthQmp *(*get_qmp)(void *user_data);          /* NULL while there is none */
    BerthGuestAgent *(*get_agent)(void *user_data); /* likewise */
    /* After berth_vm_disk_unplug(): QEMU has it no more.  May free the object. */
    void (*on_gone)(void *user_data);
    /* After berth_vm_disk_leave(): the machine may be ended. */
    void (*on_left)(void *user_data);
    void *user_data;
} BerthVmDiskConfig;

/*
 * New disk of a machine that has none.
 *
 * config:      copied
 * is_running:  the machine was running when the agent started, and may have the disk already
 */
BerthVmDisk *berth_vm_disk_new(const BerthVmDiskConfig *config, const BerthMachineDisk *disk,
                               bool is_running);

/* Which; borrowed. */
const BerthMachineDisk *berth_vm_disk_get(const BerthVmDisk *self);

/* The machine is ready and its monitor there: attaches, or goes on with it. */
void berth_vm_disk_start(BerthVmDisk *self);

/* Takes it out of the living machine; on_gone follows, as late as the guest lets go. */
void berth_vm_disk_unplug(BerthVmDisk *self);

/*
 * Has the guest write everything back before its machine is ended; on_left follows after a few
 * seconds at most.  False if there is nothing to wait for.
 */
bool berth_vm_disk_leave(BerthVmDisk *self);

/*
 * Makes or drops a point of the disk in use, with the guest's file system frozen for that moment if
 * the guest can; done follows.  False if the guest does not have the disk, or is at a point.
 *
 * act:  BERTH_DISK_POINT_KEEP or _DROP
 */
bool berth_vm_disk_point(BerthVmDisk *self, BerthDiskPointAct act, const char *point,
                         BerthDiskDone done, void *user_data);

/* Whoever asked for a point does not want to hear of it any more. */
void berth_vm_disk_forget_point(BerthVmDisk *self);

/* An event of the monitor; data may be NULL. */
void berth_vm_disk_event(BerthVmDisk *self, const char *name, const json_t *data);

/* The process is gone: gives the disk back to the store, and frees.  NULL is allowed. */
void berth_vm_disk_end(BerthVmDisk *self);

/* Lets go; the machine keeps its disk.  NULL is allowed. */
void berth_vm_disk_free(BerthVmDisk *self);
