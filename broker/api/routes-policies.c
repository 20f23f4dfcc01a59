/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Policies and why one applies.
 */
#include "broker/api/handlers.h"
#include "broker/api/router.h"

static const BerthBodyField policy_fields[] = {
    BERTH_FIELD_OBJECT("policy", true, "keys and values, docs/POLICIES.md"),
};
static const BerthQueryField explain_query[] = {
    BERTH_FIELD_TEXT("user", true, 1, BERTH_LIMIT_NAME_BYTES, "name of the user"),
    BERTH_FIELD_TEXT("pool", true, 1, BERTH_LIMIT_NAME_BYTES, "name or id of the pool"),
    BERTH_FIELD_HEX("device", false, BERTH_ID_HEX_CHARS, "id of a known device"),
};

const BerthRoute berth_routes_policies[] = {
    { BERTH_GET("/v1/policies", POLICY_READ, SITE, berth_handle_list_policies),
      .answer = "PolicyList", .doc = "policies of the site, of groups, users and devices" },
    { BERTH_WRITE("PUT", "/v1/policies/site", POLICY_WRITE, SITE, berth_handle_set_policy, 204),
      BERTH_FIELDS(policy_fields), .doc = "sets the policy of the site" },
    { BERTH_WRITE("DELETE", "/v1/policies/site", POLICY_WRITE, SITE, berth_handle_remove_policy,
                  204),
      .doc = "removes the policy of the site" },
    { BERTH_WRITE("PUT", "/v1/policies/{part}/{id}", POLICY_WRITE, SITE, berth_handle_set_policy,
                  204),
      BERTH_FIELDS(policy_fields),
      .doc = "sets the policy of a \"group\", \"user\" or \"device\"" },
    { BERTH_WRITE("DELETE", "/v1/policies/{part}/{id}", POLICY_WRITE, SITE,
                  berth_handle_remove_policy, 204),
      .doc = "removes the policy of a group, user or device" },
    { BERTH_GET("/v1/policies/explain", POLICY_READ, SITE, berth_handle_explain_policy),
      BERTH_QUERY(explain_query), .answer = "PolicyExplanation",
      .doc = "what applies to a user in a pool, and which policy said so" },
    { BERTH_GET("/v1/policies/presets/{part}", POLICY_READ, SITE, berth_handle_policy_preset),
      .answer = "Policy", .doc = "a ready policy: \"hardened\" or \"kiosk\"" },
};

const size_t berth_n_routes_policies = G_N_ELEMENTS(berth_routes_policies);
