/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/pool-settings.h"

#include "base/error.h"
#include "berth/limits.h"
#include "berth/user-disk.h"
#include "broker/api/body.h"
#include "broker/user-disk.h"
#include "policies/policy-decision.h"

#include <string.h>

#define MAX_WARN_S 3600
#define MAX_MIB (1024LL * 1024)
#define MAX_RATE 1000000
#define MAX_TEXT 1024
#define MAX_BRIDGE_CHARS 15

static const char *const timer_events[] = { "idle",         "disconnect", "logoff",
                                            "max-duration", "schedule",   NULL };
static const char *const timer_actions[] = { "message", "lock",    "disconnect", "logoff",
                                             "stop",    "recycle", NULL };
static const char *const network_modes[] = { "user", "bridge", "none", NULL };

static const BerthBodyField timer_fields[] = {
    BERTH_FIELD_ENUM("event", true, timer_events, "what starts it"),
    BERTH_FIELD_INT("delay_s", true, 0, BERTH_POOL_MAX_SECONDS, "seconds after the event"),
    BERTH_FIELD_INT("warn_s", false, 0, MAX_WARN_S, "seconds before, to warn the user"),
    BERTH_FIELD_ENUM("action", true, timer_actions, "what happens"),
};
static const BerthBodyField power_fields[] = {
    BERTH_FIELD_TEXT("schedule", true, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a schedule"),
    BERTH_FIELD_INT("spares_hot", false, 0, BERTH_POOL_MAX_SIZE, "running"),
    BERTH_FIELD_INT("spares_frozen", false, 0, BERTH_POOL_MAX_SIZE, "with a RAM template"),
    BERTH_FIELD_INT("spares_cold", false, 0, BERTH_POOL_MAX_SIZE, "switched off"),
};
static const BerthBodyField resource_fields[] = {
    BERTH_FIELD_INT("cpu_weight", false, 1, 10000, "share of the processor, 100 is usual"),
    BERTH_FIELD_INT("cpu_quota_pct", false, 1, 100 * BERTH_LIMIT_GUEST_VCPUS,
                    "100 is one processor"),
    BERTH_FIELD_INT("memory_max_mib", false, BERTH_LIMIT_GUEST_MEMORY_MIN_MIB, MAX_MIB,
                    "QEMU included"),
    BERTH_FIELD_INT("io_weight", false, 1, 10000, "share of the disk, 100 is usual"),
    BERTH_FIELD_INT("io_read_mbps", false, 1, MAX_RATE, "MB/s"),
    BERTH_FIELD_INT("io_write_mbps", false, 1, MAX_RATE, "MB/s"),
    BERTH_FIELD_INT("io_read_iops", false, 1, MAX_RATE * 10, "operations a second"),
    BERTH_FIELD_INT("io_write_iops", false, 1, MAX_RATE * 10, "operations a second"),
};
static const BerthBodyField network_fields[] = {
    BERTH_FIELD_ENUM("mode", false, network_modes, "how machines reach the network"),
    BERTH_FIELD_TEXT("bridge", false, 1, MAX_BRIDGE_CHARS, "bridge of the host"),
    BERTH_FIELD_INT("vlan", false, 1, 4094, "VLAN tag"),
    BERTH_FIELD_BOOL("isolate", false, "keep machines apart from each other and the host"),
};
static const BerthBodyField app_fields[] = {
    BERTH_FIELD_TEXT("command", true, 1, MAX_TEXT, "program in the guest"),
    BERTH_FIELD_ARRAY("arguments", false, 0, BERTH_LIMIT_APP_ARGUMENTS, "its arguments"),
    BERTH_FIELD_TEXT("title", false, 1, BERTH_LIMIT_NAME_BYTES, "name for people"),
};

static const char *const disk_systems[] = { "ext4", "none", NULL };
static const char *const disk_failures[] = { "refuse", "without", NULL };
static const BerthBodyField disk_fields[] = {
    BERTH_FIELD_INT("size_mib", true, BERTH_LIMIT_USER_DISK_MIN_MIB, BERTH_LIMIT_USER_DISK_MIB,
                    "size of a new disk"),
    BERTH_FIELD_TEXT("mount", true, 2, BERTH_DISK_MOUNT_BYTES, "folder in the guest"),
    BERTH_FIELD_ENUM("fs", false, disk_systems, "none: the guest formats and mounts it itself"),
    BERTH_FIELD_TEXT("storage", false, 1, BERTH_DISK_STORAGE_CHARS,
                     "name of the storage that hosts share"),
    BERTH_FIELD_ENUM("on_failure", false, disk_failures, "whether there is a desktop without it"),
};

static bool
check_in(json_t *object, const BerthBodyField *fields, size_t n_fields, const char *key,
         GError **error)
{
    if (!json_is_object(object)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" must hold objects", key);
    }
    if (!berth_body_check(object, fields, n_fields, error)) {
        g_prefix_error(error, "in \"%s\": ", key);
        return false;
    }
    return true;
}

