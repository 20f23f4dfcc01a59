/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The authorisation matrix: every route x every role x one's own object and another's, against a
 * table that is written by hand and knows nothing of the code's.  A route without a row fails.
 */
#include "store-fixture.h"

#include "broker/api/authorise.h"
#include "broker/api/router.h"
#include "broker/broker.h"

#include <string.h>

/* v viewer, h help-desk, p pool-admin, i image-admin, a auditor, A admin */
#define LETTERS "vhpiaA"
static const char *const roles[] = { "viewer",      "help-desk", "pool-admin",
                                     "image-admin", "auditor",   "admin" };

/* What must be granted for a row's roles to count, below "/", where they always do. */
typedef enum {
    OPEN,   /* no login */
    INSIDE, /* internal socket */
    SELF,   /* any login */
    SITE,   /* nothing but "/" */
    POOLS,  /* a list of what is in pools: some pool */
    POOL,   /* {id}: the pool that it is or is in */
    MACHINE,
    SESSION,
    ENTITLEMENT,
    ROLLOUT,
    USER_DISK,
    RESTORE_POINT,
    GRANT,
    HOSTS,
    HOST,
    IMAGES,
    IMAGE,
    USERS,
    USER,
    GROUPS,
    GROUP,
} Kind;

static const struct {
    const char *method;
    const char *path;
    Kind kind;
    const char *letters;
} rows[] = {
    { "POST", "/v1/auth/login", OPEN, "" },
    { "POST", "/v1/auth/mfa", OPEN, "" },
    { "POST", "/v1/auth/totp", OPEN, "" },
    { "POST", "/v1/auth/device", OPEN, "" },
    { "POST", "/v1/auth/code", OPEN, "" },
    { "GET", "/v1/auth/sources", OPEN, "" },
    { "POST", "/v1/auth/oidc/{id}/start", OPEN, "" },
    { "POST", "/v1/auth/oidc/finish", OPEN, "" },
    { "POST", "/v1/auth/logout", SELF, "" },
    { "GET", "/v1/me", SELF, "" },
    { "POST", "/v1/me/password", SELF, "" },
    { "POST", "/v1/me/totp", SELF, "" },
    { "POST", "/v1/me/totp/confirm", SELF, "" },
    { "POST", "/v1/me/totp/remove", SELF, "" },
    { "GET", "/v1/me/logins", SELF, "" },
    { "DELETE", "/v1/me/logins", SELF, "" },
    { "DELETE", "/v1/me/logins/{id}", SELF, "" },
    { "GET", "/v1/me/tokens", SELF, "" },
    { "POST", "/v1/me/tokens", SELF, "" },
    { "DELETE", "/v1/me/tokens/{id}", SELF, "" },
    { "GET", "/v1/me/desktops", SELF, "" },
    { "POST", "/v1/me/desktops/{id}/connect", SELF, "" },
    { "POST", "/v1/me/desktops/{id}/restart", SELF, "" },
    { "POST", "/v1/me/desktops/{id}/report", SELF, "" },
    { "POST", "/v1/me/links", SELF, "" },
    { "GET", "/v1/me/sessions", SELF, "" },
    { "POST", "/v1/me/sessions/{id}/disconnect", SELF, "" },
    { "POST", "/v1/me/sessions/{id}/logoff", SELF, "" },
    { "GET", "/v1/sessions", POOLS, "vhpaA" },
    { "GET", "/v1/sessions/{id}", SESSION, "vhpaA" },
    { "POST", "/v1/sessions/{id}/disconnect", SESSION, "hpA" },
    { "POST", "/v1/sessions/{id}/logoff", SESSION, "hpA" },
    { "POST", "/v1/sessions/{id}/message", SESSION, "hpA" },
    { "POST", "/v1/sessions/{id}/shadow", SESSION, "hpA" },
    { "GET", "/v1/users", USERS, "vhpaA" },
    { "POST", "/v1/users", SITE, "A" },
    { "GET", "/v1/users/{id}", USER, "vhpaA" },
    { "PATCH", "/v1/users/{id}", USER, "A" },
    { "DELETE", "/v1/users/{id}", USER, "A" },
    { "POST", "/v1/users/{id}/password", USER, "A" },
    { "DELETE", "/v1/users/{id}/totp", USER, "hA" },
    { "GET", "/v1/users/{id}/logins", USER, "vhpaA" },
    { "GET", "/v1/users/{id}/explain", USER, "vhpaA" },
    { "DELETE", "/v1/users/{id}/logins", USER, "hA" },
    { "DELETE", "/v1/users/{id}/logins/{part}", USER, "hA" },
    { "GET", "/v1/second-factor", SITE, "aA" },
    { "PUT", "/v1/second-factor", SITE, "A" },
    { "GET", "/v1/groups", GROUPS, "vhpaA" },
    { "POST", "/v1/groups", SITE, "A" },
    { "GET", "/v1/groups/{id}", GROUP, "vhpaA" },
    { "PATCH", "/v1/groups/{id}", GROUP, "A" },
    { "DELETE", "/v1/groups/{id}", GROUP, "A" },
    { "GET", "/v1/groups/{id}/members", GROUP, "vhpaA" },
    { "PUT", "/v1/groups/{id}/members/{part}", GROUP, "A" },
    { "DELETE", "/v1/groups/{id}/members/{part}", GROUP, "A" },
    { "GET", "/v1/sources", SITE, "aA" },
    { "POST", "/v1/sources", SITE, "A" },
    { "GET", "/v1/sources/{id}", SITE, "aA" },
    { "PATCH", "/v1/sources/{id}", SITE, "A" },
    { "DELETE", "/v1/sources/{id}", SITE, "A" },
    { "GET", "/v1/devices", SITE, "vhpaA" },
    { "POST", "/v1/devices", SITE, "A" },
    { "GET", "/v1/devices/{id}", SITE, "vhpaA" },
    { "PATCH", "/v1/devices/{id}", SITE, "A" },
    { "DELETE", "/v1/devices/{id}", SITE, "A" },
    { "GET", "/v1/policies", SITE, "vhpaA" },
    { "PUT", "/v1/policies/site", SITE, "A" },
    { "DELETE", "/v1/policies/site", SITE, "A" },
    { "PUT", "/v1/policies/{part}/{id}", SITE, "A" },
    { "DELETE", "/v1/policies/{part}/{id}", SITE, "A" },
    { "GET", "/v1/policies/explain", SITE, "vhpaA" },
    { "GET", "/v1/policies/presets/{part}", SITE, "vhpaA" },
    { "GET", "/v1/pools", POOLS, "vhpiaA" },
    { "POST", "/v1/pools", SITE, "pA" },
    { "GET", "/v1/pools/{id}", POOL, "vhpiaA" },
    { "PATCH", "/v1/pools/{id}", POOL, "pA" },
    { "DELETE", "/v1/pools/{id}", POOL, "pA" },
    { "GET", "/v1/pools/{id}/placement", POOL, "vhpiaA" },
    { "POST", "/v1/pools/{id}/reset-breakers", POOL, "pA" },
    { "GET", "/v1/user-disks", POOLS, "vhpiaA" },
    { "POST", "/v1/user-disks", POOLS, "pA" },
    { "GET", "/v1/user-disks/{id}", USER_DISK, "vhpiaA" },
    { "DELETE", "/v1/user-disks/{id}", USER_DISK, "pA" },
    { "POST", "/v1/user-disks/{id}/grow", USER_DISK, "hpA" },
    { "POST", "/v1/user-disks/{id}/detach", USER_DISK, "hpA" },
    { "GET", "/v1/user-disks/{id}/points", USER_DISK, "vhpiaA" },
    { "POST", "/v1/user-disks/{id}/snapshot", USER_DISK, "hpA" },
    { "POST", "/v1/user-disks/{id}/restore", USER_DISK, "hpA" },
    { "DELETE", "/v1/user-disks/{id}/points/{part}", USER_DISK, "hpA" },
    { "POST", "/v1/user-disks/{id}/export", USER_DISK, "pA" },
    { "POST", "/v1/user-disks/import", POOLS, "pA" },
    { "GET", "/v1/machines", POOLS, "vhpiaA" },
    { "POST", "/v1/machines", POOLS, "pA" },
    { "GET", "/v1/machines/{id}", MACHINE, "vhpiaA" },
    { "DELETE", "/v1/machines/{id}", MACHINE, "hpA" },
    { "POST", "/v1/machines/{id}/recycle", MACHINE, "hpA" },
    { "POST", "/v1/machines/{id}/hold", MACHINE, "hpA" },
    { "POST", "/v1/machines/{id}/release", MACHINE, "hpA" },
    { "POST", "/v1/machines/{id}/start", MACHINE, "hpA" },
    { "POST", "/v1/machines/{id}/snapshot", MACHINE, "hpA" },
    { "POST", "/v1/machines/{id}/restore", MACHINE, "hpA" },
    { "POST", "/v1/machines/{id}/refresh", MACHINE, "hpA" },
    { "POST", "/v1/machines/{id}/rebase", MACHINE, "hpA" },
    { "GET", "/v1/restore-points", POOLS, "vhpiaA" },
    { "GET", "/v1/restore-points/{id}", RESTORE_POINT, "vhpiaA" },
    { "DELETE", "/v1/restore-points/{id}", RESTORE_POINT, "hpA" },
    { "POST", "/v1/restore-points/{id}/restore-as-new", RESTORE_POINT, "hpA" },
    { "POST", "/v1/restore-points/{id}/export", RESTORE_POINT, "pA" },
    { "GET", "/v1/backups", POOLS, "vhpiaA" },
    { "POST", "/v1/backups/import", POOLS, "hpA" },
    { "POST", "/v1/hosts/{id}/backups", HOST, "vhpaA" },
    { "POST", "/v1/machines/{id}/stop", MACHINE, "hpA" },
    { "GET", "/v1/images", IMAGES, "vhpiaA" },
    { "POST", "/v1/images", SITE, "iA" },
    { "GET", "/v1/images/{id}", IMAGE, "vhpiaA" },
    { "PATCH", "/v1/images/{id}", IMAGE, "iA" },
    { "DELETE", "/v1/images/{id}", IMAGE, "iA" },
    { "GET", "/v1/images/{id}/versions", IMAGE, "vhpiaA" },
    { "POST", "/v1/images/{id}/versions", IMAGE, "iA" },
    { "GET", "/v1/image-versions/{id}", IMAGE, "vhpiaA" },
    { "PATCH", "/v1/image-versions/{id}", IMAGE, "iA" },
    { "DELETE", "/v1/image-versions/{id}", IMAGE, "iA" },
    { "POST", "/v1/image-versions/{id}/retire", IMAGE, "iA" },
    { "POST", "/v1/image-versions/{id}/revive", IMAGE, "iA" },
    { "GET", "/v1/images/{id}/versions/{part}", IMAGE, "vhpiaA" },
    { "DELETE", "/v1/images/{id}/versions/{part}", IMAGE, "iA" },
    { "POST", "/v1/images/{id}/versions/{part}/retire", IMAGE, "iA" },
    { "POST", "/v1/images/{id}/versions/{part}/revive", IMAGE, "iA" },
    { "GET", "/v1/images/{id}/tags", IMAGE, "vhpiaA" },
    { "PUT", "/v1/images/{id}/tags/{part}", IMAGE, "iA" },
    { "DELETE", "/v1/images/{id}/tags/{part}", IMAGE, "iA" },
    { "POST", "/v1/image-gc", SITE, "iA" },
    { "GET", "/v1/image-limit", SITE, "vhpiaA" },
    { "PUT", "/v1/image-limit", SITE, "iA" },
    { "POST", "/v1/images/{id}/publish", IMAGE, "iA" },
    { "POST", "/v1/images/{id}/promote", IMAGE, "iA" },
    { "POST", "/v1/images/{id}/rollback", IMAGE, "iA" },
    { "GET", "/v1/images/{id}/status", IMAGE, "vhpiaA" },
    { "POST", "/v1/images/{id}/edit", IMAGE, "iA" },
    { "POST", "/v1/image-versions/{id}/run", IMAGE, "iA" },
    { "POST", "/v1/image-versions/{id}/seal", IMAGE, "iA" },
    { "POST", "/v1/image-versions/{id}/discard", IMAGE, "iA" },
    { "POST", "/v1/image-versions/{id}/test", IMAGE, "iA" },
    { "DELETE", "/v1/image-versions/{id}/test/{part}", IMAGE, "iA" },
    { "GET", "/v1/image-versions/{id}/diff", IMAGE, "vhpiaA" },
    { "GET", "/v1/rollouts", IMAGES, "vhpiaA" },
    { "GET", "/v1/rollouts/{id}", ROLLOUT, "vhpiaA" },
    { "POST", "/v1/rollouts/{id}/pause", ROLLOUT, "iA" },
    { "POST", "/v1/rollouts/{id}/resume", ROLLOUT, "iA" },
    { "POST", "/v1/rollouts/{id}/promote", ROLLOUT, "iA" },
    { "POST", "/v1/rollouts/{id}/rollback", ROLLOUT, "iA" },
    { "POST", "/v1/images/{id}/import", IMAGE, "iA" },
    { "GET", "/v1/uploads", IMAGES, "iA" },
    { "GET", "/v1/uploads/{id}", IMAGES, "iA" },
    { "PUT", "/v1/uploads/{id}", IMAGES, "iA" },
    { "POST", "/v1/uploads/{id}/finish", IMAGES, "iA" },
    { "DELETE", "/v1/uploads/{id}", IMAGES, "iA" },
    { "GET", "/v1/hosts", HOSTS, "vhpaA" },
    { "POST", "/v1/hosts", SITE, "A" },
    { "GET", "/v1/hosts/{id}", HOST, "vhpaA" },
    { "PATCH", "/v1/hosts/{id}", HOST, "A" },
    { "DELETE", "/v1/hosts/{id}", HOST, "A" },
    { "GET", "/v1/hosts/{id}/strangers", HOST, "vhpaA" },
    { "POST", "/v1/hosts/{id}/drain", HOST, "A" },
    { "POST", "/v1/hosts/{id}/undrain", HOST, "A" },
    { "POST", "/v1/hosts/{id}/maintenance", HOST, "A" },
    { "POST", "/v1/hosts/{id}/fence", HOST, "A" },
    { "GET", "/v1/schedules", SITE, "vhpaA" },
    { "POST", "/v1/schedules", SITE, "pA" },
    { "GET", "/v1/schedules/{id}", SITE, "vhpaA" },
    { "PATCH", "/v1/schedules/{id}", SITE, "pA" },
    { "DELETE", "/v1/schedules/{id}", SITE, "pA" },
    { "GET", "/v1/entitlements", POOLS, "vhpaA" },
    { "POST", "/v1/entitlements", POOLS, "pA" },
    { "DELETE", "/v1/entitlements/{id}", ENTITLEMENT, "pA" },
    { "GET", "/v1/role-grants", POOLS, "aA" },
    { "POST", "/v1/role-grants", POOLS, "A" },
    { "DELETE", "/v1/role-grants/{id}", GRANT, "A" },
    { "POST", "/v1/safe-mode", SITE, "A" },
    { "POST", "/v1/hosts-gone", SITE, "A" },
    { "GET", "/v1/audit", SITE, "aA" },
    { "GET", "/v1/audit/verify", SITE, "aA" },
    { "GET", "/v1/status", SITE, "vhpaA" },
    { "GET", "/v1/fsck", SITE, "vhpaA" },
    { "GET", "/v1/metrics", SITE, "vhpaA" },
    { "GET", "/v1/reports/capacity", SITE, "paA" },
    { "GET", "/v1/reports/usage", SITE, "paA" },
    { "GET", "/v1/reports/peak", SITE, "paA" },
    { "GET", "/v1/reports/failed-logins", SITE, "paA" },
    { "GET", "/v1/events", SELF, "" },
    { "GET", "/v1/audit/verify", SITE, "aA" },
    { "PUT", "/v1/log", SITE, "A" },
    { "GET", "/v1/operations", SELF, "" },
    { "GET", "/v1/operations/{id}", SELF, "" },
    { "GET", "/v1/openapi.json", OPEN, "" },
    { "GET", "/v1/health", OPEN, "" },
    { "GET", "/v1/ready", OPEN, "" },
    { "GET", "/internal/v1/ready", INSIDE, "" },
    { "GET", "/internal/v1/hosts", INSIDE, "" },
    { "GET", "/internal/v1/health", INSIDE, "" },
    { "GET", "/internal/v1/metrics", INSIDE, "" },
};

