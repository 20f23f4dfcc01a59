/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/vm-fsm.h"

#include <glib.h>

static const char *const states[BERTH_VM_N_STATES] = {
    [BERTH_VM_NEW] = "new",
    [BERTH_VM_CREATING] = "creating",
    [BERTH_VM_STARTING] = "starting",
    [BERTH_VM_READY] = "ready",
    [BERTH_VM_RETREATING] = "retreating",
    [BERTH_VM_STOPPING] = "stopping",
    [BERTH_VM_FAILED] = "failed",
    [BERTH_VM_GONE] = "gone",
};

static const char *const events[BERTH_VM_N_EVENTS] = {
    [BERTH_VM_EVENT_CREATE] = "create",
    [BERTH_VM_EVENT_ADOPT] = "adopt",
    [BERTH_VM_EVENT_OVERLAY_MADE] = "overlay-made",
    [BERTH_VM_EVENT_READY] = "ready",
    [BERTH_VM_EVENT_FORK_FAILED] = "fork-failed",
    [BERTH_VM_EVENT_FAILED] = "failed",
    [BERTH_VM_EVENT_EXITED] = "exited",
    [BERTH_VM_EVENT_STOP] = "stop",
};

/* clang-format off */
static const BerthFsmRow rows[] = {
    /* from                event                         to                   action */
    { BERTH_VM_NEW,        BERTH_VM_EVENT_CREATE,        BERTH_VM_CREATING,   BERTH_VM_DO_MAKE_OVERLAY },
    { BERTH_VM_NEW,        BERTH_VM_EVENT_ADOPT,         BERTH_VM_STARTING,   BERTH_VM_DO_CONNECT },
    { BERTH_VM_NEW,        BERTH_VM_EVENT_FAILED,        BERTH_VM_FAILED,     BERTH_VM_DO_REPORT },
    { BERTH_VM_NEW,        BERTH_VM_EVENT_STOP,          BERTH_VM_GONE,       BERTH_VM_DO_REMOVE },
    { BERTH_VM_CREATING,   BERTH_VM_EVENT_OVERLAY_MADE,  BERTH_VM_STARTING,   BERTH_VM_DO_SPAWN },
    { BERTH_VM_CREATING,   BERTH_VM_EVENT_FAILED,        BERTH_VM_FAILED,     BERTH_VM_DO_FAIL },
    { BERTH_VM_CREATING,   BERTH_VM_EVENT_STOP,          BERTH_VM_GONE,       BERTH_VM_DO_REMOVE },
    { BERTH_VM_STARTING,   BERTH_VM_EVENT_READY,         BERTH_VM_READY,      BERTH_VM_DO_REPORT },
    { BERTH_VM_STARTING,   BERTH_VM_EVENT_FORK_FAILED,   BERTH_VM_RETREATING, BERTH_VM_DO_KILL },
    { BERTH_VM_STARTING,   BERTH_VM_EVENT_FAILED,        BERTH_VM_FAILED,     BERTH_VM_DO_FAIL },
    { BERTH_VM_STARTING,   BERTH_VM_EVENT_STOP,          BERTH_VM_STOPPING,   BERTH_VM_DO_KILL },
    { BERTH_VM_READY,      BERTH_VM_EVENT_READY,         BERTH_VM_READY,      BERTH_VM_DO_REPORT },
    { BERTH_VM_READY,      BERTH_VM_EVENT_FAILED,        BERTH_VM_FAILED,     BERTH_VM_DO_FAIL },
    { BERTH_VM_READY,      BERTH_VM_EVENT_STOP,          BERTH_VM_STOPPING,   BERTH_VM_DO_KILL },
    { BERTH_VM_RETREATING, BERTH_VM_EVENT_EXITED,        BERTH_VM_CREATING,   BERTH_VM_DO_MAKE_OVERLAY },
    { BERTH_VM_RETREATING, BERTH_VM_EVENT_FAILED,        BERTH_VM_FAILED,     BERTH_VM_DO_FAIL },
    { BERTH_VM_RETREATING, BERTH_VM_EVENT_STOP,          BERTH_VM_STOPPING,   BERTH_VM_DO_KILL },
    { BERTH_VM_FAILED,     BERTH_VM_EVENT_FAILED,        BERTH_VM_FAILED,     BERTH_VM_DO_NOTHING },
    { BERTH_VM_FAILED,     BERTH_VM_EVENT_EXITED,        BERTH_VM_FAILED,     BERTH_VM_DO_NOTHING },
    { BERTH_VM_FAILED,     BERTH_VM_EVENT_STOP,          BERTH_VM_STOPPING,   BERTH_VM_DO_KILL },
    { BERTH_VM_STOPPING,   BERTH_VM_EVENT_EXITED,        BERTH_VM_GONE,       BERTH_VM_DO_REMOVE },
    { BERTH_VM_STOPPING,   BERTH_VM_EVENT_READY,         BERTH_VM_STOPPING,   BERTH_VM_DO_NOTHING },
    { BERTH_VM_STOPPING,   BERTH_VM_EVENT_FAILED,        BERTH_VM_STOPPING,   BERTH_VM_DO_NOTHING },
    { BERTH_VM_STOPPING,   BERTH_VM_EVENT_STOP,          BERTH_VM_STOPPING,   BERTH_VM_DO_NOTHING },
    { BERTH_VM_GONE,       BERTH_VM_EVENT_STOP,          BERTH_VM_GONE,       BERTH_VM_DO_NOTHING },
};
/* clang-format on */

const BerthFsmTable berth_vm_fsm = {
    .name = "vm",
    .states = states,
    .n_states = BERTH_VM_N_STATES,
    .events = events,
    .n_events = BERTH_VM_N_EVENTS,
    .rows = rows,
    .n_rows = G_N_ELEMENTS(rows),
};
