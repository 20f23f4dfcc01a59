/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine that this host does not run but reaches: an RFB server at an address.
 *
 * It is ready while the address answers with RFB's greeting.  Nothing of it is ever cleaned by us:
 * its overlay id names a time of use, and a new epoch gets a new id only when the last connection
 * of the one before is closed.  Lies as physical.json in its folder.  Thread: main.
 */
#pragma once

#include "base/poller.h"
#include "berth/ids.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthPhysicalMachine BerthPhysicalMachine;

/* What it is told to be. */
typedef struct {
    BerthId id;
    uint64_t epoch;
    const char *name;
    const char *address; /* ip:port */
    const char *cluster;
} BerthPhysicalWish;

typedef struct {
    /* Readiness, the epoch or a connection that was asked for changed. */
    void (*on_changed)(void *user_data);
    /* Whether a session of that machine still lives. */
    bool (*is_in_use)(const BerthId *machine, void *user_data);
} BerthPhysicalCallbacks;

/* Makes it and begins to look for the address.  folder: copied; made and removed by it. */
BerthPhysicalMachine *berth_physical_machine_new(BerthPoller *poller, const char *folder,
                                                 const BerthPhysicalWish *wish,
                                                 const BerthPhysicalCallbacks *callbacks,
                                                 void *user_data);

/* The one that an earlier agent left in the folder; NULL if there is none. */
BerthPhysicalMachine *berth_physical_machine_adopt(BerthPoller *poller, const char *folder,
                                                   const BerthPhysicalCallbacks *callbacks,
                                                   void *user_data);

/* Lets go; the folder stays.  NULL is allowed. */
void berth_physical_machine_free(BerthPhysicalMachine *self);

/* Forgets it on disk, too, and frees. */
void berth_physical_machine_remove(BerthPhysicalMachine *self);

/* Takes a newer wish: another address, or a higher epoch, which waits for the last connection. */
void berth_physical_machine_update(BerthPhysicalMachine *self, const BerthPhysicalWish *wish);

/* Looks again whether an epoch that waits may begin. */
void berth_physical_machine_poke(BerthPhysicalMachine *self);

/*
 * A connection to its RFB server of which nothing was read.
 *
 * ret_fd: owned by the caller
 *
 * Errors: BERTH_ERR_STATE while there is none; one is being made then, and on_changed tells.
 */
bool berth_physical_machine_attach(BerthPhysicalMachine *self, int *ret_fd, GError **error);

const BerthId *berth_physical_machine_get_id(const BerthPhysicalMachine *self);
uint64_t berth_physical_machine_get_epoch(const BerthPhysicalMachine *self);
const char *berth_physical_machine_get_cluster(const BerthPhysicalMachine *self);

/* Whether sessions may use it: the address answers and no other epoch waits. */
bool berth_physical_machine_is_ready(const BerthPhysicalMachine *self);

/* Whether a newer epoch waits for the sessions of this one to end. */
bool berth_physical_machine_is_leaving(const BerthPhysicalMachine *self);

/* Its entry in the inventory; a new reference. */
json_t *berth_physical_machine_report(const BerthPhysicalMachine *self);
