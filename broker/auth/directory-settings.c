/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/directory-settings.h"

#include "base/error.h"
#include "berth/limits.h"
#include "broker/auth/text-settings.h"

#include <stddef.h>
#include <string.h>

#define MAX_URLS 8
#define MAX_TIMEOUT_S 30
#define DEFAULT_TIMEOUT_S 5

static const BerthTextSetting texts[] = {
    { "ca_file", offsetof(BerthDirectory, ca_file), "" },
    { "bind_dn", offsetof(BerthDirectory, bind_dn), "" },
    { "bind_password_file", offsetof(BerthDirectory, bind_password_file), "" },
    { "bind_template", offsetof(BerthDirectory, bind_template), "" },
    { "base", offsetof(BerthDirectory, base), "" },
    { "user_filter", offsetof(BerthDirectory, user_filter), "(uid={user})" },
    { "id_attribute", offsetof(BerthDirectory, id_attribute), "entryUUID" },
    { "name_attribute", offsetof(BerthDirectory, name_attribute), "uid" },
    { "display_name_attribute", offsetof(BerthDirectory, display_name_attribute), "cn" },
    { "group_base", offsetof(BerthDirectory, group_base), "" },
    { "group_filter", offsetof(BerthDirectory, group_filter), "(objectClass=*)" },
    { "member_attribute", offsetof(BerthDirectory, member_attribute), "member" },
    { "group_id_attribute", offsetof(BerthDirectory, group_id_attribute), "entryUUID" },
    { "group_name_attribute", offsetof(BerthDirectory, group_name_attribute), "cn" },
};

static const char *const nested_names[] = {
    [BERTH_NESTED_AUTO] = "auto",
    [BERTH_NESTED_IN_CHAIN] = "in-chain",
    [BERTH_NESTED_WALK] = "walk",
    [BERTH_NESTED_NONE] = "none",
};

static bool
set_urls(BerthDirectory *directory, const json_t *value, GError **error)
{
    size_t i = 0;
    json_t *item = NULL;
    if (json_array_size(value) < 1 || json_array_size(value) > MAX_URLS) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"urls\" needs 1 to %d addresses",
                               MAX_URLS);
    }
    json_array_foreach (value, i, item) {
        const char *url = json_string_value(item);
        if (url == NULL ||
            (!g_str_has_prefix(url, "ldaps://") && !g_str_has_prefix(url, "ldap://") &&
             !g_str_has_prefix(url, "ldapi://"))) {
            return berth_set_error(error, BERTH_ERR_INVALID,
                                   "\"%s\" is no ldaps://, ldap:// or ldapi:// address",
                                   url != NULL ? url : "");
        }
        g_ptr_array_add(directory->urls, g_strdup(url));
    }
    return true;
}

static bool
set_nested(BerthDirectory *directory, const json_t *value, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(nested_names); i++) {
        if (g_strcmp0(json_string_value(value), nested_names[i]) == 0) {
            directory->nested = (BerthNested)i;
            return true;
        }
    }
    return berth_set_error(error, BERTH_ERR_INVALID,
                           "\"nested\" is one of auto, in-chain, walk and none");
}

static bool
set_timeout(BerthDirectory *directory, const json_t *value, GError **error)
{
    json_int_t seconds = json_integer_value(value);
    if (seconds < 1 || seconds > MAX_TIMEOUT_S) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"timeout_s\" is 1 to %d", MAX_TIMEOUT_S);
    }
    directory->timeout_s = (int)seconds;
    return true;
}

static bool
set_one(BerthDirectory *directory, const char *key, const json_t *value, GError **error)
{
    if (strcmp(key, "urls") == 0) {
        return set_urls(directory, value, error);
    }
    if (strcmp(key, "nested") == 0) {
        return set_nested(directory, value, error);
    }
    if (strcmp(key, "timeout_s") == 0) {
        return set_timeout(directory, value, error);
    }
    return berth_text_settings_set(texts, G_N_ELEMENTS(texts), directory, "a directory", key, value,
                                   error);
}

static bool
check_whole(const BerthDirectory *directory, GError **error)
{
    bool is_template = directory->bind_template[0] != '\0';
    if (directory->urls->len == 0) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"urls\" is missing");
    }
    if (is_template && strstr(directory->bind_template, "{user}") == NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"bind_template\" has no {user}");
    }
    if (!is_template &&
        (directory->base[0] == '\0' || strstr(directory->user_filter, "{user}") == NULL)) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "without \"bind_template\", \"base\" and a \"user_filter\" with "
                               "{user} are needed");
    }
    if ((directory->bind_dn[0] != '\0') != (directory->bind_password_file[0] != '\0')) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"bind_dn\" and \"bind_password_file\" go together");
    }
    return true;
}

BerthDirectory *
berth_directory_new(const json_t *settings, GError **error)
{
    g_autoptr(BerthDirectory) directory = g_new0(BerthDirectory, 1);
    const char *key = NULL;
    json_t *value = NULL;
    directory->urls = g_ptr_array_new_with_free_func(g_free);
    directory->timeout_s = DEFAULT_TIMEOUT_S;
    berth_text_settings_init(texts, G_N_ELEMENTS(texts), directory);
    json_object_foreach ((json_t *)settings, key, value) {
        if (!set_one(directory, key, value, error)) {
            return NULL;
        }
    }
    return check_whole(directory, error) ? g_steal_pointer(&directory) : NULL;
}

void
berth_directory_free(BerthDirectory *directory)
{
    if (directory != NULL) {
        g_ptr_array_unref(directory->urls);
        berth_text_settings_clear(texts, G_N_ELEMENTS(texts), directory);
        g_free(directory);
    }
}
