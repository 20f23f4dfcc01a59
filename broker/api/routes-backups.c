/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Restore points and backups of dedicated desktops, and other disks for them.
 */
#include "broker/api/handlers.h"
#include "broker/api/objects.h"
#include "broker/api/page.h"
#include "broker/api/router.h"
#include "broker/restore-points.h"

#define NEW_DESKTOP                                                                             \
    BERTH_FIELD_TEXT("pool", true, 1, BERTH_LIMIT_NAME_BYTES, "dedicated pool of the machine"), \
        BERTH_FIELD_TEXT("user", true, 1, BERTH_LIMIT_NAME_BYTES, "who gets it")
#define FORCE BERTH_FIELD_BOOL("force", false, "what its user wrote may go")

static const char *const freezes[] = { "auto", "never", "required", NULL };

static const BerthBodyField snapshot_fields[] = {
    BERTH_FIELD_ENUM("freeze", false, freezes, "whether the guest is held still for the moment"),
    BERTH_FIELD_INT("keep_days", false, 0, BERTH_POINT_MAX_KEEP_DAYS,
                    "days until it goes by itself, 30 if left out; 0: never"),
    BERTH_FIELD_TEXT("note", false, 0, BERTH_LIMIT_NAME_BYTES, "what it is for"),
};
static const BerthBodyField restore_fields[] = {
    BERTH_FIELD_HEX("restore_point", true, BERTH_ID_HEX_CHARS, "id of a restore point of it"),
};
static const BerthBodyField refresh_fields[] = { FORCE };
static const BerthBodyField rebase_fields[] = {
    BERTH_FIELD_TEXT("version", false, 1, BERTH_LIMIT_NAME_BYTES,
                     "number or id of a version; the pool's if left out"),
    FORCE,
};
static const BerthBodyField export_fields[] = { BERTH_FIELD_BACKUP_NAME };
static const BerthBodyField new_fields[] = { NEW_DESKTOP };
static const BerthBodyField import_fields[] = {
    BERTH_FIELD_BACKUP_NAME,
    BERTH_FIELD_TEXT("host", true, 1, BERTH_LIMIT_NAME_BYTES, "host whose folder has it"),
    NEW_DESKTOP,
};
static const BerthQueryField point_query[] = {
    BERTH_QUERY_PAGE,
    BERTH_FIELD_TEXT("machine", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a machine"),
    BERTH_FIELD_TEXT("pool", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a pool"),
};

const BerthRoute berth_routes_backups[] = {
    { BERTH_WRITE("POST", "/v1/machines/{id}/snapshot", MACHINE_CONTROL, MACHINE,
                  berth_handle_snapshot_machine, 202),
      BERTH_FIELDS(snapshot_fields), .answer = "Started",
      .doc = "makes a restore point of a dedicated desktop, running or not" },
    { BERTH_WRITE("POST", "/v1/machines/{id}/restore", MACHINE_CONTROL, MACHINE,
                  berth_handle_restore_machine, 202),
      BERTH_FIELDS(restore_fields), .answer = "Started",
      .doc = "gives a desktop its disk of an earlier day; what was written since is gone" },
    { BERTH_WRITE("POST", "/v1/machines/{id}/refresh", MACHINE_CONTROL, MACHINE,
                  berth_handle_refresh_machine, 202),
      BERTH_FIELDS(refresh_fields), .answer = "Started",
      .doc = "gives a dedicated desktop a fresh disk of its version; user disk and name stay" },
    { BERTH_WRITE("POST", "/v1/machines/{id}/rebase", MACHINE_CONTROL, MACHINE,
                  berth_handle_rebase_machine, 202),
      BERTH_FIELDS(rebase_fields), .answer = "Started",
      .doc = "gives a dedicated desktop a fresh disk of another version" },
    { BERTH_GET_SLOW("/v1/restore-points", MACHINE_READ, ANY, berth_handle_list_restore_points),
      BERTH_QUERY(point_query), .answer = "RestorePointList", .doc = "restore points" },
    { BERTH_GET("/v1/restore-points/{id}", MACHINE_READ, RESTORE_POINT,
                berth_handle_get_restore_point),
      .answer = "RestorePoint", .doc = "a restore point" },
    { BERTH_WRITE("DELETE", "/v1/restore-points/{id}", MACHINE_CONTROL, RESTORE_POINT,
                  berth_handle_remove_restore_point, 204),
      .doc = "removes a restore point, also from its host" },
    { BERTH_WRITE("POST", "/v1/restore-points/{id}/restore-as-new", MACHINE_CONTROL, RESTORE_POINT,
                  berth_handle_restore_as_new, 202),
      BERTH_FIELDS(new_fields), .answer = "Started",
      .doc = "makes a new desktop with the disk of a restore point" },
    { BERTH_WRITE("POST", "/v1/restore-points/{id}/export", POOL_WRITE, RESTORE_POINT,
                  berth_handle_export_restore_point, 202),
      BERTH_FIELDS(export_fields), .answer = "Started",
      .doc = "writes the whole disk of a restore point to the backup folder of its host" },
    { BERTH_GET_SLOW("/v1/backups", MACHINE_READ, ANY, berth_handle_list_backups),
      BERTH_QUERY(point_query), .answer = "BackupList", .doc = "backups that were written" },
    { BERTH_WRITE("POST", "/v1/backups/import", MACHINE_CONTROL, BODY, berth_handle_import_backup,
                  202),
      BERTH_FIELDS(import_fields), .answer = "Started",
      .doc = "makes a new desktop with the disk of a backup" },
    { BERTH_WRITE("POST", "/v1/hosts/{id}/backups", HOST_READ, HOST, berth_handle_scan_backups,
                  202),
      .answer = "Started", .doc = "looks what is in the backup folder of a host" },
};

const size_t berth_n_routes_backups = G_N_ELEMENTS(berth_routes_backups);