/* Where accounts have their role: two of each kind of place, the second of somebody else. */
enum {
    PLACE_SITE,
    PLACE_POOL,
    PLACE_HOST,
    PLACE_IMAGE,
    PLACE_USER,
    PLACE_GROUP,
    N_PLACES
};

#define ELSEWHERE 1

typedef struct {
    Fixture f;
    BerthClaimResult claimed;
    char group[BERTH_ID_HEX_CHARS + 1];
    char entitlement[BERTH_ID_HEX_CHARS + 1];
    char grant[BERTH_ID_HEX_CHARS + 1];
    char rollout[BERTH_ID_HEX_CHARS + 1];
    char disk[BERTH_ID_HEX_CHARS + 1];
    char point[BERTH_ID_HEX_CHARS + 1];
    char elsewhere[BERTH_ID_HEX_CHARS + 1];
    char accounts[6][N_PLACES][2][BERTH_ID_HEX_CHARS + 1];
    char plain[BERTH_ID_HEX_CHARS + 1];
} Matrix;

/* A login's token is its account's id twice: 64 digits, as a hash has. */
static int
add_account(BerthTx *tx, char ret_id[BERTH_ID_HEX_CHARS + 1], const char *role, const char *scope)
{
    char hash[2 * BERTH_ID_HEX_CHARS + 1];
    char id[BERTH_ID_HEX_CHARS + 1];
    fixture_new_id(ret_id);
    fixture_new_id(id);
    g_snprintf(hash, sizeof hash, "%s%s", ret_id, ret_id);
    int error = berth_tx_run(tx, BERTH_SQL_ACCOUNT_INSERT, "sssi", ret_id, ret_id, "x", (int64_t)1);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_LOGIN_INSERT, "sssssssii", hash, id, ret_id, "login", "",
                             "password", "local", (int64_t)1000, INT64_MAX);
    }
    if (error == BERTH_OK && role != NULL) {
        error = berth_tx_run(tx, BERTH_SQL_GRANT_INSERT, "sssssi", id, ret_id, NULL, role, scope,
                             (int64_t)1);
    }
    return error;
}

