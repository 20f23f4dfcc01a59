/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Policies of the site, of groups, users and devices; a pool's own stands in the pool.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/audit.h"
#include "broker/session-policy.h"

#include <string.h>

#define SITE_LEVEL "site"

int
berth_handle_list_policies(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    json_t *list = berth_tx_to_json(tx, &error, BERTH_SQL_POLICY_LIST, "");
    request->reply = list != NULL ? json_pack("{s:o}", "policies", list) : NULL;
    return error;
}

static const char *
level_of(const BerthRequest *request)
{
    return request->part[0] != '\0' ? request->part : SITE_LEVEL;
}

/* Errors: BERTH_ERR_NOT_FOUND if the path names no level, or nobody of that level. */
static int
check_target(BerthTx *tx, BerthRequest *request)
{
    int64_t one = 0;
    if (request->part[0] == '\0') {
        return BERTH_OK;
    }
    int error =
        berth_tx_get_int(tx, &one, BERTH_SQL_POLICY_TARGET, "ss", request->part, request->id);
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, error, "there is no %s \"%s\"", request->part,
                                     request->id);
    }
    return error;
}

/* Who feels a change of a level: one user at most, or everybody. */
static int
refresh(BerthTx *tx, const BerthRequest *request)
{
    bool is_users = strcmp(level_of(request), "user") == 0;
    BerthCause cause = { .now_us = request->now_us, .actor = request->actor };
    return berth_session_policies_refresh(tx, &cause, "", is_users ? request->id : "");
}

static int
audit_policy(BerthTx *tx, const BerthRequest *request, const char *kind, json_t *policy)
{
    BerthCause cause = { .now_us = request->now_us, .actor = request->actor };
    return berth_audit(tx, &cause, kind, request->id,
                       json_pack("{s:s, s:O?}", "level", level_of(request), "policy", policy));
}

int
berth_handle_set_policy(BerthTx *tx, BerthRequest *request)
{
    BerthPolicyRule rule;
    g_autoptr(GError) why = NULL;
    char id[BERTH_ID_HEX_CHARS + 1];
    json_t *policy = berth_body_json(request->body, "policy");
    if (!berth_policy_rule_from_json(policy, &rule, &why)) {
        return berth_request_explain(request, why->code, "%s", why->message);
    }
    int error = check_target(tx, request);
    if (error != BERTH_OK) {
        return error;
    }
    char *text = json_dumps(policy, JSON_COMPACT | JSON_SORT_KEYS);
    berth_id_random_hex(id);
    error = berth_tx_run(tx, BERTH_SQL_POLICY_SET, "ssssi", id, level_of(request), request->id,
                         text, request->now_us);
    free(text);
    if (error == BERTH_OK) {
        error = refresh(tx, request);
    }
    return error == BERTH_OK ? audit_policy(tx, request, "policy.set", policy) : error;
}

int
berth_handle_remove_policy(BerthTx *tx, BerthRequest *request)
{
    int error = berth_tx_run_one(tx, BERTH_SQL_POLICY_REMOVE, "ss", level_of(request), request->id);
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, error, "there is no policy of this %s",
                                     level_of(request));
    }
    if (error == BERTH_OK) {
        error = refresh(tx, request);
    }
    return error == BERTH_OK ? audit_policy(tx, request, "policy.removed", NULL) : error;
}

static int
find_named(BerthTx *tx, BerthRequest *request, BerthStatement statement, const char *what,
           char **ret_id)
{
    const char *name = berth_body_text(request->query, what);
    int error = berth_tx_get_text(tx, ret_id, statement, "s", name);
    return error == BERTH_ERR_NOT_FOUND
               ? berth_request_explain(request, error, "there is no %s \"%s\"", what, name)
               : error;
}

int
berth_handle_explain_policy(BerthTx *tx, BerthRequest *request)
{
    g_autofree char *account = NULL;
    g_autofree char *pool = NULL;
    g_auto(BerthPolicySources) sources = { 0 };
    BerthPolicyDecision decision;
    const char *device = berth_body_text(request->query, "device");
    int error = find_named(tx, request, BERTH_SQL_ACCOUNT_BY_NAME, "user", &account);
    if (error == BERTH_OK) {
        error = find_named(tx, request, BERTH_SQL_POOL_BY_NAME, "pool", &pool);
    }
    if (error == BERTH_OK) {
        error =
            berth_session_policy_sources(tx, account, pool, device != NULL ? device : "", &sources);
    }
    if (error != BERTH_OK) {
        return error;
    }
    const BerthPolicySource *list = (const BerthPolicySource *)(void *)sources.sources->data;
    berth_policy_decide(list, sources.sources->len, &decision);
    request->reply = json_pack("{s:o, s:o}", "policy", berth_policy_to_json(&decision.policy),
                               "why", berth_policy_explain(list, sources.sources->len, &decision));
    return BERTH_OK;
}

int
berth_handle_policy_preset(BerthTx *tx, BerthRequest *request)
{
    const char *text = berth_policy_preset(request->part);
    if (text == NULL) {
        g_autofree char *names = g_strjoinv("\", \"", (char **)berth_policy_presets);
        return berth_request_explain(request, BERTH_ERR_NOT_FOUND,
                                     "there is no preset \"%s\", only \"%s\"", request->part,
                                     names);
    }
    request->reply = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    return request->reply != NULL ? BERTH_OK : BERTH_ERR_INTERNAL;
}
