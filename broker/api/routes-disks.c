/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disks of users.
 */
#include "broker/api/handlers.h"
#include "broker/api/objects.h"
#include "broker/api/page.h"
#include "broker/api/router.h"

#define SIZE_FIELD(is_needed)                                               \
    BERTH_FIELD_INT("size_mib", (is_needed), BERTH_LIMIT_USER_DISK_MIN_MIB, \
                    BERTH_LIMIT_USER_DISK_MIB, "size as the guest sees it")

static const char *const states[] = { "new",    "detached", "attached", "checking",
                                      "failed", "deleting", NULL };
static const BerthQueryField list_query[] = {
    BERTH_QUERY_PAGE,
    BERTH_FIELD_TEXT("pool", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a pool"),
    BERTH_FIELD_TEXT("user", false, 1, BERTH_LIMIT_NAME_BYTES, "name of a user"),
    BERTH_FIELD_ENUM("state", false, states, "state of the disk"),
};
static const BerthBodyField add_fields[] = {
    BERTH_FIELD_TEXT("user", true, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a user"),
    BERTH_FIELD_TEXT("pool", true, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a pool"),
    BERTH_FIELD_TEXT("host", false, 1, BERTH_LIMIT_NAME_BYTES,
                     "name or id of the host to keep it; the first that the user gets if left out"),
    SIZE_FIELD(false),
};
static const BerthBodyField grow_fields[] = { SIZE_FIELD(true) };
static const BerthBodyField detach_fields[] = {
    BERTH_FIELD_BOOL("force", false, "from a host that does not answer and is known to be off"),
};
static const BerthBodyField snapshot_fields[] = {
    BERTH_FIELD_TEXT("note", false, 0, BERTH_LIMIT_NAME_BYTES, "for people"),
};
static const BerthBodyField restore_fields[] = {
    BERTH_FIELD_HEX("point", true, BERTH_ID_HEX_CHARS, "id of a restore point of the disk"),
};
static const BerthBodyField export_fields[] = {
    BERTH_FIELD_BACKUP_NAME,
    BERTH_FIELD_HEX("point", false, BERTH_ID_HEX_CHARS,
                    "id of a restore point of the disk; as it is if left out"),
};
static const BerthBodyField import_fields[] = {
    BERTH_FIELD_BACKUP_NAME,
    BERTH_FIELD_TEXT("host", true, 1, BERTH_LIMIT_NAME_BYTES, "host whose folder has it"),
    BERTH_FIELD_TEXT("user", true, 1, BERTH_LIMIT_NAME_BYTES, "who gets it"),
    BERTH_FIELD_TEXT("pool", true, 1, BERTH_LIMIT_NAME_BYTES, "pool whose desktops have it"),
};
static const BerthQueryField force_query[] = {
    BERTH_FIELD_BOOL("force", false, "even if its user's data is lost"),
};

const BerthRoute berth_routes_disks[] = {
    { BERTH_GET_SLOW("/v1/user-disks", MACHINE_READ, ANY, berth_handle_list_user_disks),
      BERTH_QUERY(list_query), .answer = "UserDiskList", .doc = "disks of users" },
    { BERTH_WRITE("POST", "/v1/user-disks", POOL_WRITE, BODY, berth_handle_add_user_disk, 201),
      BERTH_FIELDS(add_fields), .answer = "UserDisk",
      .doc = "gives a user a disk before the first connect" },
    { BERTH_GET("/v1/user-disks/{id}", MACHINE_READ, USER_DISK, berth_handle_get_user_disk),
      .answer = "UserDisk", .doc = "a user's disk" },
    { BERTH_WRITE("DELETE", "/v1/user-disks/{id}", POOL_WRITE, USER_DISK,
                  berth_handle_remove_user_disk, 204),
      BERTH_QUERY(force_query), .doc = "deletes a disk that no machine has" },
    { BERTH_WRITE("POST", "/v1/user-disks/{id}/grow", MACHINE_CONTROL, USER_DISK,
                  berth_handle_grow_user_disk, 200),
      BERTH_FIELDS(grow_fields), .answer = "UserDisk",
      .doc = "makes a disk larger, also while a machine has it" },
    { BERTH_WRITE("POST", "/v1/user-disks/{id}/detach", MACHINE_CONTROL, USER_DISK,
                  berth_handle_detach_user_disk, 200),
      BERTH_FIELDS(detach_fields), .answer = "UserDisk",
      .doc = "takes a disk away from the machine that has it" },
    { BERTH_GET("/v1/user-disks/{id}/points", MACHINE_READ, USER_DISK,
                berth_handle_list_disk_points),
      .answer = "DiskPointList", .doc = "restore points of a disk" },
    { BERTH_WRITE("POST", "/v1/user-disks/{id}/snapshot", MACHINE_CONTROL, USER_DISK,
                  berth_handle_snapshot_user_disk, 202),
      BERTH_FIELDS(snapshot_fields), .answer = "DiskPointWork",
      .doc = "makes a restore point, also while a machine has the disk" },
    { BERTH_WRITE("POST", "/v1/user-disks/{id}/restore", MACHINE_CONTROL, USER_DISK,
                  berth_handle_restore_user_disk, 202),
      BERTH_FIELDS(restore_fields), .answer = "DiskPointWork",
      .doc = "returns a disk that no machine has to a restore point" },
    { BERTH_WRITE("DELETE", "/v1/user-disks/{id}/points/{part}", MACHINE_CONTROL, USER_DISK,
                  berth_handle_drop_disk_point, 202),
      .answer = "DiskPointWork", .doc = "drops a restore point" },
    { BERTH_WRITE("POST", "/v1/user-disks/{id}/export", POOL_WRITE, USER_DISK,
                  berth_handle_export_user_disk, 202),
      BERTH_FIELDS(export_fields), .answer = "Started",
      .doc = "writes a disk that no machine has to the backup folder of its host" },
    { BERTH_WRITE("POST", "/v1/user-disks/import", POOL_WRITE, BODY, berth_handle_import_user_disk,
                  202),
      BERTH_FIELDS(import_fields), .answer = "Started",
      .doc = "gives a user a disk that is made of a backup" },
};

const size_t berth_n_routes_disks = G_N_ELEMENTS(berth_routes_disks);
