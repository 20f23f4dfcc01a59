/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/json-fields.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/errors.h"
#include "berth/limits.h"

#include <string.h>

json_t *
berth_json_parse_object(const char *text, size_t len, const char *what, GError **error)
{
    json_error_t problem;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem);
    if (root == NULL) {
        berth_set_error(error, BERTH_ERR_PROTOCOL, "the %s is no valid JSON: %s at byte %d", what,
                        problem.text, problem.position);
        return NULL;
    }
    if (!json_is_object(root)) {
        json_decref(root);
        berth_set_error(error, BERTH_ERR_PROTOCOL, "the %s is no JSON object", what);
        return NULL;
    }
    return root;
}

void
berth_json_fields_init(BerthJsonFields *self, const json_t *object, const char *what)
{
    memset(self, 0, sizeof *self);
    self->object = object;
    self->what = what;
    if (!json_is_object(object)) {
        berth_set_error(&self->error, BERTH_ERR_INVALID, "the %s is no JSON object", what);
    }
}

void
berth_json_fields_fail(BerthJsonFields *self, const char *key, const char *problem)
{
    if (self->error == NULL) {
        berth_set_error(&self->error, BERTH_ERR_INVALID, "\"%s\" of the %s %s", key, self->what,
                        problem);
    }
}

static void
refuse_unknown_keys(BerthJsonFields *self)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)self->object, key, value) {
        bool is_known = false;
        for (int i = 0; i < self->n_keys; i++) {
            is_known = is_known || strcmp(self->keys[i], key) == 0;
        }
        if (!is_known) {
            g_autofree char *shown = g_strndup(key, BERTH_LIMIT_NAME_BYTES);
            berth_json_fields_fail(self, shown, "is not a known key");
            return;
        }
    }
}

bool
berth_json_fields_finish(BerthJsonFields *self, GError **error)
{
    if (self->error == NULL) {
        refuse_unknown_keys(self);
    }
    if (self->error == NULL) {
        return true;
    }
    g_propagate_error(error, self->error);
    self->error = NULL;
    return false;
}

/* Remembers the key as known and gives its value; NULL when missing, null, or after an error. */
static json_t *
get_value(BerthJsonFields *self, const char *key)
{
    g_assert(self->n_keys < BERTH_JSON_FIELDS_MAX);
    self->keys[self->n_keys++] = key;
    if (self->error != NULL) {
        return NULL;
    }
    json_t *value = json_object_get(self->object, key);
    return json_is_null(value) ? NULL : value;
}

static const char *
check_string(BerthJsonFields *self, const char *key, const json_t *value, size_t max_bytes)
{
    const char *text = json_string_value(value);
    if (text == NULL) {
        berth_json_fields_fail(self, key, "is no string");
        return NULL;
    }
    size_t len = json_string_length(value);
    if (len > max_bytes) {
        berth_json_fields_fail(self, key, "is too long");
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            berth_json_fields_fail(self, key, "has control characters");
            return NULL;
        }
    }
    return text;
}

const char *
berth_json_fields_string(BerthJsonFields *self, const char *key, size_t max_bytes)
{
    json_t *value = get_value(self, key);
    if (self->error != NULL) {
        return "";
    }
    if (value == NULL) {
        berth_json_fields_fail(self, key, "is missing");
        return "";
    }
    const char *text = check_string(self, key, value, max_bytes);
    return text != NULL ? text : "";
}

const char *
berth_json_fields_optional_string(BerthJsonFields *self, const char *key, size_t max_bytes)
{
    json_t *value = get_value(self, key);
    return value != NULL ? check_string(self, key, value, max_bytes) : NULL;
}

static int64_t
check_int(BerthJsonFields *self, const char *key, const json_t *value, int64_t min, int64_t max)
{
    int64_t number = json_integer_value(value);
    if (!json_is_integer(value)) {
        berth_json_fields_fail(self, key, "is no integer");
    } else if (number < min || number > max) {
        g_autofree char *problem = g_strdup_printf(
            "is %" G_GINT64_FORMAT ", allowed are %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
            number, min, max);
        berth_json_fields_fail(self, key, problem);
    } else {
        return number;
    }
    return 0;
}

int64_t
berth_json_fields_int(BerthJsonFields *self, const char *key, int64_t min, int64_t max)
{
    json_t *value = get_value(self, key);
    if (value == NULL) {
        berth_json_fields_fail(self, key, "is missing");
        return 0;
    }
    return check_int(self, key, value, min, max);
}

int64_t
berth_json_fields_optional_int(BerthJsonFields *self, const char *key, int64_t min, int64_t max,
                               int64_t fallback)
{
    json_t *value = get_value(self, key);
    return value != NULL ? check_int(self, key, value, min, max) : fallback;
}

bool
berth_json_fields_optional_bool(BerthJsonFields *self, const char *key, bool fallback)
{
    json_t *value = get_value(self, key);
    if (value == NULL) {
        return fallback;
    }
    if (!json_is_boolean(value)) {
        berth_json_fields_fail(self, key, "is no boolean");
    }
    return json_is_true(value);
}

static void
read_id(BerthJsonFields *self, const char *key, bool is_optional, BerthId *ret)
{
    memset(ret, 0, sizeof *ret);
    json_t *value = get_value(self, key);
    if (value == NULL && is_optional) {
        return;
    }
    const char *text = json_string_value(value);
    if (text == NULL || berth_id_parse(text, ret) != BERTH_OK) {
        berth_json_fields_fail(self, key, "is no id of 32 hexadecimal digits");
    }
}

void
berth_json_fields_id(BerthJsonFields *self, const char *key, BerthId *ret)
{
    read_id(self, key, false, ret);
}

void
berth_json_fields_optional_id(BerthJsonFields *self, const char *key, BerthId *ret)
{
    read_id(self, key, true, ret);
}

json_t *
berth_json_fields_object(BerthJsonFields *self, const char *key)
{
    json_t *value = get_value(self, key);
    if (!json_is_object(value)) {
        berth_json_fields_fail(self, key, "is no object");
        return NULL;
    }
    return value;
}

json_t *
berth_json_fields_optional_object(BerthJsonFields *self, const char *key)
{
    json_t *value = get_value(self, key);
    if (value != NULL && !json_is_object(value)) {
        berth_json_fields_fail(self, key, "is no object");
        return NULL;
    }
    return value;
}

json_t *
berth_json_fields_any(BerthJsonFields *self, const char *key)
{
    return get_value(self, key);
}

json_t *
berth_json_fields_array(BerthJsonFields *self, const char *key, size_t max_items)
{
    json_t *value = get_value(self, key);
    if (!json_is_array(value)) {
        berth_json_fields_fail(self, key, "is no array");
        return NULL;
    }
    if (json_array_size(value) > max_items) {
        berth_json_fields_fail(self, key, "has too many items");
        return NULL;
    }
    return value;
}

json_t *
berth_json_fields_optional_array(BerthJsonFields *self, const char *key, size_t max_items)
{
    const json_t *value = json_object_get(self->object, key);
    if (value == NULL || json_is_null(value)) {
        (void)get_value(self, key);
        return NULL;
    }
    return berth_json_fields_array(self, key, max_items);
}

bool
berth_name_is_plain(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > BERTH_LIMIT_NAME_BYTES || name[0] == '.' || name[0] == '-') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isalnum(name[i]) && strchr("._-+", name[i]) == NULL) {
            return false;
        }
    }
    return true;
}

void
berth_json_set_id(json_t *object, const char *key, const BerthId *id)
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    berth_id_format(id, hex);
    json_object_set_new(object, key, json_string(hex));
}
