/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Places where a test lets this process die at once, as in a power cut: what was written so far is
 * all that the next start finds.
 *
 *   BERTH_KILL_AT=import-signed     dies when it first comes there
 *   BERTH_KILL_AT=import-signed:3   dies when it comes there for the third time
 *
 * The lists name them all, so that a test can visit each.  A build with -Dkill_points=false (all
 * packages) has none of it.  Thread: any.
 */
#pragma once

/* X(NAME, "name"): a list for each thing that is done, in the order in which it is done. */
/* clang-format off */

/* Import of files into the depot of the broker. */
#define BERTH_KILL_POINTS_IMPORT(X) \
    X(UPLOAD_MADE, "upload-made") \
    X(UPLOAD_WRITTEN, "upload-written") \
    X(IMPORT_WANTED, "import-wanted") \
    X(IMPORT_LOOKED, "import-looked") \
    X(IMPORT_CONVERTED, "import-converted") \
    X(IMPORT_HASHED, "import-hashed") \
    X(IMPORT_STORED, "import-stored") \
    X(IMPORT_SIGNED, "import-signed") \
    X(IMPORT_RECORDED, "import-recorded")

/* A file comes to its place in a store folder. */
#define BERTH_KILL_POINTS_STORE(X) \
    X(STORE_SYNCED, "store-synced") \
    X(STORE_LISTED, "store-listed") \
    X(STORE_RENAMED, "store-renamed")

/* A version comes to a host. */
#define BERTH_KILL_POINTS_REPLICATE(X) \
    X(REPLICATE_LISTED, "replicate-listed") \
    X(REPLICATE_WRITTEN, "replicate-written") \
    X(REPLICATE_NOTED, "replicate-noted") \
    X(REPLICATE_COMPLETE, "replicate-complete") \
    X(REPLICATE_SETTLED, "replicate-settled") \
    X(REPLICATE_VERIFIED, "replicate-verified") \
    X(REPLICATE_REMOVING, "replicate-removing")

/* Maintenance machines and the seal of a version. */
#define BERTH_KILL_POINTS_SEAL(X) \
    X(SCRIPT_BEGUN, "script-begun") \
    X(SEAL_CHECKED, "seal-checked") \
    X(SEAL_GENERALISED, "seal-generalised") \
    X(SEAL_LISTED, "seal-listed") \
    X(SEAL_STOPPED, "seal-stopped") \
    X(SEAL_FLATTENED, "seal-flattened") \
    X(SEAL_STORED, "seal-stored") \
    X(SEAL_BOOTED, "seal-booted")

/* RAM templates, forks and recycling. */
#define BERTH_KILL_POINTS_CLONE(X) \
    X(TEMPLATE_BEGUN, "template-begun") \
    X(TEMPLATE_BOOTED, "template-booted") \
    X(TEMPLATE_PREPARED, "template-prepared") \
    X(TEMPLATE_STOPPED, "template-stopped") \
    X(TEMPLATE_SAVED, "template-saved") \
    X(TEMPLATE_PUBLISHED, "template-published") \
    X(FORK_MADE, "fork-made") \
    X(FORK_STARTED, "fork-started") \
    X(FORK_LOADED, "fork-loaded") \
    X(FORK_RUNNING, "fork-running") \
    X(FORK_IDENTIFIED, "fork-identified") \
    X(FORK_PLUGGED, "fork-plugged") \
    X(FORK_READY, "fork-ready") \
    X(RECYCLE_STOPPED, "recycle-stopped")

/* Rollouts. */
#define BERTH_KILL_POINTS_ROLLOUT(X) \
    X(ROLLOUT_PUBLISHED, "rollout-published") \
    X(ROLLOUT_LOOKED, "rollout-looked") \
    X(ROLLOUT_CHOSEN, "rollout-chosen") \
    X(ROLLOUT_RECYCLED, "rollout-recycled") \
    X(ROLLOUT_WARNED, "rollout-warned") \
    X(ROLLOUT_STEPPED, "rollout-stepped") \
    X(ROLLOUT_FINISHED, "rollout-finished")

/* User disks. */
#define BERTH_KILL_POINTS_DISK(X) \
    X(DISK_NOTED, "disk-noted") \
    X(DISK_MADE, "disk-made") \
    X(DISK_GROWN, "disk-grown") \
    X(DISK_OPENED, "disk-opened") \
    X(DISK_PLUGGED, "disk-plugged") \
    X(DISK_FORMATTED, "disk-formatted") \
    X(DISK_FORMAT_NOTED, "disk-format-noted") \
    X(DISK_MOUNTED, "disk-mounted") \
    X(DISK_RESIZED, "disk-resized") \
    X(DISK_LEFT, "disk-left") \
    X(DISK_UNPLUGGED, "disk-unplugged") \
    X(DISK_CLOSED, "disk-closed") \
    X(DISK_CHECKED, "disk-checked") \
    X(DISK_DELETED, "disk-deleted")

