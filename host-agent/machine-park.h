/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All machines of this host: finds those of an earlier agent, and drives what runs towards what the
 * broker wants by the plans of machine-plan.h.  Thread: main.
 */
#pragma once

#include "host-agent/desired.h"
#include "host-agent/vm/host-probe.h"
#include "host-agent/vm/ram-templates.h"
#include "host-agent/vm/vm.h"

#include <jansson.h>

typedef struct BerthMachinePark BerthMachinePark;

typedef struct {
    const BerthVmHost *host; /* borrowed */
    const char *folder;      /* of all machines */
    const char *template_folder;
    int template_keep_s; /* seconds that a RAM template is kept which nobody wants */
    BerthHostFacts facts;
    int memory_limit_mib;
    int memory_overcommit_pct;
    int start_slots;
    /* Something of a machine changed (also: one is gone).  Called from the loop. */
    void (*on_changed)(void *user_data);
    /* Whether a session of that machine still lives. */
    bool (*is_in_use)(const BerthId *machine, void *user_data);
    /*
     * The manifest of a version in the image store, whose files are complete and checked; its file
     * names are those in the store's folder.  ret_manifest: filled on BERTH_OK; ret_detail: a
     * sentence for g_free() else.  BERTH_ERR_AGAIN: on its way.  NULL: there is no store.
     */
    int (*find_version)(const BerthId *version, BerthManifest *ret_manifest, char **ret_detail,
                        void *user_data);
    void *user_data;
} BerthMachineParkConfig;

/* Makes the park and adopts what an earlier agent left.  config: copied. */
BerthMachinePark *berth_machine_park_new(const BerthMachineParkConfig *config);

/* Lets go of all machines, which go on running.  NULL is allowed. */
void berth_machine_park_free(BerthMachinePark *self);

/*
 * Takes what the broker of a cluster wants and begins to work on it.
 *
 * desired:  borrowed until the next call; NULL is allowed: nothing is wanted yet
 * cluster:  id as text, copied
 */
void berth_machine_park_want(BerthMachinePark *self, const BerthDesired *desired,
                             const char *cluster);

/* What a session has to know of its machine. */
typedef struct {
    uint64_t epoch;
    bool is_ready;  /* a session can be given to it */
    bool is_usable; /* a session that is there may stay */
} BerthMachineFacts;

/* Looks a machine up; false if it is not here. */
bool berth_machine_park_look_up(BerthMachinePark *self, const BerthId *id, BerthMachineFacts *ret);

/* A machine of this host that is no physical one; borrowed until the loop runs on, may be NULL. */
BerthVm *berth_machine_park_get_vm(BerthMachinePark *self, const BerthId *id);

/*
 * A new display peer of a machine at that epoch, and the name of its capture source (constant).
 *
 * Errors: BERTH_ERR_NOT_FOUND, BERTH_ERR_STATE (later, perhaps), BERTH_ERR_IO.
 */
bool berth_machine_park_attach_display(BerthMachinePark *self, const BerthId *id, uint64_t epoch,
                                       int *ret_fd, const char **ret_capture, GError **error);

/*
 * A port of the agents for clipboard and files of a machine at that epoch; owned by the caller, -1
 * if there is none now.  It is to be given back once it is closed, if the machine is still there.
 */
int berth_machine_park_take_guest_port(BerthMachinePark *self, const BerthId *id, uint64_t epoch,
                                       BerthGuestPortKind kind);
void berth_machine_park_give_back_guest_port(BerthMachinePark *self, const BerthId *id,
                                             BerthGuestPortKind kind);

/* Whether a session of that machine lives. */
bool berth_machine_park_is_in_use(BerthMachinePark *self, const BerthId *id);

/* Sessions ended: a machine may have waited for that. */
void berth_machine_park_sessions_changed(BerthMachinePark *self);

/* The image store has changed: a machine may have waited for a version. */
void berth_machine_park_images_changed(BerthMachinePark *self);

/* Adds the names of the image files that its machines stand on to a set that owns its keys. */
void berth_machine_park_add_image_files(BerthMachinePark *self, GHashTable *names);

/* While set, machines that the broker does not list are left alone. */
void berth_machine_park_set_safe_mode(BerthMachinePark *self, bool is_safe_mode);

/* Array of all machines for the inventory; a new reference. */
json_t *berth_machine_park_report(BerthMachinePark *self);

/* Array of the RAM templates for the inventory; a new reference. */
json_t *berth_machine_park_report_templates(BerthMachinePark *self);

/* What is used, promised and allowed of memory, for the inventory; a new reference. */
json_t *berth_machine_park_report_memory(BerthMachinePark *self);
