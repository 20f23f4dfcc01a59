/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One virtual machine on this host, from its overlay to its end.
 *
 * The QEMU process and the files outlive this object: freeing it only lets go, stopping it ends
 * the machine.  States and transitions are the table of vm-fsm.h.  Thread: main.
 */
#pragma once

#include "base/poller.h"
#include "host-agent/disks/disk-store.h"
#include "host-agent/guest-port-kind.h"
#include "host-agent/vm/cgroup.h"
#include "host-agent/vm/fork-gate.h"
#include "host-agent/vm/guest-agent.h"
#include "host-agent/vm/image-check.h"
#include "host-agent/vm/networks.h"
#include "host-agent/vm/qemu-argv.h"
#include "host-agent/vm/qmp.h"
#include "host-agent/vm/vm-fsm.h"
#include "host-agent/vm/vm-spec.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BerthVm BerthVm;

/* What all VMs of this host share; borrowed by every VM. */
typedef struct {
    BerthPoller *poller;
    const char *qemu_program;
    const char *qemu_img_program;
    const char *image_sandbox_program; /* in which disks of guests are read */
    const char *gpu_program;
    const char *image_folder;
    const char *store_folder; /* files of versions; NULL: this host has no image store */
    BerthImageCheck *images;  /* NULL: images are taken as they are */
    BerthNetworks *networks;  /* NULL: no guest has a network */
    BerthCgroups *cgroups;    /* NULL: nothing is limited */
    BerthDiskStore *disks;    /* NULL: no user disks */
    BerthForkGate *forks;
    int ready_deadline_ms; /* a guest that is not ready by then is used as it is */
    int power_off_ms;      /* a guest that has not shut down by then is cut off */
} BerthVmHost;

/* Where the memory and the disk of a VM come from; all zero is a cold boot of the golden image. */
typedef struct {
    BerthMemoryKind memory;
    char *ram_path;       /* memory file of the template */
    char *state_path;     /* device state of the template, for forks */
    char *backing_path;   /* disk below the overlay; NULL: the golden image */
    char *overlay_path;   /* empty, on "base.qcow2", to be copied; NULL: qemu-img makes one */
    bool has_shell;       /* the guest's agent runs scripts */
    bool dies_with_agent; /* a machine that is of no use to a restarted agent */
} BerthVmBoot;

/* The folder in which the files of a machine's image lie; borrowed. */
const char *berth_vm_host_get_image_folder(const BerthVmHost *self, const BerthVmSpec *spec);

typedef struct {
    /* State, condition or failure changed.  The VM must not be freed inside. */
    void (*on_changed)(BerthVm *vm, void *user_data);
} BerthVmCallbacks;

/*
 * Makes a VM that has nothing yet.
 *
 * host:    borrowed
 * folder:  its private folder, copied; made and removed by the VM
 * spec:    copied
 * boot:    copied; NULL is a cold boot
 */
BerthVm *berth_vm_new(const BerthVmHost *host, const char *folder, const BerthVmSpec *spec,
                      const BerthVmBoot *boot, const BerthVmCallbacks *callbacks, void *user_data);

/* Lets go of the machine, which goes on running.  NULL is allowed. */
void berth_vm_free(BerthVm *self);

/* Makes the overlay, and starts the machine if that is wanted; else it is stopped. */
void berth_vm_create(BerthVm *self, bool is_started);

/*
 * Takes over the machine that the spec tells of: connects to its process, or fails with
 * BERTH_ERR_DESKTOP_GONE if that is no more.  One that is kept is stopped then.
 */
void berth_vm_adopt(BerthVm *self);

/*
 * Shuts the guest down: asks its agent and presses the button; after the host's limit the power is
 * cut.  BERTH_VM_STOPPED follows; the disk stays.
 */
void berth_vm_power_off(BerthVm *self);

/*
 * Starts a stopped machine: from its own disk, or, if that was never used, as boot says.
 *
 * boot:          copied; NULL is a cold boot
 * template_key:  of boot; copied
 */
void berth_vm_power_on(BerthVm *self, const BerthVmBoot *boot, const char *template_key);

