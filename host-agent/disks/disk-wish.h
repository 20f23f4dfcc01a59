/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the broker wants of one user disk: an entry of "disks" in the desired state.
 */
#pragma once

#include "berth/ids.h"
#include "berth/user-disk.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    BERTH_DISK_FS_EXT4,
    BERTH_DISK_FS_NONE, /* the guest formats and mounts it itself */
} BerthDiskFs;

typedef struct {
    BerthId id;
    uint64_t epoch; /* of its lease; grows with each */
    int64_t size_mib;
    BerthDiskFs fs;
    bool is_new;    /* no host ever had it: it may be made */
    bool is_absent; /* file and journal go */
} BerthDiskWish;

/* Reads an entry.  Errors: BERTH_ERR_INVALID. */
bool berth_disk_wish_parse(const json_t *object, BerthDiskWish *ret, GError **error);

/* The user disk of a machine: which, by which lease, and where in its guest. */
typedef struct {
    BerthId id; /* zero: none */
    uint64_t epoch;
    char mount[BERTH_DISK_MOUNT_BYTES + 1];
} BerthMachineDisk;

/*
 * Reads the key "user_disk" of a machine, or of our own file of one; a missing one is none.
 *
 * Errors: BERTH_ERR_INVALID.
 */
bool berth_machine_disk_parse(const json_t *object, BerthMachineDisk *ret, GError **error);

/* The other way; a new reference, null for none. */
json_t *berth_machine_disk_to_json(const BerthMachineDisk *self);

/* Whether both are the same lease of the same disk. */
bool berth_machine_disk_equal(const BerthMachineDisk *a, const BerthMachineDisk *b);

/* Whether a path may be mounted at: absolute, of plain names, not "/" itself.  Pure. */
bool berth_disk_mount_is_good(const char *path);
