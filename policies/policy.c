/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policies/policy.h"

#include "base/error.h"
#include "berth/limits.h"
#include "berth/protocol.h"

#include <string.h>

static const char *const observe_names[BERTH_N_POLICY_OBSERVES] = {
    [BERTH_POLICY_OBSERVE_NEVER] = "never",
    [BERTH_POLICY_OBSERVE_ASK] = "ask",
    [BERTH_POLICY_OBSERVE_ALWAYS] = "always",
};

BerthPolicy
berth_policy_default(void)
{
    return (BerthPolicy){
        .resume_window_s = BERTH_LIMIT_RESUME_WINDOW_US / (1000 * 1000),
        .allow_input = true,
        .allow_resize = true,
        .observe = BERTH_POLICY_OBSERVE_ASK,
    };
}

BerthPolicy
berth_policy_merge(const BerthPolicy *a, const BerthPolicy *b)
{
    return (BerthPolicy){
        .resume_window_s = MIN(a->resume_window_s, b->resume_window_s),
        .allow_input = a->allow_input && b->allow_input,
        .allow_resize = a->allow_resize && b->allow_resize,
        .observe = MIN(a->observe, b->observe),
    };
}

static bool
read_window(const json_t *value, BerthPolicy *policy, GError **error)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > BERTH_POLICY_MAX_RESUME_WINDOW_S) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"resume_window_s\" must be a number from 0 to %d",
                               BERTH_POLICY_MAX_RESUME_WINDOW_S);
    }
    policy->resume_window_s = json_integer_value(value);
    return true;
}

static bool
read_flag(const json_t *value, const char *key, bool *ret, GError **error)
{
    if (!json_is_boolean(value)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" must be true or false", key);
    }
    *ret = json_is_true(value);
    return true;
}

static bool
read_observe(const json_t *value, BerthPolicy *policy, GError **error)
{
    const char *name = json_string_value(value);
    for (int i = 0; name != NULL && i < BERTH_N_POLICY_OBSERVES; i++) {
        if (strcmp(name, observe_names[i]) == 0) {
            policy->observe = (BerthPolicyObserve)i;
            return true;
        }
    }
    return berth_set_error(error, BERTH_ERR_INVALID,
                           "\"observe\" must be \"ask\", \"never\" or \"always\"");
}

static bool
read_member(const char *key, const json_t *value, BerthPolicy *policy, GError **error)
{
    if (strcmp(key, "resume_window_s") == 0) {
        return read_window(value, policy, error);
    }
    if (strcmp(key, "input") == 0) {
        return read_flag(value, key, &policy->allow_input, error);
    }
    if (strcmp(key, "resize") == 0) {
        return read_flag(value, key, &policy->allow_resize, error);
    }
    if (strcmp(key, "observe") == 0) {
        return read_observe(value, policy, error);
    }
    return berth_set_error(error, BERTH_ERR_INVALID, "a policy has no \"%s\"", key);
}

bool
berth_policy_from_json(const json_t *json, BerthPolicy *ret, GError **error)
{
    BerthPolicy policy = berth_policy_default();
    const char *key = NULL;
    json_t *value = NULL;
    if (!json_is_object(json)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "a policy must be a JSON object");
    }
    /* The macro's iterator wants a pointer that is not const; nothing is changed. */
    json_object_foreach ((json_t *)json, key, value) {
        if (!read_member(key, value, &policy, error)) {
            return false;
        }
    }
    *ret = policy;
    return true;
}

bool
berth_policy_from_text(const char *text, BerthPolicy *ret, GError **error)
{
    json_error_t why;
    json_auto_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    if (json == NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID, "a policy is not JSON: %s", why.text);
    }
    return berth_policy_from_json(json, ret, error);
}

BerthPolicy
berth_policy_of_pool(const char *text)
{
    BerthPolicy policy = berth_policy_default();
    BerthPolicy of_pool;
    if (text != NULL && berth_policy_from_text(text, &of_pool, NULL)) {
        policy = berth_policy_merge(&policy, &of_pool);
        policy.observe = of_pool.observe;
    }
    return policy;
}

json_t *
berth_policy_to_json(const BerthPolicy *policy)
{
    return json_pack("{s:I, s:b, s:b, s:s}", "resume_window_s", (json_int_t)policy->resume_window_s,
                     "input", policy->allow_input, "resize", policy->allow_resize, "observe",
                     observe_names[policy->observe]);
}

uint32_t
berth_policy_rights(const BerthPolicy *policy)
{
    return (policy->allow_input ? BERTH_RIGHT_INPUT : 0u) |
           (policy->allow_resize ? BERTH_RIGHT_RESIZE : 0u);
}