static int
fill(BerthTx *tx, void *data)
{
    Matrix *m = data;
    static const char *const names[] = { "", "pools", "hosts", "images", "users", "groups" };
    const char *own[] = { "", m->f.pool, m->f.host, m->f.image, m->f.users[0], m->group };
    char scope[64];
    fixture_new_id(m->elsewhere);
    fixture_new_id(m->group);
    fixture_new_id(m->entitlement);
    fixture_new_id(m->grant);
    int error = add_account(tx, m->plain, NULL, NULL);
    for (int i = 0; error == BERTH_OK && i < 6 * N_PLACES * 2; i++) {
        int role = i / (N_PLACES * 2);
        int place = i / 2 % N_PLACES;
        g_snprintf(scope, sizeof scope, "/%s%s%s", names[place], place > 0 ? "/" : "",
                   place == 0           ? ""
                   : i % 2 == ELSEWHERE ? m->elsewhere
                                        : own[place]);
        error = add_account(tx, m->accounts[role][place][i % 2], roles[role], scope);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_ENTITLEMENT_INSERT, "sssssi", m->entitlement, m->plain,
                             NULL, m->f.pool, NULL, (int64_t)1);
    }
    g_snprintf(scope, sizeof scope, "/pools/%s", m->f.pool);
    return error == BERTH_OK ? berth_tx_run(tx, BERTH_SQL_GRANT_INSERT, "sssssi", m->grant,
                                            m->f.users[1], NULL, "viewer", scope, (int64_t)1)
                             : error;
}

