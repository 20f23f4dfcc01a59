/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/handlers.h"
#include "broker/api/router.h"

#define NAME_BYTES BERTH_LIMIT_NAME_BYTES
#define TEXT(key, member, is_needed, min, max)                                    \
    {                                                                             \
        key, BERTH_BODY_TEXT, is_needed, min, max, 0, offsetof(BerthBody, member) \
    }
#define HEX(key, member, is_needed, n)                                       \
    {                                                                        \
        key, BERTH_BODY_HEX, is_needed, n, n, 0, offsetof(BerthBody, member) \
    }
#define INT(key, member, is_needed, min, max, value)                                 \
    {                                                                                \
        key, BERTH_BODY_INT, is_needed, min, max, value, offsetof(BerthBody, member) \
    }
#define BOOL(key, member, value)                                              \
    {                                                                         \
        key, BERTH_BODY_BOOL, false, 0, 1, value, offsetof(BerthBody, member) \
    }
#define OBJECT(key, member, is_needed)                                          \
    {                                                                           \
        key, BERTH_BODY_OBJECT, is_needed, 0, 0, 0, offsetof(BerthBody, member) \
    }

#define MAX_POOL_SIZE 10000
#define MAX_LOGOFF_AFTER_S (30 * 24 * 3600)

static const BerthBodyField login_fields[] = {
    TEXT("user", user, true, 1, NAME_BYTES),
    TEXT("password", password, true, 1, BERTH_LIMIT_PASSWORD_BYTES),
};
static const BerthBodyField connect_fields[] = {
    HEX("client_key", client_key, true, 2 * BERTH_KEY_HASH_BYTES),
    TEXT("client", client, false, 0, NAME_BYTES),
};
static const BerthBodyField shadow_fields[] = {
    HEX("client_key", client_key, true, 2 * BERTH_KEY_HASH_BYTES),
    TEXT("client", client, false, 0, NAME_BYTES),
    BOOL("control", wants_control, false),
};
static const BerthBodyField user_fields[] = {
    TEXT("name", name, true, 1, NAME_BYTES),
    TEXT("password", password, true, 1, BERTH_LIMIT_PASSWORD_BYTES),
    BOOL("admin", is_admin, false),
};
static const BerthBodyField pool_fields[] = {
    TEXT("name", name, true, 1, NAME_BYTES),
    TEXT("image", image, true, 1, NAME_BYTES),
    INT("size", size, true, 0, MAX_POOL_SIZE, 0),
    INT("spares_hot", spares_hot, false, 0, MAX_POOL_SIZE, 1),
    INT("vcpus", vcpus, false, 1, BERTH_MAX_VCPUS, 0),
    INT("memory_mib", memory_mib, false, BERTH_MIN_MEMORY_MIB, BERTH_MAX_MEMORY_MIB, 0),
    BOOL("template", is_template, false),
    OBJECT("policy", policy, false),
    INT("logoff_after_s", logoff_after_s, false, 0, MAX_LOGOFF_AFTER_S, 0),
};
static const BerthBodyField resize_fields[] = {
    INT("size", size, true, 0, MAX_POOL_SIZE, 0),
    INT("spares_hot", spares_hot, true, 0, MAX_POOL_SIZE, 0),
    BOOL("enabled", is_enabled, true),
};
static const BerthBodyField entitle_fields[] = { TEXT("user", user, true, 1, NAME_BYTES) };
static const BerthBodyField image_fields[] = {
    TEXT("name", name, true, 1, NAME_BYTES),
    OBJECT("manifest", manifest, true),
};
static const BerthBodyField host_fields[] = {
    HEX("id", id, true, BERTH_ID_HEX_CHARS),
    TEXT("name", name, true, 1, NAME_BYTES),
};

#define READ(path, role, handler)                                                          \
    {                                                                                      \
        "GET", path, BERTH_ROLE_##role, BERTH_HANDLE_READ, { .tx = handler }, 200, NULL, 0 \
    }
#define WRITE(method, path, role, handler, status)                                              \
    {                                                                                           \
        method, path, BERTH_ROLE_##role, BERTH_HANDLE_WRITE, { .tx = handler }, status, NULL, 0 \
    }
#define WRITE_BODY(path, handler, status, fields)                                              \
    {                                                                                          \
        "POST", path, BERTH_ROLE_ADMIN, BERTH_HANDLE_WRITE, { .tx = handler }, status, fields, \
            G_N_ELEMENTS(fields)                                                               \
    }
#define ASYNC(path, role, handler, fields)                                                      \
    {                                                                                           \
        "POST", path, BERTH_ROLE_##role, BERTH_HANDLE_ASYNC, { .async = handler }, 200, fields, \
            G_N_ELEMENTS(fields)                                                                \
    }

const BerthRoute berth_routes[] = {
    ASYNC("/v1/auth/login", NOBODY, berth_handle_login, login_fields),
    WRITE("POST", "/v1/auth/logout", USER, berth_handle_logout, 204),
    READ("/v1/me", USER, berth_handle_me),
    READ("/v1/me/desktops", USER, berth_handle_my_desktops),
    ASYNC("/v1/me/desktops/{id}/connect", USER, berth_handle_connect, connect_fields),
    READ("/v1/me/sessions", USER, berth_handle_my_sessions),
    WRITE("POST", "/v1/me/sessions/{id}/disconnect", USER, berth_handle_my_disconnect, 204),
    WRITE("POST", "/v1/me/sessions/{id}/logoff", USER, berth_handle_my_logoff, 204),

    READ("/v1/status", ADMIN, berth_handle_status),
    READ("/v1/pools", ADMIN, berth_handle_list_pools),
    READ("/v1/machines", ADMIN, berth_handle_list_machines),
    READ("/v1/sessions", ADMIN, berth_handle_list_sessions),
    READ("/v1/hosts", ADMIN, berth_handle_list_hosts),
    READ("/v1/users", ADMIN, berth_handle_list_users),
    READ("/v1/images", ADMIN, berth_handle_list_images),
    READ("/v1/audit", ADMIN, berth_handle_list_audit),
    READ("/v1/fsck", ADMIN, berth_handle_fsck),
    ASYNC("/v1/users", ADMIN, berth_handle_add_user, user_fields),
    WRITE_BODY("/v1/pools", berth_handle_add_pool, 201, pool_fields),
    WRITE_BODY("/v1/pools/{id}", berth_handle_resize_pool, 204, resize_fields),
    WRITE_BODY("/v1/pools/{id}/entitlements", berth_handle_entitle, 204, entitle_fields),
    WRITE_BODY("/v1/images", berth_handle_add_image, 201, image_fields),
    WRITE_BODY("/v1/hosts", berth_handle_add_host, 201, host_fields),
    WRITE("POST", "/v1/sessions/{id}/disconnect", ADMIN, berth_handle_disconnect, 204),
    WRITE("POST", "/v1/sessions/{id}/logoff", ADMIN, berth_handle_logoff, 204),
    WRITE_BODY("/v1/sessions/{id}/shadow", berth_handle_shadow, 200, shadow_fields),
    WRITE("POST", "/v1/machines/{id}/recycle", ADMIN, berth_handle_recycle, 204),

    READ("/internal/v1/hosts", INTERNAL, berth_handle_host_addresses),
    READ("/internal/v1/health", INTERNAL, berth_handle_health),
    READ("/internal/v1/metrics", INTERNAL, berth_handle_metrics),
};

const size_t berth_n_routes = G_N_ELEMENTS(berth_routes);
