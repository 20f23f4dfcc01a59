/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/rights.h"

#include "base/id.h"
#include "berth/errors.h"

#include <glib.h>
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

const char *
berth_permission_root(BerthPermission permission)
{
    static const struct {
        const char *prefix;
        const char *root;
    } rows[] = {
        { "pool-", "/pools" },         { "machine-", "/pools" },     { "session-", "/pools" },
        { "host-", "/hosts" },         { "entitlement-", "/pools" }, { "image-", "/images" },
        { "user-", "/users" },         { "group-", "/groups" },      { "audit-", "/audit" },
        { "schedule-", "/schedules" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (g_str_has_prefix(permission_names[permission], rows[i].prefix)) {
            return rows[i].root;
        }
    }
    return "/";
}

int
berth_rights_check(BerthTx *tx, const char *account, BerthPermission permission,
                   const char *object_path)
{
    BerthRows rows;
    bool is_permitted = false;
    berth_tx_query(tx, &rows, BERTH_SQL_GRANTS_OF, "s", account);
    while (berth_rows_next(&rows)) {
        const BerthRole *role = berth_role_find(berth_rows_text(&rows, 0));
        is_permitted =
            is_permitted || (role != NULL && berth_role_has(role, permission) &&
                             berth_rights_is_below(object_path, berth_rows_text(&rows, 1)));
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_permitted ? BERTH_ERR_FORBIDDEN : error;
}

static void
list_roles(BerthPermission permission, char *ret, size_t size)
{
    g_strlcpy(ret, ",", size);
    for (size_t i = 0; i < berth_n_roles; i++) {
        if (berth_role_has(&berth_roles[i], permission)) {
            g_strlcat(ret, berth_roles[i].name, size);
            g_strlcat(ret, ",", size);
        }
    }
}

int
berth_rights_sight(BerthTx *tx, const char *account, BerthPermission permission,
                   BerthSight *ret_sight)
{
    const char *root = berth_permission_root(permission);
    BerthSight sight = { .sees_all = false };
    bool sees_some = false;
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_GRANTS_OF, "s", account);
    while (berth_rows_next(&rows)) {
        const BerthRole *role = berth_role_find(berth_rows_text(&rows, 0));
        const char *scope = berth_rows_text(&rows, 1);
        if (role != NULL && berth_role_has(role, permission)) {
            sight.sees_all = sight.sees_all || berth_rights_is_below(root, scope);
            sees_some = sees_some || berth_rights_is_below(scope, root);
        }
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK) {
        return error;
    }
    if (!sight.sees_all && !sees_some) {
        return BERTH_ERR_FORBIDDEN;
    }
    list_roles(permission, sight.roles, sizeof sight.roles);
    *ret_sight = sight;
    return BERTH_OK;
}

bool
berth_rights_is_scope(const char *scope)
{
    static const char *const roots[] = { "/pools", "/hosts", "/images", "/users", "/groups" };
    BerthId id;
    if (strcmp(scope, "/") == 0 || strcmp(scope, "/audit") == 0 ||
        strcmp(scope, "/schedules") == 0) {
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(roots); i++) {
        size_t len = strlen(roots[i]);
        if (strncmp(scope, roots[i], len) == 0) {
            return scope[len] == '\0' ||
                   (scope[len] == '/' && berth_id_parse(scope + len + 1, &id) == BERTH_OK);
        }
    }
    return false;
}