static bool
check_list(const json_t *list, const BerthBodyField *fields, size_t n_fields, const char *key,
           size_t max, GError **error)
{
    size_t i = 0;
    json_t *item = NULL;
    if (json_array_size(list) > max) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"%s\" has %zu elements, at most %zu are "
                               "allowed",
                               key, json_array_size(list), max);
    }
    json_array_foreach (list, i, item) {
        if (!check_in(item, fields, n_fields, key, error)) {
            return false;
        }
    }
    return true;
}

/* A warning that comes before its event cannot be. */
static bool
check_timers(const json_t *timers, GError **error)
{
    size_t i = 0;
    json_t *timer = NULL;
    if (!check_list(timers, timer_fields, G_N_ELEMENTS(timer_fields), "timers",
                    BERTH_LIMIT_POOL_TIMERS, error)) {
        return false;
    }
    json_array_foreach (timers, i, timer) {
        if (berth_body_int(timer, "warn_s", 0) > berth_body_int(timer, "delay_s", 0)) {
            return berth_set_error(error, BERTH_ERR_INVALID,
                                   "in \"timers\": \"warn_s\" must not be more than \"delay_s\"");
        }
    }
    return true;
}

static bool
check_network(json_t *network, GError **error)
{
    if (!check_in(network, network_fields, G_N_ELEMENTS(network_fields), "network", error)) {
        return false;
    }
    const char *mode = berth_body_text(network, "mode");
    const char *bridge = berth_body_text(network, "bridge");
    bool is_bridged = g_strcmp0(mode, "bridge") == 0;
    if (is_bridged != (bridge != NULL)) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "in \"network\": \"bridge\" belongs to \"mode\": \"bridge\"");
    }
    if (!is_bridged && json_object_get(network, "vlan") != NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "in \"network\": \"vlan\" needs \"mode\": \"bridge\"");
    }
    if (bridge != NULL &&
        strspn(bridge, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") !=
            strlen(bridge)) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "in \"network\": \"%s\" is not the name of a bridge", bridge);
    }
    return true;
}

static bool
check_app(json_t *app, bool is_app, GError **error)
{
    size_t i = 0;
    json_t *argument = NULL;
    if (!is_app) {
        return json_object_size(app) == 0 ||
               berth_set_error(error, BERTH_ERR_INVALID, "\"app\" belongs to \"kind\": \"app\"");
    }
    if (!check_in(app, app_fields, G_N_ELEMENTS(app_fields), "app", error)) {
        return false;
    }
    json_array_foreach (berth_body_json(app, "arguments"), i, argument) {
        if (!json_is_string(argument) || json_string_length(argument) > MAX_TEXT) {
            return berth_set_error(error, BERTH_ERR_INVALID,
                                   "in \"app\": \"arguments\" holds texts of at most %d bytes",
                                   MAX_TEXT);
        }
    }
    return true;
}

bool
berth_labels_check(const json_t *labels, GError **error)
{
    const char *key = NULL;
    json_t *value = NULL;
    if (json_object_size(labels) > BERTH_LIMIT_LABELS) {
        return berth_set_error(error, BERTH_ERR_INVALID, "at most %u \"labels\" are allowed",
                               BERTH_LIMIT_LABELS);
    }
    json_object_foreach ((json_t *)labels, key, value) {
        if (!json_is_string(value) || json_string_length(value) > BERTH_LIMIT_NAME_BYTES ||
            key[0] == '\0' || strlen(key) > BERTH_LIMIT_NAME_BYTES) {
            return berth_set_error(error, BERTH_ERR_INVALID,
                                   "in \"labels\": \"%.64s\" must be a text of at most %u bytes",
                                   key, BERTH_LIMIT_NAME_BYTES);
        }
    }
    return true;
}

/* A folder that a disk may be mounted at: absolute, of plain names, not the root. */
static bool
is_good_mount(const char *path)
{
    size_t len = strlen(path);
    return path[0] == '/' && path[len - 1] != '/' && strstr(path, "//") == NULL &&
           strstr(path, "/.") == NULL && strstr(path, "/-") == NULL &&
           strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") ==
               len;
}

static bool
check_user_disk(const json_t *pool, json_t *disk, GError **error)
{
    if (json_object_size(disk) == 0) {
        return true;
    }
    if (!check_in(disk, disk_fields, G_N_ELEMENTS(disk_fields), "user_disk", error)) {
        return false;
    }
    const char *mount = berth_body_text(disk, "mount");
    const char *storage = berth_body_text(disk, "storage");
    const char *label = berth_body_text(berth_body_json(pool, "labels"), BERTH_DISK_STORAGE_LABEL);
    if (strcmp(berth_body_text(pool, "kind"), "physical") == 0) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"user_disk\" is not for physical pools: nobody can plug disks "
                               "into their machines");
    }
    if (!is_good_mount(mount)) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "in \"user_disk\": \"mount\" is \"%s\", which is no absolute "
                               "path of letters, digits and . _ -",
                               mount);
    }
    if (storage != NULL && g_strcmp0(storage, label) != 0) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "in \"user_disk\": \"storage\" needs the label \"%s\": \"%s\" in "
                               "\"labels\", so that machines are placed where it is",
                               BERTH_DISK_STORAGE_LABEL, storage);
    }
    return true;
}