/* A rollout from the first version of the image to the same. */
static void
add_rollout(Matrix *m)
{
    g_autofree char *version = g_strdup_printf(
        "INSERT INTO image_version (id, image, number, state, created_us, since_us) "
        "VALUES ('%s', '%s', 1, 'draft', 1, 1)",
        m->f.image, m->f.image);
    fixture_new_id(m->rollout);
    g_autofree char *rollout = g_strdup_printf(
        "INSERT INTO rollout (id, pool, from_version, to_version, state, created_us, since_us) "
        "VALUES ('%s', '%s', '%s', '%s', 'planned', 1, 1)",
        m->rollout, m->f.pool, m->f.image, m->f.image);
    store_place_exec(&m->f.place, version);
    store_place_exec(&m->f.place, rollout);
}

static void
add_disk(Matrix *m)
{
    fixture_new_id(m->disk);
    g_autofree char *disk = g_strdup_printf(
        "INSERT INTO user_disk (id, account, pool, size_mib, state, created_us, since_us) "
        "VALUES ('%s', '%s', '%s', 64, 'new', 1, 1)",
        m->disk, m->f.users[0], m->f.pool);
    store_place_exec(&m->f.place, disk);
}

static void
add_restore_point(Matrix *m)
{
    fixture_new_id(m->point);
    g_autofree char *point = g_strdup_printf(
        "INSERT INTO restore_point (id, kind, machine, state, consistency, created_us, since_us) "
        "VALUES ('%s', 'desktop', '%s', 'ready', 'crash', 1, 1)",
        m->point, m->claimed.machine);
    store_place_exec(&m->f.place, point);
}

