/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may do what: roles hold permissions, grants give a role on a part of the object tree.
 *
 * The tree is made of paths: "/pools/<id>/machines/<id>", "/pools/<id>/sessions/<id>",
 * "/hosts/<id>", "/images/<id>", "/users/<id>", "/groups/<id>", "/audit" and so on, below "/".  A
 * grant on a path holds for everything at and below it.  An id is never a capability: whoever knows
 * one still needs a grant above it.
 */
#pragma once

#include "broker/store/tx.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME, "name", "what it lets one do"); the order is that of the bits in a role. */
#define BERTH_PERMISSION_TABLE(X)                                                             \
    X(NOBODY, "nobody", "needs no login")                                                     \
    X(INTERNAL, "internal", "comes by the internal socket, without a login")                  \
    X(SELF, "self", "any login, for what is one's own")                                       \
    X(POOL_READ, "pool-read", "see pools and their breakers")                                 \
    X(POOL_WRITE, "pool-write", "make, change and remove pools")                              \
    X(MACHINE_READ, "machine-read", "see machines")                                           \
    X(MACHINE_CONTROL, "machine-control", "recycle, hold, start and stop machines")           \
    X(SESSION_READ, "session-read", "see sessions")                                           \
    X(SESSION_CONTROL, "session-control", "message, disconnect and log off sessions")         \
    X(SESSION_OBSERVE, "session-observe", "watch a session with its user's consent")          \
    X(HOST_READ, "host-read", "see hosts and their capacity")                                 \
    X(HOST_WRITE, "host-write", "add, change, drain, fence and remove hosts")                 \
    X(IMAGE_READ, "image-read", "see images and their versions")                              \
    X(IMAGE_WRITE, "image-write", "add images and versions, and roll them out")               \
    X(SCHEDULE_READ, "schedule-read", "see schedules")                                        \
    X(SCHEDULE_WRITE, "schedule-write", "make and change schedules")                          \
    X(USER_READ, "user-read", "see users, their logins, devices and tokens")                  \
    X(USER_WRITE, "user-write", "make, change and remove users")                              \
    X(USER_CONTROL, "user-control", "end logins, unlock, and take a lost second factor away") \
    X(GROUP_READ, "group-read", "see groups and their members")                               \
    X(GROUP_WRITE, "group-write", "make and change groups")                                   \
    X(SOURCE_READ, "source-read", "see where people are known")                               \
    X(SOURCE_WRITE, "source-write", "connect directories and login providers")                \
    X(DEVICE_READ, "device-read", "see kiosk devices")                                        \
    X(DEVICE_WRITE, "device-write", "enrol and remove kiosk devices")                         \
    X(ENTITLEMENT_READ, "entitlement-read", "see who may have which desktops")                \
    X(ENTITLEMENT_WRITE, "entitlement-write", "say who may have which desktops")              \
    X(POLICY_READ, "policy-read", "see policies and why one applies")                         \
    X(POLICY_WRITE, "policy-write", "change policies")                                        \
    X(GRANT_READ, "grant-read", "see who has which role")                                     \
    X(GRANT_WRITE, "grant-write", "give and take roles")                                      \
    X(AUDIT_READ, "audit-read", "read and verify the audit log")                              \
    X(REPORT_READ, "report-read", "read reports of use and failed logins")                    \
    X(STATUS_READ, "status-read", "see counts, metrics and checks of the site")               \
    X(SITE_ADMIN, "site-admin", "change what concerns the whole site")

typedef enum {
#define BERTH_PERMISSION_ENUM(name, text, doc) BERTH_PERMIT_##name,
    BERTH_PERMISSION_TABLE(BERTH_PERMISSION_ENUM)
#undef BERTH_PERMISSION_ENUM
    BERTH_N_PERMISSIONS
} BerthPermission;

typedef struct {
    const char *name;
    uint64_t permissions; /* bit n is BerthPermission n */
    const char *doc;
} BerthRole;

/* The roles, as const table; the CHECK of table role_grant has the same names. */
extern const BerthRole berth_roles[];
extern const size_t berth_n_roles;

/* Names of the roles, ending with NULL: values of a body field. */
extern const char *const berth_role_names[];

/* Name of a permission, "pool-read".  Pure. */
const char *berth_permission_name(BerthPermission permission);

/* A role by its name; NULL if there is none.  Pure. */
const BerthRole *berth_role_find(const char *name);

/* Whether a role has a permission.  Pure. */
bool berth_role_has(const BerthRole *role, BerthPermission permission);

/* Whether a path stands at or below a scope: "/pools/7" is below "/pools" and "/".  Pure. */
bool berth_rights_is_below(const char *path, const char *scope);

/* The part of the tree that things of a permission live in: "/pools" of MACHINE_READ.  Pure. */
const char *berth_permission_root(BerthPermission permission);

/*
 * Whether an account may do something to one object, by its own grants and those of its groups.
 *
 * Errors: BERTH_ERR_FORBIDDEN, those of berth_tx_run().
 */
int berth_rights_check(BerthTx *tx, const char *account, BerthPermission permission,
                       const char *object_path);

/* What of a list an account may see. */
typedef struct {
    bool sees_all;   /* all of it */
    char roles[128]; /* else: ",role,role,": the grants of these roles tell what; for LIKE */
} BerthSight;

/*
 * Finds out what an account may see of the things of a permission.
 *
 * ret_sight:  set on success only
 *
 * Errors: BERTH_ERR_FORBIDDEN if it is nothing at all, those of berth_tx_run().
 */
int berth_rights_sight(BerthTx *tx, const char *account, BerthPermission permission,
                       BerthSight *ret_sight);

/*
 * Whether a text is a part of the tree that a role can be granted on: "/", a collection, or
 * "/pools/<id>", "/hosts/<id>", "/images/<id>", "/users/<id>", "/groups/<id>".  Pure.
 */
bool berth_rights_is_scope(const char *scope);
