/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policies/policy-decision.h"

#include "base/error.h"

#include <string.h>

static const char *const level_names[BERTH_N_POLICY_LEVELS] = {
    [BERTH_POLICY_LEVEL_SITE] = "site",     [BERTH_POLICY_LEVEL_POOL] = "pool",
    [BERTH_POLICY_LEVEL_GROUP] = "group",   [BERTH_POLICY_LEVEL_USER] = "user",
    [BERTH_POLICY_LEVEL_DEVICE] = "device",
};

const char *
berth_policy_level_name(BerthPolicyLevel level)
{
    return level_names[level];
}

static bool
mark_strict(BerthPolicyRule *rule, const char *name, GError **error)
{
    int key = name != NULL ? berth_policy_find_key(name) : -1;
    if (key < 0 || !rule->is_set[key]) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"strict\" names \"%s\", which this policy does not set",
                               name != NULL ? name : "?");
    }
    rule->is_strict[key] = true;
    return true;
}

static bool
read_strict(const json_t *json, BerthPolicyRule *rule, GError **error)
{
    if (json_is_boolean(json)) {
        for (int key = 0; key < BERTH_N_POLICY_KEYS; key++) {
            rule->is_strict[key] = json_is_true(json) && rule->is_set[key];
        }
        return true;
    }
    if (!json_is_array(json)) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"strict\" must be true or an array of keys");
    }
    for (size_t i = 0; i < json_array_size(json); i++) {
        if (!mark_strict(rule, json_string_value(json_array_get(json, i)), error)) {
            return false;
        }
    }
    return true;
}

bool
berth_policy_rule_from_json(const json_t *json, BerthPolicyRule *ret, GError **error)
{
    BerthPolicyRule rule = { .values = berth_policy_default() };
    const char *name = NULL;
    json_t *value = NULL;
    if (!json_is_object(json)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "a policy must be a JSON object");
    }
    /* The macro's iterator wants a pointer that is not const; nothing is changed. */
    json_object_foreach ((json_t *)json, name, value) {
        int key = berth_policy_find_key(name);
        if (strcmp(name, "strict") == 0) {
            continue;
        }
        if (key < 0) {
            return berth_set_error(error, BERTH_ERR_INVALID, "a policy has no \"%s\"", name);
        }
        if (!berth_policy_read_value(&rule.values, (BerthPolicyKey)key, value, error)) {
            return false;
        }
        rule.is_set[key] = true;
    }
    const json_t *strict = json_object_get(json, "strict");
    if (strict != NULL && !read_strict(strict, &rule, error)) {
        return false;
    }
    *ret = rule;
    return true;
}

bool
berth_policy_rule_from_text(const char *text, BerthPolicyRule *ret, GError **error)
{
    json_error_t why;
    json_auto_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    if (json == NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID, "a policy is not JSON: %s", why.text);
    }
    return berth_policy_rule_from_json(json, ret, error);
}

/* Whether the second value of a key allows less than the first. */
static bool
is_narrower(BerthPolicyKey key, const BerthPolicy *than, const BerthPolicy *policy)
{
    int64_t a = than->numbers[key];
    int64_t b = policy->numbers[key];
    switch (berth_policy_fields[key].order) {
    case BERTH_POLICY_LESS_IS_NARROWER:
        return b < a;
    case BERTH_POLICY_MORE_IS_NARROWER:
        return b > a;
    case BERTH_POLICY_SOONER_IS_NARROWER:
        return b != 0 && (a == 0 || b < a);
    case BERTH_POLICY_FEWER_IS_NARROWER:
        return (a & b) != a;
    case BERTH_POLICY_TEXT_IS_NARROWER:
        return strcmp(than->texts[key], policy->texts[key]) != 0;
    }
    return false;
}

static void
copy_value(BerthPolicyKey key, const BerthPolicy *from, BerthPolicy *to)
{
    if (key < BERTH_N_POLICY_TEXTS) {
        memcpy(to->texts[key], from->texts[key], sizeof to->texts[key]);
    } else {
        to->numbers[key] = from->numbers[key];
    }
}

/* What both allow: the narrower value, of sets what they share. */
static void
narrow_value(BerthPolicyKey key, const BerthPolicy *by, BerthPolicy *policy)
{
    if (berth_policy_fields[key].order == BERTH_POLICY_FEWER_IS_NARROWER) {
        policy->numbers[key] &= by->numbers[key];
    } else {
        copy_value(key, by, policy);
    }
}

