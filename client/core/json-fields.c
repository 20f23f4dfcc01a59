/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/json-fields.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"

#include <glib/gi18n.h>
#include <string.h>

BerthJson *
berth_json_parse(const char *text, size_t len, GError **error)
{
    g_autoptr(BerthJson) root = NULL;
    json_error_t why;

    if (len > BERTH_LIMIT_HTTP_RESPONSE_BYTES) {
        berth_set_error(error, BERTH_ERR_PROTOCOL,
                        _("the broker's answer is too large (%zu bytes)"), len);
        return NULL;
    }
    root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        berth_set_error(
            error, BERTH_ERR_PROTOCOL,
            _("the broker's answer is not JSON (byte %d); is this really a Berth broker?"),
            why.position);
        return NULL;
    }
    if (!json_is_object(root)) {
        berth_set_error(error, BERTH_ERR_PROTOCOL, _("the broker's answer is not an object"));
        return NULL;
    }
    return g_steal_pointer(&root);
}

bool
berth_json_wrong_key(const char *key, GError **error)
{
    return berth_set_error(
        error, BERTH_ERR_PROTOCOL,
        _("the broker's answer has no good \"%s\"; is the client too old for it?"), key);
}

char *
berth_json_clean_text(const char *text, size_t max)
{
    GString *clean = g_string_new(NULL);

    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        size_t n = (size_t)(g_utf8_next_char(at) - at);

        if (clean->len + n > max) {
            break;
        }
        /* Format characters could turn the direction of the text around. */
        if (g_unichar_iscntrl(c) || g_unichar_type(c) == G_UNICODE_FORMAT ||
            g_unichar_type(c) == G_UNICODE_LINE_SEPARATOR ||
            g_unichar_type(c) == G_UNICODE_PARAGRAPH_SEPARATOR) {
            g_string_append_c(clean, ' ');
        } else {
            g_string_append_len(clean, at, (gssize)n);
        }
    }
    return g_string_free(clean, FALSE);
}

char *
berth_json_dup_name(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL && text[0] != '\0' ? berth_json_clean_text(text, BERTH_LIMIT_NAME_BYTES)
                                           : NULL;
}

int64_t
berth_json_number(json_t *object, const char *key, int64_t max)
{
    json_int_t value = json_integer_value(json_object_get(object, key));

    return CLAMP(value, 0, max);
}

bool
berth_json_id(json_t *object, const char *key, BerthId *ret_id)
{
    return berth_id_parse(json_string_value(json_object_get(object, key)), ret_id) == BERTH_OK;
}

bool
berth_json_flag(json_t *object, const char *key, bool fallback)
{
    json_t *value = json_object_get(object, key);

    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

bool
berth_json_hex(json_t *object, const char *key, size_t n_chars, char *ret)
{
    const char *text = json_string_value(json_object_get(object, key));

    if (text == NULL || strlen(text) != n_chars) {
        return false;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (!g_ascii_isxdigit(*at)) {
            return false;
        }
    }
    memcpy(ret, text, n_chars + 1);
    return true;
}
