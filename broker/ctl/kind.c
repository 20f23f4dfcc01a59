/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/ctl/kind.h"

#include <string.h>

const BerthCtlKind berth_ctl_kinds[] = {
    { "pools", "pool", "/v1/pools", "pools", "name",
      "name kind size n_machines n_ready n_assigned n_failed spares_hot image enabled", true,
      true },
    { "machines", "machine", "/v1/machines", "machines", "name",
      "name pool state power user dirty epoch host condition code", true, true },
    { "sessions", "session", "/v1/sessions", "sessions", "id",
      "id user pool machine state client host", false, false },
    { "hosts", "host", "/v1/hosts", "hosts", "name",
      "name state drain maintenance address accel memory_reserved_mib memory_limit_mib n_machines "
      "detail",
      true, true },
    { "images", "image", "/v1/images", "images", "name", "name id", true, true },
    { "rollouts", "rollout", "/v1/rollouts", "rollouts", "id",
      "id image pool from_number to_number state strategy reason", false, true },
    { "user-disks", "user-disk", "/v1/user-disks", "user-disks", "id",
      "id user pool host state lease machine size_mib used_mib detail", true, true },
    { "restore-points", "restore-point", "/v1/restore-points", "restore_points", "id",
      "id machine pool host state consistency size_bytes created_us keep_until_us note", true,
      true },
    { "schedules", "schedule", "/v1/schedules", "schedules", "name",
      "name timezone open next_change_us rules", true, true },
    { "users", "user", "/v1/users", "users", "name", "name admin enabled id", true, true },
    { "groups", "group", "/v1/groups", "groups", "name", "name source n_members id", true, true },
    { "sources", "source", "/v1/sources", "sources", "name", "name kind priority enabled", true,
      true },
    { "devices", "device", "/v1/devices", "devices", "name", "name user fingerprint enabled", true,
      false },
    { "entitlements", "entitlement", "/v1/entitlements", "entitlements", "id",
      "id user group pool schedule", true, false },
    { "role-grants", "role-grant", "/v1/role-grants", "grants", "id", "id user group role scope",
      true, false },
    { "tokens", "token", "/v1/me/tokens", "tokens", "name", "name created_us used_us expires_us id",
      true, false },
    { "operations", "operation", "/v1/operations", "operations", "id",
      "id kind state progress_pct detail", false, true },
};

const size_t berth_ctl_n_kinds = sizeof berth_ctl_kinds / sizeof berth_ctl_kinds[0];

const BerthCtlKind *
berth_ctl_find_kind(const char *name)
{
    for (size_t i = 0; i < berth_ctl_n_kinds; i++) {
        const BerthCtlKind *kind = &berth_ctl_kinds[i];
        if (strcmp(kind->name, name) == 0 || strcmp(kind->one, name) == 0) {
            return kind;
        }
    }
    return NULL;
}
