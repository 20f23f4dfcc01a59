/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules of several levels into one policy, and the rule that won for each key.
 *
 * Of the levels that say something the nearest to the user wins: site, pool, group, user, device.
 * Of several groups the narrowest value wins.  A rule may call keys strict: no level may then allow
 * more than this rule does, whether it is nearer or not.  Pure; thread: any.
 */
#pragma once

#include "policies/policy.h"

typedef enum {
    BERTH_POLICY_LEVEL_SITE,
    BERTH_POLICY_LEVEL_POOL,
    BERTH_POLICY_LEVEL_GROUP,
    BERTH_POLICY_LEVEL_USER,
    BERTH_POLICY_LEVEL_DEVICE,
    BERTH_N_POLICY_LEVELS
} BerthPolicyLevel;

/* What one administrator wrote at one place. */
typedef struct {
    BerthPolicy values;
    bool is_set[BERTH_N_POLICY_KEYS];
    bool is_strict[BERTH_N_POLICY_KEYS];
} BerthPolicyRule;

typedef struct {
    BerthPolicyLevel level;
    const char *name; /* of the pool, group, user or device; borrowed */
    BerthPolicyRule rule;
} BerthPolicySource;

#define BERTH_POLICY_BY_DEFAULT (-1)

typedef struct {
    BerthPolicy policy;
    int winners[BERTH_N_POLICY_KEYS];    /* place among the sources, or BERTH_POLICY_BY_DEFAULT */
    bool is_capped[BERTH_N_POLICY_KEYS]; /* the winner is a strict rule that narrowed another's */
} BerthPolicyDecision;

/* Name of a level: "site" and so on. */
const char *berth_policy_level_name(BerthPolicyLevel level);

/*
 * Reads {"input": false, ..., "strict": ["input"]}; "strict": true means every key of the rule.
 *
 * json:  borrowed
 * ret:   set on success only
 *
 * Errors: as berth_policy_from_json(), and a strict key that the rule does not set.
 */
bool berth_policy_rule_from_json(const json_t *json, BerthPolicyRule *ret, GError **error);

/* As berth_policy_rule_from_json(), from text. */
bool berth_policy_rule_from_text(const char *text, BerthPolicyRule *ret, GError **error);

/*
 * Decides.
 *
 * sources:  n of them in any order; at most one of each level but groups
 *
 * Cost: keys x sources.
 */
void berth_policy_decide(const BerthPolicySource *sources, size_t n, BerthPolicyDecision *ret);

/* The policy of a pool whose rule is all that is said; text that is no rule says nothing. */
BerthPolicy berth_policy_of_pool(const char *text);

/*
 * Why each key is what it is, as a JSON array of {"key", "value", "from", "strict", "also": [...]}.
 *
 * sources:  those that were decided on
 *
 * Ownership: new reference.
 */
json_t *berth_policy_explain(const BerthPolicySource *sources, size_t n,
                             const BerthPolicyDecision *decision);

/*
 * A ready rule by name, as JSON text: "hardened" (a secured site: nothing leaves the desktop but
 * pixels and sound, all of it strict), "kiosk".  NULL if there is none of that name.
 */
const char *berth_policy_preset(const char *name);

/* Names of the presets, NULL-terminated. */
extern const char *const berth_policy_presets[];
