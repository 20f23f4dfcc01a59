/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of one VM share: vm.c the table and the disk, vm-process.c QEMU and its monitor,
 * vm-guest.c readiness, vm-fork.c forks,
 * vm-user-disk.c the disk of its user.  Nobody else includes this.  Thread: main.
 */
#pragma once

#include "base/poller.h"
#include "host-agent/vm/cgroup.h"
#include "host-agent/vm/console-probe.h"
#include "host-agent/vm/disk-watch.h"
#include "host-agent/vm/guest-agent.h"
#include "host-agent/vm/guest-exec.h"
#include "host-agent/vm/guest-port.h"
#include "host-agent/vm/overlay.h"
#include "host-agent/vm/qemu-migration.h"
#include "host-agent/vm/vm-disk.h"
#include "host-agent/vm/vm.h"

/* How far a fork is; all zero before. */
typedef struct {
    int64_t started_us;
    int64_t running_us, drawn_us, identity_us, network_us; /* 0: not yet */
    bool is_loading;
    bool is_continued;     /* it was told to run */
    bool is_shown;         /* its picture is there, if it does not run yet */
    bool waits;            /* for its turn */
    bool yields;           /* its processors to others, until it is its turn */
    const char *condition; /* the guest's part is over, with this; NULL: not yet */
    BerthGuestExec *exec;
    guint poll_source;
    guint deadline_source;
} BerthFork;

struct BerthVm {
    const BerthVmHost *host;
    char *folder;
    char hex_id[BERTH_ID_HEX_CHARS + 1];
    BerthVmSpec spec;
    BerthVmBoot boot;
    const BerthVmCallbacks *callbacks;
    void *user_data;
    int state; /* BerthVmState */

    BerthImageAsk *image_ask;
    int n_checked; /* files of the image that are known to be right */
    BerthOverlayJob *overlay;
    BerthDiskWatch *disk_watch;
    BerthVmDisk *user_disk;       /* NULL: none is attached or on its way */
    BerthMachineDisk wanted_disk; /* what the broker wants; zero: none */
    bool has_left_disk;           /* the guest was asked to write its user disk back */
    BerthNetworkPlug plug;        /* how QEMU is connected; the tap waits here for a fork */
    bool is_network_off;          /* not as its pool wants */
    char *missing_limits;         /* names of those that the host cannot enforce; NULL: none */
    bool has_ended;               /* it is stopped because QEMU ended by itself */
    bool is_held_off;             /* its owner keeps it switched off */
    bool was_cut_off;             /* the guest did not shut down when it was asked to last */
    bool rests_when_made;         /* no process is to run once the overlay is there */

    int pidfd;
    BerthQmp *qmp;
    int64_t connect_started_us;
    guint connect_source;
    guint kill_source;
    guint power_off_source;

    guint deadline_source;
    BerthFork fork;
    BerthQemuMigration *migration;
    BerthGuestAgent *guest_agent;
    BerthGuestExec *identity;                         /* the guest is being made one of its own */
    BerthGuestPort *guest_ports[BERTH_N_GUEST_PORTS]; /* NULL: QEMU is not up */
    BerthConsoleProbe *probe;
    unsigned n_displays;
    bool has_gpu_failed;
};

/* ---- vm.c ---- */

/* Feeds an event to the table and does what it says. */
void berth_vm_step(BerthVm *self, BerthVmEvent event);

/* Writes the spec down; a failure is logged. */
void berth_vm_save(BerthVm *self);

/* Tells the owner that something changed. */
void berth_vm_report(BerthVm *self);

/* Sets the limits of its resources; one that cannot be enforced is logged and shown. */
void berth_vm_apply_limits(BerthVm *self);

/* Records why it failed and steps there; fail_with takes the error. */
void berth_vm_fail(BerthVm *self, int code, const char *text);
void berth_vm_fail_with(BerthVm *self, GError *error);

/* A fork or a card of ours that does not come up is worth a plain boot; else it is a failure. */
void berth_vm_fail_start(BerthVm *self, int code, const char *text);

/* ---- vm-process.c ---- */

/* Starts QEMU and connects to its monitor; fails the machine if that is not possible. */
void berth_vm_start_process(BerthVm *self);

/* Notices the end of a process.  pidfd: taken. */
void berth_vm_watch_process(BerthVm *self, int pidfd);

/* Tries to reach the monitor until its deadline. */
void berth_vm_connect_monitor(BerthVm *self);

/* Hangs up at the monitor, if there is one. */
void berth_vm_drop_monitor(BerthVm *self);

/* Kills at once; end asks QEMU first; power_off asks the guest before that. */
void berth_vm_kill_process(BerthVm *self);
void berth_vm_end_process(BerthVm *self);
void berth_vm_power_off_process(BerthVm *self);

/* ---- vm-guest.c ---- */

/* Waits for the guest's sign of life; unwatch forgets it. */
void berth_vm_watch_guest(BerthVm *self);
void berth_vm_unwatch_guest(BerthVm *self);

/* Holds the ports of the guest's other agents, once QEMU is up; drop closes them. */
void berth_vm_hold_guest_ports(BerthVm *self);
void berth_vm_drop_guest_ports(BerthVm *self);

/* The machine is ready; condition is copied. */
void berth_vm_become_ready(BerthVm *self, const char *condition);

/* Our end of a new D-Bus display peer.  Errors: the code of the errno. */
bool berth_vm_add_display_peer(BerthVm *self, int *ret_fd, GError **error);

/* ---- vm-user-disk.c ---- */

/* The machine runs since before the agent was started: it may have its disk. */
void berth_vm_adopt_disk(BerthVm *self);

/* What the broker wants now. */
void berth_vm_want_disk(BerthVm *self, const BerthMachineDisk *wanted);

/* Attaches or detaches, if that can be done now; call it whenever the machine became ready. */
void berth_vm_sync_disk(BerthVm *self);

/* Before QEMU is ended: true if berth_vm_end_process() is called again when the disk is ready. */
bool berth_vm_leave_disk(BerthVm *self);

/* QEMU is gone. */
void berth_vm_end_disk(BerthVm *self);

/* ---- vm-fork.c ---- */

/* A fork is about to be started; its time begins. */
void berth_vm_begin_fork(BerthVm *self);

/* Loads the device state of the template into a fork, which becomes ready when it is its own. */
void berth_vm_load_state(BerthVm *self);

/* Forgets what the fork is waiting for. */
void berth_vm_drop_fork(BerthVm *self);