static void
decide_nearest(BerthPolicyKey key, const BerthPolicySource *sources, size_t n,
               BerthPolicyDecision *decision)
{
    for (int level = 0; level < BERTH_N_POLICY_LEVELS; level++) {
        bool has_level = false;
        for (size_t i = 0; i < n; i++) {
            const BerthPolicyRule *rule = &sources[i].rule;
            if ((int)sources[i].level != level || !rule->is_set[key]) {
                continue;
            }
            if (!has_level) {
                copy_value(key, &rule->values, &decision->policy);
                decision->winners[key] = (int)i;
            } else if (is_narrower(key, &decision->policy, &rule->values)) {
                narrow_value(key, &rule->values, &decision->policy);
                decision->winners[key] = (int)i;
            }
            has_level = true;
        }
    }
}

/* The widest level is asked last: of two strict texts the site's stands. */
static void
apply_strict(BerthPolicyKey key, const BerthPolicySource *sources, size_t n,
             BerthPolicyDecision *decision)
{
    for (int level = BERTH_N_POLICY_LEVELS - 1; level >= 0; level--) {
        for (size_t i = 0; i < n; i++) {
            const BerthPolicyRule *rule = &sources[i].rule;
            if ((int)sources[i].level == level && rule->is_strict[key] &&
                is_narrower(key, &decision->policy, &rule->values)) {
                narrow_value(key, &rule->values, &decision->policy);
                decision->winners[key] = (int)i;
                decision->is_capped[key] = true;
            }
        }
    }
}

void
berth_policy_decide(const BerthPolicySource *sources, size_t n, BerthPolicyDecision *ret)
{
    *ret = (BerthPolicyDecision){ .policy = berth_policy_default() };
    for (int key = 0; key < BERTH_N_POLICY_KEYS; key++) {
        ret->winners[key] = BERTH_POLICY_BY_DEFAULT;
        decide_nearest((BerthPolicyKey)key, sources, n, ret);
        apply_strict((BerthPolicyKey)key, sources, n, ret);
    }
}

BerthPolicy
berth_policy_of_pool(const char *text)
{
    BerthPolicyDecision decision;
    BerthPolicySource source = { .level = BERTH_POLICY_LEVEL_POOL, .name = "" };
    bool is_said = text != NULL && berth_policy_rule_from_text(text, &source.rule, NULL);
    berth_policy_decide(&source, is_said ? 1 : 0, &decision);
    return decision.policy;
}

static char *
describe_source(const BerthPolicySource *source)
{
    return source->level == BERTH_POLICY_LEVEL_SITE
               ? g_strdup("site")
               : g_strdup_printf("%s \"%s\"", level_names[source->level], source->name);
}

static json_t *
explain_others(BerthPolicyKey key, const BerthPolicySource *sources, size_t n, int winner)
{
    json_t *others = json_array();
    for (size_t i = 0; i < n; i++) {
        const BerthPolicyRule *rule = &sources[i].rule;
        if ((int)i != winner && rule->is_set[key]) {
            g_autofree char *from = describe_source(&sources[i]);
            json_array_append_new(others, json_pack("{s:s, s:o, s:b}", "from", from, "value",
                                                    berth_policy_value_to_json(&rule->values, key),
                                                    "strict", (int)rule->is_strict[key]));
        }
    }
    return others;
}

json_t *
berth_policy_explain(const BerthPolicySource *sources, size_t n,
                     const BerthPolicyDecision *decision)
{
    json_t *list = json_array();
    for (int i = 0; i < BERTH_N_POLICY_KEYS; i++) {
        BerthPolicyKey key = (BerthPolicyKey)i;
        int winner = decision->winners[key];
        g_autofree char *from = winner == BERTH_POLICY_BY_DEFAULT
                                    ? g_strdup("default")
                                    : describe_source(&sources[winner]);
        json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:b, s:s, s:o}", "key",
                                              berth_policy_fields[key].name, "value",
                                              berth_policy_value_to_json(&decision->policy, key),
                                              "from", from, "strict", (int)decision->is_capped[key],
                                              "doc", berth_policy_fields[key].doc, "also",
                                              explain_others(key, sources, n, winner)));
    }
    return list;
}
