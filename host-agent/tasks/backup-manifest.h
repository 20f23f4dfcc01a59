/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a restore point or a backup is: the file beside its disk that says whose it is, when it was
 * made and what its bytes must hash to.
 *
 *   restore point  <restore folder>/<point>/   manifest.json, disk.qcow2 (what the machine wrote),
 *                  disk.chunks, and perhaps the file that it stands on
 *   backup         <backup folder>/<name>/     manifest.json, disk.img (the whole disk, raw and
 *                  sparse), disk.chunks; of a desktop or of a user disk
 *
 * The file carries the SHA-256 of its own canonical text without that member, so that a bit that
 * flipped in it is noticed, too.  It is no signature: who can write the folder can make a backup.
 * Thread: any.
 */
#pragma once

#include "base/depot/chunk-list.h"
#include "berth/ids.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define BERTH_BACKUP_MANIFEST_FILE "manifest.json"
#define BERTH_BACKUP_LIST_FILE "disk.chunks"
/* Of a restore point, and of a backup. */
#define BERTH_BACKUP_DELTA_FILE "disk.qcow2"
#define BERTH_BACKUP_WHOLE_FILE "disk.img"

typedef enum {
    BERTH_BACKUP_DELTA,     /* needs the files below it: a restore point */
    BERTH_BACKUP_WHOLE,     /* stands alone: a backup */
    BERTH_BACKUP_USER_DISK, /* a backup of a user disk */
} BerthBackupContent;

typedef enum {
    BERTH_CONSISTENCY_CRASH,  /* as after a power cut */
    BERTH_CONSISTENCY_FROZEN, /* the guest's file systems were held still */
    BERTH_CONSISTENCY_CLEAN,  /* the machine was off */
} BerthConsistency;

typedef struct {
    BerthBackupContent content;
    BerthId task; /* that made it */
    int64_t created_us;
    BerthConsistency consistency;
    uint64_t disk_bytes; /* as the guest sees it */
    uint64_t file_bytes; /* of disk.qcow2 or disk.img */
    BerthDigest root;    /* of that file */

    /* of a desktop */
    BerthId point;
    BerthId machine;       /* whose disk it is */
    BerthId version;       /* of its image; zero: an image without versions */
    char *cluster;         /* id of the site, or "" */
    char *machine_name;    /* for people */
    char *image_name;      /* for people */
    char *base;            /* file in the same folder that a delta stands on; NULL: none there */
    int memory_mib, vcpus; /* that the machine had */

    /* of a user disk */
    BerthId disk;
    char *owner;       /* for people */
    bool is_formatted; /* it has a file system: nobody makes one again */
} BerthBackupManifest;

/* "crash", "frozen" or "clean". */
const char *berth_consistency_name(BerthConsistency consistency);

/*
 * Reads a manifest.
 *
 * ret:  set on success only; clear it with berth_backup_manifest_clear()
 *
 * Errors: BERTH_ERR_CORRUPT if the text is not the one that was written, BERTH_ERR_VERSION,
 * BERTH_ERR_INVALID.
 */
bool berth_backup_manifest_parse(const json_t *object, BerthBackupManifest *ret, GError **error);

/* The manifest as a new JSON object, with its own hash. */
json_t *berth_backup_manifest_to_json(const BerthBackupManifest *self);

/* Reads <folder>/manifest.json.  Errors: also BERTH_ERR_NOT_FOUND, BERTH_ERR_TOO_LARGE. */
bool berth_backup_manifest_load(const char *folder, BerthBackupManifest *ret, GError **error);

/* Writes it by rename.  Errors: BERTH_ERR_DISK_FULL, BERTH_ERR_IO. */
bool berth_backup_manifest_save(const BerthBackupManifest *self, const char *folder,
                                GError **error);

/* What the broker is told of it: sizes, root, consistency and names; a new reference. */
json_t *berth_backup_manifest_report(const BerthBackupManifest *self);

/* Frees the strings and zeroes the value. */
void berth_backup_manifest_clear(BerthBackupManifest *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BerthBackupManifest, berth_backup_manifest_clear)
