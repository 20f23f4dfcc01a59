/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/ctl/kind.h"

#include <string.h>

const BerthCtlKind berth_ctl_kinds[] = {
    { "pools", "pool", "name",
      "name kind size n_machines n_ready n_assigned spares_hot image enabled", true },
    { "machines", "machine", "name", "name pool state power user dirty epoch host code", true },
    { "sessions", "session", "id", "id user pool machine state client host", false },
    { "hosts", "host", "name",
      "name state drain maintenance address accel memory_reserved_mib memory_limit_mib n_machines",
      true },
    { "images", "image", "name", "name id", true },
    { "schedules", "schedule", "name", "name timezone rules", true },
    { "users", "user", "name", "name display_name source enabled id", true },
    { "groups", "group", "name", "name source id", true },
    { "sources", "source", "name", "name kind priority enabled", true },
    { "devices", "device", "name", "name user fingerprint enabled", true },
    { "entitlements", "entitlement", "id", "id user group pool schedule", true },
    { "role-grants", "role-grant", "id", "id user group role scope", true },
    { "operations", "operation", "id", "id kind state progress_pct detail", false },
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
