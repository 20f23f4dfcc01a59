/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/rights.h"

#include <string.h>

#define BIT(name) (UINT64_C(1) << BERTH_PERMIT_##name)

#define MAY_LOOK                                                                                 \
    (BIT(POOL_READ) | BIT(MACHINE_READ) | BIT(SESSION_READ) | BIT(HOST_READ) | BIT(IMAGE_READ) | \
     BIT(SCHEDULE_READ) | BIT(USER_READ) | BIT(GROUP_READ) | BIT(DEVICE_READ) |                  \
     BIT(ENTITLEMENT_READ) | BIT(POLICY_READ) | BIT(STATUS_READ))
#define EVERYTHING \
    (((UINT64_C(1) << BERTH_N_PERMISSIONS) - 1) & ~(BIT(NOBODY) | BIT(INTERNAL) | BIT(SELF)))

const BerthRole berth_roles[] = {
    { "viewer", MAY_LOOK, "sees everything but the audit log, changes nothing" },
    { "help-desk",
      MAY_LOOK | BIT(MACHINE_CONTROL) | BIT(SESSION_CONTROL) | BIT(SESSION_OBSERVE) |
          BIT(USER_CONTROL),
      "helps users: sees, ends and watches sessions, recycles desktops, ends logins" },
    { "pool-admin",
      MAY_LOOK | BIT(POOL_WRITE) | BIT(MACHINE_CONTROL) | BIT(SESSION_CONTROL) |
          BIT(SESSION_OBSERVE) | BIT(SCHEDULE_WRITE) | BIT(ENTITLEMENT_WRITE) | BIT(REPORT_READ),
      "runs pools and says who may have their desktops" },
    { "image-admin", BIT(POOL_READ) | BIT(MACHINE_READ) | BIT(IMAGE_READ) | BIT(IMAGE_WRITE),
      "makes images and rolls them out" },
    { "auditor", MAY_LOOK | BIT(SOURCE_READ) | BIT(GRANT_READ) | BIT(AUDIT_READ) | BIT(REPORT_READ),
      "sees everything, the audit log and reports among it, changes nothing" },
    { "admin", EVERYTHING, "does everything" },
};
const size_t berth_n_roles = sizeof berth_roles / sizeof berth_roles[0];

const char *const berth_role_names[] = { "viewer",  "help-desk", "pool-admin", "image-admin",
                                         "auditor", "admin",     NULL };

static const char *const permission_names[] = {
#define PERMISSION_NAME(name, text, doc) [BERTH_PERMIT_##name] = (text),
    BERTH_PERMISSION_TABLE(PERMISSION_NAME)
#undef PERMISSION_NAME
};

const char *
berth_permission_name(BerthPermission permission)
{
    return permission_names[permission];
}

const BerthRole *
berth_role_find(const char *name)
{
    for (size_t i = 0; i < berth_n_roles; i++) {
        if (strcmp(berth_roles[i].name, name) == 0) {
            return &berth_roles[i];
        }
    }
    return NULL;
}

bool
berth_role_has(const BerthRole *role, BerthPermission permission)
{
    return (role->permissions >> permission & 1) != 0;
}

bool
berth_rights_is_below(const char *path, const char *scope)
{
    size_t len = strlen(scope);
    if (strcmp(scope, "/") == 0) {
        return path[0] == '/';
    }
    return strncmp(path, scope, len) == 0 && (path[len] == '\0' || path[len] == '/');
}