/* Snapshots, exports, imports and restores of desktops. */
#define BERTH_KILL_POINTS_BACKUP(X) \
    X(SNAPSHOT_BEGUN, "snapshot-begun") \
    X(SNAPSHOT_FOUND, "snapshot-found") \
    X(SNAPSHOT_LOOKED, "snapshot-looked") \
    X(SNAPSHOT_MADE, "snapshot-made") \
    X(SNAPSHOT_COPIED, "snapshot-copied") \
    X(SNAPSHOT_STANDS, "snapshot-stands") \
    X(SNAPSHOT_HASHED, "snapshot-hashed") \
    X(SNAPSHOT_WRITTEN, "snapshot-written") \
    X(SNAPSHOT_RENAMED, "snapshot-renamed") \
    X(RESTORE_FOUND, "restore-found") \
    X(RESTORE_LOOKED, "restore-looked") \
    X(RESTORE_ALLOWED, "restore-allowed") \
    X(RESTORE_CHOSEN, "restore-chosen") \
    X(RESTORE_COPIED, "restore-copied") \
    X(RESTORE_STANDS, "restore-stands") \
    X(RESTORE_RESTS, "restore-rests") \
    X(DISK_RENAMED, "disk-renamed") \
    X(DISK_SWAPPED, "disk-swapped") \
    X(RESTORE_SWAPPED, "restore-swapped") \
    X(BACKUP_FOUND, "import-backup-found") \
    X(BACKUP_LOOKED, "import-backup-looked") \
    X(BACKUP_COPIED, "import-backup-copied") \
    X(BACKUP_MADE, "import-backup-made") \
    X(BACKUP_RESTS, "import-backup-rests") \
    X(BACKUP_SWAPPED, "import-backup-swapped") \
    X(REBASE_FOUND, "rebase-found") \
    X(REBASE_LOOKED, "rebase-looked") \
    X(REBASE_MADE, "rebase-made") \
    X(REBASE_RESTS, "rebase-rests") \
    X(REBASE_SWAPPED, "rebase-swapped") \
    X(EXPORT_BEGUN, "export-begun") \
    X(EXPORT_LOOKED, "export-looked") \
    X(EXPORT_CHECKED, "export-checked") \
    X(EXPORT_FLAT, "export-flat") \
    X(EXPORT_HASHED, "export-hashed") \
    X(EXPORT_WRITTEN, "export-written") \
    X(EXPORT_RENAMED, "export-renamed") \
    X(DISK_EXPORT_BEGUN, "disk-export-begun") \
    X(DISK_EXPORT_LOOKED, "disk-export-looked") \
    X(DISK_EXPORT_FLAT, "disk-export-flat") \
    X(DISK_EXPORT_HASHED, "disk-export-hashed") \
    X(DISK_EXPORT_WRITTEN, "disk-export-written") \
    X(DISK_EXPORT_RENAMED, "disk-export-renamed") \
    X(DISK_IMPORT_TAKEN, "disk-import-taken") \
    X(DISK_IMPORT_LOOKED, "disk-import-looked") \
    X(DISK_IMPORT_COPIED, "disk-import-copied") \
    X(DISK_IMPORT_MADE, "disk-import-made") \
    X(DISK_IMPORT_PLACED, "disk-import-placed") \
    X(BACKUPS_LISTED, "backups-listed") \
    X(POINT_GONE, "point-gone") \
    X(POINT_REMOVED, "point-removed")

#define BERTH_KILL_POINTS(X) \
    BERTH_KILL_POINTS_IMPORT(X) \
    BERTH_KILL_POINTS_STORE(X) \
    BERTH_KILL_POINTS_REPLICATE(X) \
    BERTH_KILL_POINTS_SEAL(X) \
    BERTH_KILL_POINTS_CLONE(X) \
    BERTH_KILL_POINTS_ROLLOUT(X) \
    BERTH_KILL_POINTS_DISK(X) \
    BERTH_KILL_POINTS_BACKUP(X)

/* clang-format on */

typedef enum {
#define BERTH_KILL_POINT_ENUM(name, text) BERTH_KILL_##name,
    BERTH_KILL_POINTS(BERTH_KILL_POINT_ENUM)
#undef BERTH_KILL_POINT_ENUM
    BERTH_KILL_N_POINTS,
} BerthKillPoint;

/* Name of a point as in BERTH_KILL_AT; never NULL. */
const char *berth_kill_point_name(BerthKillPoint point);

#ifdef BERTH_HAS_KILL_POINTS
/* Ends the process by SIGKILL if BERTH_KILL_AT asks for it here; else does nothing. */
void berth_kill_point(BerthKillPoint point);
#else
static inline void
berth_kill_point(BerthKillPoint point)
{
    (void)point;
}
#endif
