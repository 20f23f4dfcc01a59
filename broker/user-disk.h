/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A user's own disk in a pool: what the pool says of it, who has it now, and what a connect does
 * about that.
 *
 * A disk is leased to one machine at a time; each lease opens the next epoch of the disk.  A lease
 * is held while its assignment is open, and goes when the host has reported that no machine has
 * the disk any more, or that the machine has begun another life.  Thread: writer.
 */
#pragma once

#include "berth/ids.h"
#include "broker/audit.h"

#include <stdbool.h>

/* Characters of the name of a storage that hosts share. */
#define BERTH_DISK_STORAGE_CHARS 64

/* Column user_disk of a pool. */
typedef struct {
    bool is_wanted;
    bool is_needed; /* without it nobody gets a desktop */
    int64_t size_mib;
    char fs[8];
    char storage[BERTH_DISK_STORAGE_CHARS + 1]; /* "": each disk stays on the host that made it */
} BerthUserDiskRule;

/* Reads the JSON text of a pool; "{}" wants none.  Pure. */
void berth_user_disk_rule_parse(const char *text, BerthUserDiskRule *ret);

/* Whether a host with these labels, a JSON text, has a storage.  Pure. */
bool berth_user_disk_labels_have(const char *labels, const char *storage);

/* A disk and its lease, "" and 0 where there is none. */
typedef struct {
    char id[BERTH_ID_HEX_CHARS + 1]; /* "": the user has none yet */
    char state[16];
    char host[BERTH_ID_HEX_CHARS + 1]; /* where it is, "" if it may be anywhere */
    bool is_host_up;
    int64_t epoch;
    int code;                             /* why it failed */
    char machine[BERTH_ID_HEX_CHARS + 1]; /* who has the lease */
    int64_t machine_epoch;
    bool is_held; /* else the lease is on its way back */
    int64_t lease_epoch;
    bool is_lease_host_up;
} BerthUserDisk;

/* Finds the disk of a user in a pool, and locks it. */
int berth_user_disk_read(BerthTx *tx, const char *account, const char *pool, BerthUserDisk *ret);

typedef enum {
    BERTH_DISK_TAKE,   /* nobody has it: lease it */
    BERTH_DISK_WAIT,   /* it is on its way */
    BERTH_DISK_READY,  /* the guest has it */
    BERTH_DISK_REFUSE, /* it cannot be had */
} BerthDiskClaim;

/*
 * What to do for a user who has got a machine.
 *
 * machine, epoch, host:  of the desktop
 * ret_error, ret_why:    set for BERTH_DISK_REFUSE: a code and a sentence for the user, static
 *
 * Pure.
 */
BerthDiskClaim berth_user_disk_plan(const BerthUserDisk *disk, const char *machine, int64_t epoch,
                                    const char *host, int *ret_error, const char **ret_why);

/*
 * Leases a disk, which is made known if the user has none.
 *
 * disk:  id "" or one that nobody has; its epoch and lease are set
 */
int berth_user_disk_lease(BerthTx *tx, const BerthCause *cause, const BerthUserDiskRule *rule,
                          const char *account, const char *pool, const char *machine,
                          int64_t machine_epoch, const char *host, BerthUserDisk *disk);

/* Makes a disk known that is on no host yet.  Errors: BERTH_ERR_EXISTS if the user has one. */
int berth_user_disk_add(BerthTx *tx, const BerthCause *cause, const BerthUserDiskRule *rule,
                        const char *account, const char *pool, const char *host,
                        char ret_id[BERTH_ID_HEX_CHARS + 1]);

/* Ends the lease of an assignment that ends: its host gives the disk back. */
int berth_user_disk_let_go(BerthTx *tx, const BerthCause *cause, const char *assignment);

/* Ends all leases of a host that is known to be off: no machine there can write any more. */
int berth_user_disk_fence(BerthTx *tx, const BerthCause *cause, const char *host);

/*
 * Takes a lease away, whatever its host does.
 *
 * why:  for the audit log
 */
int berth_user_disk_drop_lease(BerthTx *tx, const BerthCause *cause, const char *disk,
                               const char *state, const char *why);