static void
matrix_init(Matrix *m)
{
    fixture_init(&m->f, 2, 2);
    assert_berth_ok(berth_store_write(m->f.store, fixture_run_tick, &m->f));
    assert_berth_ok(fixture_obey(&m->f));
    assert_berth_ok(fixture_claim(&m->f, 0, &m->claimed));
    assert_berth_ok(berth_store_write(m->f.store, fill, m));
    add_rollout(m);
    add_disk(m);
    add_restore_point(m);
}

static const char *
id_of(const Matrix *m, Kind kind)
{
    switch (kind) {
    case MACHINE:
        return m->claimed.machine;
    case SESSION:
        return m->claimed.session;
    case ENTITLEMENT:
        return m->entitlement;
    case GRANT:
        return m->grant;
    case ROLLOUT:
        return m->rollout;
    case USER_DISK:
        return m->disk;
    case RESTORE_POINT:
        return m->point;
    case HOST:
        return m->f.host;
    case IMAGE:
        return m->f.image;
    case USER:
        return m->f.users[0];
    case GROUP:
        return m->group;
    default:
        return m->f.pool;
    }
}

/* The place whose grant is enough, PLACE_SITE if only that is. */
static int
place_of(Kind kind)
{
    static const struct {
        Kind first;
        Kind last;
        int place;
    } places[] = { { POOLS, GRANT, PLACE_POOL },
                   { HOSTS, HOST, PLACE_HOST },
                   { IMAGES, IMAGE, PLACE_IMAGE },
                   { USERS, USER, PLACE_USER },
                   { GROUPS, GROUP, PLACE_GROUP } };

    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        if (kind >= places[i].first && kind <= places[i].last) {
            return places[i].place;
        }
    }
    return PLACE_SITE;
}

