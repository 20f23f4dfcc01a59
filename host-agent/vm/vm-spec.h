/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything that is decided about one VM: what the broker wants and what this host chose for it.
 *
 * The spec lies as spec.json in the VM's folder, written whole by rename, so that a restarted agent
 * finds the VM again with the very machine type, addresses and process it was started with.
 */
#pragma once

#include "berth/ids.h"
#include "host-agent/disks/disk-wish.h"
#include "host-agent/vm/manifest.h"
#include "host-agent/vm/vm-network.h"
#include "host-agent/vm/vm-resources.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BERTH_MAC_BYTES 6

typedef enum {
    BERTH_ACCEL_TCG,
    BERTH_ACCEL_KVM,
} BerthAccel;

/* Name as QEMU and the broker spell it: "tcg" or "kvm". */
const char *berth_accel_name(BerthAccel accel);

typedef struct {
    /* wanted by the broker */
    BerthId id;
    uint64_t epoch;
    char *name;
    BerthId version; /* of its image, in the host's image store; zero: an image without versions */
    BerthManifest manifest; /* of a version: empty until berth_vm_spec_set_manifest() */
    int vcpus;
    int memory_mib;
    bool use_template;
    bool keep;           /* its disk is somebody's: only an explicit wish ends it */
    bool is_maintenance; /* an image is edited in it */
    BerthVmResources resources;
    BerthVmNetwork network;
    BerthMachineDisk user_disk; /* of the user who has the machine now; zero: none */

    /* chosen by this host at creation */
    char *cluster; /* id of the broker's cluster, 32 hexadecimal digits */
    BerthId overlay;
    BerthId vm_uuid;
    BerthId vmgenid;
    uint8_t mac[BERTH_MAC_BYTES];
    char *machine_type;
    BerthAccel accel;
    bool has_gpu;       /* a berth-gpu is its card */
    char *template_key; /* NULL: a cold boot; else the RAM template it is a fork of */

    /* what became of it */
    pid_t pid;                /* 0: no process yet */
    uint64_t pid_start_ticks; /* tells a reused pid from ours */
    bool was_ready;           /* since it was started last */
    bool has_run;             /* its disk was used */
    bool has_identity;        /* its disk was made one of its own: name, machine-id, keys */
    bool is_off;              /* no process is wanted at the moment */
    char *condition;          /* "", "no-agent" or "no-identity" */
    int failure;              /* BERTH_OK or why it failed */
    char *failure_text;       /* NULL without failure */
} BerthVmSpec;

/* What the broker wants of a machine, beside what it is. */
typedef enum {
    BERTH_WANT_RUNNING,
    BERTH_WANT_STOPPED, /* a disk, no process */
    BERTH_WANT_FROZEN,  /* the same, and a RAM template that it may be forked from is kept ready */
    BERTH_WANT_ABSENT,  /* removed at once */
} BerthWantMachine;

typedef struct {
    BerthWantMachine want;
    bool is_physical; /* no VM of this host, but an RFB server somewhere */
    char *address;    /* ip:port of that server; else NULL */
    BerthId overlay;  /* the disk that the broker knows for this epoch; zero: none */
} BerthVmWish;

/*
 * Reads a machine of the broker's desired state into a clear spec and a clear wish.
 *
 * Both are set on success only; free ret_wish->address.  A physical machine has no manifest, and
 * one of a version gets it from the image store.
 */
bool berth_vm_spec_from_desired(const json_t *object, BerthVmSpec *ret, BerthVmWish *ret_wish,
                                GError **error);

/*
 * Takes the manifest of the version; where the wish named no memory and processors, its.
 *
 * manifest: copied
 */
void berth_vm_spec_set_manifest(BerthVmSpec *self, const BerthManifest *manifest);

/*
 * Whether its guest must be made one of its own after it booted: its disk is a golden image's, as
 * all its other machines have it.  A machine in which the image is edited stays what it is.
 */
bool berth_vm_spec_needs_identity(const BerthVmSpec *self);

/* Gives a wanted spec its own new identity: overlay, uuid, generation id and MAC address. */
void berth_vm_spec_choose_identity(BerthVmSpec *self);

/* The whole spec as JSON, and back.  ret is filled on success only. */
json_t *berth_vm_spec_to_json(const BerthVmSpec *self);
bool berth_vm_spec_from_json(const json_t *object, BerthVmSpec *ret, GError **error);

/* Writes spec.json into a folder by rename.  Errors: BERTH_ERR_DISK_FULL, BERTH_ERR_IO. */
bool berth_vm_spec_save(const BerthVmSpec *self, const char *folder, GError **error);

/* Reads spec.json of a folder.  Errors: BERTH_ERR_NOT_FOUND, BERTH_ERR_CORRUPT, BERTH_ERR_IO. */
bool berth_vm_spec_load(const char *folder, BerthVmSpec *ret, GError **error);

/* Records why the VM failed; text is copied. */
void berth_vm_spec_set_failure(BerthVmSpec *self, int code, const char *text);

/* Copies src into ret, which must be clear. */
void berth_vm_spec_copy(const BerthVmSpec *src, BerthVmSpec *ret);

/* Frees what the spec owns and zeroes it. */
void berth_vm_spec_clear(BerthVmSpec *self);
