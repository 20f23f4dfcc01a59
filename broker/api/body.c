/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/body.h"

#include "base/error.h"
#include "base/secret.h"

#include <string.h>

/* Deepest nesting of brackets, strings left out; the parser itself is recursive. */
static int
measure_depth(const char *data, size_t len)
{
    int depth = 0;
    int deepest = 0;
    bool is_in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = data[i];
        if (is_in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                is_in_string = false;
            }
        } else if (c == '"') {
            is_in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
            deepest = MAX(deepest, depth);
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return deepest;
}

static bool
has_control(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool
check_text(const json_t *value, const BerthBodyField *field, GError **error)
{
    if (!json_is_string(value)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" must be a string", field->key);
    }
    size_t len = json_string_length(value);
    if (len < (size_t)field->min || len > (size_t)field->max) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"%s\" has %zu bytes, %d to %d are allowed", field->key, len,
                               (int)field->min, (int)field->max);
    }
    const char *text = json_string_value(value);
    if (has_control(text)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" has a control character",
                               field->key);
    }
    if (field->type == BERTH_BODY_HEX && strspn(text, "0123456789abcdef") != len) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"%s\" must be %d lower-case hexadecimal digits", field->key,
                               (int)field->max);
    }
    return true;
}

static bool
check_int(const json_t *value, const BerthBodyField *field, GError **error)
{
    if (!json_is_integer(value) || json_integer_value(value) < field->min ||
        json_integer_value(value) > field->max) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"%s\" must be a number from %" G_GINT64_FORMAT
                               " to %" G_GINT64_FORMAT,
                               field->key, field->min, field->max);
    }
    return true;
}

static bool
check_enum(const json_t *value, const BerthBodyField *field, GError **error)
{
    const char *text = json_string_value(value);
    if (text == NULL || !g_strv_contains(field->values, text)) {
        g_autofree char *all = g_strjoinv("\", \"", (char **)field->values);
        return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" must be one of \"%s\"", field->key,
                               all);
    }
    return true;
}

static bool
check_array(const json_t *value, const BerthBodyField *field, GError **error)
{
    if (!json_is_array(value) || json_array_size(value) < (size_t)field->min ||
        json_array_size(value) > (size_t)field->max) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"%s\" must be an array of %d to %d elements", field->key,
                               (int)field->min, (int)field->max);
    }
    return true;
}

static bool
check_field(const json_t *value, const BerthBodyField *field, GError **error)
{
    switch (field->type) {
    case BERTH_BODY_TEXT:
    case BERTH_BODY_HEX:
        return check_text(value, field, error);
    case BERTH_BODY_INT:
        return check_int(value, field, error);
    case BERTH_BODY_ENUM:
        return check_enum(value, field, error);
    case BERTH_BODY_ARRAY:
        return check_array(value, field, error);
    case BERTH_BODY_OBJECT:
        return json_is_object(value) ||
               berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" must be an object", field->key);
    case BERTH_BODY_BOOL:
        return json_is_boolean(value) ||
               berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" must be true or false",
                               field->key);
    }
    return false;
}

static const BerthBodyField *
find_field(const char *key, const BerthBodyField *fields, size_t n_fields)
{
    for (size_t i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, key) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

bool
berth_body_check(json_t *json, const BerthBodyField *fields, size_t n_fields, GError **error)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach (json, key, value) {
        const BerthBodyField *field = find_field(key, fields, n_fields);
        if (field == NULL) {
            return berth_set_error(error, BERTH_ERR_INVALID, "there is no \"%.64s\" here", key);
        }
        if (!check_field(value, field, error)) {
            return false;
        }
    }
    return berth_query_check(json, fields, n_fields, error);
}

json_t *
berth_body_decode(const char *data, size_t len, const BerthBodyField *fields, size_t n_fields,
                  GError **error)
{
    json_error_t why;
    if (len > BERTH_LIMIT_HTTP_BODY_BYTES) {
        berth_set_error(error, BERTH_ERR_TOO_LARGE, "the body is over %u bytes",
                        BERTH_LIMIT_HTTP_BODY_BYTES);
        return NULL;
    }
    if (measure_depth(data, len) > BERTH_BODY_MAX_DEPTH) {
        berth_set_error(error, BERTH_ERR_INVALID, "the body is nested deeper than %d",
                        BERTH_BODY_MAX_DEPTH);
        return NULL;
    }
    json_t *json = json_loadb(data, len, JSON_REJECT_DUPLICATES, &why);
    if (json == NULL) {
        berth_set_error(error, BERTH_ERR_INVALID, "the body is not JSON: %s", why.text);
        return NULL;
    }
    bool is_good = json_is_object(json) ? berth_body_check(json, fields, n_fields, error)
                                        : berth_set_error(error, BERTH_ERR_INVALID,
                                                          "the body must be a JSON object");
    if (!is_good) {
        berth_body_free(json);
        return NULL;
    }
    return json;
}

static json_t *
read_parameter(const char *value, const BerthQueryField *field)
{
    char *end = NULL;
    gint64 number = 0;
    if (field->type == BERTH_BODY_BOOL && g_str_equal(value, "true")) {
        return json_true();
    }
    if (field->type == BERTH_BODY_BOOL && g_str_equal(value, "false")) {
        return json_false();
    }
    if (field->type == BERTH_BODY_INT && value[0] != '\0') {
        number = g_ascii_strtoll(value, &end, 10);
        return *end == '\0' ? json_integer(number) : json_null();
    }
    json_t *text = json_string(value);
    return text != NULL ? text : json_null();
}

bool
berth_query_add(json_t *query, const char *key, const char *value, const BerthQueryField *fields,
                size_t n_fields, GError **error)
{
    const BerthQueryField *field = find_field(key, fields, n_fields);
    if (field == NULL || json_object_get(query, key) != NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               field == NULL ? "there is no parameter \"%.64s\" here"
                                             : "the parameter \"%.64s\" is given twice",
                               key);
    }
    json_t *json = read_parameter(value != NULL ? value : "", field);
    if (!check_field(json, field, error)) {
        json_decref(json);
        return false;
    }
    return json_object_set_new(query, key, json) == 0;
}

bool
berth_query_check(const json_t *query, const BerthQueryField *fields, size_t n_fields,
                  GError **error)
{
    for (size_t i = 0; i < n_fields; i++) {
        if (fields[i].is_needed && json_object_get(query, fields[i].key) == NULL) {
            return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" is missing", fields[i].key);
        }
    }
    return true;
}

const char *
berth_body_text(const json_t *body, const char *key)
{
    return json_string_value(json_object_get(body, key));
}

int64_t
berth_body_int(const json_t *body, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(body, key);
    return value != NULL ? json_integer_value(value) : otherwise;
}

bool
berth_body_bool(const json_t *body, const char *key, bool otherwise)
{
    const json_t *value = json_object_get(body, key);
    return value != NULL ? json_is_true(value) : otherwise;
}

json_t *
berth_body_json(const json_t *body, const char *key)
{
    return json_object_get(body, key);
}

void
berth_body_free(json_t *body)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach (body, key, value) {
        if (json_is_string(value)) {
            berth_wipe((char *)json_string_value(value), json_string_length(value));
        }
    }
    json_decref(body);
}