static bool
is_list(Kind kind)
{
    return kind == POOLS || kind == HOSTS || kind == IMAGES || kind == USERS || kind == GROUPS;
}

static int
run_authorise(BerthTx *tx, void *data)
{
    return berth_authorise(tx, data);
}

static int
ask_by_token(Matrix *m, const BerthRoute *route, const char *token_hash, const char *id)
{
    BerthBroker broker = { .store = m->f.store };
    BerthRequest request = { .broker = &broker, .route = route, .now_us = 2000 };
    g_strlcpy(request.token_hash, token_hash, sizeof request.token_hash);
    g_strlcpy(request.id, id, sizeof request.id);
    int error = berth_store_read(m->f.store, run_authorise, &request);
    g_free(request.detail);
    return error;
}

static int
ask(Matrix *m, const BerthRoute *route, const char *account, const char *id)
{
    g_autofree char *token_hash = g_strconcat(account, account, NULL);
    return ask_by_token(m, route, token_hash, id);
}

static size_t
find_row(const BerthRoute *route)
{
    size_t i = 0;
    while (i < G_N_ELEMENTS(rows) &&
           (strcmp(rows[i].method, route->method) != 0 || strcmp(rows[i].path, route->path) != 0)) {
        i++;
    }
    return i;
}

static void
check_role(Matrix *m, const BerthRoute *route, size_t row, int role)
{
    bool may = strchr(rows[row].letters, LETTERS[role]) != NULL;
    const char *id = id_of(m, rows[row].kind);
    for (int place = 0; place < N_PLACES; place++) {
        for (int whose = 0; whose < 2; whose++) {
            bool is_right_place = place == place_of(rows[row].kind);
            bool is_own = whose != ELSEWHERE || is_list(rows[row].kind) || place == PLACE_SITE;
            bool wanted = may && (place == PLACE_SITE || (is_right_place && is_own));
            /* Who asks for grants, or makes one, may have the role anywhere. */
            if (strcmp(route->path, "/v1/role-grants") == 0) {
                wanted = may;
            }
            int error = ask(m, route, m->accounts[role][place][whose], id);
            if (error != (wanted ? BERTH_OK : BERTH_ERR_FORBIDDEN)) {
                fail_msg("%s %s: %s at place %d of %s: %d", route->method, route->path, roles[role],
                         place, whose == ELSEWHERE ? "others" : "its own", error);
            }
        }
    }
}

