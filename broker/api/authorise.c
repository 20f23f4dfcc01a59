/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/authorise.h"

#include "base/error.h"
#include "broker/api/handlers.h"
#include "broker/api/login.h"
#include "broker/api/router.h"
#include "broker/broker.h"

#include <string.h>

#define BEARER "Bearer "
/* How stale the time of last use may be: one write a minute for a busy login. */
#define TOKEN_TOUCH_US (60LL * 1000 * 1000)

/* Where a scope stands in the tree: at a fixed place, below it by {id}, or as the store says. */
static const struct {
    const char *place;
    bool has_id;
    BerthStatement lookup; /* if place is NULL */
} scopes[] = {
    [BERTH_SCOPE_SITE] = { .place = "/" },
    [BERTH_SCOPE_AUDIT] = { .place = "/audit" },
    [BERTH_SCOPE_POOLS] = { .place = "/pools" },
    [BERTH_SCOPE_HOSTS] = { .place = "/hosts" },
    [BERTH_SCOPE_IMAGES] = { .place = "/images" },
    [BERTH_SCOPE_SCHEDULES] = { .place = "/schedules" },
    [BERTH_SCOPE_USERS] = { .place = "/users" },
    [BERTH_SCOPE_GROUPS] = { .place = "/groups" },
    [BERTH_SCOPE_POOL] = { .place = "/pools/", .has_id = true },
    [BERTH_SCOPE_HOST] = { .place = "/hosts/", .has_id = true },
    [BERTH_SCOPE_IMAGE] = { .place = "/images/", .has_id = true },
    [BERTH_SCOPE_SCHEDULE] = { .place = "/schedules/", .has_id = true },
    [BERTH_SCOPE_USER] = { .place = "/users/", .has_id = true },
    [BERTH_SCOPE_GROUP] = { .place = "/groups/", .has_id = true },
    [BERTH_SCOPE_MACHINE] = { .lookup = BERTH_SQL_PATH_MACHINE },
    [BERTH_SCOPE_SESSION] = { .lookup = BERTH_SQL_PATH_SESSION },
    [BERTH_SCOPE_ENTITLEMENT] = { .lookup = BERTH_SQL_PATH_ENTITLEMENT },
    [BERTH_SCOPE_ROLLOUT] = { .lookup = BERTH_SQL_PATH_ROLLOUT },
    [BERTH_SCOPE_IMAGE_VERSION] = { .lookup = BERTH_SQL_PATH_IMAGE_VERSION },
    [BERTH_SCOPE_USER_DISK] = { .lookup = BERTH_SQL_PATH_USER_DISK },
    [BERTH_SCOPE_RESTORE_POINT] = { .lookup = BERTH_SQL_PATH_RESTORE_POINT },
    [BERTH_SCOPE_GRANT] = { .lookup = BERTH_SQL_PATH_GRANT },
};

static int
read_token(BerthTx *tx, BerthRequest *request)
{
    BerthRows rows;
    bool is_there = false;
    berth_tx_query(tx, &rows, BERTH_SQL_TOKEN_GET, "sii", request->token_hash, request->now_us,
                   request->now_us - BERTH_LIMIT_LOGIN_IDLE_US);
    if (berth_rows_next(&rows)) {
        is_there = true;
        g_strlcpy(request->account, berth_rows_text(&rows, 0), sizeof request->account);
        g_snprintf(request->actor, sizeof request->actor, "user:%s", berth_rows_text(&rows, 1));
        request->token_used_us = berth_rows_int(&rows, 2);
        if (strcmp(berth_rows_text(&rows, 3), BERTH_LOGIN_METHOD_LINK) == 0) {
            g_strlcpy(request->link_pool, berth_rows_text(&rows, 4), sizeof request->link_pool);
        }
    }
    int error = berth_rows_end(&rows);
    if (error == BERTH_OK && !is_there) {
        return berth_request_explain(request, BERTH_ERR_EXPIRED, "log in again");
    }
    return error;
}

/*
 * Who has a role, and a group that has one, are for administrators of the site alone: else who may
 * set passwords or choose members would have every right.
 */
static int
check_powerful(BerthTx *tx, BerthRequest *request)
{
    const BerthRoute *route = request->route;
    int64_t n_roles = 0;
    bool is_user = route->scope == BERTH_SCOPE_USER && route->permission != BERTH_PERMIT_USER_READ;
    bool is_group =
        route->scope == BERTH_SCOPE_GROUP && route->permission != BERTH_PERMIT_GROUP_READ;
    if (!is_user && !is_group) {
        return BERTH_OK;
    }
    int error = berth_tx_get_int(tx, &n_roles,
                                 is_user ? BERTH_SQL_ACCOUNT_HAS_ROLE : BERTH_SQL_GROUP_HAS_ROLE,
                                 "s", request->id);
    if (error == BERTH_OK && n_roles > 0) {
        error = berth_rights_check(tx, request->account, BERTH_PERMIT_SITE_ADMIN, "/");
    }
    return error;
}

