/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What answers look like: "key:type" each, where a "?" at the end says that it may be null or
 * missing.  More members may come with a later version.
 */
#include "broker/api/openapi.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static const struct {
    const char *name;
    const char *members;
} objects[] = {
    { "Problem", "type:text title:text status:int detail:text code:text request:text "
                 "retry_after_s:int?" },
    { "Added", "id:text name:text" },
    { "Me", "id:text name:text admin:bool roles:array" },
    { "Login", "token:text? expires_in_s:int? user:object? desktop:text?" },
    { "NewLink", "code:text desktop:text expires_in_s:int" },
    { "Launch", "state:text ticket:text? session:text? machine:text? sni:text? policy:object?" },
    { "MyDesktop", "pool:text name:text kind:text icon:text state:text session:text? machine:text? "
                   "may_restart:bool may_report:bool" },
    { "MySession", "id:text pool:text name:text machine:text state:text" },
    { "Session", "id:text user:text pool:text machine:text host:text state:text "
                 "connection_epoch:int client:text started_us:int connected_us:int? "
                 "disconnected_us:int?" },
    { "Pool", "id:text name:text kind:text icon:text size:int enabled:bool version:int" },
    { "Machine", "id:text name:text pool:text host:text state:text epoch:int dirty:bool "
                 "user:text? memory_mib:int since_us:int" },
    { "DiskPoint", "id:text state:text consistency:text note:text detail:text created_us:int" },
    { "DiskPointWork", "operation:text point:text" },
    { "UserDisk", "id:text user:text pool:text host:text storage:text size_mib:int used_mib:int "
                  "fs:text state:text detail:text epoch:int machine:text lease:text version:int" },
    { "Image", "id:text name:text version:int" },
    { "Rollout", "id:text pool:text pool_id:text image:text from_number:int to_number:int "
                 "from_version:text to_version:text state:text paused_from:text strategy:text "
                 "canary:int batch:int max_unavailable:int settings:object gate:object "
                 "reason:text created_us:int since_us:int deadline_us:int? version:int" },
    { "RolloutOrders", "rollouts:array" },
    { "Started", "operation:text id:text" },
    { "RestorePoint",
      "id:text kind:text machine:text machine_id:text disk:text user:text pool:text host:text "
      "version:text state:text consistency:text size_bytes:int location:text "
      "detail:text note:text created_us:int since_us:int keep_until_us:int?" },
    { "ImageStatus", "image:text tags:array replicas:array pools:array" },
    { "Version", "id:text image:text number:int state:text size_bytes:int parent:text "
                 "changelog:text sealed_by:text created_us:int sealed_us:int? n_machines:int "
                 "n_replicas:int tag:text" },
    { "NewVersion", "id:text number:int" },
    { "Tag", "tag:text version:text number:int state:text moved_us:int moved_by:text" },
    { "ImageLimit", "kbps:int" },
    { "ImageGc", "dry_run:bool versions:array kept:array frees:array" },
    { "Upload", "id:text image:text state:text files:array created_us:int operation:text? "
                "version:text?" },
    { "Import", "operation:text version:text" },
    { "Draft", "id:text image:text number:int state:text parent:text pool:text machine:text "
               "changelog:text" },
    { "OperationStarted", "operation:text" },
    { "VersionDiff", "from:int to:int packages:object? files:object? checks:array?" },
    { "Host", "id:text name:text state:text address:text version:int" },
    { "User", "id:text name:text enabled:bool version:int" },
    { "Explanation", "id:text user:text enabled:bool pools:array why_not:text?" },
    { "Group", "id:text name:text source:text? external_id:text n_members:int created_us:int "
               "version:int" },
    { "Member", "id:text name:text display_name:text local:bool" },
    { "OpenSource", "id:text name:text kind:text" },
    { "Source", "id:text name:text kind:text settings:object priority:int enabled:bool "
                "created_us:int version:int" },
    { "Device", "id:text name:text fingerprint:text user:text enabled:bool created_us:int "
                "version:int" },
    { "OidcStart", "url:text state:text flow:text expires_in_s:int" },
    { "Totp", "secret:text uri:text" },
    { "RecoveryCodes", "recovery_codes:array" },
    { "FactorRoles", "roles:array" },
    { "LoginRow", "id:text kind:text name:text method:text source:text created_us:int used_us:int "
                  "expires_us:int current:bool" },
    { "NewToken", "id:text name:text token:text expires_us:int" },
    { "PolicyRule", "level:text target:text name:text policy:object version:int" },
    { "Policy", "" },
    { "PolicyExplanation", "policy:object why:array" },
    { "Schedule", "id:text name:text timezone:text rules:array version:int" },
    { "HostVerdict", "host:text name:text reason:text detail:text score:int" },
    { "CapacityReport", "pools:array hosts:array" },
    { "Kept", "machine:text user:text" },
    { "Stranger", "id:text epoch:int state:text overlay:text disk_mib:int" },
    { "Entitlement", "id:text user:text? group:text? pool:text pool_id:text schedule:text? "
                     "created_us:int" },
    { "Grant", "id:text user:text? group:text? role:text scope:text created_us:int" },
    { "Audit", "chain:text seq:int at_us:int actor:text kind:text object:text data:object "
               "hash:text" },
    { "Operation", "id:text kind:text object:text state:text progress_pct:int detail:text "
                   "created_us:int updated_us:int" },
    { "Status", "status:object" },
    { "AuditReport", "is_whole:bool n_events:int n_chains:int n_heads:int breach:object?" },
    { "Fsck", "breaches:int fsck:array" },
    { "Alive", "status:text version:text uptime_s:int" },
    { "Ready", "status:text" },
    { "Health", "status:text version:text cluster:text uptime_s:int agents:int" },
    { "UsageReport", "from_us:int to_us:int rows:array" },
    { "PeakReport", "from_us:int to_us:int rows:array" },
    { "FailedLoginReport", "from_us:int to_us:int rows:array" },
    { "HostAddressList", "hosts:array" },
    { "OpenApi", "openapi:text info:object paths:object" },
};