static void
every_route_lets_in_whom_the_table_says(void **state)
{
    Matrix m;
    const BerthRoute *route = NULL;
    matrix_init(&m);
    for (size_t i = 0; (route = berth_route_get(i)) != NULL; i++) {
        size_t row = find_row(route);
        if (row == G_N_ELEMENTS(rows)) {
            fail_msg("%s %s has no row in this test: say who may", route->method, route->path);
        }
        Kind kind = rows[row].kind;
        const char *id = id_of(&m, kind);
        int nobody = ask(&m, route, "00000000000000000000000000000000", id);
        int plain = ask(&m, route, m.plain, id);
        bool is_open = kind == OPEN || kind == INSIDE;
        if (nobody != (is_open ? BERTH_OK : BERTH_ERR_EXPIRED) ||
            plain != (is_open || kind == SELF ? BERTH_OK : BERTH_ERR_FORBIDDEN)) {
            fail_msg("%s %s: nobody %d, a plain user %d", route->method, route->path, nobody,
                     plain);
        }
        for (int role = 0; role < 6 && kind >= SITE; role++) {
            check_role(&m, route, row, role);
        }
    }
    fixture_clear(&m.f);
}

#define LINK_TOKEN "1111111111111111111111111111111111111111111111111111111111111111"

/* A login of an administrator of the site that came by a link to a pool. */
static int
add_link_login(BerthTx *tx, void *data)
{
    Matrix *m = data;
    char id[BERTH_ID_HEX_CHARS + 1];
    fixture_new_id(id);
    return berth_tx_run(tx, BERTH_SQL_LOGIN_INSERT, "sssssssii", LINK_TOKEN, id,
                        m->accounts[5][PLACE_SITE][0], "login", m->f.pool, "link", "local",
                        (int64_t)1000, INT64_MAX);
}

/* All that a login by a link may do, and with what {id}: SELF is any. */
static const struct {
    const char *method;
    const char *path;
    Kind kind;
} link_rows[] = {
    { "POST", "/v1/auth/logout", SELF },
    { "GET", "/v1/me/desktops", SELF },
    { "POST", "/v1/me/desktops/{id}/connect", POOL },
    { "POST", "/v1/me/desktops/{id}/restart", POOL },
    { "POST", "/v1/me/desktops/{id}/report", POOL },
    { "POST", "/v1/me/sessions/{id}/disconnect", SESSION },
    { "POST", "/v1/me/sessions/{id}/logoff", SESSION },
};

static size_t
find_link_row(const BerthRoute *route)
{
    size_t i = 0;
    while (i < G_N_ELEMENTS(link_rows) && (strcmp(link_rows[i].method, route->method) != 0 ||
                                           strcmp(link_rows[i].path, route->path) != 0)) {
        i++;
    }
    return i;
}

