/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/settings.h"

#include "client/core/broker-address.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/limits.h"

#include <glib/gi18n.h>
#include <stddef.h>
#include <string.h>

#define GROUP "client"
#define PROFILE "profile "

/* The texts of a profile, by their keys in the file. */
static const struct {
    const char *key;
    size_t offset;
} texts[] = {
    { "name", offsetof(BerthProfile, name) },
    { "broker", offsetof(BerthProfile, broker) },
    { "ca", offsetof(BerthProfile, ca_file) },
    { "certificate", offsetof(BerthProfile, certificate_file) },
    { "key", offsetof(BerthProfile, key_file) },
    { "user", offsetof(BerthProfile, user) },
};

static char **
text_at(BerthProfile *profile, size_t i)
{
    return G_STRUCT_MEMBER_P(profile, texts[i].offset);
}

static void
profile_free(gpointer data)
{
    BerthProfile *profile = data;

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_free(*text_at(profile, i));
    }
    g_ptr_array_unref(profile->favourites);
    g_free(profile);
}

static BerthProfile *
add_profile(BerthSettings *settings)
{
    BerthProfile *profile = g_new0(BerthProfile, 1);

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        *text_at(profile, i) = g_strdup("");
    }
    profile->favourites = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(settings->profiles, profile);
    return profile;
}

static void
read_favourites(BerthProfile *profile, GKeyFile *file, const char *group)
{
    g_auto(GStrv) ids = g_key_file_get_string_list(file, group, "favourites", NULL, NULL);
    BerthId id;

    for (size_t i = 0; ids != NULL && ids[i] != NULL; i++) {
        if (berth_id_parse(ids[i], &id) == BERTH_OK) {
            berth_profile_set_favourite(profile, ids[i], true);
        }
    }
}

static void
read_profile(BerthSettings *settings, GKeyFile *file, const char *group)
{
    BerthProfile *profile;
    g_autofree char *name = g_key_file_get_string(file, group, "name", NULL);

    if (name == NULL || name[0] == '\0' || berth_settings_find(settings, name) != NULL ||
        settings->profiles->len == BERTH_LIMIT_CLIENT_PROFILES) {
        return;
    }
    profile = add_profile(settings);
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *text = g_key_file_get_string(file, group, texts[i].key, NULL);

        berth_settings_set(text_at(profile, i), text);
    }
    read_favourites(profile, file, group);
}

void
berth_settings_load(BerthSettings *ret_settings, const char *path)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) groups = NULL;
    g_autofree char *name = NULL;
    g_autofree char *host_key = NULL;

    ret_settings->path =
        path != NULL ? g_strdup(path)
                     : g_build_filename(g_get_user_config_dir(), "berth", "client.ini", NULL);
    ret_settings->profiles = g_ptr_array_new_with_free_func(profile_free);
    if (!g_key_file_load_from_file(file, ret_settings->path, G_KEY_FILE_NONE, &error) &&
        !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        berth_log_warning("settings", "%s is ignored: %s", ret_settings->path, error->message);
    }
    groups = g_key_file_get_groups(file, NULL);
    for (size_t i = 0; groups[i] != NULL; i++) {
        if (g_str_has_prefix(groups[i], PROFILE)) {
            read_profile(ret_settings, file, groups[i]);
        }
    }
    host_key = g_key_file_get_string(file, GROUP, "host_key", NULL);
    ret_settings->host_key = berth_host_key_find(host_key);
    name = g_key_file_get_string(file, GROUP, "profile", NULL);
    ret_settings->profile = name != NULL ? berth_settings_find(ret_settings, name) : NULL;
    if (ret_settings->profile == NULL) {
        ret_settings->profile = ret_settings->profiles->len > 0
                                    ? g_ptr_array_index(ret_settings->profiles, 0)
                                    : add_profile(ret_settings);
    }
}

void
berth_settings_set(char **value, const char *text)
{
    char *copy = g_strdup(text != NULL ? text : "");

    g_free(*value);
    *value = copy;
}

BerthProfile *
berth_settings_find(const BerthSettings *settings, const char *name)
{
    for (guint i = 0; i < settings->profiles->len; i++) {
        BerthProfile *profile = g_ptr_array_index(settings->profiles, i);

        if (strcmp(profile->name, name) == 0) {
            return profile;
        }
    }
    return NULL;
}