static bool
check_physical(const json_t *pool, GError **error)
{
    static const char *const none[] = { "spares_hot", "spares_frozen", "spares_cold" };
    for (size_t i = 0; i < G_N_ELEMENTS(none); i++) {
        if (berth_body_int(pool, none[i], 0) != 0) {
            return berth_set_error(error, BERTH_ERR_INVALID,
                                   "\"%s\" must be 0 in a physical pool: its machines are added "
                                   "one by one",
                                   none[i]);
        }
    }
    return berth_body_text(pool, "image") == NULL ||
           berth_set_error(error, BERTH_ERR_INVALID, "a physical pool has no \"image\"");
}

static bool
check_kind(const json_t *pool, GError **error)
{
    const char *kind = berth_body_text(pool, "kind");
    const char *on_logoff = berth_body_text(pool, "on_logoff");
    bool is_physical = strcmp(kind, "physical") == 0;
    bool is_own = strcmp(kind, "dedicated") == 0 || is_physical;
    if (is_physical && !check_physical(pool, error)) {
        return false;
    }
    if (!is_physical && berth_body_text(pool, "image") == NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"image\" is missing");
    }
    if (!is_own && strcmp(on_logoff, "recycle") != 0) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"on_logoff\": \"%s\" belongs to dedicated pools: a desktop of a "
                               "%s pool is recycled before another user gets it",
                               on_logoff, kind);
    }
    if (is_physical && strcmp(on_logoff, "stop") == 0) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"on_logoff\": \"stop\" is not for physical pools: nobody switches "
                               "their machines on again");
    }
    if (berth_body_int(pool, "spares_frozen", 0) > 0 && !berth_body_bool(pool, "template", false)) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"spares_frozen\" needs \"template\": true");
    }
    return true;
}

/* As the icon themes of desktops name them: "applications-engineering". */
static bool
check_icon(const char *icon, GError **error)
{
    return strspn(icon, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(icon) ||
           berth_set_error(error, BERTH_ERR_INVALID,
                           "\"icon\" is \"%s\"; say the name of an icon theme's icon, small "
                           "letters, digits and -, as accessories-calculator",
                           icon);
}

bool
berth_pool_settings_check(const json_t *pool, GError **error)
{
    BerthPolicyRule policy;
    const char *kind = berth_body_text(pool, "kind");
    return check_kind(pool, error) && check_icon(berth_body_text(pool, "icon"), error) &&
           berth_policy_rule_from_json(berth_body_json(pool, "policy"), &policy, error) &&
           check_timers(berth_body_json(pool, "timers"), error) &&
           check_list(berth_body_json(pool, "power"), power_fields, G_N_ELEMENTS(power_fields),
                      "power", BERTH_LIMIT_POOL_POWER_RULES, error) &&
           check_in(berth_body_json(pool, "resources"), resource_fields,
                    G_N_ELEMENTS(resource_fields), "resources", error) &&
           check_network(berth_body_json(pool, "network"), error) &&
           check_user_disk(pool, berth_body_json(pool, "user_disk"), error) &&
           check_app(berth_body_json(pool, "app"), strcmp(kind, "app") == 0, error) &&
           berth_labels_check(berth_body_json(pool, "labels"), error);
}

static void
set_default(json_t *pool, const char *key, json_t *value)
{
    if (json_object_get(pool, key) == NULL) {
        json_object_set_new(pool, key, value);
    } else {
        json_decref(value);
    }
}

void
berth_pool_settings_complete(json_t *pool)
{
    set_default(pool, "kind", json_string("floating"));
    const char *kind = berth_body_text(pool, "kind");
    bool is_physical = strcmp(kind, "physical") == 0;
    bool is_own = strcmp(kind, "dedicated") == 0 || is_physical;
    set_default(pool, "spares_hot", json_integer(is_physical ? 0 : 1));
    set_default(pool, "spares_frozen", json_integer(0));
    set_default(pool, "spares_cold", json_integer(0));
    set_default(pool, "template", json_false());
    set_default(pool, "tag", json_string("stable"));
    set_default(pool, "icon", json_string(""));
    set_default(pool, "enabled", json_true());
    set_default(pool, "placement", json_string("spread"));
    set_default(pool, "on_logoff", json_string(is_own ? "keep" : "recycle"));
    set_default(pool, "max_per_user", json_integer(1));
    set_default(pool, "logoff_after_s", json_integer(0));
    set_default(pool, "labels", json_object());
    set_default(pool, "policy", json_object());
    set_default(pool, "timers", json_array());
    set_default(pool, "power", json_array());
    set_default(pool, "resources", json_object());
    set_default(pool, "network", json_object());
    set_default(pool, "app", json_object());
    set_default(pool, "user_disk", json_object());
}