static void
a_login_by_a_link_opens_its_desktop_and_nothing_else(void **state)
{
    Matrix m;
    const BerthRoute *route = NULL;
    size_t n_found = 0;
    matrix_init(&m);
    assert_berth_ok(berth_store_write(m.f.store, add_link_login, &m));
    for (size_t i = 0; (route = berth_route_get(i)) != NULL; i++) {
        Kind kind = rows[find_row(route)].kind;
        size_t row = find_link_row(route);
        bool is_open = kind == OPEN || kind == INSIDE;
        bool is_link = row < G_N_ELEMENTS(link_rows);
        Kind wanted_kind = is_link ? link_rows[row].kind : kind;
        bool may_elsewhere = is_open || (is_link && wanted_kind == SELF);
        int error = ask_by_token(&m, route, LINK_TOKEN, id_of(&m, wanted_kind));
        if (error != (is_open || is_link ? BERTH_OK : BERTH_ERR_FORBIDDEN)) {
            fail_msg("%s %s by a link: %d", route->method, route->path, error);
        }
        error = ask_by_token(&m, route, LINK_TOKEN, m.elsewhere);
        if (error != (may_elsewhere ? BERTH_OK : BERTH_ERR_FORBIDDEN)) {
            fail_msg("%s %s of another desktop by a link: %d", route->method, route->path, error);
        }
        n_found += is_link;
    }
    assert_int_equal(n_found, G_N_ELEMENTS(link_rows));
    fixture_clear(&m.f);
}

static void
an_id_that_is_not_there_is_told_only_to_who_could_see_it(void **state)
{
    Matrix m;
    BerthRouteHit hit;
    matrix_init(&m);
    g_autofree char *path = g_strconcat("/v1/sessions/", m.elsewhere, "/logoff", NULL);
    assert_berth_ok(berth_router_find("POST", path, false, &hit));
    assert_berth_error(ask(&m, hit.route, m.accounts[5][PLACE_SITE][0], m.elsewhere),
                       BERTH_ERR_NOT_FOUND);
    assert_berth_error(ask(&m, hit.route, m.accounts[5][PLACE_POOL][0], m.elsewhere),
                       BERTH_ERR_FORBIDDEN);
    assert_berth_error(ask(&m, hit.route, m.plain, m.elsewhere), BERTH_ERR_FORBIDDEN);
    fixture_clear(&m.f);
}

static void
a_scope_ends_at_its_slash(void **state)
{
    assert_true(berth_rights_is_below("/pools/12", "/pools"));
    assert_true(berth_rights_is_below("/pools", "/pools"));
    assert_true(berth_rights_is_below("/pools", "/"));
    assert_false(berth_rights_is_below("/poolside", "/pools"));
    assert_false(berth_rights_is_below("/pools/123", "/pools/12"));
    assert_false(berth_rights_is_below("/pools", "/pools/12"));
    assert_true(berth_rights_is_scope("/hosts"));
    assert_true(berth_rights_is_scope("/users/0123456789abcdef0123456789abcdef"));
    assert_false(berth_rights_is_scope("/pools/"));
    assert_false(berth_rights_is_scope("/pools/%"));
    assert_false(berth_rights_is_scope("pools"));
    assert_false(berth_rights_is_scope("/pools/0123456789abcdef0123456789abcdef/machines"));
}

static void
every_role_of_the_store_is_in_the_table(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(roles); i++) {
        assert_non_null(berth_role_find(roles[i]));
        assert_string_equal(berth_role_names[i], roles[i]);
    }
    assert_null(berth_role_names[G_N_ELEMENTS(roles)]);
    assert_int_equal(berth_n_roles, G_N_ELEMENTS(roles));
    assert_false(berth_role_has(berth_role_find("viewer"), BERTH_PERMIT_AUDIT_READ));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_lets_in_whom_the_table_says),
        cmocka_unit_test(a_login_by_a_link_opens_its_desktop_and_nothing_else),
        cmocka_unit_test(an_id_that_is_not_there_is_told_only_to_who_could_see_it),
        cmocka_unit_test(a_scope_ends_at_its_slash),
        cmocka_unit_test(every_role_of_the_store_is_in_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