static int
check_object(BerthTx *tx, BerthRequest *request)
{
    const BerthRoute *route = request->route;
    BerthPermission permission = route->permission;
    g_autofree char *path = NULL;
    if (scopes[route->scope].place != NULL) {
        path = g_strconcat(scopes[route->scope].place,
                           scopes[route->scope].has_id ? request->id : "", NULL);
    } else {
        int error = berth_tx_get_text(tx, &path, scopes[route->scope].lookup, "s", request->id);
        if (error == BERTH_ERR_NOT_FOUND) {
            int sight = berth_rights_check(tx, request->account, permission,
                                           berth_permission_root(permission));
            return sight == BERTH_OK ? BERTH_ERR_NOT_FOUND : sight;
        }
        if (error != BERTH_OK) {
            return error;
        }
    }
    int error = berth_rights_check(tx, request->account, permission, path);
    return error == BERTH_OK ? check_powerful(tx, request) : error;
}

/* Whether {id} is what the link was made for. */
static int
check_link_object(BerthTx *tx, const BerthRequest *request, bool *ret_is_good)
{
    g_autofree char *path = NULL;
    *ret_is_good =
        request->route->links == BERTH_LINKS_ALWAYS ||
        (request->route->links == BERTH_LINKS_POOL && strcmp(request->id, request->link_pool) == 0);
    if (request->route->links != BERTH_LINKS_SESSION) {
        return BERTH_OK;
    }
    int error = berth_tx_get_text(tx, &path, BERTH_SQL_PATH_SESSION, "s", request->id);
    if (error == BERTH_OK) {
        g_autofree char *pool = g_strconcat("/pools/", request->link_pool, NULL);
        *ret_is_good = berth_rights_is_below(path, pool);
    }
    return error == BERTH_ERR_NOT_FOUND ? BERTH_OK : error;
}

/* A link passes through many hands: who came by one opens its desktop, whoever its maker is. */
static int
check_link(BerthTx *tx, BerthRequest *request)
{
    bool is_good = true;
    int error = request->link_pool[0] != '\0' ? check_link_object(tx, request, &is_good) : BERTH_OK;
    return error == BERTH_OK && !is_good
               ? berth_request_explain(request, BERTH_ERR_FORBIDDEN,
                                       "a login that came by a link opens the desktop of the link "
                                       "and nothing else; log in by yourself")
               : error;
}

int
berth_authorise(BerthTx *tx, BerthRequest *request)
{
    const BerthRoute *route = request->route;
    if (route->permission == BERTH_PERMIT_NOBODY || route->permission == BERTH_PERMIT_INTERNAL) {
        return BERTH_OK;
    }
    int error = read_token(tx, request);
    if (error == BERTH_OK) {
        error = check_link(tx, request);
    }
    if (error != BERTH_OK || route->permission == BERTH_PERMIT_SELF) {
        return error;
    }
    if (route->scope == BERTH_SCOPE_ANY || route->scope == BERTH_SCOPE_BODY) {
        error = berth_rights_sight(tx, request->account, route->permission, &request->sight);
    } else {
        error = check_object(tx, request);
    }
    if (error == BERTH_ERR_FORBIDDEN) {
        return berth_request_explain(request, error,
                                     "this needs the permission \"%s\" here; ask an administrator",
                                     berth_permission_name(route->permission));
    }
    return error;
}

typedef struct {
    char hash[BERTH_TOKEN_CHARS + 1];
    int64_t now_us;
} Touch;

static int
run_touch(BerthTx *tx, void *data)
{
    const Touch *touch = data;
    return berth_tx_run(tx, BERTH_SQL_TOKEN_USED, "si", touch->hash, touch->now_us);
}

static void
touch_done(int error, void *data)
{
    g_free(data);
}

void
berth_authorise_touch(BerthRequest *request)
{
    if (request->token_hash[0] == '\0' ||
        request->now_us - request->token_used_us < TOKEN_TOUCH_US) {
        return;
    }
    Touch *touch = g_new0(Touch, 1);
    g_strlcpy(touch->hash, request->token_hash, sizeof touch->hash);
    touch->now_us = request->now_us;
    if (berth_store_submit(request->broker->store, run_touch, touch_done, touch) != BERTH_OK) {
        g_free(touch);
    }
}

int
berth_authorise_begin(BerthRequest *request, const char *authorization)
{
    BerthPermission permission = request->route->permission;
    if (permission == BERTH_PERMIT_NOBODY || permission == BERTH_PERMIT_INTERNAL) {
        return BERTH_OK;
    }
    if (authorization == NULL || strncmp(authorization, BEARER, strlen(BEARER)) != 0 ||
        berth_token_hash(authorization + strlen(BEARER), request->token_hash) != BERTH_OK) {
        return berth_request_explain(request, BERTH_ERR_EXPIRED, "log in first");
    }
    return berth_router_check_rate(request, request->broker->login_rate, request->token_hash);
}