static const struct {
    const char *name;
    const char *key;
    const char *of;
} lists[] = {
    { "MyDesktopList", "desktops", "MyDesktop" },
    { "MySessionList", "sessions", "MySession" },
    { "SessionList", "sessions", "Session" },
    { "PoolList", "pools", "Pool" },
    { "MachineList", "machines", "Machine" },
    { "DiskPointList", "points", "DiskPoint" },
    { "UserDiskList", "user-disks", "UserDisk" },
    { "ImageList", "images", "Image" },
    { "RolloutList", "rollouts", "Rollout" },
    { "VersionList", "versions", "Version" },
    { "TagList", "tags", "Tag" },
    { "UploadList", "uploads", "Upload" },
    { "RestorePointList", "restore_points", "RestorePoint" },
    { "BackupList", "backups", "RestorePoint" },
    { "HostList", "hosts", "Host" },
    { "UserList", "users", "User" },
    { "GroupList", "groups", "Group" },
    { "MemberList", "members", "Member" },
    { "OpenSourceList", "sources", "OpenSource" },
    { "SourceList", "sources", "Source" },
    { "DeviceList", "devices", "Device" },
    { "LoginList", "logins", "LoginRow" },
    { "TokenList", "tokens", "LoginRow" },
    { "PolicyList", "policies", "PolicyRule" },
    { "ScheduleList", "schedules", "Schedule" },
    { "Placement", "hosts", "HostVerdict" },
    { "Fenced", "kept", "Kept" },
    { "StrangerList", "strangers", "Stranger" },
    { "EntitlementList", "entitlements", "Entitlement" },
    { "GrantList", "grants", "Grant" },
    { "AuditList", "audit", "Audit" },
    { "OperationList", "operations", "Operation" },
};

static json_t *
make_type(const char *type, bool is_nullable)
{
    static const char *const names[][2] = { { "text", "string" },
                                            { "int", "integer" },
                                            { "bool", "boolean" },
                                            { "object", "object" },
                                            { "array", "array" } };
    json_t *schema = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i][0], type) == 0) {
            json_object_set_new(schema, "type", json_string(names[i][1]));
        }
    }
    if (strcmp(type, "array") == 0) {
        json_object_set_new(schema, "items", json_object());
    }
    if (is_nullable) {
        json_object_set_new(schema, "nullable", json_true());
    }
    return schema;
}

static json_t *
make_object(const char *members)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    g_auto(GStrv) words = g_strsplit(members, " ", -1);
    for (char **word = words; *word != NULL && **word != '\0'; word++) {
        char *type = strchr(*word, ':');
        *type++ = '\0';
        bool is_nullable = g_str_has_suffix(type, "?");
        type[strcspn(type, "?")] = '\0';
        json_object_set_new(properties, *word, make_type(type, is_nullable));
        if (!is_nullable) {
            json_array_append_new(required, json_string(*word));
        }
    }
    json_t *schema = json_pack("{s:s, s:o}", "type", "object", "properties", properties);
    if (json_array_size(required) > 0) {
        json_object_set(schema, "required", required);
    }
    json_decref(required);
    return schema;
}

static json_t *
make_list(const char *key, const char *of)
{
    g_autofree char *ref = g_strconcat("#/components/schemas/", of, NULL);
    return json_pack("{s:s, s:{s:{s:s, s:{s:s}}, s:{s:s}}, s:[s]}", "type", "object", "properties",
                     key, "type", "array", "items", "$ref", ref, "next", "type", "string",
                     "required", key);
}

json_t *
berth_schemas_new(void)
{
    json_t *schemas = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(objects); i++) {
        json_object_set_new(schemas, objects[i].name, make_object(objects[i].members));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        json_object_set_new(schemas, lists[i].name, make_list(lists[i].key, lists[i].of));
    }
    return schemas;
}