/*
 * While held off, the machine's owner switches it off and keeps it so, whatever is wanted of it:
 * its disk is being worked on.  Known to this object only.
 */
void berth_vm_hold_off(BerthVm *self, bool is_held);
bool berth_vm_is_held_off(const BerthVm *self);

/*
 * Makes another file the disk of a machine that is switched off.
 *
 * path:     overlay in the machine's folder, synced; gone afterwards, on success
 * is_own:   it is the machine's disk of an earlier day; else its guest becomes one of its own at
 *           the next boot
 * image:    that it stands on; copied.  NULL: the machine's own
 * version:  of the image; zero: an image without versions
 *
 * What the machine is beside its disk (name, MAC address, UUID) stays.  Errors: BERTH_ERR_STATE
 * unless it is stopped, the code of the errno.
 */
bool berth_vm_swap_disk(BerthVm *self, const char *path, bool is_own, const BerthManifest *image,
                        const BerthId *version, GError **error);

/* Whether its power was cut when it was switched off last: its file systems were not unmounted. */
bool berth_vm_was_cut_off(const BerthVm *self);

/* Takes what may change in a living machine from a newer wish: keep, resources and network. */
void berth_vm_update(BerthVm *self, const BerthVmSpec *wanted);

/* Ends the machine and removes its files; BERTH_VM_GONE follows. */
void berth_vm_stop(BerthVm *self);

/*
 * Makes a new D-Bus display peer, which takes the place of the one before.
 *
 * ret_fd:  our end, owned by the caller, as the capture source "vhost-gpu" wants it if the machine
 *          has a berth-gpu, and else as "qemu-dbus" does; set on success only
 *
 * Errors: BERTH_ERR_STATE unless the VM is ready, BERTH_ERR_IO.
 */
bool berth_vm_attach_display(BerthVm *self, int *ret_fd, GError **error);

/*
 * A port of the guest's agents for clipboard and files: our end, owned by the caller; -1 if it is
 * not there now.  It is to be given back once it is closed.
 */
int berth_vm_take_guest_port(BerthVm *self, BerthGuestPortKind kind);
void berth_vm_give_back_guest_port(BerthVm *self, BerthGuestPortKind kind);

BerthVmState berth_vm_get_state(const BerthVm *self);

/*
 * "", or what is wrong: "disk-full" while it is paused for want of space, "network-off" if the host
 * cannot connect it as its pool wants, "limits-off" if it cannot enforce what was asked for,
 * "no-agent", "no-identity" for one whose guest agent runs no scripts, so that it is still like its
 * template or its image; borrowed.
 */
const char *berth_vm_get_condition(const BerthVm *self);

/* Whether it is a fork whose process is coming up: not for long. */
bool berth_vm_is_loading(const BerthVm *self);

/* What it uses, as berth_machine_usage_report() tells; a new reference. */
json_t *berth_vm_report_usage(const BerthVm *self);

/* Whether it is stopped although nobody asked for that. */
bool berth_vm_has_ended(const BerthVm *self);

/* Everything known about it; borrowed, changes with the VM. */
const BerthVmSpec *berth_vm_get_spec(const BerthVm *self);

/* The monitor while there is one, else NULL; borrowed. */
BerthQmp *berth_vm_get_qmp(const BerthVm *self);

/*
 * The client of its guest agent, for commands and scripts; NULL while there is no process that can
 * be talked to.  Borrowed; it is closed when the machine is powered off or ends.
 */
BerthGuestAgent *berth_vm_get_guest_agent(BerthVm *self);

/*
 * Makes or drops a point of the user disk that the machine has, as berth_vm_disk_point(); false if
 * it does not have that disk.
 */
bool berth_vm_point_user_disk(BerthVm *self, const BerthId *disk, BerthDiskPointAct act,
                              const char *point, BerthDiskDone done, void *user_data);

/* Whoever asked for a point does not want to hear of it any more. */
void berth_vm_forget_point(BerthVm *self);

/* Path of the overlay for g_free(), NULL if the image has no disk. */
char *berth_vm_dup_disk_path(const BerthVm *self);

/* Frees the strings of a boot plan and zeroes it. */
void berth_vm_boot_clear(BerthVmBoot *boot);
