/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/body.h"

#include "base/error.h"
#include "base/secret.h"

#include <jansson.h>
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
read_text(const json_t *value, const BerthBodyField *field, char *ret, GError **error)
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
    memcpy(ret, text, len + 1);
    return true;
}

static bool
read_int(const json_t *value, const BerthBodyField *field, int64_t *ret, GError **error)
{
    if (!json_is_integer(value) || json_integer_value(value) < field->min ||
        json_integer_value(value) > field->max) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"%s\" must be a number from %" G_GINT64_FORMAT
                               " to %" G_GINT64_FORMAT,
                               field->key, field->min, field->max);
    }
    *ret = json_integer_value(value);
    return true;
}

static bool
read_object(const json_t *value, const BerthBodyField *field, char **ret, GError **error)
{
    if (!json_is_object(value)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" must be an object", field->key);
    }
    *ret = json_dumps(value, JSON_COMPACT);
    return *ret != NULL;
}

static bool
read_field(const json_t *value, const BerthBodyField *field, BerthBody *body, GError **error)
{
    void *member = (char *)body + field->offset;
    switch (field->type) {
    case BERTH_BODY_TEXT:
    case BERTH_BODY_HEX:
        return read_text(value, field, member, error);
    case BERTH_BODY_INT:
        return read_int(value, field, member, error);
    case BERTH_BODY_OBJECT:
        return read_object(value, field, member, error);
    case BERTH_BODY_BOOL:
        if (!json_is_boolean(value)) {
            return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" must be true or false",
                                   field->key);
        }
        *(bool *)member = json_is_true(value);
        return true;
    }
    return false;
}

static bool
set_default(const BerthBodyField *field, BerthBody *body, GError **error)
{
    void *member = (char *)body + field->offset;
    if (field->is_needed) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" is missing", field->key);
    }
    if (field->type == BERTH_BODY_INT) {
        *(int64_t *)member = field->default_value;
    } else if (field->type == BERTH_BODY_BOOL) {
        *(bool *)member = field->default_value != 0;
    }
    return true;
}

static bool
check_keys(json_t *json, const BerthBodyField *fields, size_t n_fields, GError **error)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach (json, key, value) {
        size_t i = 0;
        while (i < n_fields && strcmp(fields[i].key, key) != 0) {
            i++;
        }
        if (i == n_fields) {
            return berth_set_error(error, BERTH_ERR_INVALID, "there is no \"%.64s\" here", key);
        }
    }
    return true;
}

bool
berth_body_decode(const char *data, size_t len, const BerthBodyField *fields, size_t n_fields,
                  BerthBody *ret, GError **error)
{
    json_error_t why;
    if (len > BERTH_LIMIT_HTTP_BODY_BYTES) {
        return berth_set_error(error, BERTH_ERR_TOO_LARGE, "the body is over %u bytes",
                               BERTH_LIMIT_HTTP_BODY_BYTES);
    }
    if (measure_depth(data, len) > BERTH_BODY_MAX_DEPTH) {
        return berth_set_error(error, BERTH_ERR_INVALID, "the body is nested deeper than %d",
                               BERTH_BODY_MAX_DEPTH);
    }
    json_auto_t *json = json_loadb(data, len, JSON_REJECT_DUPLICATES, &why);
    if (json == NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID, "the body is not JSON: %s", why.text);
    }
    if (!json_is_object(json)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "the body must be a JSON object");
    }
    if (!check_keys(json, fields, n_fields, error)) {
        return false;
    }
    for (size_t i = 0; i < n_fields; i++) {
        const json_t *value = json_object_get(json, fields[i].key);
        bool is_good = value != NULL ? read_field(value, &fields[i], ret, error)
                                     : set_default(&fields[i], ret, error);
        if (!is_good) {
            return false;
        }
    }
    return true;
}

void
berth_body_clear(BerthBody *body)
{
    free(body->manifest);
    free(body->policy);
    berth_wipe(body, sizeof *body);
}
