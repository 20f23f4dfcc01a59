/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policies/policy.h"

#include "base/error.h"
#include "berth/protocol.h"

#include <string.h>

BerthPolicy
berth_policy_default(void)
{
    BerthPolicy policy = { 0 };
    for (int key = 0; key < BERTH_N_POLICY_KEYS; key++) {
        policy.numbers[key] = berth_policy_fields[key].otherwise;
    }
    return policy;
}

int
berth_policy_find_key(const char *name)
{
    for (int key = 0; key < BERTH_N_POLICY_KEYS; key++) {
        if (strcmp(berth_policy_fields[key].name, name) == 0) {
            return key;
        }
    }
    return -1;
}

static int
find_name(const BerthPolicyField *field, const json_t *value)
{
    const char *name = json_string_value(value);
    for (int i = 0; name != NULL && field->names[i] != NULL; i++) {
        if (strcmp(field->names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static bool
read_text(char *text, const BerthPolicyField *field, const json_t *value, GError **error)
{
    const char *new_text = json_string_value(value);
    if (new_text == NULL || json_string_length(value) > BERTH_POLICY_TEXT_BYTES) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"%s\" must be a text of at most %d bytes", field->name,
                               BERTH_POLICY_TEXT_BYTES);
    }
    g_strlcpy(text, new_text, BERTH_POLICY_TEXT_BYTES + 1);
    return true;
}

static bool
read_flag(int64_t *number, const BerthPolicyField *field, const json_t *value, GError **error)
{
    if (!json_is_boolean(value)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" must be true or false",
                               field->name);
    }
    *number = json_is_true(value) ? 1 : 0;
    return true;
}

static bool
read_number(int64_t *number, const BerthPolicyField *field, const json_t *value, GError **error)
{
    if (!json_is_integer(value) || json_integer_value(value) < field->min ||
        json_integer_value(value) > field->max) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"%s\" must be a number from %" G_GINT64_FORMAT
                               " to %" G_GINT64_FORMAT,
                               field->name, field->min, field->max);
    }
    *number = json_integer_value(value);
    return true;
}

static bool
refuse_name(const BerthPolicyField *field, const char *what, GError **error)
{
    g_autofree char *names = g_strjoinv("\", \"", (char **)field->names);
    return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" must be %s \"%s\"", field->name, what,
                           names);
}

static bool
read_choice(int64_t *number, const BerthPolicyField *field, const json_t *value, GError **error)
{
    int choice = find_name(field, value);
    if (choice < 0) {
        return refuse_name(field, "one of", error);
    }
    *number = choice;
    return true;
}

static bool
read_set(int64_t *number, const BerthPolicyField *field, const json_t *value, GError **error)
{
    int64_t set = 0;
    if (!json_is_array(value)) {
        return refuse_name(field, "an array of", error);
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        int choice = find_name(field, json_array_get(value, i));
        if (choice < 0) {
            return refuse_name(field, "an array of", error);
        }
        set |= INT64_C(1) << choice;
    }
    *number = set;
    return true;
}

bool
berth_policy_read_value(BerthPolicy *policy, BerthPolicyKey key, const json_t *value,
                        GError **error)
{
    const BerthPolicyField *field = &berth_policy_fields[key];
    int64_t *number = &policy->numbers[key];
    switch (field->type) {
    case BERTH_POLICY_TYPE_TEXT:
        return read_text(policy->texts[key], field, value, error);
    case BERTH_POLICY_TYPE_FLAG:
        return read_flag(number, field, value, error);
    case BERTH_POLICY_TYPE_NUMBER:
        return read_number(number, field, value, error);
    case BERTH_POLICY_TYPE_CHOICE:
        return read_choice(number, field, value, error);
    case BERTH_POLICY_TYPE_SET:
        return read_set(number, field, value, error);
    }
    return berth_set_error(error, BERTH_ERR_INTERNAL, "\"%s\" has no type", field->name);
}

static json_t *
set_to_json(const BerthPolicyField *field, int64_t set)
{
    json_t *array = json_array();
    for (int i = 0; field->names[i] != NULL; i++) {
        if ((set >> i & 1) != 0) {
            json_array_append_new(array, json_string(field->names[i]));
        }
    }
    return array;
}

json_t *
berth_policy_value_to_json(const BerthPolicy *policy, BerthPolicyKey key)
{
    const BerthPolicyField *field = &berth_policy_fields[key];
    int64_t number = policy->numbers[key];
    switch (field->type) {
    case BERTH_POLICY_TYPE_TEXT:
        return json_string(policy->texts[key]);
    case BERTH_POLICY_TYPE_FLAG:
        return json_boolean(number != 0);
    case BERTH_POLICY_TYPE_NUMBER:
        return json_integer(number);
    case BERTH_POLICY_TYPE_CHOICE:
        return json_string(field->names[number]);
    case BERTH_POLICY_TYPE_SET:
        return set_to_json(field, number);
    }
    return NULL;
}

bool
berth_policy_from_json(const json_t *json, BerthPolicy *ret, GError **error)
{
    BerthPolicy policy = berth_policy_default();
    const char *name = NULL;
    json_t *value = NULL;
    if (!json_is_object(json)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "a policy must be a JSON object");
    }
    /* The macro's iterator wants a pointer that is not const; nothing is changed. */
    json_object_foreach ((json_t *)json, name, value) {
        int key = berth_policy_find_key(name);
        if (key < 0) {
            return berth_set_error(error, BERTH_ERR_INVALID, "a policy has no \"%s\"", name);
        }
        if (!berth_policy_read_value(&policy, (BerthPolicyKey)key, value, error)) {
            return false;
        }
    }
    *ret = policy;
    return true;
}

json_t *
berth_policy_to_json(const BerthPolicy *policy)
{
    json_t *object = json_object();
    for (int key = 0; key < BERTH_N_POLICY_KEYS; key++) {
        json_object_set_new(object, berth_policy_fields[key].name,
                            berth_policy_value_to_json(policy, (BerthPolicyKey)key));
    }
    return object;
}

uint32_t
berth_policy_rights(const BerthPolicy *policy)
{
    return (berth_policy_allows(policy, BERTH_POLICY_INPUT) ? BERTH_RIGHT_INPUT : 0u) |
           (berth_policy_allows(policy, BERTH_POLICY_RESIZE) ? BERTH_RIGHT_RESIZE : 0u) |
           (berth_policy_allows(policy, BERTH_POLICY_SCREENSHOT) ? BERTH_RIGHT_SCREENSHOT : 0u);
}