/* The profile whose broker has that address, however it is written. */
static BerthProfile *
find_address(const BerthSettings *settings, const char *url)
{
    for (guint i = 0; i < settings->profiles->len; i++) {
        BerthProfile *profile = g_ptr_array_index(settings->profiles, i);
        BerthBrokerAddress address;

        if (berth_broker_address_parse(profile->broker, &address, NULL) &&
            strcmp(address.url, url) == 0) {
            return profile;
        }
    }
    return NULL;
}

/* "host", or "host:port" where that is taken. */
static void
name_profile(BerthSettings *settings, BerthProfile *profile, const BerthBrokerAddress *address)
{
    bool is_free = berth_settings_find(settings, address->host) == NULL;

    berth_settings_set(&profile->name, is_free ? address->host : address->url);
}

BerthProfile *
berth_settings_use_broker(BerthSettings *settings, const char *broker)
{
    BerthBrokerAddress address;
    BerthProfile *profile;

    if (!berth_broker_address_parse(broker, &address, NULL)) {
        return settings->profile;
    }
    profile = find_address(settings, address.url);
    if (profile == NULL) {
        profile = berth_settings_find(settings, "");
    }
    if (profile == NULL) {
        if (settings->profiles->len == BERTH_LIMIT_CLIENT_PROFILES) {
            g_ptr_array_remove_index(settings->profiles, 0);
        }
        profile = add_profile(settings);
    }
    if (profile->name[0] == '\0') {
        name_profile(settings, profile, &address);
    }
    berth_settings_set(&profile->broker, broker);
    settings->profile = profile;
    return profile;
}

void
berth_settings_forget(BerthSettings *settings)
{
    g_ptr_array_remove(settings->profiles, settings->profile);
    settings->profile = settings->profiles->len > 0 ? g_ptr_array_index(settings->profiles, 0)
                                                    : add_profile(settings);
}

static bool
find_favourite(const BerthProfile *profile, const char *pool, guint *ret_index)
{
    return g_ptr_array_find_with_equal_func(profile->favourites, pool, g_str_equal, ret_index);
}

bool
berth_profile_is_favourite(const BerthProfile *profile, const char *pool)
{
    return find_favourite(profile, pool, NULL);
}

void
berth_profile_set_favourite(BerthProfile *profile, const char *pool, bool is_favourite)
{
    guint index = 0;
    bool was_favourite = find_favourite(profile, pool, &index);

    if (was_favourite && !is_favourite) {
        g_ptr_array_remove_index(profile->favourites, index);
    } else if (!was_favourite && is_favourite) {
        if (profile->favourites->len == BERTH_LIMIT_CLIENT_FAVOURITES) {
            g_ptr_array_remove_index(profile->favourites, 0);
        }
        g_ptr_array_add(profile->favourites, g_strdup(pool));
    }
}

static void
write_profile(BerthProfile *profile, GKeyFile *file, guint number)
{
    g_autofree char *group = g_strdup_printf(PROFILE "%u", number);

    if (profile->name[0] == '\0') {
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_key_file_set_string(file, group, texts[i].key, *text_at(profile, i));
    }
    if (profile->favourites->len > 0) {
        g_key_file_set_string_list(file, group, "favourites",
                                   (const gchar *const *)profile->favourites->pdata,
                                   profile->favourites->len);
    }
}

bool
berth_settings_save(const BerthSettings *settings, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *folder = g_path_get_dirname(settings->path);
    g_autofree char *text = NULL;
    g_autoptr(GError) why = NULL;
    gsize len = 0;

    g_key_file_set_string(file, GROUP, "profile", settings->profile->name);
    g_key_file_set_string(file, GROUP, "host_key", settings->host_key->name);
    for (guint i = 0; i < settings->profiles->len; i++) {
        write_profile(g_ptr_array_index(settings->profiles, i), file, i + 1);
    }
    text = g_key_file_to_data(file, &len, NULL);
    g_mkdir_with_parents(folder, 0700);
    if (!g_file_set_contents_full(settings->path, text, (gssize)len, G_FILE_SET_CONTENTS_CONSISTENT,
                                  0600, &why)) {
        return berth_set_error(error, BERTH_ERR_IO, _("the settings cannot be saved: %s"),
                               why->message);
    }
    return true;
}

void
berth_settings_clear(BerthSettings *settings)
{
    g_clear_pointer(&settings->path, g_free);
    g_clear_pointer(&settings->profiles, g_ptr_array_unref);
    settings->profile = NULL;
}
