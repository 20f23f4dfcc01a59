/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/text-settings.h"

#include "base/error.h"
#include "berth/limits.h"

#include <string.h>

static char **
field_of(const BerthTextSetting *row, void *object)
{
    return (char **)(void *)((char *)object + row->offset);
}

void
berth_text_settings_init(const BerthTextSetting *rows, size_t n_rows, void *object)
{
    for (size_t i = 0; i < n_rows; i++) {
        *field_of(&rows[i], object) = g_strdup(rows[i].default_value);
    }
}

bool
berth_text_settings_set(const BerthTextSetting *rows, size_t n_rows, void *object, const char *what,
                        const char *key, const json_t *value, GError **error)
{
    for (size_t i = 0; i < n_rows; i++) {
        if (strcmp(rows[i].key, key) != 0) {
            continue;
        }
        const char *text = json_string_value(value);
        if (text == NULL || strlen(text) > BERTH_LIMIT_DIRECTORY_DN_BYTES) {
            return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" is a text of at most %u bytes",
                                   key, BERTH_LIMIT_DIRECTORY_DN_BYTES);
        }
        g_free(*field_of(&rows[i], object));
        *field_of(&rows[i], object) = g_strdup(text);
        return true;
    }
    return berth_set_error(error, BERTH_ERR_INVALID, "%s has no setting \"%.64s\"", what, key);
}

void
berth_text_settings_clear(const BerthTextSetting *rows, size_t n_rows, void *object)
{
    for (size_t i = 0; i < n_rows; i++) {
        g_clear_pointer(field_of(&rows[i], object), g_free);
    }
}
