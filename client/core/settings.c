/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/settings.h"

#include "base/error.h"
#include "base/log.h"

#define GROUP "client"

static char *
get_text(GKeyFile *file, const char *key)
{
    g_autofree char *text = g_key_file_get_string(file, GROUP, key, NULL);

    return g_strdup(text != NULL ? text : "");
}

void
berth_settings_load(BerthSettings *ret_settings, const char *path)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;

    ret_settings->path =
        path != NULL ? g_strdup(path)
                     : g_build_filename(g_get_user_config_dir(), "berth", "client.ini", NULL);
    if (!g_key_file_load_from_file(file, ret_settings->path, G_KEY_FILE_NONE, &error) &&
        !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        berth_log_warning("settings", "%s is ignored: %s", ret_settings->path, error->message);
    }
    ret_settings->broker = get_text(file, "broker");
    ret_settings->ca_file = get_text(file, "ca");
    ret_settings->user = get_text(file, "user");
}

void
berth_settings_set(char **value, const char *text)
{
    char *copy = g_strdup(text != NULL ? text : "");

    g_free(*value);
    *value = copy;
}

bool
berth_settings_save(const BerthSettings *settings, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *folder = g_path_get_dirname(settings->path);
    g_autofree char *text = NULL;
    g_autoptr(GError) why = NULL;
    gsize len = 0;

    g_key_file_set_string(file, GROUP, "broker", settings->broker);
    g_key_file_set_string(file, GROUP, "ca", settings->ca_file);
    g_key_file_set_string(file, GROUP, "user", settings->user);
    text = g_key_file_to_data(file, &len, NULL);
    g_mkdir_with_parents(folder, 0700);
    if (!g_file_set_contents_full(settings->path, text, (gssize)len, G_FILE_SET_CONTENTS_CONSISTENT,
                                  0600, &why)) {
        return berth_set_error(error, BERTH_ERR_IO, "the settings cannot be saved: %s",
                               why->message);
    }
    return true;
}

void
berth_settings_clear(BerthSettings *settings)
{
    g_clear_pointer(&settings->path, g_free);
    g_clear_pointer(&settings->broker, g_free);
    g_clear_pointer(&settings->ca_file, g_free);
    g_clear_pointer(&settings->user, g_free);
}
